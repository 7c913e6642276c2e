//! `steady state holds {phase}`: availability at the objective, p99 near the baseline's.

use crate::history::History;
use crate::measure::phases::phase_span;
use crate::measure::quantile::quantile_us;
use crate::measure::steady::Steadiness;
use crate::measure::{Sample, Timeline};
use crate::units::{Bound, Percent, Quantile, trimmed};

use super::availability::{budget_used_pct, still_open};
use super::judgement::show_us;
use super::{Checker, Judgement};
use crate::plan::Phase;
use crate::verdict::Verdict;

pub(super) struct SteadyState {
    pub phase: Phase,
}

impl Checker for SteadyState {
    fn check(&self, history: &History) -> Judgement {
        let timeline = Timeline::of(history);
        let steadiness = Steadiness::of(history, &timeline.moments);
        let objective = steadiness.availability_pct;
        let Some(p99_limit) = steadiness.p99_limit_us else {
            return Judgement::invalid(
                format!("≥ {} %", trimmed(objective, 4)),
                "%",
                0,
                "there was no steady baseline",
            );
        };
        let expected = format!("≥ {} % and p99 ≤ {}", trimmed(objective, 4), show_us(p99_limit));
        let found = match phase_span(&timeline, self.phase) {
            Ok(found) => found,
            Err(why) => return Judgement::invalid(expected, "%", 0, why),
        };
        let sample = Sample::of(history).within(found.span);
        let p99 = match quantile_us(&sample, Quantile::At(0.99)) {
            Ok(p99) => p99,
            Err(few) => {
                let why = format!("too few samples for p99: {} were due, it takes {}", few.have, few.need);
                return Judgement::invalid(expected, "%", few.have, why);
            }
        };
        let availability = sample.availability().map_or(0.0, |percent| percent.0);
        Judgement {
            observed: format!("{} %, p99 {}", trimmed(availability, 4), show_us(p99)),
            value: Some(availability),
            budget_used_pct: budget_used_pct(&Bound::AtLeast(Percent(objective)), sample.due(), sample.good()),
            n: Some(sample.due()),
            reason: found.open.then(|| still_open(true).trim_start_matches("; ").to_string()),
            ..Judgement::blank(Verdict::of(steadiness.holds(&sample)), expected, "%")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    use crate::history::Outcome;

    fn judged(script: &Script, phase: Phase) -> Judgement {
        crate::checker::of(&Expectation::SteadyState { phase }).check(&script.history())
    }

    fn dies() -> Script {
        Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1")
    }

    #[test]
    fn it_holds_while_available_and_as_fast_as_the_baseline() {
        let after = judged(&dies(), Phase::After);
        assert_eq!((after.verdict, after.n), (Verdict::Pass, Some(6000)));
        assert_eq!((after.expected.as_str(), after.observed.as_str()), ("≥ 99.9 % and p99 ≤ 30 ms", "100 %, p99 5 ms"));
        assert_eq!(judged(&Script::website(2, 1), Phase::Throughout).verdict, Verdict::Pass);
    }

    #[test]
    fn it_does_not_hold_when_bad_or_slow() {
        let bad = judged(&dies().bad(15_000.0, 15_014.0, Outcome::Refused), Phase::After);
        assert_eq!((bad.verdict, bad.observed.as_str()), (Verdict::Fail, "99.8833 %, p99 5 ms"));
        assert!(bad.budget_used_pct.is_some_and(|used| used > 100.0));
        assert_eq!(judged(&dies().bad(15_000.0, 15_012.0, Outcome::Refused), Phase::After).verdict, Verdict::Pass);
        assert_eq!(judged(&dies().slow(15_000.0, 15_200.0, 80.0), Phase::After).verdict, Verdict::Fail);
    }

    #[test]
    fn it_cannot_be_told_of_a_short_or_missing_phase() {
        assert_eq!(judged(&dies().until(9000), Phase::After).verdict, Verdict::Invalid);
        assert_eq!(judged(&Script::website(2, 1), Phase::After).verdict, Verdict::Invalid);
        let mut history = dies().history();
        history.events.retain(|record| !matches!(record.event, crate::history::Event::BaselineSteady { .. }));
        assert_eq!(SteadyState { phase: Phase::After }.check(&history).verdict, Verdict::Invalid);
    }
}
