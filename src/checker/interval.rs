//! `{interval} takes {duration_bound}`: from t0, in model time. What never came is a lower bound, not a number.

use crate::history::History;
use crate::measure::dead_process::{DeadProcess, dead_processes};
use crate::measure::milestones::{Milestone, MilestoneTally, Name, interval_end};
use crate::measure::relapse::Relapse;
use crate::measure::resolution::{lateness_p99_us, resolution_us};
use crate::measure::{Known, ModelTime, Observed, Span, Timeline};
use crate::units::DurationBound;

use super::compare::Measured;
use super::judgement::{Timed, in_model_time, show_modelled, show_us};
use super::{Checker, Judgement};
use crate::plan::Interval;

pub(super) struct IntervalTakes {
    pub interval: Interval,
    pub bound: DurationBound,
}

impl Checker for IntervalTakes {
    fn check(&self, history: &History) -> Judgement {
        let timeline = Timeline::of(history);
        let invalid = |why: &str| Judgement::invalid(self.bound.to_string(), "s", 0, why);
        let moments = &timeline.moments;
        let (Some(t0), Some(witnessed)) = (moments.t0_us, moments.witnessed_us) else {
            return invalid("no fault was confirmed");
        };
        let Some(row) = interval_end(history, &timeline, self.interval) else {
            return invalid("no fault was confirmed");
        };
        let model = ModelTime::of(history);
        let modelled = |from_us: u64, end: Observed| {
            let span = Span::new(from_us, end.known_us());
            model.interval_since_us(history, &timeline, self.interval, span, end)
        };
        let (measured, observed) = match &row.milestone {
            // It took no longer than the probes may have missed.
            Milestone::NotNeeded { .. } if self.interval == Interval::Failover => {
                let none = Known::exactly(0).widened(0, resolution_us(history));
                (Measured::Known(none), none.to_string())
            }
            Milestone::NotNeeded { why } | Milestone::Unobservable { why } => return invalid(why),
            Milestone::At { us, within_us } => {
                let end = Observed::At { us: *us, within_us: *within_us };
                let took = known_end(history, us.saturating_sub(t0), *within_us);
                let known = in_model_time(history, took, modelled(t0, end));
                // It may have come into force as late as that.
                let onset_us = known.us.saturating_sub(modelled(witnessed, end));
                let known = known.widened(onset_us, 0);
                (Measured::Known(known), show_modelled(known, took.widened(witnessed - t0, 0)))
            }
            Milestone::Never { us } => {
                let (took, end) = (us.saturating_sub(t0), Observed::NotBefore { us: *us });
                let never = never(took, moments.end_us.saturating_sub(t0));
                (Measured::AtLeast(modelled(witnessed, end)), never_modelled(never, modelled(t0, end), took))
            }
        };
        let watched = show_us(moments.end_us.saturating_sub(t0));
        Timed {
            bound: self.bound,
            measured,
            n: None,
            observed,
            note: note(history, &row, &timeline),
            unknown: format!("the watch ended {watched} after t0, too early to know"),
            unit: "s",
        }
        .judge()
    }
}

