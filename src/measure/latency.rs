//! How exactly a statistic of latency is known: to the prober's own lateness, and not to the time between two probes.
//!
//! A latency counts from the moment at which a probe was due until its whole answer was read, both by one clock. So the time between two
//! probes decides how many probes a statistic rests on ([`needed`](super::quantile::needed)), and makes none of them less exact. What does:
//!
//! - A probe is sent late. How late is recorded with it, and it may have found the site better or worse for that.
//! - Its answer is read late. That is not recorded, and only makes a latency longer. The same thread sends and reads, and it is as late for
//!   the one as for the other: so often, and by so much.
//! - The clock is read in whole microseconds, once at either end. Quantiles are taken from a histogram of three significant digits.

use crate::history::{Outcome, Request};
use crate::units::Quantile;

use super::known::Known;
use super::quantile::{TooFew, of_ranks_us, quantile_us};
use super::sample::Sample;

/// Both ends are known to a microsecond.
const CLOCK_US: u64 = 2;
/// A histogram of three significant digits tells a value to a thousandth.
const BIN: u64 = 1000;
/// Answers that were read later than is allowed for may be one in ten of those beyond a quantile, and one in a hundred of all.
const READ_LATER: (f64, f64) = (0.1, 0.01);

/// A statistic of a sample's latency, and between which two it truly lies. What was not good ranks as it always does.
///
/// # Errors
/// When there are too few samples to tell.
pub fn known_us(sample: &Sample<'_>, quantile: Quantile) -> Result<Known, TooFew> {
    let us = quantile_us(sample, quantile)?;
    let low_us = least(quantile).into_iter().filter_map(|(of, late, times)| {
        let read_late_us = times * of_ranks_us(lateness(sample), late).unwrap_or(0);
        Some(of_ranks_us(moved(sample, u64::saturating_sub), of)?.saturating_sub(read_late_us))
    });
    let high_us = of_ranks_us(moved(sample, u64::saturating_add), quantile);
    let known = Known { low_us: low_us.max().unwrap_or(us).min(us), us, high_us: high_us.unwrap_or(us).max(us) };
    let read_to_us = CLOCK_US + us / BIN;
    Ok(known.widened(read_to_us, read_to_us))
}

/// Ways to find a value that the statistic is surely not below: a statistic of latency, less so many times a statistic of lateness. If no
/// more than a share p of all answers were read later than that, then leaving out p of the slowest leaves the truth or less. Each way is
/// sound, so the highest of the values counts: a single probe that was very late takes nothing from a median, and none leaves every rank.
/// A maximum rests on one answer, which may be the one that was read later than any probe was sent.
fn least(quantile: Quantile) -> Vec<(Quantile, Quantile, u64)> {
    match quantile {
        Quantile::At(share) if share < 1.0 => {
            let later = (READ_LATER.0 * (1.0 - share)).min(READ_LATER.1);
            vec![(quantile, Quantile::Maximum, 1), (Quantile::At(share - later), Quantile::At(1.0 - later), 1)]
        }
        Quantile::At(_) | Quantile::Maximum => vec![(quantile, Quantile::Maximum, 2)],
        Quantile::Mean => vec![(quantile, Quantile::Mean, 1)],
    }
}

/// What each latency may have been, had its probe been sent when it was due.
fn moved<'s>(sample: &'s Sample<'_>, by: fn(u64, u64) -> u64) -> impl Iterator<Item = u64> + 's {
    sample.requests().iter().map(move |request| match sample.is_good(request) {
        true => by(sample.rank_us(request), request.late_us.into()),
        false => sample.rank_us(request),
    })
}

