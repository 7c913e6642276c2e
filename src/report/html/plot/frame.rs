//! Axes: where a value lies on a sheet, and the grid that says so.

use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, Point};
use super::sheet::SheetSize;
use crate::palette;
use crate::report::html::bins::Stretch;
use crate::report::html::origin::Origin;
use crate::report::html::timeline::TimelinePlot;
use crate::report::words::seconds;

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
    pub fn over_time(range_s: (f64, f64), origin: Origin, sheet: SheetSize, top: i32, height: i32) -> Frame {
        Frame {
            left: sheet.left(),
            right: sheet.right(),
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

    /// The whole watch and the time around t0: side by side on a wide sheet, one below the other on a narrow one. One frame
    /// where the whole shows that well enough.
    pub fn both(timeline: &TimelinePlot, sheet: SheetSize, top: i32, height: i32) -> Vec<(Frame, &Stretch)> {
        Frame::of((&timeline.whole, timeline.focus.as_ref()), timeline.origin, sheet, top, height)
    }

    /// The same of other stretches.
    pub fn of<'s>(
        (whole, focus): (&'s Stretch, Option<&'s Stretch>),
        origin: Origin,
        sheet: SheetSize,
        top: i32,
        height: i32,
    ) -> Vec<(Frame, &'s Stretch)> {
        let over = |stretch: &Stretch, top| Frame::over_time(stretch.range_s, origin, sheet, top, height);
        let first = over(whole, top);
        match (focus, sheet) {
            (Some(focus), SheetSize::Wide) => {
                let near = Frame { left: MIDDLE + 30, ..over(focus, top) };
                vec![(Frame { right: MIDDLE - 30, ..first }, whole), (near, focus)]
            }
            (Some(focus), SheetSize::Narrow) => {
                let near = over(focus, top + height + AXIS_HEIGHT);
                vec![(first, whole), (near, focus)]
            }
            (None, _) => vec![(first, whole)],
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

/// What stands for a colour in a legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Swatch {
    /// Of this opacity.
    Area(f64),
    Line,
}

/// The colour of an entry of a legend, how it is shown, and what it means.
pub type LegendEntry = (RGBColor, Swatch, String);

/// The height of a row of a legend.
const LEGEND_ROW: i32 = 34;
/// A swatch, the air after it, and the air after an entry.
const SWATCH: (i32, i32, i32) = (26, 10, 28);

/// Where each entry of a legend stands that has this much room: its row, and how far from the left.
fn legend_places(entries: &[LegendEntry], room: i32) -> Vec<(i32, i32)> {
    let (mut x, mut row) = (0, 0);
    let place = |(_, _, label): &LegendEntry| {
        let width = SWATCH.0 + SWATCH.1 + super::canvas::text_width(label);
        if x > 0 && x + width > room {
            (x, row) = (0, row + 1);
        }
        let place = (row, x);
        x += width + SWATCH.2;
        place
    };
    entries.iter().map(place).collect()
}

/// The height of a legend between `left` and `right`.
pub fn legend_height(entries: &[LegendEntry], (left, right): (i32, i32)) -> i32 {
    let rows = legend_places(entries, right - left).last().map_or(0, |(row, _)| row + 1);
    rows * LEGEND_ROW + 12
}

/// Draws a legend from `top` on between `left` and `right`, in as many rows as it needs.
pub fn legend(canvas: &mut Canvas, top: i32, (left, right): (i32, i32), entries: &[LegendEntry]) {
    for ((colour, swatch, label), (row, x)) in entries.iter().zip(legend_places(entries, right - left)) {
        let (x, y) = (left + x, top + row * LEGEND_ROW + LEGEND_ROW / 2);
        match swatch {
            Swatch::Area(opacity) => canvas.rect((x, y - 9), (x + SWATCH.0, y + 9), *colour, *opacity),
            Swatch::Line => canvas.line((x, y), (x + SWATCH.0, y), *colour, 4),
        }
        canvas.text(label, (x + SWATCH.0 + SWATCH.1, y), Anchor::Start, palette::INK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_takes_as_many_rows_as_it_needs_and_none_of_it_is_cut() {
        let entry = |label: &str| (palette::SKY, Swatch::Area(1.0), label.to_string());
        let entries = ["good (32,631)", "5xx or wrong answer (5)", "timeout (12)", "refused or broken (5)"].map(entry);
        for sheet in [SheetSize::Wide, SheetSize::Narrow] {
            let room = sheet.right() - sheet.left();
            let places = legend_places(&entries, room);
            let end =
                |(entry, (_, x)): (&LegendEntry, &(i32, i32))| x + 36 + super::super::canvas::text_width(&entry.2);
            assert!(entries.iter().zip(&places).map(end).all(|end| end <= room), "{places:?}");
            let rows: Vec<i32> = places.iter().map(|(row, _)| *row).collect();
            assert_eq!(rows, if sheet == SheetSize::Wide { [0, 0, 0, 0] } else { [0, 0, 1, 1] });
        }
    }

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
        let frame = Frame::over_time((0.0, 10.0), Origin::at(None), SheetSize::Wide, 0, 400)
            .with_values((1.0, 10_000.0), Scale::Log);
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
