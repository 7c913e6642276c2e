//! Where servers are struck in turn: each turn is judged by itself, and the worst counts.

use crate::history::History;
use crate::measure::turns::turns;

use super::judgement::joined;
use super::{Checker, Judgement};
use crate::verdict::Verdict;

/// Asks the checker of each turn; of the whole history where there are not several.
pub(super) struct EachTurn(pub Box<dyn Checker>);

impl Checker for EachTurn {
    fn check(&self, history: &History) -> Judgement {
        let turns = turns(history);
        let count = turns.len();
        if count < 2 {
            return self.0.check(history);
        }
        let judged = turns.map(|turn| (self.0.check(&turn.history), turn.servers));
        let (worst, servers) =
            judged.min_by(|(one, _), (other, _)| rank(one).total_cmp(&rank(other))).expect("several");
        Judgement { reason: joined(Some(named(&servers, count)), worst.reason), ..worst }
    }
}

/// The less, the worse: what failed, what could not be told, what is nearest to its bound.
fn rank(judgement: &Judgement) -> f64 {
    let left_pct = judgement.budget_used_pct.map(|used| 100.0 - used);
    let margin_pct = judgement.margin_pct.or(left_pct);
    match judgement.verdict {
        Verdict::Pass => margin_pct.unwrap_or(f64::MAX).max(0.0),
        Verdict::Fail => f64::MIN.max(-1e9 + margin_pct.unwrap_or(0.0)),
        _ => -1.0,
    }
}

fn named(servers: &[String], count: usize) -> String {
    format!("{}, the worst of {count} turns", servers.join(" and "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::expectation::{Expectation, Interval};
    use crate::units::{Bound, HumanDuration};

    /// Two balancers die, at 6 s and at 20 s; they recover after 2 s and after 4 s.
    fn both() -> Script {
        let first = Script::website(4, 2).until(40_000).dies(6000, "lb-1").replaced(6500, 7000, 8000, "lb-1");
        first.dies(20_000, "lb-2").replaced(20_500, 21_000, 24_000, "lb-2").in_turn()
    }

    fn recovery(script: &Script, seconds: u64) -> Judgement {
        let bound = Bound::Under(HumanDuration(Duration::from_secs(seconds)));
        crate::checker::of(&Expectation::Interval { interval: Interval::Recovery, bound }).check(&script.history())
    }

    #[test]
    fn the_slowest_turn_counts_and_not_the_whole_series() {
        let judgement = recovery(&both(), 5);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Pass, "4 s"));
        assert_eq!(judgement.reason.as_deref(), Some("lb-2, the worst of 2 turns"));
        assert_eq!(recovery(&both(), 3).verdict, Verdict::Fail);
    }

    #[test]
    fn a_turn_that_cannot_be_told_is_invalid_unless_another_failed() {
        let mut history = both().history();
        let unconfirmed =
            |event: &crate::history::Event| matches!(event, crate::history::Event::FaultConfirmed { strike: 1, .. });
        history.events.retain(|record| !unconfirmed(&record.event));
        let judged = |seconds| {
            let bound = Bound::Under(HumanDuration(Duration::from_secs(seconds)));
            crate::checker::of(&Expectation::Interval { interval: Interval::Recovery, bound }).check(&history).verdict
        };
        assert_eq!((judged(5), judged(1)), (Verdict::Invalid, Verdict::Fail));
    }
}