/// How late each probe was sent, of those that were.
fn lateness<'s>(sample: &'s Sample<'_>) -> impl Iterator<Item = u64> + 's {
    let sent = |request: &&Request| request.outcome != Outcome::NotSent;
    sample.requests().iter().filter(sent).map(|request| u64::from(request.late_us))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

    const DEADLINE_US: u64 = 5_000_000;

    fn good(latency_us: u64, late_us: u64) -> Request {
        Request { due_us: 0, late_us: late_us as u32, latency_us: latency_us as u32, outcome: Outcome::Good }
    }

    fn known(requests: &[Request], quantile: Quantile) -> Known {
        known_us(&Sample::new(requests, DEADLINE_US), quantile).expect("enough samples")
    }

    #[test]
    fn a_prober_that_is_never_late_knows_a_latency_to_its_clock_and_its_histogram() {
        let requests = vec![good(30_000, 0); 1200];
        let p95 = known(&requests, Quantile::At(0.95));
        assert_eq!((p95.us - p95.low_us, p95.high_us - p95.us), (32, 32), "{p95:?}");
        assert_eq!(known(&requests, Quantile::Maximum), Known::within(30_000, 32));
    }

    #[test]
    fn what_was_sent_late_is_known_to_that_and_to_as_much_for_its_answer() {
        let requests = vec![good(30_000, 700); 1200];
        for quantile in [Quantile::At(0.5), Quantile::At(0.99), Quantile::Mean] {
            let Known { low_us, high_us, .. } = known(&requests, quantile);
            assert!((28_500..=28_600).contains(&low_us), "700 µs twice: {low_us}");
            assert!((30_700..=30_800).contains(&high_us), "700 µs once: {high_us}");
        }
        let low_us = known(&requests, Quantile::Maximum).low_us;
        assert!((27_800..=27_900).contains(&low_us), "700 µs three times: {low_us}");
    }

    #[test]
    fn one_probe_that_was_very_late_only_makes_the_slowest_unknown() {
        let mut requests = vec![good(30_000, 100); 1200];
        requests[7] = good(230_000, 200_000);
        let width = |quantile| {
            let Known { low_us, high_us, .. } = known(&requests, quantile);
            high_us - low_us
        };
        assert!(width(Quantile::At(0.95)) < 500, "{}", width(Quantile::At(0.95)));
        assert!(known(&requests, Quantile::Maximum).low_us <= 30_000, "the harness alone may have made it");
    }

    #[test]
    fn ranks_are_as_counted_where_the_prober_was_not_late() {
        // 1.05 % are slow, and p99 allows 1 %.
        let requests: Vec<Request> = (0..2000).map(|k| good(if k < 21 { 600_000 } else { 5_000 }, 50)).collect();
        assert!(known(&requests, Quantile::At(0.99)).low_us > 590_000);
    }

    #[test]
    fn what_was_read_late_is_not_taken_for_the_site_beside_what_the_site_made_slow() {
        let slow = std::iter::repeat_n(good(300_000, 100), 50);
        // As many were sent late as were read late: fewer than one in a hundred.
        let late = std::iter::repeat_n(good(45_000, 25_000), 90).chain(std::iter::repeat_n(good(45_000, 100), 90));
        let requests: Vec<Request> = slow.chain(late).chain(std::iter::repeat_n(good(20_000, 100), 9_770)).collect();
        let p99 = known(&requests, Quantile::At(0.99));
        assert!(p99.us >= 45_000 && p99.low_us <= 20_000, "{p99:?}");
    }

    /// The harness's own lateness, with a heavy tail: mostly 50 to 250 µs, once in fifty 5 to 25 ms.
    fn late(rng: &mut StdRng) -> u64 {
        if rng.random_bool(0.02) { rng.random_range(5_000..25_000) } else { rng.random_range(50..250) }
    }

    /// How often, of a hundred probers of a site of which every latency is known, the truth lies outside of what is known of it.
    fn wrong(quantile: Quantile, read: impl Fn(&mut StdRng) -> u64) -> usize {
        let is_wrong = |seed: &u64| {
            let rng = &mut StdRng::seed_from_u64(*seed);
            let truth: Vec<u64> = (0..2000).map(|_| 20_000 + (rng.next_u32() % 20_000) as u64).collect();
            let asked = truth.iter().map(|us| {
                let sent = late(rng);
                good(us + sent + read(rng), sent)
            });
            let Known { low_us, high_us, .. } = known(&asked.collect::<Vec<_>>(), quantile);
            let truth = of_ranks_us(truth.into_iter(), quantile).unwrap();
            truth < low_us || truth > high_us
        };
        (0..100).filter(is_wrong).count()
    }

    #[test]
    fn the_truth_lies_within_what_is_known_however_late_the_prober_was() {
        for quantile in [Quantile::At(0.5), Quantile::At(0.95), Quantile::At(0.99), Quantile::Maximum] {
            let wrong = wrong(quantile, late);
            assert!(wrong <= 1, "{quantile}: {wrong} of 100");
        }
    }

    #[test]
    fn a_prober_that_reads_later_than_it_sends_would_be_found_out() {
        assert!(wrong(Quantile::At(0.99), |rng| 2 * late(rng) + 20_000) > 90);
    }
}
