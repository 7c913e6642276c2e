//! Outages as users saw them.

use super::sample::Sample;
use super::span::Span;

/// An outage is over only when this many good requests in a row…
pub const GOOD_IN_A_ROW: usize = 20;
/// …span at least this long, in microseconds, from the first one's due moment to the last one's.
pub const GOOD_FOR_US: u64 = 200_000;

/// The outages of a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downtime {
    /// Each from the first bad due request to the first of the good ones that ended it; one that was still going on
    /// ends with the stretch.
    pub windows: Vec<Span>,
    /// The last of them was still going on at the stretch's end.
    pub open: bool,
    /// The longest time from one good request's due moment to the next's, the stretch's ends included.
    pub longest_gap_us: u64,
}

impl Downtime {
    /// Finds the outages within a span.
    pub fn of(sample: &Sample<'_>, span: Span) -> Downtime {
        let sample = sample.within(span);
        let (windows, open) = windows(&sample, span);
        Downtime { windows, open, longest_gap_us: longest_gap_us(&sample, span) }
    }

    /// All outages together, in microseconds.
    pub fn total_us(&self) -> u64 {
        self.windows.iter().map(|window| window.length_us()).sum()
    }

    /// The longest outage, in microseconds; 0 without any.
    pub fn longest_us(&self) -> u64 {
        self.windows.iter().map(|window| window.length_us()).max().unwrap_or(0)
    }
}

fn windows(sample: &Sample<'_>, span: Span) -> (Vec<Span>, bool) {
    let mut windows = Vec::new();
    let mut down_since = None;
    let mut good_since = None;
    let mut in_a_row = 0;
    for request in sample.requests() {
        if !sample.is_good(request) {
            down_since = down_since.or(Some(request.due_us));
            (good_since, in_a_row) = (None, 0);
            continue;
        }
        let back = *good_since.get_or_insert(request.due_us);
        in_a_row += 1;
        if in_a_row >= GOOD_IN_A_ROW
            && request.due_us - back >= GOOD_FOR_US
            && let Some(from) = down_since.take()
        {
            windows.push(Span::new(from, back));
        }
    }
    windows.extend(down_since.map(|from| Span::new(from, span.to_us)));
    (windows, down_since.is_some())
}

fn longest_gap_us(sample: &Sample<'_>, span: Span) -> u64 {
    let good = sample.requests().iter().filter(|request| sample.is_good(request)).map(|request| request.due_us);
    let mut last = span.from_us;
    let mut longest = 0;
    for due in good.chain([span.to_us]) {
        longest = longest.max(due - last);
        last = due;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Outcome, Request};
    use proptest::prelude::*;

    /// One request every 2 ms; those due within one of `outages` (ms) are bad.
    fn measured(outages: &[(u64, u64)], length_ms: u64) -> Downtime {
        let outcome = |ms| {
            let bad = outages.iter().any(|(from, to)| (*from..*to).contains(&ms));
            if bad { Outcome::Refused } else { Outcome::Good }
        };
        let dues = (0..length_ms).step_by(2);
        let requests: Vec<Request> =
            dues.map(|ms| Request { due_us: ms * 1000, late_us: 0, latency_us: 1, outcome: outcome(ms) }).collect();
        Downtime::of(&Sample::new(&requests, 5_000_000), Span::new(0, length_ms * 1000))
    }

    #[test]
    fn without_a_bad_request_there_is_no_downtime() {
        let none = measured(&[], 2000);
        assert_eq!((none.total_us(), none.longest_us(), none.windows.len()), (0, 0, 0));
        assert_eq!(none.longest_gap_us, 2000);
        assert!(!none.open);
    }

    #[test]
    fn an_outage_lasts_from_the_first_bad_to_the_first_of_the_good_ones() {
        let one = measured(&[(500, 584)], 2000);
        assert_eq!(one.windows, [Span::new(500_000, 584_000)]);
        assert_eq!(one.longest_gap_us, 86_000, "from the last good before to the first good after");
    }

    #[test]
    fn outages_with_too_short_a_rest_between_them_are_one() {
        assert_eq!(measured(&[(500, 600), (800, 900)], 2000).windows, [Span::new(500_000, 900_000)]);
        let two = measured(&[(500, 600), (802, 900)], 2000);
        assert_eq!(two.windows, [Span::new(500_000, 600_000), Span::new(802_000, 900_000)]);
        assert_eq!((two.total_us(), two.longest_us()), (198_000, 100_000));
    }

    #[test]
    fn twenty_good_ones_are_needed_however_long_they_take() {
        let at = |due_us: u64, outcome| Request { due_us, late_us: 0, latency_us: 1, outcome };
        let slowly = |good: u64| {
            let mut requests = vec![at(0, Outcome::Refused)];
            requests.extend((1..=good).map(|k| at(k * 100_000, Outcome::Good)));
            requests.push(at((good + 1) * 100_000, Outcome::Refused));
            Downtime::of(&Sample::new(&requests, 5_000_000), Span::new(0, 10_000_000)).windows
        };
        assert_eq!(slowly(19), [Span::new(0, 10_000_000)]);
        assert_eq!(slowly(20), [Span::new(0, 100_000), Span::new(2_100_000, 10_000_000)]);
    }

    #[test]
    fn an_outage_that_goes_on_ends_with_the_watch() {
        let open = measured(&[(1500, 2000)], 2000);
        assert_eq!(open.windows, [Span::new(1_500_000, 2_000_000)]);
        assert!(open.open);
        assert_eq!(open.longest_gap_us, 502_000);
        assert!(measured(&[(1500, 1900)], 2000).open, "too few good ones to be sure");
    }

    #[test]
    fn only_the_span_counts() {
        let requests: Vec<Request> = (0..2000)
            .map(|ms| Request {
                due_us: ms * 1000,
                late_us: 0,
                latency_us: 1,
                outcome: if ms < 1000 { Outcome::Broken } else { Outcome::Good },
            })
            .collect();
        let downtime = Downtime::of(&Sample::new(&requests, 10), Span::new(900_000, 1_900_000));
        assert_eq!(downtime.windows, [Span::new(900_000, 1_000_000)]);
    }

    proptest! {
        #[test]
        fn a_known_outage_is_told_to_one_request_spacing(from in 300u64..2000, length in 4u64..2000) {
            let found = measured(&[(from, from + length)], 5000);
            prop_assert_eq!(found.windows.len(), 1);
            let error = found.longest_us().abs_diff(length * 1000);
            prop_assert!(error <= 2000, "{} µs off", error);
            prop_assert!(found.longest_gap_us >= found.longest_us());
        }

        #[test]
        fn windows_hold_every_bad_request_and_begin_with_one(bad in prop::collection::vec(any::<bool>(), 1..600)) {
            let outages: Vec<(u64, u64)> =
                bad.iter().enumerate().filter(|(_, bad)| **bad).map(|(k, _)| (k as u64 * 2, k as u64 * 2 + 2)).collect();
            let found = measured(&outages, bad.len() as u64 * 2);
            for (from, _) in &outages {
                prop_assert!(found.windows.iter().any(|window| window.contains(from * 1000)));
            }
            for window in &found.windows {
                prop_assert!(outages.iter().any(|(from, _)| from * 1000 == window.from_us));
            }
            prop_assert!(found.windows.windows(2).all(|pair| pair[0].to_us < pair[1].from_us));
        }
    }
}
