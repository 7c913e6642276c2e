//! Plot A: p50, p99 and maximum latency over time, on a log axis.

use plotters::style::RGBColor;

use super::brackets::{self, InTheWay};
use super::canvas::{Canvas, Point, svg};
use super::frame::{AXIS_HEIGHT, Frame, LegendEntry, Scale, Swatch, latency_ticks, legend, legend_height};
use super::labels;
use super::sheet::SheetSize;
use crate::palette;
use crate::report::html::bins::{Bin, Stretch};
use crate::report::html::judged::Judged;
use crate::report::html::timeline::{FaultWindow, Mark, SAMPLES_FOR_P99, TimelinePlot};
use crate::report::words::seconds;

const HEIGHT: i32 = 250;

/// Plot A with the fault windows shaded, the milestones as lines, and each bound on latency over the time it was judged by. Where there is
/// a plot [`around_t0`], only the first and the last milestone are labelled here.
pub fn plot(timeline: &TimelinePlot, judged: &[Judged], sheet: SheetSize) -> String {
    let title = "Latency over time: p50, p99 and maximum, on a logarithmic axis";
    let marks = match (&timeline.focus, &timeline.marks[..]) {
        (Some(_), [_, .., last]) => vec![t0_mark(timeline), last.clone()],
        (_, all) => all.to_vec(),
    };
    let curves = vec![
        Curve { stretch: &timeline.whole_for_p99, name: "maximum", share: 1.0, colour: palette::GREY, width: 2 },
        Curve { stretch: &timeline.whole_for_p99, name: "p99", share: 0.99, colour: palette::BLUE, width: 4 },
        Curve { stretch: &timeline.whole, name: "p50", share: 0.5, colour: palette::GREEN, width: 4 },
    ];
    let frame = Frame::over_time(timeline.whole.range_s, timeline.origin, sheet, 0, HEIGHT);
    drawn(title, timeline, judged, (sheet, frame), &marks, &curves)
}

/// Plot A around t0, with every milestone; `None` where plot A shows that well enough. Its bins are too narrow for a
/// p99.
pub fn around_t0(timeline: &TimelinePlot, judged: &[Judged], sheet: SheetSize) -> Option<String> {
    let focus = timeline.focus.as_ref()?;
    let title = "Latency around t0: p50 and maximum, on a logarithmic axis, with every milestone";
    let curves = vec![
        Curve { stretch: focus, name: "maximum", share: 1.0, colour: palette::GREY, width: 3 },
        Curve { stretch: focus, name: "p50", share: 0.5, colour: palette::GREEN, width: 4 },
    ];
    let frame = Frame::over_time(focus.range_s, timeline.origin, sheet, 0, HEIGHT);
    Some(drawn(title, timeline, judged, (sheet, frame), &timeline.marks, &curves))
}

/// A quantile over a stretch of time.
struct Curve<'a> {
    stretch: &'a Stretch,
    name: &'static str,
    share: f64,
    colour: RGBColor,
    width: u32,
}

fn t0_mark(timeline: &TimelinePlot) -> Mark {
    Mark { at_s: timeline.t0_s.unwrap_or_default(), label: "onset".into() }
}

fn drawn(
    title: &str,
    timeline: &TimelinePlot,
    judged: &[Judged],
    (sheet, frame): (SheetSize, Frame),
    marks: &[Mark],
    curves: &[Curve],
) -> String {
    let range = latency_range(&timeline.whole, judged);
    let placed = labels::place(marks, &frame);
    let (entries, room) = (entries(curves, &timeline.windows), (frame.left, frame.right));
    let top = legend_height(&entries, room) + labels::rows(&placed) * labels::ROW + 6;
    let frame = Frame { top, bottom: top + HEIGHT, ..frame }.with_values(range, Scale::Log);
    svg((sheet.width() as u32, (frame.bottom + AXIS_HEIGHT) as u32), title, |canvas| {
        shade(canvas, &frame, &timeline.windows);
        frame.value_axis(canvas, &latency_ticks(range));
        frame.time_axis(canvas);
        labels::draw(canvas, &frame, &placed);
        let mut in_the_way = InTheWay { lines: placed.iter().map(|mark| mark.x).collect(), curves: Vec::new() };
        for curve in curves {
            for run in runs(&curve.stretch.bins, &frame, curve.share) {
                canvas.path(&run, curve.colour, curve.width);
                in_the_way.curves.push(run);
            }
        }
        brackets::draw(canvas, &frame, judged, &in_the_way);
        legend(canvas, 0, room, &entries);
    })
}

