//! The milestones of a scenario, as data: measured, and in model time where that differs.

use crate::history::History;
use crate::measure::milestones::{self, Milestone, MilestoneTally, Name};
use crate::measure::{ModelTime, Observed, Timeline};
use crate::plan::Interval;
use crate::report::record::{MilestoneRow, MilestoneState, Milestones, Of};

use super::scenario::{origin_us, since};

/// The milestones as they were measured.
pub(super) fn measured(history: &History, timeline: &Timeline) -> Milestones {
    of(history, timeline, |_, us, t0| since(us, t0))
}

/// The milestones in model time; what waits for nothing declared is as measured.
pub(super) fn modelled(history: &History, timeline: &Timeline, model: &ModelTime) -> Milestones {
    of(history, timeline, |name, us, t0| {
        let interval = |interval| model.interval_us(history, timeline, interval, Observed::at(us)) as f64 / 1e6;
        match name {
            Name::Witnessed | Name::FirstError => since(us, t0),
            Name::Detected => interval(Interval::Detection),
            Name::Removed => interval(Interval::Removal),
            Name::ServiceBack => interval(Interval::Failover),
            Name::Booted => model.booted_us(timeline, us) as f64 / 1e6,
            Name::Configured => interval(Interval::Replacement),
            Name::Redundant => interval(Interval::Redundancy),
            Name::Normal => interval(Interval::Recovery),
        }
    })
}

fn of(history: &History, timeline: &Timeline, after_s: impl Fn(Name, u64, u64) -> f64) -> Milestones {
    let Some(t0) = timeline.moments.t0_us else { return Milestones::default() };
    let rows = milestones::rows(history, timeline);
    let at_s = |name: Name| {
        let row = rows.iter().find(|row| row.name == name)?;
        row.milestone.us().map(|us| after_s(name, us, t0))
    };
    let record = |row: &MilestoneTally| MilestoneRow {
        name: row.name.word().into(),
        state: state(&row.milestone, t0, |us| after_s(row.name, us, t0)),
        of: row.of.map(|of| Of { done: of.done, total: of.total }),
    };
    let mut records: Vec<MilestoneRow> = rows.iter().map(record).collect();
    // Model time may change their order. A stable sort keeps those without a moment as they are.
    records.sort_by(|one, other| at_or_last_s(one).total_cmp(&at_or_last_s(other)));
    Milestones {
        t0_at_s: Some(since(t0, origin_us(timeline))),
        witnessed_after_t0_s: at_s(Name::Witnessed),
        first_error_after_t0_s: at_s(Name::FirstError),
        detected_after_t0_s: at_s(Name::Detected),
        removed_after_t0_s: at_s(Name::Removed),
        service_after_t0_s: at_s(Name::ServiceBack),
        booted_after_t0_s: at_s(Name::Booted),
        configured_after_t0_s: at_s(Name::Configured),
        redundant_after_t0_s: at_s(Name::Redundant),
        normal_after_t0_s: at_s(Name::Normal),
        rows: records,
    }
}

fn at_or_last_s(row: &MilestoneRow) -> f64 {
    match row.state {
        MilestoneState::At { after_t0_s, .. } => after_t0_s,
        _ => f64::INFINITY,
    }
}

fn state(milestone: &Milestone, t0_us: u64, after_s: impl Fn(u64) -> f64) -> MilestoneState {
    match milestone {
        Milestone::At { us, within_us } => {
            MilestoneState::At { after_t0_s: after_s(*us), within_s: *within_us as f64 / 1e6 }
        }
        Milestone::NotNeeded { why } => MilestoneState::NotNeeded { why: why.clone() },
        Milestone::Never { us } => MilestoneState::Never { watched_s: since(*us, t0_us) },
        Milestone::Unobservable { why } => MilestoneState::Unobservable { why: why.clone() },
    }
}
