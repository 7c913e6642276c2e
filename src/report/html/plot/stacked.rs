//! What happened a second, stacked by its kind, over the whole watch and around t0.

use plotters::style::RGBColor;

use super::canvas::{Anchor, Canvas, Point, svg};
use super::frame::{AXIS_HEIGHT, Frame, LegendEntry, Scale, Swatch, legend, legend_height, plain, ticks};
use super::latency;
use super::sheet::SheetSize;
use crate::palette;
use crate::report::html::bins::{Bin, Stretch};
use crate::report::html::timeline::TimelinePlot;
use crate::report::words::grouped;

const HEIGHT: i32 = 220;

/// A kind: what it is called, and its colour. Its place among the layers is that in [`Bin::counts`].
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    pub name: &'static str,
    pub paint: RGBColor,
}

/// What is stacked.
pub struct Stacked<'s> {
    /// What the plot shows, for who can't see it.
    pub title: &'static str,
    /// The lowest first.
    pub layers: &'s [Layer],
    pub whole: &'s Stretch,
    /// Around t0.
    pub focus: Option<&'s Stretch>,
    /// A rate that is drawn as a line, with its label.
    pub level: Option<(f64, String)>,
    /// The rate up to which t0 is drawn; the axis has room for it.
    pub usual: f64,
}

impl Stacked<'_> {
    /// Draws it.
    pub fn plot(&self, timeline: &TimelinePlot, sheet: SheetSize) -> String {
        let top = self.usual.max(self.highest());
        let (entries, room) = (self.entries(), (sheet.left(), sheet.right()));
        let frames = Frame::of((self.whole, self.focus), timeline.origin, sheet, legend_height(&entries, room), HEIGHT);
        let bottom = frames.last().map_or(0, |(frame, _)| frame.bottom);
        let size = (sheet.width() as u32, (bottom + AXIS_HEIGHT) as u32);
        svg(size, self.title, |canvas| {
            for (nth, (frame, stretch)) in frames.into_iter().enumerate() {
                let frame = frame.with_values((0.0, top * 1.2), Scale::Linear);
                let rates = ticks((0.0, top), 4).into_iter();
                let has_numbers = frame.left == sheet.left();
                let label = |rate: f64| if has_numbers { plain(rate) } else { String::new() };
                frame.value_axis(canvas, &rates.map(|rate| (rate, label(rate))).collect::<Vec<_>>());
                frame.time_axis(canvas);
                self.areas(canvas, &frame, stretch, timeline);
                if let Some((rate, label)) = &self.level {
                    frame.level(canvas, *rate, if nth > 0 { "" } else { label }, palette::INK);
                }
            }
            legend(canvas, 0, room, &entries);
        })
    }

    /// The areas, and above them the fault's shading and t0.
    fn areas(&self, canvas: &mut Canvas, frame: &Frame, stretch: &Stretch, timeline: &TimelinePlot) {
        latency::shade(canvas, frame, &timeline.windows);
        for (kind, layer) in self.layers.iter().enumerate() {
            for run in runs(&stretch.bins, kind) {
                canvas.polygon(&outline(run, kind, frame), layer.paint);
            }
        }
        if let Some(t0_s) = timeline.t0_s {
            let x = frame.x(t0_s);
            canvas.line((x, frame.top), (x, frame.y(self.usual)), palette::INK, 2);
            canvas.text("onset", (x + 6, frame.top + 14), Anchor::Start, palette::INK);
        }
    }

    fn highest(&self) -> f64 {
        let rates = self.whole.bins.iter().map(|bin| f64::from(bin.counts.iter().sum::<u32>()) / bin.width_s);
        rates.fold(0.0, f64::max)
    }

    /// Only what occurred, with its number; the lowest always.
    fn entries(&self) -> Vec<LegendEntry> {
        let total = |kind: usize| self.whole.bins.iter().map(|bin| u64::from(bin.counts[kind])).sum::<u64>();
        let occurred = self.layers.iter().enumerate().filter(|(kind, _)| *kind == 0 || total(*kind) > 0);
        let entry = |(kind, layer): (usize, &Layer)| {
            (layer.paint, Swatch::Area(1.0), format!("{} ({})", layer.name, grouped(total(kind))))
        };
        occurred.map(entry).collect()
    }
}

/// The stretches in which a kind occurs.
fn runs(bins: &[Bin], kind: usize) -> impl Iterator<Item = &[Bin]> {
    bins.split(move |bin| bin.counts[kind] == 0).filter(|run| !run.is_empty())
}

/// The area of a kind: its upper edge to the right, its lower edge back, in steps.
fn outline(run: &[Bin], kind: usize, frame: &Frame) -> Vec<Point> {
    let edge = |bin: &Bin, kinds: usize| {
        let count: u32 = bin.counts[..kinds].iter().sum();
        let y = frame.y(f64::from(count) / bin.width_s);
        [(frame.x(bin.start_s), y), (frame.x(bin.start_s + bin.width_s), y)]
    };
    let upper = run.iter().flat_map(|bin| edge(bin, kind + 1));
    let lower: Vec<Point> = run.iter().flat_map(|bin| edge(bin, kind)).collect();
    upper.chain(lower.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::origin::Origin;

    #[test]
    fn areas_of_a_bin_add_up_to_all_of_it() {
        let mut bin = Bin::default();
        (bin.width_s, bin.counts) = (0.1, [20, 5, 20, 4, 1]);
        let frame = Frame::over_time((0.0, 0.1), Origin::at(None), SheetSize::Wide, 0, 500)
            .with_values((0.0, 500.0), Scale::Linear);
        let tops = [0, 1, 2, 3, 4].map(|kind| outline(std::slice::from_ref(&bin), kind, &frame)[0].1);
        assert_eq!(tops, [300, 250, 50, 10, 0]);
    }
}