/// How long it took until something was recorded or a request was good. It may have come earlier, by the resolution; it
/// may have come later than the request was due, by as much as requests were sent late.
fn known_end(history: &History, took_us: u64, within_us: u64) -> Known {
    let below_us = resolution_us(history).max(within_us);
    Known::exactly(took_us).widened(below_us, lateness_p99_us(history).unwrap_or(0))
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

fn note(history: &History, row: &MilestoneTally, timeline: &Timeline) -> Option<String> {
    let (moments, t0) = (&timeline.moments, timeline.moments.t0_us?);
    let mut notes = Vec::new();
    match (row.name, &row.milestone, timeline.redundancy.and_then(Observed::us)) {
        (_, Milestone::NotNeeded { why }, _) => notes.push(why.clone()),
        (Name::Removed, Milestone::Never { .. }, Some(back)) => {
            let back = show_us(back.saturating_sub(t0));
            notes.push(format!("it was there again after {back} without having been removed"));
        }
        _ => {}
    }
    notes.extend(
        row.of.filter(|of| of.total > 1 && of.done < of.total).map(|of| format!("{} of {} victims", of.done, of.total)),
    );
    if let (Name::ServiceBack | Name::Redundant | Name::Normal, Milestone::Never { .. }) = (row.name, &row.milestone) {
        notes.extend(dead(&dead_processes(history)));
    }
    if let (Name::Redundant | Name::Normal, Some(us)) = (row.name, row.milestone.us()) {
        notes.extend(relapsed(&timeline.relapses, us, moments.end_us));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// Which processes a fault killed for good: the first of them in words.
fn dead(processes: &[DeadProcess<'_>]) -> Option<String> {
    let DeadProcess { server, step } = processes.first()?;
    let more = match processes.len() {
        1 => String::new(),
        all => format!(", nor those of {} more", all - 1),
    };
    Some(format!("the process that “{step}” killed on {server} was not seen to run again{more}"))
}

/// What happened after it, if anything did.
fn relapsed(relapses: &[Relapse], back_us: u64, end_us: u64) -> Option<String> {
    let first = relapses.first()?;
    let after = show_us(first.span.from_us.saturating_sub(back_us));
    let lasted = match first.open {
        true => format!("until the watch ended, {}", show_us(end_us - first.span.from_us)),
        false => format!("for {}", show_us(first.span.length_us())),
    };
    let more = if relapses.len() > 1 { format!(" ({} times in all)", relapses.len()) } else { String::new() };
    Some(format!("but {after} later {} {lasted}{more}", first.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    use crate::history::{Event, Outcome};
    use crate::units::{Bound, HumanDuration};
    use std::time::Duration;

    fn ms(limit: u64) -> HumanDuration {
        HumanDuration(Duration::from_millis(limit))
    }

    fn judged(script: &Script, interval: Interval, bound: DurationBound) -> Judgement {
        crate::checker::of(&Expectation::Interval { interval, bound }).check(&script.history())
    }

    fn dies() -> Script {
        Script::website(4, 2).dies(6000, "web-1")
    }

    #[test]
    fn an_interval_is_counted_from_t0() {
        let script = dies().replaced(6500, 7000, 8000, "web-1");
        let recovery = judged(&script, Interval::Recovery, Bound::Under(ms(8 * 60_000)));
        assert_eq!((recovery.verdict, recovery.observed.as_str()), (Verdict::Pass, "2 s"));
        assert_eq!((recovery.value, recovery.unit.as_str(), recovery.n), (Some(2.0), "s", None));
        assert_eq!(judged(&script, Interval::Recovery, Bound::Under(ms(1500))).verdict, Verdict::Fail);
        assert_eq!(judged(&script, Interval::Recovery, Bound::Under(ms(1995))).verdict, Verdict::Invalid);
        assert_eq!(judged(&script, Interval::Replacement, Bound::Under(ms(1980))).verdict, Verdict::Fail);
        assert_eq!(judged(&script, Interval::Detection, Bound::Between(ms(480), ms(510))).verdict, Verdict::Pass);
    }

    #[test]
    fn what_never_came_fails_with_a_lower_bound() {
        let never = judged(&dies(), Interval::Recovery, Bound::Under(ms(13_000)));
        assert_eq!((never.verdict, never.observed.as_str()), (Verdict::Fail, "never (watched for 14 s)"));
        assert_eq!((never.value, never.margin_pct), (None, None));
        assert_eq!(judged(&dies(), Interval::Recovery, Bound::Over(ms(13_000))).verdict, Verdict::Pass);
    }

    #[test]
    fn a_watch_that_ended_too_early_cannot_tell() {
        let early = judged(&dies(), Interval::Recovery, Bound::Under(ms(30_000)));
        assert_eq!(early.verdict, Verdict::Invalid);
        assert!(early.reason.expect("a reason").contains("too early to know"));
        let back = dies().bad(6010.0, 19_500.0, Outcome::Refused);
        assert_eq!(judged(&back, Interval::Failover, Bound::Under(ms(13_600))).verdict, Verdict::Invalid);
        let observed = judged(&back, Interval::Failover, Bound::Under(ms(13_600))).observed;
        assert_eq!(observed, "not before 13.5 s (watched for 14 s)");
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
        let checker = IntervalTakes { interval: Interval::Removal, bound: Bound::Over(ms(1980)) };
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
        assert_eq!(removal.reason.as_deref(), Some("it was there again after 2 s without having been removed"));
        let down = judged(&script.bad(6010.0, 6200.0, Outcome::Refused), Interval::Failover, Bound::Under(ms(5000)));
        assert_eq!((down.reason, down.observed.as_str()), (None, "200 ms"));
    }

    #[test]
    fn what_came_before_the_witness_is_told_as_the_most_it_can_be() {
        let script = dies().view(6008, "lb-1", "web-1", "DOWN");
        let judgement = judged(&script, Interval::Detection, Bound::Under(ms(100)));
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Pass, "≤ 8 ms"));
        assert_eq!((judgement.low, judgement.value, judgement.high), (Some(0.0), Some(0.008), Some(0.008)));
    }

    /// A webserver dies between 6,000 and 9,000 ms, and is back at 10 s.
    fn witnessed_late() -> Script {
        let script = Script::website(4, 2).strike_unconfirmed(6000, "dies", &["web-1"], crate::plan::Schedule::Once);
        script.came_into_force(6000, 9000, 0, &["web-1"]).replaced(9100, 9500, 10_000, "web-1")
    }

    #[test]
    fn a_bound_between_the_ends_of_an_uncertain_onset_cannot_be_told() {
        let judged = |bound| judged(&witnessed_late(), Interval::Recovery, bound);
        assert_eq!(judged(Bound::Under(ms(4000))).verdict, Verdict::Pass, "4 s at most");
        assert_eq!(judged(Bound::Under(ms(900))).verdict, Verdict::Fail, "1 s at least, but for the probes' spacing");
        let between = judged(Bound::Under(ms(2000)));
        assert_eq!((between.verdict, between.observed.as_str()), (Verdict::Invalid, "4 s"));
        assert_eq!(
            between.reason.as_deref(),
            Some("it is only known to lie between 998 ms and 4 s, and its bound does so too")
        );
        assert_eq!(judged(Bound::Over(ms(900))).verdict, Verdict::Pass);
        assert_eq!(judged(Bound::Over(ms(2000))).verdict, Verdict::Invalid);
    }

    #[test]
    fn a_recovery_that_never_came_names_the_process_that_nothing_started_again() {
        let killed = Script::website(4, 2).strike(6000, "process-dies", &["web-1", "web-2"]);
        let never = judged(&killed, Interval::Recovery, Bound::Under(ms(13_000)));
        assert_eq!(never.verdict, Verdict::Fail);
        let why =
            "the process that “a node process-dies” killed on web-1 was not seen to run again, nor those of 1 more";
        assert!(never.reason.as_deref().is_some_and(|reason| reason.contains(why)), "{:?}", never.reason);
        let back = |at_ms, script: Script, target: &str| {
            script.event(at_ms, Event::ProcessBack { strike: 0, target: target.into(), evidence: "1 process".into() })
        };
        let back =
            judged(&back(8000, back(7000, killed, "web-1"), "web-2"), Interval::Recovery, Bound::Under(ms(13_000)));
        assert_eq!((back.verdict, back.reason), (Verdict::Pass, None));
        let gone = judged(&dies(), Interval::Recovery, Bound::Under(ms(13_000)));
        assert!(!gone.reason.unwrap_or_default().contains("process"), "no process was killed");
    }

    #[test]
    fn a_relapse_is_told_beside_the_recovery_it_undoes() {
        let script = dies().replaced(6500, 7000, 8000, "web-1");
        let script = script.view(12_000, "lb-1", "web-1", "DOWN").view(13_000, "lb-1", "web-1", "UP");
        let recovery = judged(&script, Interval::Recovery, Bound::Under(ms(5000)));
        assert_eq!(recovery.reason.as_deref(), Some("but 4 s later web-1 is missing for 1 s"));
    }
}
