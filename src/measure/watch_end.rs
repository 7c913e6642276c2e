//! When the watch is over: once everything that a Then asks about has come, or can no longer come in time.

use std::fmt;
use std::time::Duration;

use crate::history::{Event, History};
use crate::measure::{ModelTime, Observed, Span, Timeline};
use crate::plan::expectation::{Expectation, Interval, Phase};
use crate::plan::{Hypothesis, ScenarioPlan};

/// Slack after a bound, so that a moment just inside it is not missed.
const SLACK: Duration = Duration::from_secs(2);

/// What a scenario's hypotheses need to be watched for.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// A Then speaks of recovery, or of what comes after it.
    recovery: bool,
    /// A fixed span from t0 must be over.
    span: Duration,
    /// The step that asks for it.
    spans: Option<String>,
    /// Recovery, or service, is given up this long after t0.
    give_up: Duration,
    /// The site is watched this long after recovery, or service.
    after: Duration,
}

/// What the watcher found on its last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// There is more to see.
    GoOn(Wait),
    /// Recovered (or serving again, where no Then asks for more), and watched long enough after that.
    Done,
    /// It did not come in time.
    GivenUp,
    /// A fault was not confirmed: nothing can be concluded, so nothing need be waited for.
    Void,
}

/// What the watch goes on for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A time from t0 on for which a latency must stay low, by this step: how much of it is over, and all of it.
    Stays { step: String, over: Duration, of: Duration },
    /// So much longer without a fault.
    Quiet { left: Duration },
    /// Everything has come; whether it lasts is seen after so much longer.
    Lasts { left: Duration },
    /// A fault is in force still.
    Faults,
    /// Something is missing again after it had come.
    Relapse,
    /// Recovery, which is given up so much later, where that is known.
    Recovery { given_up_in: Option<Duration> },
    /// Service, as [`Recovery`](Self::Recovery).
    Service { given_up_in: Option<Duration> },
}

impl Wait {
    /// The stage that a scenario is at, in a word or two, where that is another than before.
    pub fn stage(&self) -> Option<&'static str> {
        match self {
            Wait::Stays { .. } | Wait::Quiet { .. } => Some("watching"),
            Wait::Faults => Some("fault in force"),
            Wait::Relapse | Wait::Recovery { .. } | Wait::Service { .. } => Some("recovery"),
            Wait::Lasts { .. } => Some("after recovery"),
        }
    }

    /// The same as what is waited for: a noun and an infinitive.
    pub fn awaited(&self) -> &'static str {
        match self {
            Wait::Stays { .. } => "the time for which a latency is to stay low to be over",
            Wait::Quiet { .. } => "the time without a fault to be over",
            Wait::Lasts { .. } => "the quiet after recovery to be over",
            Wait::Faults => "the faults in force to be over",
            Wait::Relapse => "what is missing again to be back",
            Wait::Recovery { .. } => "the site to recover",
            Wait::Service { .. } => "service to be back",
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |time: Duration| format!("{} s", time.as_secs());
        // A part of a second that is left is not 0 s.
        let rest = |time: Duration| whole(time + Duration::from_millis(999));
        let given_up =
            |within: Option<Duration>| within.map_or(String::new(), |t| format!(", for {} more at most", rest(t)));
        match self {
            Wait::Stays { step, over, of } => write!(f, "{} of {} for `{step}`", over.as_secs(), whole(*of)),
            Wait::Quiet { left } => write!(f, "no fault is planned: {} left", rest(*left)),
            Wait::Lasts { left } => write!(f, "recovered; {} of quiet left", rest(*left)),
            Wait::Faults => f.write_str("a fault is in force"),
            Wait::Relapse => f.write_str("something is missing again, which had come back"),
            Wait::Recovery { given_up_in } => {
                write!(f, "waiting for service and redundancy to be back{}", given_up(*given_up_in))
            }
            Wait::Service { given_up_in } => write!(f, "waiting for service to be back{}", given_up(*given_up_in)),
        }
    }
}

