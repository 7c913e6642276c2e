//! Axes: where a value lies on a sheet, and the grid that says so.

use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, Point};
use crate::palette;
use crate::report::html::bins::Stretch;
use crate::report::html::origin::Origin;
use crate::report::html::timeline::Timeline;
use crate::report::words::seconds;

/// The width of every plot that has a time axis, in drawing units.
pub const WIDTH: i32 = 1800;
/// Where the time axis begins and ends.
pub const LEFT: i32 = 200;
/// See [`LEFT`].
pub const RIGHT: i32 = WIDTH - 24;
/// Where two frames side by side meet.
const MIDDLE: i32 = 1080;
/// What the labels of a time axis need below it.
pub const AXIS_HEIGHT: i32 = 70;

/// How values become heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    Linear,
    Log,
}

/// A rectangle of a sheet with values on both axes.
#[derive(Debug, Clone)]
pub struct Frame {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
    pub x_range: (f64, f64),
    pub y_range: (f64, f64),
    pub scale: Scale,
    /// What the labels of the x axis count from.
    pub origin: Origin,
}

impl Frame {
    /// A frame over a stretch of time, over the whole width.
    pub fn over_time(range_s: (f64, f64), origin: Origin, top: i32, height: i32) -> Frame {
        Frame {
            left: LEFT,
            right: RIGHT,
            top,
            bottom: top + height,
            x_range: range_s,
            y_range: (0.0, 1.0),
            scale: Scale::Linear,
            origin,
        }
    }

    /// The same frame with values on its upright axis.
    pub fn with_values(self, y_range: (f64, f64), scale: Scale) -> Frame {
        Frame { y_range, scale, ..self }
    }

    /// Two frames side by side, the whole watch and the time around t0; one where there is no such time.
    pub fn side_by_side(timeline: &Timeline, top: i32, height: i32) -> Vec<(Frame, &Stretch)> {
        let over = |stretch: &Stretch| Frame::over_time(stretch.range_s, timeline.origin, top, height);
        let whole = over(&timeline.whole);
        match &timeline.focus {
            Some(focus) => {
                let near = Frame { left: MIDDLE + 30, ..over(focus) };
                vec![(Frame { right: MIDDLE - 30, ..whole }, &timeline.whole), (near, focus)]
            }
            _ => vec![(whole, &timeline.whole)],
        }
    }

    /// Where `value` lies, kept inside the frame.
    pub fn x(&self, value: f64) -> i32 {
        let share = (value - self.x_range.0) / (self.x_range.1 - self.x_range.0);
        self.left + (share.clamp(0.0, 1.0) * f64::from(self.right - self.left)).round() as i32
    }

    /// See [`x`](Self::x).
    pub fn y(&self, value: f64) -> i32 {
        let map = |v: f64| if self.scale == Scale::Log { v.max(1e-9).ln() } else { v };
        let share = (map(value) - map(self.y_range.0)) / (map(self.y_range.1) - map(self.y_range.0));
        self.bottom - (share.clamp(0.0, 1.0) * f64::from(self.bottom - self.top)).round() as i32
    }

    pub fn at(&self, x: f64, y: f64) -> Point {
        (self.x(x), self.y(y))
    }

    /// The time axis below, in seconds, and its light grid.
    pub fn time_axis(&self, canvas: &mut Canvas) {
        let origin_s = self.origin.at_s;
        let range = (self.x_range.0 - origin_s, self.x_range.1 - origin_s);
        for tick in ticks(range, ((self.right - self.left) / 150) as usize) {
            let x = self.x(tick + origin_s);
            canvas.line((x, self.top), (x, self.bottom), palette::GRID, 1);
            canvas.text(&plain(tick), (x, self.bottom + 20), Anchor::Middle, palette::MUTED);
        }
        canvas.text(self.origin.caption(), (self.right, self.bottom + 50), Anchor::End, palette::MUTED);
        canvas.line((self.left, self.bottom), (self.right, self.bottom), palette::MUTED, 2);
    }

    /// A horizontal grid line at each value, with its label on the left.
    pub fn value_axis(&self, canvas: &mut Canvas, ticks: &[(f64, String)]) {
        for (value, label) in ticks {
            let y = self.y(*value);
            canvas.line((self.left, y), (self.right, y), palette::GRID, 1);
            canvas.text(label, (self.left - 12, y), Anchor::End, palette::MUTED);
        }
    }

    /// A line at `value` over the whole width, its label above its right end.
    pub fn level(&self, canvas: &mut Canvas, value: f64, label: &str, colour: RGBColor) {
        let y = self.y(value);
        canvas.line((self.left, y), (self.right, y), colour, 3);
        canvas.bold(label, (self.right - 6, y - 16), Anchor::End, colour);
    }
}

/// About `count` round values within the range.
pub fn ticks((from, to): (f64, f64), count: usize) -> Vec<f64> {
    let rough = (to - from) / count as f64;
    if !(rough > 0.0 && rough.is_finite()) {
        return vec![from];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let (first, last) = ((from / step - 1e-9).ceil() as i64, (to / step + 1e-9).floor() as i64);
    (first..=last).map(|n| n as f64 * step + 0.0).collect()
}

/// Powers of ten within the range, and their doubles and fivefolds where there are few; with latency labels.
pub fn latency_ticks((from_ms, to_ms): (f64, f64)) -> Vec<(f64, String)> {
    let decades = (to_ms / from_ms).log10();
    let steps: &[f64] = if decades < 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    (-3..8)
        .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
        .filter(|value| (from_ms..=to_ms).contains(value))
        .map(|value| (value, seconds(value / 1e3)))
        .collect()
}

/// A tick's number: no more decimals than it needs.
pub fn plain(value: f64) -> String {
    crate::units::trimmed(value, 3).replace('-', "−")
}

/// Entries of a legend in one row from `at`; returns where it ends.
pub fn legend(canvas: &mut Canvas, at: Point, entries: &[(RGBColor, f64, String)]) -> i32 {
    let (mut x, y) = at;
    for (colour, opacity, label) in entries {
        canvas.rect((x, y - 9), (x + 26, y + 9), *colour, *opacity);
        canvas.text(label, (x + 36, y), Anchor::Start, palette::INK);
        x += 36 + super::canvas::text_width(label) + 28;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign() {
        assert_eq!([plain(0.0), plain(-0.5), plain(20.0)], ["0", "−0.5", "20"]);
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((0.0, 75.0), 10), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]);
        assert_eq!(ticks((-0.1, 0.4), 5), [-0.1, 0.0, 0.1, 0.2, 0.30000000000000004, 0.4]);
        assert_eq!(ticks((0.0, 0.0), 5), [0.0]);
    }

    #[test]
    fn ten_times_slower_is_one_step_higher_on_a_log_axis() {
        let frame = Frame::over_time((0.0, 10.0), Origin::at(None), 0, 400).with_values((1.0, 10_000.0), Scale::Log);
        assert_eq!([1.0, 10.0, 100.0, 1000.0, 10_000.0].map(|ms| frame.y(ms)), [400, 300, 200, 100, 0]);
        assert_eq!(frame.y(0.0), 400);
        assert_eq!(frame.y(1e9), 0);
    }

    #[test]
    fn latencies_are_labelled_as_people_say_them() {
        let labels: Vec<String> = latency_ticks((0.5, 5000.0)).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1 ms", "10 ms", "100 ms", "1 s"]);
    }
}
