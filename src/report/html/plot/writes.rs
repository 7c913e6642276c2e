//! Writes of users a second, stacked by what became of them.

use super::sheet::SheetSize;
use super::stacked::{Layer, Stacked};
use crate::palette;
use crate::report::html::timeline::TimelinePlot;
use crate::report::html::written::Became;

/// The plot; `None` where users wrote nothing.
pub fn plot(timeline: &TimelinePlot, sheet: SheetSize) -> Option<String> {
    let (whole, focus) = timeline.writes.as_ref()?;
    let stacked = Stacked {
        title: "Writes a second over time, by what became of them",
        layers: &Became::ALL.map(layer),
        whole,
        focus: focus.as_ref(),
        level: None,
        usual: 0.0,
    };
    Some(stacked.plot(timeline, sheet))
}

fn layer(became: Became) -> Layer {
    let (name, paint) = match became {
        Became::Acknowledged => ("acknowledged", palette::SKY),
        Became::Lost => ("acknowledged and lost", palette::VERMILION),
        Became::Unknown => ("not known whether applied", palette::ORANGE),
        Became::NotApplied => ("not applied", palette::PURPLE),
    };
    Layer { name, paint }
}
