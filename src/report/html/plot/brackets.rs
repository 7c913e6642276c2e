//! Bounds on latency, each over the time that was judged by it, with labels that hide as little as can be.

use super::canvas::{Anchor, Canvas, Point, text_width};
use super::frame::Frame;
use crate::palette;
use crate::report::html::judged::Judged;

/// The height of a label.
const LABEL: i32 = 26;
/// Between a label and the ends of its line, or the frame's edge.
const PAD: i32 = 6;
/// How far apart the points are at which a curve is looked at.
const STEP: i32 = 8;

/// What a label should not lie over.
#[derive(Debug, Default)]
pub struct InTheWay {
    /// The lines of moments, from top to bottom.
    pub lines: Vec<i32>,
    pub curves: Vec<Vec<Point>>,
}

/// A label's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    from: i32,
    to: i32,
    /// The height of its middle.
    y: i32,
}

impl Place {
    fn holds(&self, (x, y): Point) -> bool {
        (self.from..=self.to).contains(&x) && (y - self.y).abs() <= LABEL / 2
    }

    fn covers(&self, other: &Place) -> bool {
        self.from < other.to && other.from < self.to && (self.y - other.y).abs() < LABEL
    }
}

impl InTheWay {
    /// How many lines and curves a label would lie over.
    fn below(&self, place: &Place) -> usize {
        let lines = self.lines.iter().filter(|x| (place.from..=place.to).contains(x)).count();
        let passes = |pair: &[Point]| points(pair[0], pair[1]).any(|point| place.holds(point));
        lines + self.curves.iter().filter(|curve| curve.windows(2).any(passes)).count()
    }
}

/// Points on the way from one to another.
fn points(from: Point, to: Point) -> impl Iterator<Item = Point> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let steps = dx.abs().max(dy.abs()) / STEP + 1;
    (0..=steps).map(move |nth| (from.0 + dx * nth / steps, from.1 + dy * nth / steps))
}

/// Each bound on latency as a line over the stretch of time that was judged by it, closed at both ends. A label stands
/// above or below its line, where no other label is and where it hides least of what is drawn.
pub fn draw(canvas: &mut Canvas, frame: &Frame, judged: &[Judged], in_the_way: &InTheWay) {
    let mut taken: Vec<Place> = Vec::new();
    for judged in judged {
        let (from_s, to_s) = (judged.from_s.max(frame.x_range.0), judged.to_s.min(frame.x_range.1));
        if from_s >= to_s {
            continue;
        }
        let (from, to, y) = (frame.x(from_s), frame.x(to_s), frame.y(judged.bound_ms));
        canvas.line((from, y), (to, y), palette::VERMILION, 3);
        for (end, is_an_end) in [(from, from_s == judged.from_s), (to, to_s == judged.to_s)] {
            if is_an_end {
                canvas.line((end, y - 12), (end, y + 12), palette::VERMILION, 3);
            }
        }
        let places = places((from, to), y, text_width(&judged.label), frame);
        let hides = |place: &Place| (taken.iter().any(|other| place.covers(other)), in_the_way.below(place));
        let Some(place) = places.into_iter().min_by_key(hides) else { continue };
        taken.push(place);
        canvas.bold(&judged.label, (place.to, place.y), Anchor::End, palette::VERMILION);
    }
}

/// Where a label of this width may stand, the best first: at the end of its line, at its start or between; above
/// or below it. The first is there always, and inside the frame.
fn places((from, to): (i32, i32), y: i32, width: i32, frame: &Frame) -> Vec<Place> {
    let last = frame.right - PAD;
    let first = (frame.left + PAD).min(last - width);
    let ends = [(to - PAD).max(from + width) - width, from + PAD];
    let starts = ends.into_iter().chain((1..8).map(|eighth| from + (to - from - width) * eighth / 8));
    let heights: Vec<i32> = [y - 16, y + 18, y - 16 - LABEL, y + 18 + LABEL]
        .into_iter()
        .filter(|at| (frame.top..=frame.bottom).contains(at))
        .collect();
    let heights = if heights.is_empty() { vec![y - 16] } else { heights };
    let at = |start: i32| start.clamp(first, last - width);
    starts
        .flat_map(|start| heights.iter().map(move |y| Place { from: at(start), to: at(start) + width, y: *y }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::origin::Origin;
    use crate::report::html::plot::frame::Scale;
    use crate::report::html::plot::latency::plot;
    use crate::report::html::plot::sheet::SheetSize;
    use crate::report::html::timeline::TimelinePlot;
    use crate::report::sample;

    fn frame() -> Frame {
        let frame = Frame::over_time((0.0, 100.0), Origin::at(None), SheetSize::Wide, 0, 250);
        frame.with_values((1.0, 1000.0), Scale::Log)
    }

    #[test]
    fn a_label_stands_where_no_curve_and_no_line_of_a_moment_passes() {
        let (line, y, width) = ((400, 1600), 120, 300);
        let best = |in_the_way: &InTheWay| {
            places(line, y, width, &frame()).into_iter().min_by_key(|place| in_the_way.below(place)).unwrap()
        };
        let ends = best(&InTheWay::default());
        assert_eq!((ends.to, ends.y), (1600 - PAD, y - 16));
        let above = vec![(900, y - 20), (1700, y - 20)];
        assert_eq!(best(&InTheWay { lines: Vec::new(), curves: vec![above.clone()] }).y, y + 18);
        let onset = InTheWay { lines: vec![1500], curves: Vec::new() };
        assert_eq!(best(&onset).from, 400 + PAD, "it stands at the other end");
        let crossing = InTheWay { lines: vec![1500], curves: vec![above, vec![(300, y + 300), (500, y - 300)]] };
        assert_eq!(crossing.below(&best(&crossing)), 0, "it stands between, below its line");
    }

    #[test]
    fn a_label_never_leaves_the_frame() {
        for line in [(frame().left, frame().left + 4), (frame().right - 4, frame().right), (0, 4000)] {
            for place in places(line, 120, 500, &frame()) {
                assert!(place.from >= frame().left && place.to <= frame().right, "{place:?}");
            }
        }
    }

    #[test]
    fn two_bounds_that_are_close_have_labels_apart() {
        let run = sample::run();
        let timeline = TimelinePlot::of(&sample::history(0), &run.record.scenarios[0], 1).unwrap();
        let judged = |bound_ms, label: &str| Judged { from_s: 6.0, to_s: 66.0, bound_ms, label: label.into() };
        let drawn = plot(&timeline, &[judged(500.0, "judged: p99"), judged(500.0, "judged: p95")], SheetSize::Wide);
        let height = |label: &str| {
            let element = drawn.split("<text ").find(|text| text.contains(label)).unwrap();
            let y = element.split(" y=\"").nth(1).unwrap().split('"').next().unwrap();
            y.parse::<i32>().unwrap()
        };
        assert!((height("judged: p99") - height("judged: p95")).abs() >= LABEL, "{drawn}");
    }
}
