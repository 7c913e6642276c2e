//! How long users waited too long, whether or not they were served in the end.
//!
//! A stretch is slow when more than half of the requests that were due in it took longer than the objective: the tightest
//! latency that a hypothesis allows, or 500 ms where none speaks of latency. It is measured in bins of 100 ms by due
//! time, and so is known to 100 ms at each end. What was not good took the deadline or more ([`super::sample`]).

use std::time::Duration;

use crate::clock::micros;
use crate::history::History;
use crate::plan::Expectation;
use crate::units::{Bound, DurationBound};

use super::known::Known;
use super::sample::Sample;
use super::span::Span;

/// A bin, in microseconds.
pub const BIN_US: u64 = 100_000;
/// Longer than this is slow where no hypothesis says what is.
const SLOW: Duration = Duration::from_millis(500);

/// The slow stretches of a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slowness {
    /// Longer than this was slow, in microseconds.
    pub over_us: u64,
    /// Each stretch, in order; neighbouring bins are one stretch.
    pub stretches: Vec<Span>,
}

impl Slowness {
    /// Finds them. A last bin that the span's end cuts off counts as far as it goes; a bin in which nothing was due is
    /// not slow.
    pub fn of(history: &History, span: Span) -> Slowness {
        let (sample, over_us) = (Sample::of(history).within(span), over_us(history));
        let mut stretches: Vec<Span> = Vec::new();
        let mut rest = sample.requests();
        // From bin to bin in which something was due: a span may be far longer than its requests.
        while let Some(first) = rest.first() {
            let from_us = first.due_us - first.due_us.saturating_sub(span.from_us) % BIN_US;
            let bin = Span::new(from_us, from_us.saturating_add(BIN_US).min(span.to_us));
            let count = rest.iter().take_while(|request| request.due_us < bin.to_us).count();
            let (due, later) = rest.split_at(count.max(1));
            rest = later;
            let slow = due.iter().filter(|request| sample.rank_us(request) > over_us).count();
            if slow * 2 <= due.len() {
                continue;
            }
            match stretches.last_mut() {
                Some(last) if last.to_us == bin.from_us => last.to_us = bin.to_us,
                _ => stretches.push(bin),
            }
        }
        Slowness { over_us, stretches }
    }

    /// All of them together.
    pub fn total(&self) -> Known {
        let total_us = self.stretches.iter().map(|stretch| stretch.length_us()).sum();
        Known::within(total_us, BIN_US * self.stretches.len() as u64)
    }

    /// The longest.
    pub fn longest(&self) -> Known {
        let longest_us = self.stretches.iter().map(|stretch| stretch.length_us()).max().unwrap_or(0);
        Known::within(longest_us, if longest_us == 0 { 0 } else { BIN_US })
    }
}

/// Longer than this is slow, in microseconds.
fn over_us(history: &History) -> u64 {
    let bounds = history.plan.hypotheses.iter().filter_map(|hypothesis| match &hypothesis.expectation {
        Expectation::LatencyStays { bound, .. } | Expectation::Latency { bound, .. } => upper(bound),
        _ => None,
    });
    micros(bounds.min().unwrap_or(SLOW))
}

fn upper(bound: &DurationBound) -> Option<Duration> {
    match bound {
        Bound::Under(limit) | Bound::AtMost(limit) | Bound::Between(_, limit) => Some(limit.0),
        Bound::Over(_) | Bound::AtLeast(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;
    use crate::plan::Phase;
    use crate::units::{HumanDuration, Quantile};

    fn slow(script: &Script) -> Vec<(u64, u64)> {
        let found = Slowness::of(&script.history(), Span::new(1_000_000, 20_000_000));
        found.stretches.iter().map(|stretch| (stretch.from_us / 1000, stretch.to_us / 1000)).collect()
    }

    #[test]
    fn a_bin_in_which_more_than_half_waited_too_long_is_slow() {
        let site = || Script::website(2, 1);
        assert_eq!(slow(&site()), []);
        assert_eq!(slow(&site().slow(7000.0, 7400.0, 501.0)), [(7000, 7400)]);
        assert_eq!(slow(&site().slow(7000.0, 7400.0, 500.0)), [], "500 ms is not longer than 500 ms");
        assert_eq!(slow(&site().slow(7000.0, 7050.0, 900.0)), [], "half of the bin");
        assert_eq!(slow(&site().slow(7000.0, 7052.0, 900.0)), [(7000, 7100)]);
        assert_eq!(slow(&site().bad(7000.0, 7100.0, Outcome::Refused)), [(7000, 7100)], "it took the deadline or more");
    }

    #[test]
    fn the_tightest_hypothesis_on_latency_says_what_is_slow() {
        let bound = Bound::Under(HumanDuration(Duration::from_millis(200)));
        let quantile = Quantile::At(0.99);
        let script = Script::website(2, 1).slow(7000.0, 7100.0, 300.0);
        let looser = Bound::Under(HumanDuration(Duration::from_millis(400)));
        let script = script.expects(Expectation::LatencyStays { quantile, bound: looser });
        assert_eq!(slow(&script), []);
        let tight = script.expects(Expectation::Latency { quantile, phase: Phase::Throughout, bound });
        assert_eq!(slow(&tight), [(7000, 7100)]);
    }

    #[test]
    fn the_last_bin_that_is_cut_off_counts_too() {
        let script = Script::website(2, 1).slow(19_900.0, 20_000.0, 900.0);
        let found = Slowness::of(&script.history(), Span::new(1_000_000, 19_950_000));
        assert_eq!(found.stretches, [Span::new(19_900_000, 19_950_000)]);
        assert_eq!(found.longest().to_string(), "≤ 150 ms");
        let longer =
            Slowness::of(&Script::website(2, 1).slow(7000.0, 8000.0, 900.0).history(), Span::new(0, 9_000_000));
        assert_eq!((longer.total().to_string(), longer.longest().us), ("1 s".into(), 1_000_000));
    }

    #[test]
    fn a_span_that_is_far_longer_than_its_requests_takes_no_longer() {
        let history = Script::website(2, 1).slow(7000.0, 8000.0, 900.0).history();
        let found = |to_us| Slowness::of(&history, Span::new(1_000_000, to_us)).stretches;
        assert_eq!(found(u64::MAX), found(30_000_000));
    }
}
