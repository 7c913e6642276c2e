//! `recovery from every strike takes {duration_bound}`: from when a strike was over (in effect, or healed, if it is to be
//! healed) until everything was as before, whatever else was struck meanwhile. The slowest counts.

use crate::history::History;
use crate::measure::moments::StrikeTimes;
use crate::measure::recovery::normal_from;
use crate::measure::resolution::resolution_us;
use crate::measure::{Reached, Timeline};
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
    end: Reached,
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
        let (measured, observed, within_us) = match worst.end {
            Reached::At { within_us, .. } => (Measured::Exactly(worst.us as f64), show_us(worst.us), within_us),
            Reached::NotBefore { .. } => {
                (Measured::AtLeast(worst.us as f64), format!("never (watched for {})", show_us(worst.us)), 0)
            }
        };
        let targets = worst.strike.targets.join(", ");
        Timed {
            bound: self.bound,
            measured,
            resolution_us: resolution_us(history).max(within_us),
            n,
            observed,
            note: Some(format!("the slowest of {n}: {} at {targets}", worst.strike.fault)),
            unknown: "the watch ended too early to tell".into(),
            unit: "s",
        }
        .judge()
    }
}

/// `None` where it was not confirmed, or not over.
fn took<'a>(history: &History, timeline: &Timeline, strike: &'a StrikeTimes) -> Option<Took<'a>> {
    let over_us = strike.over_us()?.max(strike.t0_us()?);
    let end = normal_from(history, &timeline.moments, &timeline.whole, over_us);
    Some(Took { strike, us: end.known_us().saturating_sub(over_us), end })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checker::{Expectation, Verdict};
    use crate::history::synthetic::Script;
    use crate::units::{Bound, HumanDuration};

    fn judged(script: &Script, seconds: u64) -> Judgement {
        let bound = Bound::Under(HumanDuration(Duration::from_secs(seconds)));
        Expectation::EachStrike { bound }.checker().check(&script.history())
    }

    /// lb-1 dies at 6 s and is back after 2 s; web-1 dies at 20 s and is back after 4 s.
    fn two() -> Script {
        let first = Script::website(4, 2).until(40_000).dies(6000, "lb-1").replaced(6500, 7000, 8000, "lb-1");
        first.dies(20_000, "web-1").replaced(20_500, 21_000, 24_000, "web-1")
    }

    #[test]
    fn the_slowest_strike_counts_and_not_the_whole_series() {
        let judgement = judged(&two(), 5);
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "3.99 s", 2));
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
        assert_eq!(Expectation::EachStrike { bound }.checker().check(&history).verdict, Verdict::Invalid);
    }
}
