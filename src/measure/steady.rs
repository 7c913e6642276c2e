//! What steady means, and where a steady window begins.

use crate::clock::micros;
use crate::history::History;
use crate::units::Quantile;

use super::moments::Moments;
use super::quantile::plain_us;
use super::sample::{Sample, spacing_us};
use super::span::Span;

/// p99 may be this much longer than the baseline's…
const P99_FACTOR: f64 = 1.5;
/// …or this much, in microseconds, whichever allows more.
const P99_SLACK_US: u64 = 25_000;
/// The share of a window's due requests that must be on record before anything is said of it.
const RECORDED: f64 = 0.9;

/// What a stretch must fulfil to be steady.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steadiness {
    /// The least availability, in percent.
    pub availability_pct: f64,
    /// The highest p99, in microseconds; `None` where the baseline is unknown or latency does not matter.
    pub p99_limit_us: Option<u64>,
    /// How long a window is, in microseconds.
    pub window_us: u64,
    /// From one probe's due moment to the next's, in microseconds.
    pub spacing_us: u64,
}

impl Steadiness {
    /// The scenario's own: its objective, and p99 against its baseline.
    pub fn of(history: &History, moments: &Moments) -> Self {
        let steady = &history.plan.settings.steady;
        Steadiness {
            availability_pct: steady.availability.0,
            p99_limit_us: baseline_p99_us(history, moments).map(p99_limit_us),
            window_us: micros(steady.window),
            spacing_us: spacing_us(history),
        }
    }

    /// The same, of availability alone.
    pub fn of_service(self) -> Self {
        Steadiness { p99_limit_us: None, ..self }
    }

    /// Whether a sample is steady; an empty one is not.
    pub fn holds(&self, sample: &Sample<'_>) -> bool {
        let slow = sample.requests().iter().filter(|request| self.is_slow(sample.rank_us(request))).count() as u64;
        self.allows(sample.due(), sample.due() - sample.good(), slow)
    }

    /// Where the first steady window within `span` begins: at its begin, or right after a bad or slow request.
    ///
    /// # Errors
    /// When there is none: the earliest moment at which one that ends later could begin.
    pub fn first_window(&self, sample: &Sample<'_>, span: Span) -> Result<u64, u64> {
        let sample = sample.within(span);
        let counts = Counts::of(&sample, self, span.to_us);
        let (mut from, mut earliest) = (span.from_us, span.from_us);
        while from + self.window_us <= span.to_us {
            let (first, end) = counts.range(Span::new(from, from + self.window_us));
            let (bad, slow) = counts.between(first, end);
            if !self.is_recorded((end - first) as u64) {
                let Some(next) = counts.next_due(from) else { break };
                from = next;
            } else if self.allows((end - first) as u64, bad, slow) {
                return Ok(from);
            } else {
                from = counts.after_next_flaw(first).expect("what is not steady has a flaw");
                earliest = from;
            }
        }
        Err(self.earliest_in_tail(&counts, earliest).min(span.to_us))
    }

    /// Where a window could begin that the span's end cut off, if everything after it were well.
    fn earliest_in_tail(&self, counts: &Counts, from_us: u64) -> u64 {
        let (whole_window, mut from) = (self.window_us / self.spacing_us, from_us);
        loop {
            let (first, end) = counts.range(Span::new(from, u64::MAX));
            let (bad, slow) = counts.between(first, end);
            match counts.after_next_flaw(first) {
                Some(next) if !self.allows(whole_window.max((end - first) as u64), bad, slow) => from = next,
                _ => return from,
            }
        }
    }

    fn is_slow(&self, rank_us: u64) -> bool {
        self.p99_limit_us.is_some_and(|limit| rank_us > limit)
    }

    fn is_recorded(&self, due: u64) -> bool {
        let expected = self.window_us as f64 / self.spacing_us as f64;
        due as f64 >= expected * RECORDED
    }

    /// p99 is at the limit or below when no more than 1 % of the requests are above it.
    fn allows(&self, due: u64, bad: u64, slow: u64) -> bool {
        due > 0 && ((due - bad) * 100) as f64 / due as f64 >= self.availability_pct && slow * 100 <= due
    }
}

/// The highest p99 that counts as steady beside a baseline's, in microseconds.
pub fn p99_limit_us(baseline_us: u64) -> u64 {
    ((baseline_us as f64 * P99_FACTOR) as u64).max(baseline_us + P99_SLACK_US)
}

/// p99 from zero until injecting began (until the baseline was found steady, where nothing is injected), in microseconds.
pub fn baseline_p99_us(history: &History, moments: &Moments) -> Option<u64> {
    let until = [moments.injection_us, moments.t0_us].into_iter().flatten().min().or(moments.steady_us)?;
    let span = Span::new(moments.zero_us?, until);
    plain_us(&Sample::of(history).within(span), Quantile::At(0.99))
}

/// Bad and slow requests, counted up along a sample.
struct Counts {
    /// Where the stretch ends that was counted.
    end_us: u64,
    due_us: Vec<u64>,
    flawed: Vec<bool>,
    bad: Vec<u64>,
    slow: Vec<u64>,
}