/// Shades the time in which a fault was in force, from top to bottom of the frame; never narrower than can be seen.
pub fn shade(canvas: &mut Canvas, frame: &Frame, windows: &[FaultWindow]) {
    for window in windows.iter().filter(|w| w.to_s > frame.x_range.0 && w.from_s < frame.x_range.1) {
        let (from, to) = (frame.x(window.from_s), frame.x(window.to_s));
        canvas.rect((from, frame.top), (to.max(from + 3), frame.bottom), palette::ORANGE, 0.16);
    }
}

fn entries(curves: &[Curve], windows: &[FaultWindow]) -> Vec<LegendEntry> {
    let mut entries: Vec<LegendEntry> = curves
        .iter()
        .map(|curve| (curve.colour, Swatch::Line, format!("{} (of {})", curve.name, seconds(curve.stretch.bin_s))))
        .collect();
    if !windows.is_empty() {
        entries.push((palette::ORANGE, Swatch::Area(0.3), "fault in force".into()));
    }
    entries
}

/// The curve of a quantile; broken where nothing was due, and of p99 where that is too few to differ from the maximum.
fn runs(bins: &[Bin], frame: &Frame, share: f64) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = vec![Vec::new()];
    for bin in bins {
        let enough = share != 0.99 || f64::from(bin.due()) >= SAMPLES_FOR_P99;
        match bin.quantile_ms(share).filter(|_| enough) {
            Some(ms) => runs.last_mut().expect("there is always one").push(frame.at(bin.middle_s(), ms)),
            None => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| run.len() > 1);
    runs
}

/// From below the lowest p50 to above the highest maximum and every bound, at least from 1 to 100 ms.
fn latency_range(whole: &Stretch, judged: &[Judged]) -> (f64, f64) {
    let all = |share: f64| whole.bins.iter().filter_map(move |bin| bin.quantile_ms(share));
    let low = all(0.5).fold(1.0, f64::min);
    let high = all(1.0).chain(judged.iter().map(|judged| judged.bound_ms)).fold(100.0, f64::max);
    ((low / 1.5).max(0.01), high * 1.6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::origin::Origin;
    use crate::report::sample;

    #[test]
    fn a_bound_is_drawn_over_the_time_that_was_judged_and_nowhere_else() {
        let run = sample::run();
        let timeline = TimelinePlot::of(&sample::history(0), &run.record.scenarios[0], 1).unwrap();
        let judged = |from_s, to_s| Judged { from_s, to_s, bound_ms: 500.0, label: "judged: p99 < 500 ms".into() };
        assert!(plot(&timeline, &[judged(6.0, 66.0)], SheetSize::Wide).contains("judged: p99 &lt; 500 ms"));
        assert!(!plot(&timeline, &[judged(600.0, 660.0)], SheetSize::Wide).contains("judged"));
    }

    #[test]
    fn a_p99_is_drawn_only_where_enough_was_due_and_never_above_the_maximum() {
        let bin =
            |due: u32| Bin { width_s: 0.2, counts: [due, 0, 0, 0, 0], latencies_us: (0..due).collect(), start_s: 0.0 };
        let frame = Frame::over_time((0.0, 1.0), Origin::at(None), SheetSize::Wide, 0, 100)
            .with_values((0.001, 1.0), Scale::Log);
        let (few, enough) = (vec![bin(99); 3], vec![bin(100); 3]);
        assert_eq!((runs(&few, &frame, 0.99).len(), runs(&few, &frame, 1.0).len()), (0, 1));
        assert_eq!(runs(&enough, &frame, 0.99).len(), 1);
        let run = sample::run();
        let timeline = TimelinePlot::of(&sample::history(0), &run.record.scenarios[0], 1).unwrap();
        let drawn = plot(&timeline, &[], SheetSize::Wide);
        let windows = seconds(timeline.whole_for_p99.bin_s);
        assert!(drawn.contains(&format!("maximum (of {windows})")) && drawn.contains(&format!("p99 (of {windows})")));
    }

    #[test]
    fn the_axis_reaches_over_the_deadline_when_requests_timed_out() {
        let run = sample::run();
        let timeline = TimelinePlot::of(&sample::history(1), &run.record.scenarios[1], 1).unwrap();
        let (low, high) = latency_range(&timeline.whole, &[]);
        assert!(low < 1.0 && high > 5000.0, "{low} {high}");
    }
}
