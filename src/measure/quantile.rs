//! Statistics of latency over a sample, with whatever was not good ranked at the deadline or more.

use hdrhistogram::Histogram;

use crate::units::Quantile;

use super::sample::Sample;

/// Samples that must lie beyond a quantile before it is asserted.
const BEYOND: f64 = 10.0;

/// Three significant digits: a value is at most 0.1 % too high.
const DIGITS: u8 = 3;

/// Too few samples to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFew {
    /// How many there are.
    pub have: u64,
    /// How many it takes.
    pub need: u64,
}

/// How many samples a statistic takes: at quantile q, n·(1 − q) ≥ 10.
pub fn needed(quantile: Quantile) -> u64 {
    match quantile {
        Quantile::At(share) if share < 1.0 => (BEYOND / (1.0 - share) - 1e-6).ceil() as u64,
        Quantile::At(_) | Quantile::Maximum => 1,
        Quantile::Mean => BEYOND as u64,
    }
}

/// A statistic of a sample's latency, in microseconds.
///
/// # Errors
/// When there are too few samples to tell.
pub fn quantile_us(sample: &Sample<'_>, quantile: Quantile) -> Result<u64, TooFew> {
    let (have, need) = (sample.due(), needed(quantile));
    if have < need {
        return Err(TooFew { have, need });
    }
    plain_us(sample, quantile).ok_or(TooFew { have, need })
}

/// Several quantiles of a sample's latency, in microseconds, each as [`quantile_us`] says it; the sample is gone through
/// once.
pub fn quantiles_us<const N: usize>(sample: &Sample<'_>, shares: [f64; N]) -> [Option<u64>; N] {
    let histogram = histogram(ranks(sample));
    let enough = |share| sample.due() >= needed(Quantile::At(share));
    shares.map(|share| enough(share).then(|| histogram.value_at_quantile(share)))
}

/// The same however few the samples are: for tables and plots, not for verdicts. `None` when nothing was due.
pub fn plain_us(sample: &Sample<'_>, quantile: Quantile) -> Option<u64> {
    of_ranks_us(ranks(sample), quantile)
}

/// The same of any lengths of time, in microseconds.
pub(super) fn of_ranks_us(ranks: impl Iterator<Item = u64>, quantile: Quantile) -> Option<u64> {
    match quantile {
        Quantile::At(share) if share < 1.0 => {
            let histogram = histogram(ranks);
            (!histogram.is_empty()).then(|| histogram.value_at_quantile(share))
        }
        Quantile::At(_) | Quantile::Maximum => ranks.max(),
        Quantile::Mean => {
            let (sum, count) = ranks.fold((0, 0), |(sum, count), us| (sum + us, count + 1));
            (count > 0).then(|| sum / count)
        }
    }
}

fn ranks<'s>(sample: &'s Sample<'_>) -> impl Iterator<Item = u64> + 's {
    sample.requests().iter().map(|request| sample.rank_us(request))
}

/// A statistic of plain values, in microseconds.
///
/// # Errors
/// When there are too few to tell.
pub fn of_values_us(values: impl Iterator<Item = u64>, quantile: Quantile) -> Result<u64, TooFew> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let (have, need) = (values.len() as u64, needed(quantile));
    let (Some(largest), true) = (values.last(), have >= need) else { return Err(TooFew { have, need }) };
    Ok(match quantile {
        // The nearest rank.
        Quantile::At(share) if share < 1.0 => values[((have as f64 * share).ceil() as usize).max(1) - 1],
        Quantile::At(_) | Quantile::Maximum => *largest,
        Quantile::Mean => values.iter().sum::<u64>() / have,
    })
}