impl Needs {
    /// What the hypotheses of a plan need.
    pub fn of(plan: &ScenarioPlan) -> Self {
        let steady = &plan.settings.steady;
        let expectations = || plan.hypotheses.iter().map(|hypothesis| &hypothesis.expectation);
        let stays = |wanted: &&Hypothesis| matches!(wanted.expectation, Expectation::LatencyStays { .. });
        let spans = plan.hypotheses.iter().find(stays).map(|hypothesis| hypothesis.step.clone());
        let waits = expectations().filter_map(|wanted| worth_waiting(wanted, steady.give_up));
        Needs {
            recovery: expectations().any(needs_recovery),
            span: if spans.is_some() { steady.stays } else { Duration::ZERO },
            spans,
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
            return Look::GoOn(Wait::Stays {
                step: self.spans.clone().unwrap_or_default(),
                over: since(t0_us),
                of: self.span,
            });
        }
        let settled = timeline.moments.settled_us();
        let settled_us = settled.unwrap_or(now_us).max(t0_us);
        let wanted = if self.recovery { timeline.recovery } else { timeline.service };
        let late = || settled.is_some() && self.is_late(history, settled_us, now_us);
        match wanted.and_then(Observed::us) {
            // What has come back may be missing again: the watch does not end before that is over, unless it takes too long.
            Some(_) if self.recovery && timeline.is_relapsed() && !late() => Look::GoOn(Wait::Relapse),
            Some(at_us) if since(at_us.max(settled_us)) >= self.after => Look::Done,
            Some(_) if settled.is_none() => Look::GoOn(Wait::Faults),
            Some(at_us) => Look::GoOn(Wait::Lasts { left: self.after.saturating_sub(since(at_us.max(settled_us))) }),
            None if late() => Look::GivenUp,
            None if settled.is_none() => Look::GoOn(Wait::Faults),
            None => Look::GoOn(self.awaited(history, since(settled_us))),
        }
    }

    /// What has not come yet, so long after the last fault was over.
    fn awaited(&self, history: &History, waited: Duration) -> Wait {
        // Where declared waits pass faster, it depends on what is waited for.
        let in_real_time = history.plan.settings.time.faster == 1;
        let given_up_in = in_real_time.then(|| self.give_up.saturating_sub(waited));
        if self.recovery { Wait::Recovery { given_up_in } } else { Wait::Service { given_up_in } }
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
        let wanted = history.plan.settings.steady.baseline + self.after;
        if watched >= wanted { Look::Done } else { Look::GoOn(Wait::Quiet { left: wanted - watched }) }
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

    fn goes_on(look: Look) -> bool {
        matches!(look, Look::GoOn(_))
    }

    #[test]
    fn what_is_waited_for_is_said_with_its_length_where_that_is_known() {
        let told = |script: &Script, now_ms| match look(script, now_ms) {
            Look::GoOn(wait) => wait.to_string(),
            ended => format!("{ended:?}"),
        };
        let bound = Bound::Under(HumanDuration(Duration::from_secs(30)));
        let mut back = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        back.ends_ms = None;
        let back = back.expects(Expectation::Interval { interval: Interval::Recovery, bound });
        assert!(
            told(&back, 7000).starts_with("waiting for service and redundancy to be back, for "),
            "{}",
            told(&back, 7000)
        );
        let recovered = |now_ms| told(&back.clone().event(now_ms, Event::Recovered), now_ms);
        assert_eq!(recovered(17_990), "recovered; 1 s of quiet left");
        assert_eq!(told(&never_back(), 10_000), "waiting for service and redundancy to be back", "time runs faster");
    }

    #[test]
    fn a_bound_of_eight_minutes_is_over_after_the_twentieth_of_it_where_all_is_a_declared_wait() {
        let script = never_back().waits(6010, DeclaredDelay::Boot, "web-1", 60_000);
        assert!(goes_on(look(&script, 6010 + 24_050)), "the slack counts too");
        assert_eq!(look(&script, 6010 + 24_200), Look::GivenUp);
    }

    #[test]
    fn the_watch_does_not_end_while_a_server_is_missing_again() {
        let bound = Bound::Under(HumanDuration(Duration::from_secs(30)));
        let mut back = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        back.ends_ms = None;
        let back = back.expects(Expectation::Interval { interval: Interval::Recovery, bound });
        let until = |script: &Script, now_ms| look(&script.clone().event(now_ms, Event::Recovered), now_ms);
        assert!(goes_on(until(&back, 17_990)));
        assert_eq!(until(&back, 18_010), Look::Done);
        let again = back.view(15_000, "lb-1", "web-1", "DOWN");
        assert!(goes_on(until(&again, 18_010)));
        assert_eq!(until(&again, 38_010), Look::Done, "its bound is over");
        assert_eq!(until(&again.view(19_000, "lb-1", "web-1", "UP"), 19_010), Look::Done);
    }

    #[test]
    fn what_waits_for_nothing_declared_has_its_own_time() {
        assert!(goes_on(look(&never_back(), 6010 + 24_200 + 119_000)));
        assert_eq!(look(&never_back(), 6010 + 24_200 + 120_000), Look::GivenUp);
    }

    #[test]
    fn in_real_time_a_bound_is_over_when_it_is_over() {
        let mut script = never_back().waits(6010, DeclaredDelay::Boot, "web-1", 600_000);
        script.settings.time.faster = 1;
        assert!(goes_on(look(&script, 6010 + 481_000)));
        assert_eq!(look(&script, 6010 + 482_000), Look::GivenUp);
    }
}
