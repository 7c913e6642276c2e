//! The figures of a scenario in model time, beside the measured ones.

use crate::history::History;
use crate::measure::downtime::Downtime;
use crate::measure::{ModelTime, Timeline};
use crate::report::record::{ModelFigures, WaitRecord};

use super::milestones;

use super::scenario::{origin_us, since};

/// The figures in model time; `None` unless time was declared to run faster.
pub(super) fn figures(history: &History, timeline: &Timeline, downtime: Option<&Downtime>) -> Option<ModelFigures> {
    let model = ModelTime::of(history);
    if !model.is_scaled() {
        return None;
    }
    let outages = downtime.map(|downtime| model.outages_us(history, downtime));
    Some(ModelFigures {
        milestones: milestones::modelled(history, timeline, &model),
        downtime_total_s: outages.as_ref().map(|outages| seconds(outages.iter().sum())),
        downtime_longest_s: outages.map(|outages| seconds(outages.into_iter().max().unwrap_or(0))),
    })
}

/// Every declared wait, as it was.
pub(super) fn waits(history: &History, timeline: &Timeline) -> Vec<WaitRecord> {
    let model = ModelTime::of(history);
    let zero_us = origin_us(timeline);
    let waits = model.waits().into_iter().filter(|(_, wait)| !wait.span.is_empty());
    waits
        .map(|(server, wait)| WaitRecord {
            part: wait.part,
            server: server.into(),
            start_at_s: since(wait.span.from_us, zero_us),
            waited_s: seconds(wait.span.length_us()),
            model_s: seconds(wait.span.length_us() * model.faster()),
        })
        .collect()
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}
