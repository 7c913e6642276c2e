//! Plot B: requests a second, stacked by how they ended.

use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, Point, svg};
use super::frame::{AXIS_HEIGHT, Frame, LegendEntry, Scale, Swatch, legend, legend_height, plain, ticks};
use super::latency;
use super::sheet::SheetSize;
use crate::palette;
use crate::report::html::bins::{Bin, Kind, Stretch};
use crate::report::html::timeline::TimelinePlot;
use crate::units::Percent;

const HEIGHT: i32 = 220;

/// Plot B, with the objective (a share of what was due) as a line; and the time around t0.
pub fn plot(timeline: &TimelinePlot, objective: Percent, sheet: SheetSize) -> String {
    let top = timeline.rate.max(highest(timeline));
    let (entries, room) = (entries(timeline), (sheet.left(), sheet.right()));
    let frames = Frame::both(timeline, sheet, legend_height(&entries, room), HEIGHT);
    let bottom = frames.last().map_or(0, |(frame, _)| frame.bottom);
    let size = (sheet.width() as u32, (bottom + AXIS_HEIGHT) as u32);
    svg(size, "Requests a second over time, by outcome", |canvas| {
        for (nth, (frame, stretch)) in frames.into_iter().enumerate() {
            let frame = frame.with_values((0.0, top * 1.2), Scale::Linear);
            let rates = ticks((0.0, top), 4).into_iter();
            let has_numbers = frame.left == sheet.left();
            let label = |rate: f64| if has_numbers { plain(rate) } else { String::new() };
            frame.value_axis(canvas, &rates.map(|rate| (rate, label(rate))).collect::<Vec<_>>());
            frame.time_axis(canvas);
            areas(canvas, &frame, stretch, timeline);
            let label = format!("objective: {objective} of {}/s", plain(timeline.rate));
            let label = if nth > 0 { "" } else { &label };
            frame.level(canvas, timeline.rate * objective.0 / 100.0, label, palette::INK);
        }
        legend(canvas, 0, room, &entries);
    })
}

/// The areas, and above them the fault's shading and t0.
fn areas(canvas: &mut Canvas, frame: &Frame, stretch: &Stretch, timeline: &TimelinePlot) {
    latency::shade(canvas, frame, &timeline.windows);
    for kind in Kind::ALL {
        for run in runs(&stretch.bins, kind) {
            canvas.polygon(&outline(run, kind, frame), paint(kind));
        }
    }
    if let Some(t0_s) = timeline.t0_s {
        let x = frame.x(t0_s);
        canvas.line((x, frame.top), (x, frame.y(timeline.rate)), palette::INK, 2);
        canvas.text("onset", (x + 6, frame.top + 14), Anchor::Start, palette::INK);
    }
}

fn highest(timeline: &TimelinePlot) -> f64 {
    let rates = timeline.whole.bins.iter().map(|bin| f64::from(bin.counts.iter().sum::<u32>()) / bin.width_s);
    rates.fold(0.0, f64::max)
}

fn paint(kind: Kind) -> RGBColor {
    match kind {
        Kind::Good => palette::SKY,
        Kind::WrongAnswer => palette::ORANGE,
        Kind::Timeout => palette::VERMILION,
        Kind::Refused => palette::PURPLE,
        Kind::NotSent => palette::MUTED,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Good => "good",
        Kind::WrongAnswer => "5xx or wrong answer",
        Kind::Timeout => "timeout",
        Kind::Refused => "refused or broken",
        Kind::NotSent => "not sent",
    }
}

/// Only what occurred, with its number.
fn entries(timeline: &TimelinePlot) -> Vec<LegendEntry> {
    let total = |kind: Kind| timeline.whole.bins.iter().map(|bin| u64::from(bin.counts[kind as usize])).sum::<u64>();
    Kind::ALL
        .into_iter()
        .filter(|kind| *kind == Kind::Good || total(*kind) > 0)
        .map(|kind| {
            (paint(kind), Swatch::Area(1.0), format!("{} ({})", name(kind), crate::report::words::grouped(total(kind))))
        })
        .collect()
}

/// The stretches in which a kind occurs.
fn runs(bins: &[Bin], kind: Kind) -> impl Iterator<Item = &[Bin]> {
    bins.split(move |bin| bin.counts[kind as usize] == 0).filter(|run| !run.is_empty())
}

/// The area of a kind: its upper edge to the right, its lower edge back, in steps.
fn outline(run: &[Bin], kind: Kind, frame: &Frame) -> Vec<Point> {
    let edge = |bin: &Bin, kinds: usize| {
        let count: u32 = bin.counts[..kinds].iter().sum();
        let y = frame.y(f64::from(count) / bin.width_s);
        [(frame.x(bin.start_s), y), (frame.x(bin.start_s + bin.width_s), y)]
    };
    let upper = run.iter().flat_map(|bin| edge(bin, kind as usize + 1));
    let lower: Vec<Point> = run.iter().flat_map(|bin| edge(bin, kind as usize)).collect();
    upper.chain(lower.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::origin::Origin;
    use crate::report::sample;

    #[test]
    fn every_outcome_of_the_outage_has_its_area_and_its_number() {
        let run = sample::run();
        let timeline = TimelinePlot::of(&sample::history(1), &run.record.scenarios[1], 1).unwrap();
        let drawn = plot(&timeline, Percent(99.9), SheetSize::Wide);
        assert!(drawn.contains("timeout (") && drawn.contains("refused or broken ("), "{drawn}");
        assert!(!drawn.contains("not sent"));
        assert!(drawn.contains("objective: 99.9 % of 500/s"));
    }

    #[test]
    fn areas_of_a_bin_add_up_to_what_was_due() {
        let mut bin = Bin::default();
        (bin.width_s, bin.counts) = (0.1, [20, 5, 20, 4, 1]);
        let frame = Frame::over_time((0.0, 0.1), Origin::at(None), SheetSize::Wide, 0, 500)
            .with_values((0.0, 500.0), Scale::Linear);
        let tops = Kind::ALL.map(|kind| outline(std::slice::from_ref(&bin), kind, &frame)[0].1);
        assert_eq!(tops, [300, 250, 50, 10, 0]);
    }
}
