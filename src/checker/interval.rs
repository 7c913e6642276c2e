//! `{interval} takes {duration_bound}`: from t0, in model time. What never came is a lower bound, not a number.

use crate::history::History;
use crate::measure::milestones::interval_end;
use crate::measure::resolution::resolution_us;
use crate::measure::{ModelTime, Reached, Sample, Span, Timeline};
use crate::units::DurationBound;

use super::compare::Measured;
use super::judgement::{Timed, scaled_resolution_us, show_modelled, show_us};
use super::{Checker, Interval, Judgement};

pub(super) struct IntervalTakes {
    pub interval: Interval,
    pub bound: DurationBound,
}

impl Checker for IntervalTakes {
    fn check(&self, history: &History) -> Judgement {
        let timeline = Timeline::of(history);
        let invalid = |why: &str| Judgement::invalid(self.bound.to_string(), "s", 0, why);
        let Some(t0) = timeline.moments.t0_us else { return invalid("no fault was confirmed") };
        let Some(end) = interval_end(history, &timeline, self.interval) else {
            return invalid("nothing on this stack could see it");
        };
        let took = end.known_us().saturating_sub(t0);
        let modelled = ModelTime::of(history).interval_us(history, &timeline, self.interval, end);
        let (measured, observed, within_us) = match end {
            Reached::At { within_us, .. } => {
                (Measured::Exactly(modelled as f64), show_modelled(modelled, took), within_us)
            }
            Reached::NotBefore { .. } => {
                let never = never(took, timeline.moments.end_us.saturating_sub(t0));
                (Measured::AtLeast(modelled as f64), never_modelled(never, modelled, took), 0)
            }
        };
        Timed {
            bound: self.bound,
            measured,
            resolution_us: scaled_resolution_us(history, resolution_us(history).max(within_us), modelled, took),
            n: Sample::of(history).within(Span::new(t0, end.known_us())).due(),
            observed,
            note: note(self.interval, end, &timeline),
            unknown: format!("the watch ended {} after t0, too early to tell", show_us(timeline.moments.end_us - t0)),
            unit: "s",
        }
        .judge()
    }
}

fn never(took_us: u64, watched_us: u64) -> String {
    if took_us == watched_us {
        format!("never (watched for {})", show_us(watched_us))
    } else {
        format!("not before {} (watched for {})", show_us(took_us), show_us(watched_us))
    }
}

fn never_modelled(never: String, modelled_us: u64, measured_us: u64) -> String {
    if modelled_us == measured_us { never } else { format!("{never}: ≥ {} in model time", show_us(modelled_us)) }
}