impl Counts {
    fn of(sample: &Sample<'_>, steadiness: &Steadiness, end_us: u64) -> Counts {
        let mut counts = Counts { end_us, due_us: Vec::new(), flawed: Vec::new(), bad: vec![0], slow: vec![0] };
        for (k, request) in sample.requests().iter().enumerate() {
            let bad = !sample.is_good(request);
            let slow = steadiness.is_slow(sample.rank_us(request));
            counts.due_us.push(request.due_us);
            counts.flawed.push(bad || slow);
            counts.bad.push(counts.bad[k] + u64::from(bad));
            counts.slow.push(counts.slow[k] + u64::from(slow));
        }
        counts
    }

    fn range(&self, window: Span) -> (usize, usize) {
        let before = |at: u64| self.due_us.partition_point(|due| *due < at);
        (before(window.from_us), before(window.to_us))
    }

    fn between(&self, first: usize, end: usize) -> (u64, u64) {
        (self.bad[end] - self.bad[first], self.slow[end] - self.slow[first])
    }

    /// The first due moment after `at`.
    fn next_due(&self, at: u64) -> Option<u64> {
        self.due_us.get(self.due_us.partition_point(|due| *due <= at)).copied()
    }

    /// The due moment after the first bad or slow request from `first` on; the end, if it was the last.
    fn after_next_flaw(&self, first: usize) -> Option<u64> {
        let flaw = first + self.flawed[first..].iter().position(|flawed| *flawed)?;
        Some(self.due_us.get(flaw + 1).copied().unwrap_or(self.end_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;

    fn first_window(script: &Script, from_ms: u64, to_ms: u64) -> Result<u64, u64> {
        let history = script.history();
        let steadiness = Steadiness::of(&history, &Moments::of(&history));
        let span = Span::new(from_ms * 1000, to_ms * 1000);
        steadiness.first_window(&Sample::of(&history), span).map(|us| us / 1000).map_err(|us| us / 1000)
    }

    #[test]
    fn p99_may_be_half_as_long_again_or_25_ms_longer() {
        assert_eq!(p99_limit_us(5_000), 30_000);
        assert_eq!(p99_limit_us(100_000), 150_000);
    }

    #[test]
    fn the_baseline_is_what_came_before_injection() {
        let script = Script::website(1, 1).slow(6000.0, 20_000.0, 900.0);
        let p99 =
            |script: &Script| baseline_p99_us(&script.history(), &Moments::of(&script.history())).expect("steady");
        assert!(p99(&script).abs_diff(5000) <= 5);
        assert!(p99(&script.clone().slow(1000.0, 6000.0, 80.0)).abs_diff(80_000) <= 80);
        assert!(p99(&script.dies(9000, "web-1")).abs_diff(900_000) <= 900);
    }

    #[test]
    fn a_steady_stretch_is_steady_from_its_begin() {
        assert_eq!(first_window(&Script::website(1, 1), 7001, 9000), Ok(7001));
    }

    #[test]
    fn a_window_begins_right_after_what_is_bad() {
        let script = Script::website(1, 1).bad(7500.0, 7600.0, Outcome::Broken).bad(8000.0, 8002.0, Outcome::Broken);
        assert_eq!(first_window(&script, 7000, 12_000), Ok(8002));
        assert_eq!(first_window(&script, 7000, 9002), Ok(8002), "a whole window just fits");
        assert_eq!(first_window(&script, 7000, 9001), Err(8002));
    }

    #[test]
    fn one_slow_request_in_a_hundred_is_steady() {
        let slow = |to_ms| Script::website(1, 1).slow(7500.0, to_ms, 31.0);
        assert_eq!(first_window(&slow(7510.0), 7000, 12_000), Ok(7000));
        assert_eq!(first_window(&slow(7512.0), 7000, 12_000), Ok(7502), "five of the six are within the limit");
        assert_eq!(first_window(&Script::website(1, 1).slow(7500.0, 7600.0, 29.0), 7000, 12_000), Ok(7000));
    }

    #[test]
    fn what_is_not_on_record_is_not_steady() {
        let gap = crate::history::synthetic::Stretch {
            from_ms: 7500.0,
            to_ms: 7700.0,
            outcome: None,
            latency_ms: 0.0,
            late_ms: 0.0,
        };
        let script = Script::website(1, 1).stretch(gap);
        assert_eq!(first_window(&script, 7000, 8100), Err(7000));
        assert_eq!(first_window(&script, 7000, 12_000).map(|ms| ms >= 7600), Ok(true));
    }

    #[test]
    fn a_whole_sample_is_steady_or_not() {
        let history = Script::website(1, 1).bad(7000.0, 7004.0, Outcome::Broken).history();
        let steadiness = Steadiness::of(&history, &Moments::of(&history));
        let within = |from_ms: u64, to_ms: u64| Sample::of(&history).within(Span::new(from_ms * 1000, to_ms * 1000));
        assert!(steadiness.holds(&within(7004, 8004)));
        assert!(!steadiness.holds(&within(7000, 8000)));
        assert!(!steadiness.holds(&within(7000, 7000)), "nothing is not steady");
        assert!(steadiness.holds(&within(6000, 10_000)), "2 of 2,000 are 99.9 %");
    }

    #[test]
    fn a_request_at_the_limit_is_not_slow() {
        let limit = |p99_limit_us| Steadiness {
            availability_pct: 99.9,
            p99_limit_us: Some(p99_limit_us),
            window_us: 1_000_000,
            spacing_us: 2000,
        };
        let history = Script::website(1, 1).slow(7000.0, 8000.0, 30.0).history();
        let sample = Sample::of(&history).within(Span::new(7_000_000, 8_000_000));
        assert!(limit(30_000).holds(&sample));
        assert!(!limit(29_999).holds(&sample));
    }
}
