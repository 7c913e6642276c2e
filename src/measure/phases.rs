//! Where phases begin and end. They are half-open, and a request belongs to one by its due time.
//!
//! | phase | from | to |
//! |---|---|---|
//! | before | zero | t0 |
//! | failover | t0 | service is back |
//! | degraded | t0 | recovery |
//! | after | recovery | the watch ends |
//! | throughout | zero | the watch ends |
//!
//! "Before", "degraded" and "after" are a partition of "throughout": every request that was due from zero until the
//! watch's end is in exactly one of them. "Failover" lies inside "degraded". A phase that never ended is known until
//! the watch's end.

use crate::clock::micros;
use crate::history::History;
use crate::plan::Phase;

use super::moments::Moments;
use super::span::{Observed, Span};
use super::timeline::Timeline;

/// All phases, in the order of their begins.
pub const PHASES: [Phase; 5] = [Phase::Before, Phase::Failover, Phase::Degraded, Phase::After, Phase::Throughout];

/// Where a phase lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseSpan {
    /// From when until when.
    pub span: Span,
    /// It had not ended when the watch did.
    pub open: bool,
}

/// Where a phase lies in a scenario; `Err` says why there is none.
///
/// # Errors
/// In words for a report, when what it begins with never happened.
pub fn phase_span(timeline: &Timeline, phase: Phase) -> Result<PhaseSpan, &'static str> {
    let moments = &timeline.moments;
    let zero = moments.zero_us.ok_or("the baseline was never steady");
    let t0 = moments.t0_us.ok_or("no fault was confirmed");
    let closed = |from, to| Ok(PhaseSpan { span: Span::new(from, to), open: false });
    match phase {
        Phase::Before => closed(zero?, moments.t0_us.or(moments.injection_us).ok_or("no fault was injected")?),
        Phase::Failover => Ok(until(t0?, timeline.service, degraded_until(timeline))),
        Phase::Degraded => Ok(until(t0?, timeline.recovery, moments.end_us)),
        Phase::After => {
            let recovered = t0.and(Ok(timeline.recovery.and_then(Observed::us)))?;
            closed(recovered.ok_or("the site never recovered")?, moments.end_us)
        }
        Phase::Throughout => closed(zero?, moments.end_us),
    }
}

/// The fixed span that "stays" is judged over: from t0, or from zero where the plan has nothing to be done.
pub fn stays_span(history: &History, moments: &Moments) -> Option<Span> {
    let from = if history.plan.acts.is_empty() { moments.zero_us? } else { moments.t0_us? };
    Some(Span::new(from, from + micros(history.plan.settings.steady.stays)))
}

/// Where the phase "degraded" ends.
fn degraded_until(timeline: &Timeline) -> u64 {
    timeline.recovery.and_then(Observed::us).unwrap_or(timeline.moments.end_us)
}

fn until(from: u64, reached: Option<Observed>, end: u64) -> PhaseSpan {
    let to = reached.and_then(Observed::us);
    PhaseSpan { span: Span::new(from, to.unwrap_or(end).min(end)), open: to.is_none() }
}