fn histogram(ranks: impl Iterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = Histogram::new(DIGITS).expect("three significant digits are allowed");
    for us in ranks {
        histogram.record(us).expect("the histogram resizes itself");
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Request};
    use proptest::prelude::*;

    fn requests(latencies: impl IntoIterator<Item = u32>) -> Vec<Request> {
        let good = |latency_us| Request { due_us: 0, late_us: 0, latency_us, outcome: Outcome::Good };
        latencies.into_iter().map(good).collect()
    }

    #[test]
    fn quantiles_of_a_thousand_known_values() {
        let requests = requests((1..=1000).map(|k| k * 1000));
        let sample = Sample::new(&requests, 5_000_000);
        let near = |quantile, expected: f64| {
            let got = quantile_us(&sample, quantile).expect("enough samples") as f64;
            assert!((got - expected).abs() <= expected * 0.001, "{quantile}: {got}, not {expected}");
        };
        near(Quantile::At(0.5), 500_000.0);
        near(Quantile::At(0.95), 950_000.0);
        near(Quantile::At(0.99), 990_000.0);
        near(Quantile::Mean, 500_500.0);
        near(Quantile::Maximum, 1_000_000.0);
        near(Quantile::At(1.0), 1_000_000.0);
    }

    #[test]
    fn ten_samples_must_lie_beyond_a_quantile() {
        assert_eq!(needed(Quantile::At(0.5)), 20);
        assert_eq!(needed(Quantile::At(0.95)), 200);
        assert_eq!(needed(Quantile::At(0.99)), 1000);
        assert_eq!(needed(Quantile::At(0.999)), 10_000);
        assert_eq!(needed(Quantile::At(0.9999)), 100_000);
        assert_eq!(needed(Quantile::Mean), 10);
        assert_eq!(needed(Quantile::Maximum), 1);
        let few = requests(std::iter::repeat_n(5, 999));
        let told = quantile_us(&Sample::new(&few, 10), Quantile::At(0.99));
        assert_eq!(told, Err(TooFew { have: 999, need: 1000 }));
        assert_eq!(plain_us(&Sample::new(&few, 10), Quantile::At(0.99)), Some(5));
        let enough = requests(std::iter::repeat_n(5, 1000));
        assert_eq!(quantile_us(&Sample::new(&enough, 10), Quantile::At(0.99)), Ok(5));
    }

    #[test]
    fn nothing_has_no_statistics() {
        for quantile in [Quantile::At(0.5), Quantile::Mean, Quantile::Maximum] {
            assert_eq!(plain_us(&Sample::new(&[], 10), quantile), None);
            assert!(quantile_us(&Sample::new(&[], 10), quantile).is_err());
        }
    }

    #[test]
    fn an_instant_error_is_not_fast() {
        let mut requests = requests(std::iter::repeat_n(5000, 980));
        requests.extend(std::iter::repeat_n(
            Request { due_us: 0, late_us: 0, latency_us: 100, outcome: Outcome::Status(503) },
            20,
        ));
        let sample = Sample::new(&requests, 1_000_000);
        assert!(quantile_us(&sample, Quantile::At(0.99)).expect("enough") >= 1_000_000);
        assert_eq!(quantile_us(&sample, Quantile::Maximum), Ok(1_000_000));
        assert_eq!(quantile_us(&sample, Quantile::Mean), Ok((980 * 5000 + 20 * 1_000_000) / 1000));
    }

    proptest! {
        #[test]
        fn a_quantile_is_the_ranked_value_to_a_thousandth(
            latencies in prop::collection::vec(1u32..60_000_000, 20..400),
            bad in prop::collection::vec(any::<bool>(), 400),
            share in 0.01f64..0.999,
        ) {
            let mut requests = requests(latencies);
            for (request, bad) in requests.iter_mut().zip(bad) {
                if bad { request.outcome = Outcome::Refused }
            }
            let sample = Sample::new(&requests, 5_000_000);
            let mut ranks: Vec<u64> = requests.iter().map(|request| sample.rank_us(request)).collect();
            ranks.sort_unstable();
            let got = plain_us(&sample, Quantile::At(share)).expect("not empty");
            // The n-th in rank, or its neighbour where the share falls between two.
            let nth = (share * ranks.len() as f64).ceil() as usize;
            let near = |k: usize| { let want = ranks[k.clamp(1, ranks.len()) - 1]; got >= want && got <= want + want / 1000 + 1 };
            prop_assert!(near(nth) || near(nth + 1) || near(nth.saturating_sub(1)), "{got} at {share}: {ranks:?}");
        }
    }
}
