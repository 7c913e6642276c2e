//! When the watch is over: once everything that a Then asks about has come, or can no longer come in time.

use std::time::Duration;

use crate::history::{Event, History};
use crate::measure::{ModelTime, Observed, Span, Timeline};
use crate::plan::ScenarioPlan;
use crate::plan::expectation::{Expectation, Interval, Phase};

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
        let late = || timeline.moments.settled_us().is_some() && self.is_late(history, settled_us, now_us);
        match wanted.and_then(Observed::us) {
            // What has come back may be missing again: the watch does not end before that is over, unless it takes too long.
            Some(_) if self.recovery && timeline.is_relapsed() && !late() => Look::GoOn,
            Some(at_us) if since(at_us.max(settled_us)) >= self.after => Look::Done,
            Some(_) => Look::GoOn,
            None if late() => Look::GivenUp,
            None => Look::GoOn,
        }
    }

    /// Whether it is too late, in model time; where time runs faster, also when the declared waits should be over and the
    /// rest had as long as anything may take.
    fn is_late(&self, history: &History, since_us: u64, now_us: u64) -> bool {
        let model_us = ModelTime::of(history).elapsed_us(Span::new(since_us, now_us));
        let settings = &history.plan.settings;
        let measured = Duration::from_micros(now_us.saturating_sub(since_us));
        let at_most = settings.time.waited(self.give_up) + settings.steady.give_up;
        Duration::from_micros(model_us) >= self.give_up || measured >= at_most
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
        Expectation::EachStrike { .. } => true,
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
        Expectation::Interval { bound, .. } | Expectation::EachStrike { bound } => Some(bound.largest().0 + SLACK),
        Expectation::LongestOutage { bound } | Expectation::TotalDowntime { bound } => {
            Some(give_up.max(bound.largest().0 + SLACK))
        }
        _ => needs_recovery(expectation).then_some(give_up),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::DeclaredDelay;
    use crate::history::synthetic::Script;
    use crate::units::{Bound, HumanDuration};

    /// A webserver dies and never comes back; recovery is to take under 8 min, at 20 times the speed.
    fn never_back() -> Script {
        let bound = Bound::Under(HumanDuration(Duration::from_secs(480)));
        let mut script = Script::website(4, 2).dies(6000, "web-1");
        script.settings.time.faster = 20;
        script.ends_ms = None;
        script.expects(Expectation::Interval { interval: Interval::Recovery, bound })
    }

    fn look(script: &Script, now_ms: u64) -> Look {
        Needs::of(&script.plan()).look(&script.history(), now_ms * 1000)
    }

    #[test]
    fn a_bound_of_eight_minutes_is_over_after_the_twentieth_of_it_where_all_is_a_declared_wait() {
        let script = never_back().waits(6010, DeclaredDelay::Boot, "web-1", 60_000);
        assert_eq!(look(&script, 6010 + 24_050), Look::GoOn, "the slack counts too");
        assert_eq!(look(&script, 6010 + 24_200), Look::GivenUp);
    }

    #[test]
    fn the_watch_does_not_end_while_a_server_is_missing_again() {
        let bound = Bound::Under(HumanDuration(Duration::from_secs(30)));
        let mut back = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        back.ends_ms = None;
        let back = back.expects(Expectation::Interval { interval: Interval::Recovery, bound });
        let until = |script: &Script, now_ms| look(&script.clone().event(now_ms, Event::Recovered), now_ms);
        assert_eq!(until(&back, 17_990), Look::GoOn);
        assert_eq!(until(&back, 18_010), Look::Done);
        let again = back.view(15_000, "lb-1", "web-1", "DOWN");
        assert_eq!(until(&again, 18_010), Look::GoOn);
        assert_eq!(until(&again, 38_010), Look::Done, "its bound is over");
        assert_eq!(until(&again.view(19_000, "lb-1", "web-1", "UP"), 19_010), Look::Done);
    }

    #[test]
    fn what_waits_for_nothing_declared_has_its_own_time() {
        assert_eq!(look(&never_back(), 6010 + 24_200 + 119_000), Look::GoOn);
        assert_eq!(look(&never_back(), 6010 + 24_200 + 120_000), Look::GivenUp);
    }

    #[test]
    fn in_real_time_a_bound_is_over_when_it_is_over() {
        let mut script = never_back().waits(6010, DeclaredDelay::Boot, "web-1", 600_000);
        script.settings.time.faster = 1;
        assert_eq!(look(&script, 6010 + 481_000), Look::GoOn);
        assert_eq!(look(&script, 6010 + 482_000), Look::GivenUp);
    }
}
