//! The worst second of a stretch: what an average over a minute hides.

use crate::units::{Quantile, trimmed};

use super::quantile::plain_us;
use super::sample::Sample;
use super::span::Span;

/// A second, in microseconds.
const SECOND_US: u64 = 1_000_000;

/// One second, by due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstSecond {
    /// Its begin, in microseconds on the run's clock.
    pub from_us: u64,
    /// How many requests were due.
    pub due: u64,
    /// How many of them were good.
    pub good: u64,
    /// p99 of their latencies, however few they are.
    pub p99_us: u64,
}

/// What a second is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedFrom {
    /// The onset of the first fault, t0.
    Onset,
    /// The start of the baseline, where no fault was in the plan.
    Baseline,
}

impl CountedFrom {
    /// The worst second in the words of every report, with its own start in seconds: `495 of 500 good, p99 1.04 s, from 0 s
    /// after the onset on`.
    pub fn worst_second(self, start_s: f64, good: u64, due: u64, p99: &str) -> String {
        let from = trimmed(start_s, 1);
        let what = match self {
            CountedFrom::Onset => "the onset",
            CountedFrom::Baseline => "the start of the baseline",
        };
        format!("{good} of {due} good, p99 {p99}, from {from} s after {what} on")
    }
}

/// The second (counted from the span's begin) with the most bad requests, and of those the slowest; the first of
/// equals. `None` when nothing was due.
pub fn worst_second(sample: &Sample<'_>, span: Span) -> Option<WorstSecond> {
    let mut worst: Option<WorstSecond> = None;
    let within = sample.within(span);
    let mut rest = within.requests();
    // From second to second in which something was due: a span may be far longer than its requests.
    while let Some(first) = rest.first() {
        let from_us = first.due_us - first.due_us.saturating_sub(span.from_us) % SECOND_US;
        let until_us = from_us.saturating_add(SECOND_US).min(span.to_us);
        let count = rest.iter().take_while(|request| request.due_us < until_us).count();
        let (second, later) = rest.split_at(count.max(1));
        rest = later;
        let second = Sample::new(second, sample.deadline_us());
        let Some(p99_us) = plain_us(&second, Quantile::At(0.99)) else { continue };
        let found = WorstSecond { from_us, due: second.due(), good: second.good(), p99_us };
        let badness = |second: &WorstSecond| (second.due - second.good, second.p99_us);
        if worst.is_none_or(|worst| badness(&found) > badness(&worst)) {
            worst = Some(found);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;

    fn worst(script: &Script) -> WorstSecond {
        worst_second(&Sample::of(&script.history()), Span::new(6_010_000, 12_510_000)).expect("probes")
    }

    #[test]
    fn the_second_with_the_most_bad_requests_is_the_worst() {
        let script = Script::website(1, 1).bad(8100.0, 8200.0, Outcome::Refused).bad(9100.0, 9300.0, Outcome::Refused);
        let worst = worst(&script);
        assert_eq!((worst.from_us, worst.due, worst.good), (9_010_000, 500, 400));
        assert!(worst.p99_us >= 5_000_000);
    }

    #[test]
    fn of_seconds_without_a_bad_request_the_slowest_is_the_worst() {
        assert_eq!(worst(&Script::website(1, 1).slow(8100.0, 8200.0, 40.0)).from_us, 8_010_000);
        assert_eq!(worst(&Script::website(1, 1)).from_us, 6_010_000, "the first of equals");
    }

    #[test]
    fn the_last_second_may_be_shorter() {
        let worst = worst(&Script::website(1, 1).bad(12_400.0, 20_000.0, Outcome::Refused));
        assert_eq!((worst.from_us, worst.due, worst.good), (12_010_000, 250, 195));
        assert_eq!(worst_second(&Sample::new(&[], 10), Span::new(0, 5_000_000)), None);
    }

    #[test]
    fn a_span_that_is_far_longer_than_its_requests_takes_no_longer() {
        let history = Script::website(1, 1).bad(8100.0, 8200.0, Outcome::Refused).history();
        let found = |to_us| worst_second(&Sample::of(&history), Span::new(6_010_000, to_us));
        assert_eq!(found(u64::MAX), found(60_000_000));
    }
}
