//! What a site promises its users (service level objectives), as on the command line: `availability >= 99.9%`, `p99 < 300ms`.

use std::str::FromStr;

use crate::measure::quantile::needed;
use crate::plan::{Expectation, Phase};
use crate::steps::params::{DurationBound, ParamError, PercentBound, Quantile};
use crate::units::Quantile as Statistic;

/// What to write instead.
const EXAMPLES: &str = "write for example `availability >= 99.9%`, `p99 < 300ms` or `longest outage <= 1s`";

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// As it was written.
    pub text: String,
    /// What it means, over the whole of an observation.
    pub expectation: Expectation,
}

impl Slo {
    /// How many requests it takes to tell.
    pub fn needs(&self) -> u64 {
        match self.expectation {
            Expectation::Latency { quantile, .. } => needed(quantile),
            _ => needed(Statistic::Mean),
        }
    }
}

impl FromStr for Slo {
    type Err = String;

    fn from_str(text: &str) -> Result<Slo, String> {
        let text = text.trim();
        let from = text.find(['<', '>', '≤', '≥']).or_else(|| words_of_bound(text));
        let (what, bound) = text.split_at(from.ok_or_else(|| format!("there is no bound in it; {EXAMPLES}"))?);
        let told = |why: ParamError| format!("{why}; {EXAMPLES}");
        let duration = || bound.parse().map(|DurationBound(bound)| bound).map_err(told);
        let expectation = match what.trim() {
            "availability" => Expectation::Availability {
                phase: Phase::Throughout,
                bound: bound.parse().map(|PercentBound(bound)| bound).map_err(told)?,
            },
            "longest outage" => Expectation::LongestOutage { bound: duration()? },
            "total downtime" => Expectation::TotalDowntime { bound: duration()? },
            quantile => {
                let quantile = quantile.strip_suffix(" latency").unwrap_or(quantile);
                let Quantile(quantile) = quantile.parse().map_err(|_| {
                    format!("`{quantile}` is neither `availability` nor a statistic of latency; {EXAMPLES}")
                })?;
                Expectation::Latency { quantile, phase: Phase::Throughout, bound: duration()? }
            }
        };
        Ok(Slo { text: text.into(), expectation })
    }
}

/// Where `under 300 ms` begins in `p99 under 300 ms`.
fn words_of_bound(text: &str) -> Option<usize> {
    let words = [" under ", " over ", " at least ", " at most ", " between "];
    words.iter().find_map(|word| text.find(word)).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::units::{Bound, HumanDuration, Percent};

    fn meant(text: &str) -> Expectation {
        text.parse::<Slo>().expect(text).expectation
    }

    #[test]
    fn it_is_written_as_slos_are_and_as_steps_are() {
        let phase = Phase::Throughout;
        let ms = |ms| HumanDuration(Duration::from_millis(ms));
        let availability = Expectation::Availability { phase, bound: Bound::AtLeast(Percent(99.9)) };
        for text in
            ["availability >= 99.9%", "availability>=99.9 %", "availability ≥ 99.9%", "availability at least 99.9%"]
        {
            assert_eq!(meant(text), availability, "{text}");
        }
        let p99 = Expectation::Latency { quantile: Statistic::At(0.99), phase, bound: Bound::Under(ms(300)) };
        for text in ["p99 < 300ms", "p99<300 ms", "p99 latency < 300ms", " p99 under 300 ms "] {
            assert_eq!(meant(text), p99, "{text}");
        }
        let at_most = Expectation::LongestOutage { bound: Bound::AtMost(ms(1000)) };
        assert_eq!(meant("longest outage <= 1 s"), at_most);
    }

    #[test]
    fn what_is_no_objective_is_refused_with_examples() {
        for (text, expected) in [
            ("p99", "there is no bound in it"),
            ("availabilty > 99%", "`availabilty` is neither `availability` nor a statistic of latency"),
            ("p100 < 3 ms", "`p100` is neither"),
            ("availability > 300ms", "is not a percentage"),
            ("p99 < 5", "`5` is not a duration"),
            ("p99 =< 5 ms", "neither"),
        ] {
            let why = text.parse::<Slo>().unwrap_err();
            assert!(why.contains(expected) && why.ends_with(EXAMPLES), "{text}: {why}");
        }
    }

    #[test]
    fn a_quantile_takes_ten_requests_beyond_it() {
        let needs = |text: &str| text.parse::<Slo>().unwrap().needs();
        assert_eq!((needs("p99 < 1s"), needs("median < 1s"), needs("availability > 99%")), (1000, 20, 10));
    }
}
