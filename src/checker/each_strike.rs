//! `recovery from every strike takes {duration_bound}`: from when a strike came into force (or was healed, if it is to be
//! healed) until everything was as before, whatever else was struck meanwhile. The slowest counts.

use crate::history::History;
use crate::measure::milestones::unseen_at_the_end;
use crate::measure::moments::StrikeTimes;
use crate::measure::recovery::normal_from;
use crate::measure::resolution::{lateness_p99_us, resolution_us};
use crate::measure::{Known, Observed, Timeline};
use crate::units::DurationBound;

use super::compare::Measured;
use super::judgement::{Timed, show_us};
use super::{Checker, Judgement};

pub(super) struct EachStrike {
    pub bound: DurationBound,
}

/// How long the site took after a strike.
struct Took<'a> {
    strike: &'a StrikeTimes,
    us: u64,
    /// How much later than `us` says it may have begun.
    onset_us: u64,
    end: Observed,
}

impl Checker for EachStrike {
    fn check(&self, history: &History) -> Judgement {
        let timeline = Timeline::of(history);
        let strikes = &timeline.moments.strikes;
        let took: Option<Vec<Took>> = strikes.iter().map(|strike| took(history, &timeline, strike)).collect();
        let n = strikes.len() as u64;
        let invalid = |why: &str| Judgement::invalid(self.bound.to_string(), "s", n, why);
        let Some(took) = took else {
            return invalid("a strike was not confirmed, or was not over when the watch ended");
        };
        let Some(worst) = took.iter().max_by_key(|took| (took.end.us().is_none(), took.us)) else {
            return invalid("nothing was struck");
        };
        let (measured, observed) = match worst.end {
            Observed::At { within_us, .. } => {
                let late_us = lateness_p99_us(history).unwrap_or(0);
                let below_us = worst.onset_us + resolution_us(history).max(within_us);
                let known = Known::exactly(worst.us).widened(below_us, late_us);
                (Measured::Known(known), known.to_string())
            }
            Observed::NotBefore { .. } => match unseen_at_the_end(history, &timeline) {
                Some(why) => return invalid(&why),
                None => (
                    Measured::AtLeast(worst.us.saturating_sub(worst.onset_us)),
                    format!("never (watched for {})", show_us(worst.us)),
                ),
            },
        };
        let targets = worst.strike.targets.join(", ");
        Timed {
            bound: self.bound,
            measured,
            n: Some(n),
            observed,
            note: Some(format!("the slowest of {n}: {} at {targets}", worst.strike.fault)),
            unknown: "the watch ended too early to know".into(),
            unit: "s",
        }
        .judge()
    }
}

/// `None` where it was not confirmed, or not over.
fn took<'a>(history: &History, timeline: &Timeline, strike: &'a StrikeTimes) -> Option<Took<'a>> {
    let (onset, over_us) = (strike.onset()?, strike.over_us()?);
    let end = normal_from(history, &timeline.moments, &timeline.whole, over_us.max(onset.by_us));
    let (from_us, onset_us) = match strike.healed_us {
        Some(healed_us) => (healed_us, 0),
        None => (onset.not_before_us, onset.length_us()),
    };
    Some(Took { strike, us: end.known_us().saturating_sub(from_us), onset_us, end })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::units::{Bound, HumanDuration};
    use crate::verdict::Verdict;

    fn judged(script: &Script, seconds: u64) -> Judgement {
        let bound = Bound::Under(HumanDuration(Duration::from_secs(seconds)));
        crate::checker::of(&Expectation::EachStrike { bound }).check(&script.history())
    }

    /// lb-1 dies at 6 s and is back after 2 s; web-1 dies at 20 s and is back after 4 s.
    fn two() -> Script {
        let first = Script::website(4, 2).until(40_000).dies(6000, "lb-1").replaced(6500, 7000, 8000, "lb-1");
        first.dies(20_000, "web-1").replaced(20_500, 21_000, 24_000, "web-1")
    }

    #[test]
    fn the_slowest_strike_counts_and_not_the_whole_series() {
        let judgement = judged(&two(), 5);
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "4 s", Some(2)));
        assert_eq!(judgement.reason.as_deref(), Some("the slowest of 2: dies at web-1"));
        assert_eq!(judged(&two(), 3).verdict, Verdict::Fail);
    }

    #[test]
    fn after_one_of_them_it_was_never_as_before() {
        let never = Script::website(4, 2).until(40_000).dies(6000, "lb-1").replaced(6500, 7000, 8000, "lb-1");
        let judgement = judged(&never.dies(20_000, "web-1"), 5);
        assert_eq!((judgement.verdict, judgement.value), (Verdict::Fail, None), "{:?}", judgement.observed);
    }

    #[test]
    fn an_unconfirmed_strike_or_none_cannot_be_told() {
        assert_eq!(judged(&Script::website(4, 2), 5).verdict, Verdict::Invalid);
        let mut history = two().history();
        let confirms =
            |event: &crate::history::Event| matches!(event, crate::history::Event::FaultConfirmed { strike: 1, .. });
        history.events.retain(|record| !confirms(&record.event));
        let bound = Bound::Under(HumanDuration(Duration::from_secs(5)));
        assert_eq!(crate::checker::of(&Expectation::EachStrike { bound }).check(&history).verdict, Verdict::Invalid);
    }
}
