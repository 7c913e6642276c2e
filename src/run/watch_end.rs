//! When the watch is over: once everything that a Then asks about has come, or can no longer come in time.

use std::time::Duration;

use crate::checker::{Expectation, Interval, Phase};
use crate::history::{Event, History};
use crate::measure::{Reached, Timeline};
use crate::plan::ScenarioPlan;

/// Slack after a bound, so that a moment just inside it is not missed.
const SLACK: Duration = Duration::from_secs(2);

/// What a scenario's hypotheses need to be watched for.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// A Then speaks of recovery, or of what comes after it.
    recovery: bool,
    /// A fixed span from t0 must be over.
    span: Duration,
    /// Recovery, or service, is given up this long after t0.
    give_up: Duration,
    /// The site is watched this long after recovery, or service.
    after: Duration,
}

/// What the watcher found on its last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// There is more to see.
    GoOn,
    /// Recovered (or serving again, where no Then asks for more), and watched long enough after that.
    Done,
    /// It did not come in time.
    GivenUp,
    /// A fault was not confirmed: nothing can be concluded, so nothing need be waited for.
    Void,
}

impl Needs {
    /// What the hypotheses of a plan need.
    pub fn of(plan: &ScenarioPlan) -> Self {
        let steady = &plan.settings.steady;
        let expectations = || plan.hypotheses.iter().map(|hypothesis| &hypothesis.expectation);
        let stays = |wanted: &Expectation| matches!(wanted, Expectation::LatencyStays { .. });
        let waits = expectations().filter_map(|wanted| worth_waiting(wanted, steady.give_up));
        Needs {
            recovery: expectations().any(needs_recovery),
            span: if expectations().any(stays) { steady.stays } else { Duration::ZERO },
            give_up: waits.max().unwrap_or(steady.give_up),
            after: steady.after,
        }
    }

    /// Looks at what was recorded until now.
    pub fn look(&self, history: &History, now_us: u64) -> Look {
        if history.events.iter().any(|record| is_void(&record.event)) {
            return Look::Void;
        }
        let timeline = Timeline::of(history);
        let Some(t0_us) = timeline.moments.t0_us else {
            return self.look_without_fault(&timeline, history, now_us);
        };
        let since = |moment_us: u64| Duration::from_micros(now_us.saturating_sub(moment_us));
        if since(t0_us) < self.span {
            return Look::GoOn;
        }
        let settled_us = timeline.moments.settled_us().unwrap_or(now_us).max(t0_us);
        let wanted = if self.recovery { timeline.recovery } else { timeline.service };
        match wanted.and_then(Reached::us) {
            Some(at_us) if since(at_us.max(settled_us)) >= self.after => Look::Done,
            Some(_) => Look::GoOn,
            None if timeline.moments.settled_us().is_some() && since(settled_us) >= self.give_up => Look::GivenUp,
            None => Look::GoOn,
        }
    }

    fn look_without_fault(&self, timeline: &Timeline, history: &History, now_us: u64) -> Look {
        let begun = timeline.moments.zero_us.unwrap_or(now_us);
        let watched = Duration::from_micros(now_us.saturating_sub(begun));
        if watched >= history.plan.settings.steady.baseline + self.after { Look::Done } else { Look::GoOn }
    }
}

/// Whether a fault is known not to have happened as planned.
fn is_void(event: &Event) -> bool {
    matches!(event, Event::FaultNotConfirmed { .. } | Event::InjectionFailed { .. } | Event::HealFailed { .. })
}

fn needs_recovery(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Interval { interval, .. } => {
            matches!(interval, Interval::Recovery | Interval::Redundancy | Interval::Replacement)
        }
        Expectation::Availability { phase, .. }
        | Expectation::Latency { phase, .. }
        | Expectation::OneHolder { phase, .. }
        | Expectation::OneWritable { phase, .. }
        | Expectation::SteadyState { phase }
        | Expectation::ConnectionsOpen { phase, .. } => matches!(phase, Phase::After | Phase::Degraded),
        _ => false,
    }
}

/// How long after t0 a hypothesis is worth waiting for: an interval until its bound, what speaks of recovery without
/// bounding it until recovery is given up, what has a span of its own no longer than that.
fn worth_waiting(expectation: &Expectation, give_up: Duration) -> Option<Duration> {
    match expectation {
        Expectation::Interval { bound, .. } => Some(bound.largest().0 + SLACK),
        Expectation::LongestOutage { bound } | Expectation::TotalDowntime { bound } => {
            Some(give_up.max(bound.largest().0 + SLACK))
        }
        _ => needs_recovery(expectation).then_some(give_up),
    }
}