/// A phase as the steps call it.
pub fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Before => "before the fault",
        Phase::Failover => "during failover",
        Phase::Degraded => "while degraded",
        Phase::After => "after recovery",
        Phase::Throughout => "throughout",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;
    use crate::measure::{Sample, milestones};
    use crate::plan::Schedule;
    use proptest::prelude::*;

    fn phases(script: &Script) -> Vec<Option<(u64, u64, bool)>> {
        let timeline = Timeline::of(&script.history());
        let found = PHASES.into_iter().map(|phase| phase_span(&timeline, phase).ok());
        found.map(|f| f.map(|f| (f.span.from_us / 1000, f.span.to_us / 1000, f.open))).collect()
    }

    #[test]
    fn phases_hang_on_zero_injection_t0_service_and_recovery() {
        let script = Script::website(4, 2).dies(6000, "lb-1").holders(6090, &["lb-2"]);
        let script = script.bad(6002.0, 6094.0, Outcome::Timeout).replaced(6500, 7000, 8000, "lb-1");
        assert_eq!(
            phases(&script),
            [
                Some((1000, 6000, false)),
                Some((6000, 6094, false)),
                Some((6000, 8000, false)),
                Some((8000, 20_000, false)),
                Some((1000, 20_000, false)),
            ]
        );
    }

    #[test]
    fn a_phase_that_never_ended_is_open() {
        let script = Script::website(2, 1).dies(6000, "lb-1").bad(6002.0, 20_000.0, Outcome::Timeout);
        let found = phases(&script);
        assert_eq!(found[1], Some((6000, 20_000, true)));
        assert_eq!(found[2], Some((6000, 20_000, true)));
        assert_eq!(found[3], None);
    }

    #[test]
    fn without_a_fault_there_is_only_throughout() {
        assert_eq!(phases(&Script::website(2, 1)), [None, None, None, None, Some((1000, 20_000, false))]);
        let timeline = Timeline::of(&Script::website(2, 1).history());
        assert_eq!(phase_span(&timeline, Phase::After), Err("no fault was confirmed"));
        assert_eq!(phase_span(&timeline, Phase::Before), Err("no fault was injected"));
    }

    #[test]
    fn a_request_that_was_bad_before_the_witness_spoke_is_degraded() {
        let script = Script::website(2, 1).strike_unconfirmed(6000, "dies", &["lb-1"], Schedule::Once);
        let script = script.came_into_force(6000, 6500, 0, &["lb-1"]).bad(6004.0, 6100.0, Outcome::Timeout);
        let history = script.history();
        let timeline = Timeline::of(&history);
        let bad = |phase| {
            let sample = Sample::of(&history).within(phase_span(&timeline, phase).expect("a phase").span);
            sample.due() - sample.good()
        };
        assert_eq!((bad(Phase::Before), bad(Phase::Failover), bad(Phase::Degraded)), (0, 48, 48));
    }

    proptest! {
        /// Whatever was struck, served badly and brought back: nothing is hidden.
        #[test]
        fn every_request_is_in_exactly_one_of_before_degraded_and_after(
            (injected, certain, seen) in (6000_u64..9000, 0_u64..3000, 0_u64..3000),
            bad in proptest::collection::vec((5000_u64..19_000, 1_u64..2000), 0..4),
            back in proptest::option::of(500_u64..8000),
            again in proptest::option::of(1000_u64..9000),
        ) {
            let not_before = injected + certain;
            let script = Script::website(2, 2).strike_unconfirmed(injected, "dies", &["lb-1"], Schedule::Once);
            let mut script = script.came_into_force(not_before, not_before + seen, 0, &["lb-1"]);
            for (from, length) in bad {
                script = script.bad(from as f64, (from + length) as f64, Outcome::Refused);
            }
            if let Some(back) = back {
                script = script.replaced(not_before + 10, not_before + 20, not_before + back, "lb-1");
            }
            if let Some(again) = again {
                script = script.dies(not_before + again, "web-1");
            }
            let history = script.history();
            let timeline = Timeline::of(&history);
            let span = |phase| phase_span(&timeline, phase).ok().map(|found| found.span);
            let throughout = span(Phase::Throughout).expect("a zero");
            for request in Sample::of(&history).within(throughout).requests() {
                let within = |phase| span(phase).is_some_and(|span| span.contains(request.due_us));
                let phases = [Phase::Before, Phase::Degraded, Phase::After].into_iter().filter(|phase| within(*phase));
                prop_assert_eq!(phases.count(), 1, "due at {} µs", request.due_us);
                prop_assert!(!within(Phase::Failover) || within(Phase::Degraded), "failover lies inside degraded");
            }
            for row in milestones::rows(&history, &timeline) {
                prop_assert!(row.milestone.us().is_none_or(|us| Some(us) >= timeline.moments.t0_us), "{:?}", row);
            }
        }
    }

    #[test]
    fn stays_is_judged_from_t0_or_from_zero_where_nothing_is_done() {
        let span = |script: &Script| stays_span(&script.history(), &Moments::of(&script.history()));
        assert_eq!(span(&Script::website(2, 1).dies(6000, "lb-1")), Some(Span::new(6_000_000, 66_000_000)));
        assert_eq!(span(&Script::website(2, 1)), Some(Span::new(1_000_000, 61_000_000)));
        assert_eq!(span(&Script::website(2, 1).asks("dies", crate::plan::Schedule::Once)), None);
    }

    #[test]
    fn each_phase_is_called_as_in_a_step() {
        let names = PHASES.map(phase_name);
        assert_eq!(names, ["before the fault", "during failover", "while degraded", "after recovery", "throughout"]);
    }
}
