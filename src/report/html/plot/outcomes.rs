//! Plot B: requests a second, stacked by how they ended.

use super::frame::plain;
use super::sheet::SheetSize;
use super::stacked::{Layer, Stacked};
use crate::palette;
use crate::report::html::bins::Kind;
use crate::report::html::timeline::TimelinePlot;
use crate::units::Percent;

/// Plot B, with the objective (a share of what was due) as a line; and the time around t0.
pub fn plot(timeline: &TimelinePlot, objective: Percent, sheet: SheetSize) -> String {
    let label = format!("objective: {objective} of {}/s", plain(timeline.rate));
    Stacked {
        title: "Requests a second over time, by outcome",
        layers: &Kind::ALL.map(layer),
        whole: &timeline.whole,
        focus: timeline.focus.as_ref(),
        level: Some((timeline.rate * objective.0 / 100.0, label)),
        usual: timeline.rate,
    }
    .plot(timeline, sheet)
}

fn layer(kind: Kind) -> Layer {
    let (name, paint) = match kind {
        Kind::Good => ("good", palette::SKY),
        Kind::WrongAnswer => ("5xx or wrong answer", palette::ORANGE),
        Kind::Timeout => ("timeout", palette::VERMILION),
        Kind::Refused => ("refused or broken", palette::PURPLE),
        Kind::NotSent => ("not sent", palette::MUTED),
    };
    Layer { name, paint }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
