//! `availability {phase} is {percent_bound}`: good ÷ due, by due time.

use crate::history::History;
use crate::measure::phases::phase_span;
use crate::measure::{Sample, Timeline};
use crate::units::{Bound, Percent, PercentBound, trimmed};

use super::compare::margin_pct;
use super::judgement::show_us;
use super::{Checker, Judgement};
use crate::plan::Phase;
use crate::verdict::Verdict;

/// Fewer requests than this say nothing of a share.
const LEAST: u64 = 10;

pub(super) struct Availability {
    pub phase: Phase,
    pub bound: PercentBound,
}

impl Checker for Availability {
    fn check(&self, history: &History) -> Judgement {
        let expected = self.bound.to_string();
        let timeline = Timeline::of(history);
        let found = match phase_span(&timeline, self.phase) {
            Ok(found) => found,
            Err(why) => return Judgement::invalid(expected, "%", 0, why),
        };
        let sample = Sample::of(history).within(found.span);
        let (due, good) = (sample.due(), sample.good());
        let Some(availability) = sample.availability().filter(|_| due >= LEAST) else {
            let length = show_us(found.span.length_us());
            let why = format!("only {due} requests were due in the {length} of this phase; it takes {LEAST}");
            return Judgement::invalid(expected, "%", due, why);
        };
        let deadline = show_us(sample.deadline_us());
        let budget_used_pct = budget_used_pct(&self.bound, due, good);
        let note = format!("{good} of {due} good, with a deadline of {deadline}{}", still_open(found.open));
        Judgement {
            observed: format!("{} %", trimmed(availability.0, 4)),
            value: Some(availability.0),
            margin_pct: budget_used_pct
                .is_none()
                .then(|| margin_pct(&self.bound.map(|limit| limit.0), availability.0))
                .flatten(),
            budget_used_pct,
            n: Some(due),
            reason: Some(note),
            ..Judgement::blank(Verdict::of(self.bound.holds(availability)), expected, "%")
        }
    }
}

/// The share of the error budget that was used, in percent: bad requests ÷ those that the bound allows. `None` where it
/// allows none, or is not about the least availability.
pub(super) fn budget_used_pct(bound: &PercentBound, due: u64, good: u64) -> Option<f64> {
    let (Bound::Over(Percent(least)) | Bound::AtLeast(Percent(least))) = *bound else { return None };
    let allowed = due as f64 * (100.0 - least) / 100.0;
    (allowed > 0.0).then(|| (due - good) as f64 / allowed * 100.0)
}

/// A note on a phase that the watch did not see the end of.
pub(super) fn still_open(open: bool) -> &'static str {
    if open { "; the phase had not ended when the watch did" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    use crate::history::Outcome;
    use crate::units::{Bound, Percent};

    fn judged(script: &Script, phase: Phase, bound: PercentBound) -> Judgement {
        crate::checker::of(&Expectation::Availability { phase, bound }).check(&script.history())
    }

    fn outage() -> Script {
        let script = Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        script.bad(6010.0, 6030.0, Outcome::Status(503))
    }

    #[test]
    fn it_is_good_over_due_of_the_phase() {
        let judgement = judged(&outage(), Phase::Degraded, Bound::AtLeast(Percent(98.0)));
        assert_eq!(judgement.verdict, Verdict::Pass);
        assert_eq!((judgement.n, judgement.observed.as_str()), (Some(1000), "99 %"));
        assert_eq!(judgement.expected, "≥ 98 %");
        assert_eq!(judgement.reason.as_deref(), Some("990 of 1000 good, with a deadline of 5 s"));
        assert_eq!(
            (judgement.margin_pct, judgement.budget_used_pct),
            (None, Some(50.0)),
            "10 of the 20 that may be bad"
        );
        assert_eq!(judged(&outage(), Phase::Degraded, Bound::AtLeast(Percent(99.1))).verdict, Verdict::Fail);
        assert_eq!(judged(&outage(), Phase::Before, Bound::AtLeast(Percent(100.0))).verdict, Verdict::Pass);
        assert_eq!(judged(&outage(), Phase::After, Bound::AtLeast(Percent(100.0))).n, Some(6000));
    }

    #[test]
    fn a_phase_that_is_empty_or_never_began_cannot_be_told() {
        let empty = judged(&outage().slow(6010.0, 6030.0, 5.0), Phase::Failover, Bound::AtLeast(Percent(0.0)));
        assert_eq!(empty.verdict, Verdict::Invalid);
        assert!(empty.reason.expect("a reason").contains("only 0 requests were due"));
        assert_eq!(
            judged(&Script::website(1, 1), Phase::Degraded, Bound::Over(Percent(0.0))).verdict,
            Verdict::Invalid
        );
        let short = outage().slow(6000.0, 6100.0, 5.0);
        let nine = short.clone().bad(6000.0, 6018.0, Outcome::Refused);
        assert_eq!(judged(&nine, Phase::Failover, Bound::AtMost(Percent(0.0))).verdict, Verdict::Invalid);
        let ten = short.bad(6000.0, 6020.0, Outcome::Refused);
        assert_eq!(judged(&ten, Phase::Failover, Bound::AtMost(Percent(0.0))).verdict, Verdict::Pass);
    }

    #[test]
    fn a_phase_that_did_not_end_says_so() {
        let judgement = judged(&Script::website(2, 1).dies(6000, "web-1"), Phase::Degraded, Bound::Over(Percent(99.0)));
        assert!(judgement.reason.expect("a note").ends_with("the phase had not ended when the watch did"));
    }
}