fn note(interval: Interval, end: Reached, timeline: &Timeline) -> Option<String> {
    let back = timeline.redundancy.and_then(Reached::us);
    match (interval, end.us(), timeline.moments.t0_us, back) {
        (Interval::Failover, Some(end), Some(t0), _) if end == t0 => Some("service was never out".into()),
        (Interval::Removal, None, Some(t0), Some(back)) => {
            Some(format!("it was there again after {} without having been removed", show_us(back - t0)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Expectation, Verdict};
    use crate::history::synthetic::Script;

    use crate::history::{Event, Outcome};
    use crate::units::{Bound, HumanDuration};
    use std::time::Duration;

    fn ms(limit: u64) -> HumanDuration {
        HumanDuration(Duration::from_millis(limit))
    }

    fn judged(script: &Script, interval: Interval, bound: DurationBound) -> Judgement {
        Expectation::Interval { interval, bound }.checker().check(&script.history())
    }

    fn dies() -> Script {
        Script::website(4, 2).dies(6000, "web-1")
    }

    #[test]
    fn an_interval_is_counted_from_t0() {
        let script = dies().replaced(6500, 7000, 8000, "web-1");
        let recovery = judged(&script, Interval::Recovery, Bound::Under(ms(8 * 60_000)));
        assert_eq!((recovery.verdict, recovery.observed.as_str()), (Verdict::Pass, "1.99 s"));
        assert_eq!((recovery.value, recovery.unit.as_str(), recovery.n), (Some(1.99), "s", 995));
        assert_eq!(judged(&script, Interval::Recovery, Bound::Under(ms(1500))).verdict, Verdict::Fail);
        assert_eq!(judged(&script, Interval::Recovery, Bound::Under(ms(1991))).verdict, Verdict::Invalid);
        assert_eq!(judged(&script, Interval::Replacement, Bound::Under(ms(1980))).verdict, Verdict::Fail);
        assert_eq!(judged(&script, Interval::Detection, Bound::Between(ms(480), ms(500))).verdict, Verdict::Pass);
    }

    #[test]
    fn what_never_came_fails_with_a_lower_bound() {
        let never = judged(&dies(), Interval::Recovery, Bound::Under(ms(13_000)));
        assert_eq!((never.verdict, never.observed.as_str()), (Verdict::Fail, "never (watched for 13.99 s)"));
        assert_eq!((never.value, never.margin_pct), (None, None));
        assert_eq!(judged(&dies(), Interval::Recovery, Bound::Over(ms(13_000))).verdict, Verdict::Pass);
    }

    #[test]
    fn a_watch_that_ended_too_early_cannot_tell() {
        let early = judged(&dies(), Interval::Recovery, Bound::Under(ms(30_000)));
        assert_eq!(early.verdict, Verdict::Invalid);
        assert!(early.reason.expect("a reason").contains("too early to tell"));
        let back = dies().bad(6010.0, 19_500.0, Outcome::Refused);
        assert_eq!(judged(&back, Interval::Failover, Bound::Under(ms(13_600))).verdict, Verdict::Invalid);
        let observed = judged(&back, Interval::Failover, Bound::Under(ms(13_600))).observed;
        assert_eq!(observed, "not before 13.49 s (watched for 13.99 s)");
    }

    #[test]
    fn what_nothing_could_see_cannot_be_told() {
        let none = judged(&Script::website(2, 0).dies(6000, "web-1"), Interval::Removal, Bound::Under(ms(500)));
        assert_eq!((none.verdict, none.observed.as_str()), (Verdict::Invalid, "unobserved"));
        let no_fault = judged(&Script::website(2, 1), Interval::Recovery, Bound::Over(ms(1)));
        assert_eq!((no_fault.verdict, no_fault.reason.as_deref()), (Verdict::Invalid, Some("no fault was confirmed")));
    }

    #[test]
    fn what_was_polled_is_not_told_more_finely_than_the_poll() {
        let mut history = dies().view(8000, "lb-1", "web-1", "DOWN").view(8000, "lb-2", "web-1", "DOWN").history();
        let checker = IntervalTakes { interval: Interval::Removal, bound: Bound::Under(ms(2000)) };
        assert_eq!(checker.check(&history).verdict, Verdict::Pass);
        for record in history.events.iter_mut().filter(|record| matches!(record.event, Event::BalancerView { .. })) {
            record.resolution_us = 20_000;
        }
        assert_eq!(checker.check(&history).verdict, Verdict::Invalid);
    }

    #[test]
    fn notes_say_what_was_special() {
        let script = dies().replaced(6500, 7000, 8000, "web-1");
        let failover = judged(&script, Interval::Failover, Bound::Under(ms(5000)));
        assert_eq!((failover.verdict, failover.reason.as_deref()), (Verdict::Pass, Some("service was never out")));
        let removal = judged(&script, Interval::Removal, Bound::Under(ms(10_000)));
        assert_eq!(removal.verdict, Verdict::Fail);
        assert_eq!(removal.reason.as_deref(), Some("it was there again after 1.99 s without having been removed"));
        let down = judged(&script.bad(6010.0, 6200.0, Outcome::Refused), Interval::Failover, Bound::Under(ms(5000)));
        assert_eq!((down.reason, down.observed.as_str()), (None, "190 ms"));
    }

    #[test]
    fn what_came_before_t0_took_no_time() {
        let script = dies().view(6002, "lb-1", "web-1", "DOWN");
        assert_eq!(judged(&script, Interval::Detection, Bound::Under(ms(100))).value, Some(0.0));
    }
}
