//! What users saw of what was written: `users read their own writes`, `no user sees less than before`, `{quantile}
//! staleness is {duration_bound}`. Definitions are in [`crate::measure::reads`].

use crate::history::History;
use crate::measure::meaning::{Deeds, Read};
use crate::measure::models;
use crate::measure::quantile::{TooFew, of_values_us};
use crate::measure::reads::{JudgedRead, going_back, judged};
use crate::measure::{Known, Moments};
use crate::units::{DurationBound, Percent, Quantile};

use super::compare::Measured;
use super::judgement::{Timed, show_us};
use super::{Checker, Judgement, workload};

/// How many findings a reason names.
const NAMED: usize = 3;

pub(super) struct OwnWritesRead;

impl Checker for OwnWritesRead {
    fn check(&self, history: &History) -> Judgement {
        let Some(deeds) = Deeds::of(history) else { return workload::own_writes_read(history) };
        let own: Vec<JudgedRead<'_>> = judged(&deeds).into_iter().filter(|read| read.own).collect();
        if own.is_empty() {
            let why = format!("no user read its own {}s after one was acknowledged", deeds.noun);
            return Judgement::invalid("0".into(), "reads", 0, why);
        }
        let moments = Moments::of(history);
        let missed: Vec<String> = own
            .iter()
            .filter_map(|read| {
                let late = show_us(read.stale_us?);
                Some(format!(
                    "{} did not see a {} of its own of {late} before{}",
                    read.read.by,
                    deeds.noun,
                    at(read.read, &moments)
                ))
            })
            .collect();
        Judgement::none_of("reads", &missed, own.len() as u64, NAMED).unless_unseen(deeds.unclear.clone())
    }
}

pub(super) struct NeverLess;

impl Checker for NeverLess {
    fn check(&self, history: &History) -> Judgement {
        let Some(deeds) = Deeds::of(history) else { return workload::never_less(history) };
        let (back, compared) = going_back(&deeds);
        if compared == 0 {
            return Judgement::invalid("0".into(), "reads", 0, "no user read the same page twice");
        }
        let moments = Moments::of(history);
        let back: Vec<String> =
            back.iter().map(|read| format!("{} saw less than before{}", read.by, at(read, &moments))).collect();
        Judgement::none_of("reads", &back, compared, NAMED).unless_unseen(deeds.unclear.clone())
    }
}

pub(super) struct Staleness {
    pub quantile: Quantile,
    pub bound: DurationBound,
}

impl Checker for Staleness {
    fn check(&self, history: &History) -> Judgement {
        let expected = self.bound.to_string();
        let deeds = Deeds::of(history);
        let stale_us: Vec<Option<u64>> = match &deeds {
            Some(deeds) => judged(deeds).into_iter().map(|read| read.stale_us).collect(),
            None => models::reads(&history.works).into_iter().map(|read| read.stale_us).collect(),
        };
        let stale = stale_us.iter().flatten().count();
        let values = stale_us.iter().map(|stale_us| stale_us.unwrap_or(0));
        let value_us = match of_values_us(values, self.quantile) {
            Ok(value_us) => value_us,
            Err(TooFew { have, need }) => {
                let why = format!("{have} reads could be judged; {} takes {need}", self.quantile);
                return Judgement::invalid(expected, "ms", have, why);
            }
        };
        let share = Percent(100.0 * stale as f64 / stale_us.len() as f64);
        Timed {
            bound: self.bound,
            // Both ends are moments of one clock.
            measured: Measured::Known(Known::exactly(value_us)),
            n: Some(stale_us.len() as u64),
            observed: show_us(value_us),
            note: Some(format!("{stale} of {} reads were stale ({share})", stale_us.len())),
            unknown: String::new(),
            unit: "ms",
        }
        .judge()
        .unless_unseen(deeds.and_then(|deeds| deeds.unclear))
    }
}

fn at(read: &Read<'_>, moments: &Moments) -> String {
    let Some(t0_us) = moments.t0_us else { return String::new() };
    let invoked_us = read.work.invoked_us;
    match invoked_us.checked_sub(t0_us) {
        Some(after) => format!(", {} after t0", show_us(after)),
        None => format!(", {} before t0", show_us(t0_us - invoked_us)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::units::{Bound, HumanDuration};
    use crate::verdict::Verdict;

    fn judged(script: &Script, expectation: Expectation) -> Judgement {
        crate::checker::of(&expectation).check(&script.history())
    }

    /// Acknowledged at 2.01 s and 3.01 s.
    fn site() -> Script {
        Script::website(2, 2).databases(2).posts("u-1", 1, 2000).posts("u-1", 2, 3000)
    }

    fn stale(ms: u64) -> Expectation {
        let bound = Bound::AtMost(HumanDuration(Duration::from_millis(ms)));
        Expectation::Staleness { quantile: Quantile::Maximum, bound }
    }

    #[test]
    fn a_user_sees_what_it_wrote() {
        assert_eq!(
            judged(&site().sees("u-1", "u-1", &[1, 2], 3020), Expectation::OwnWritesRead).verdict,
            Verdict::Pass
        );
        let judgement = judged(&site().sees("u-1", "u-1", &[1], 3020), Expectation::OwnWritesRead);
        assert_eq!((judgement.verdict, judgement.n), (Verdict::Fail, Some(1)));
        assert_eq!(judgement.reason.as_deref(), Some("u-1 did not see a post of its own of 10 ms before"));
        assert_eq!(judged(&site().sees("u-2", "u-1", &[], 3020), Expectation::OwnWritesRead).verdict, Verdict::Invalid);
        assert_eq!(judged(&Script::website(2, 2), Expectation::OwnWritesRead).verdict, Verdict::Invalid);
    }

    #[test]
    fn what_is_not_yet_acknowledged_need_not_be_seen() {
        let judgement = judged(&site().sees("u-2", "u-1", &[1], 3005), stale(0));
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Pass, "0 ms"));
    }

    #[test]
    fn staleness_is_the_age_of_the_oldest_post_that_is_missing() {
        let script =
            site().sees("u-2", "u-1", &[2], 3110).sees("u-2", "u-1", &[1], 3110).sees("u-2", "u-1", &[1, 2], 3110);
        let judgement = judged(&script, stale(1100));
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "1.1 s", Some(3)));
        assert_eq!(judgement.reason.as_deref(), Some("2 of 3 reads were stale (66.667 %)"));
        assert_eq!(judged(&script, stale(1099)).verdict, Verdict::Fail);
        assert_eq!(judged(&site(), stale(1099)).verdict, Verdict::Invalid);
    }

    #[test]
    fn a_user_never_sees_less_than_before() {
        let forth = site().sees("u-2", "u-1", &[1], 3020).sees("u-2", "u-1", &[1, 2], 3040);
        assert_eq!(judged(&forth, Expectation::NeverLess).verdict, Verdict::Pass);
        let back = forth.clone().sees("u-2", "u-1", &[1], 3060);
        let judgement = judged(&back, Expectation::NeverLess);
        assert_eq!((judgement.verdict, judgement.n), (Verdict::Fail, Some(2)));
        assert_eq!(judgement.reason.as_deref(), Some("u-2 saw less than before"));
        let another = forth.sees("u-3", "u-1", &[1], 3060);
        assert_eq!(judged(&another, Expectation::NeverLess).verdict, Verdict::Pass);
        assert_eq!(judged(&site(), Expectation::NeverLess).verdict, Verdict::Invalid);
    }
}
