//! The figures of a scenario in model time, beside the measured ones.

use crate::checker::Interval;
use crate::history::History;
use crate::measure::downtime::Downtime;
use crate::measure::{ModelTime, Timeline, milestones};
use crate::report::record::{Milestones, ModelFigures, WaitRecord};

use super::scenario::{origin_us, since};

/// The figures in model time; `None` unless time was declared to run faster.
pub(super) fn figures(history: &History, timeline: &Timeline, downtime: Option<&Downtime>) -> Option<ModelFigures> {
    let model = ModelTime::of(history);
    if !model.is_scaled() {
        return None;
    }
    let outages = downtime.map(|downtime| model.outages_us(history, downtime));
    Some(ModelFigures {
        milestones: milestones_of(history, timeline, &model),
        downtime_total_s: outages.as_ref().map(|outages| seconds(outages.iter().sum())),
        downtime_longest_s: outages.map(|outages| seconds(outages.into_iter().max().unwrap_or(0))),
    })
}

fn milestones_of(history: &History, timeline: &Timeline, model: &ModelTime) -> Milestones {
    let moments = &timeline.moments;
    let Some(t0) = moments.t0_us else { return Milestones::default() };
    let at = |interval| {
        let end = milestones::interval_end(history, timeline, interval)?;
        end.us().map(|_| seconds(model.interval_us(history, timeline, interval, end)))
    };
    let booted = milestones::booted(history, timeline).us();
    let first_error = milestones::first_error_us(history, timeline);
    Milestones {
        t0_at_s: Some(seconds(t0.saturating_sub(moments.zero_us.unwrap_or(0)))),
        first_error_s: first_error.map(|us| (us as f64 - t0 as f64) / 1e6),
        detected_s: at(Interval::Detection),
        removed_s: at(Interval::Removal),
        service_s: at(Interval::Failover),
        booted_s: booted.map(|us| seconds(model.booted_us(timeline, us))),
        configured_s: at(Interval::Replacement),
        redundant_s: at(Interval::Redundancy),
        normal_s: at(Interval::Recovery),
    }
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
