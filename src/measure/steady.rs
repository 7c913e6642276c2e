//! What steady means, and where a steady window begins.

use crate::clock::micros;
use crate::history::{History, Request};
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
        let mut window = Window::new(&sample, self);
        let (mut from, mut earliest) = (span.from_us, span.from_us);
        while from + self.window_us <= span.to_us {
            window.slide(from, from + self.window_us);
            if !self.is_recorded(window.due()) {
                let Some(next) = window.due_after(from) else { break };
                from = next;
            } else if self.allows(window.due(), window.bad, window.slow) {
                return Ok(from);
            } else {
                let Some(next) = window.after_next_flaw(span.to_us) else { break };
                (from, earliest) = (next, next);
            }
        }
        Err(self.earliest_in_tail(&sample, earliest, span.to_us).min(span.to_us))
    }

    /// Where a window could begin that the span's end cut off, if everything after it were well.
    fn earliest_in_tail(&self, sample: &Sample<'_>, from_us: u64, end_us: u64) -> u64 {
        let (whole_window, mut from) = (self.window_us / self.spacing_us, from_us);
        let mut rest = Window::new(sample, self);
        loop {
            rest.slide(from, u64::MAX);
            match rest.after_next_flaw(end_us) {
                Some(next) if !self.allows(whole_window.max(rest.due()), rest.bad, rest.slow) => from = next,
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

/// A stretch of a sample that slides forward, with its bad and slow requests. Each request is looked at when the stretch
/// comes to it and when the stretch leaves it, so what lies behind a window that was found costs nothing.
struct Window<'a> {
    sample: Sample<'a>,
    steadiness: &'a Steadiness,
    /// The first request in it.
    first: usize,
    /// The first request after it.
    end: usize,
    bad: u64,
    slow: u64,
}

impl<'a> Window<'a> {
    /// Nothing is in it yet.
    fn new(sample: &Sample<'a>, steadiness: &'a Steadiness) -> Self {
        Window { sample: *sample, steadiness, first: 0, end: 0, bad: 0, slow: 0 }
    }

    /// From one moment until another; neither may be earlier than the last time.
    fn slide(&mut self, from_us: u64, to_us: u64) {
        let requests = self.sample.requests();
        while let Some(request) = requests.get(self.end).filter(|request| request.due_us < to_us) {
            let (bad, slow) = self.flaws(request);
            (self.bad, self.slow, self.end) = (self.bad + bad, self.slow + slow, self.end + 1);
        }
        while let Some(request) = requests[..self.end].get(self.first).filter(|request| request.due_us < from_us) {
            let (bad, slow) = self.flaws(request);
            (self.bad, self.slow, self.first) = (self.bad - bad, self.slow - slow, self.first + 1);
        }
    }

    /// Whether a request is bad, and whether it is slow: each 1 or 0.
    fn flaws(&self, request: &Request) -> (u64, u64) {
        let slow = self.steadiness.is_slow(self.sample.rank_us(request));
        (u64::from(!self.sample.is_good(request)), u64::from(slow))
    }

    fn due(&self) -> u64 {
        (self.end - self.first) as u64
    }

    /// The first due moment after another, which the stretch begins with.
    fn due_after(&self, at_us: u64) -> Option<u64> {
        let rest = self.sample.requests()[self.first..].iter();
        rest.map(|request| request.due_us).find(|due_us| *due_us > at_us)
    }

    /// The due moment after the first bad or slow request from the stretch's begin on, in it or not; `end_us`, if it was
    /// the last.
    fn after_next_flaw(&self, end_us: u64) -> Option<u64> {
        let mut rest = self.sample.requests()[self.first..].iter();
        let flaw = rest.find(|request| self.flaws(request) != (0, 0))?;
        // Those that were due at the same moment can't be told from it.
        Some(rest.map(|request| request.due_us).find(|due_us| *due_us > flaw.due_us).unwrap_or(end_us))
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

    /// The same as [`Steadiness::first_window`], as it is defined: every window is counted anew.
    fn first_window_by_definition(steadiness: &Steadiness, sample: &Sample<'_>, span: Span) -> Result<u64, u64> {
        let sample = sample.within(span);
        let flawed = |request: &&Request| !sample.is_good(request) || steadiness.is_slow(sample.rank_us(request));
        let after_flaw = |from_us: u64| {
            let flaw = sample.requests().iter().filter(|request| request.due_us >= from_us).find(flawed)?;
            let next = sample.requests().iter().find(|request| request.due_us > flaw.due_us);
            Some(next.map_or(span.to_us, |request| request.due_us))
        };
        let is_steady = |within: &Sample<'_>, least: u64| {
            let slow = within.requests().iter().filter(|r| steadiness.is_slow(within.rank_us(r))).count() as u64;
            steadiness.allows(within.due().max(least), within.due() - within.good(), slow)
        };
        let (mut from, mut earliest) = (span.from_us, span.from_us);
        while from + steadiness.window_us <= span.to_us {
            let within = sample.within(Span::new(from, from + steadiness.window_us));
            if !steadiness.is_recorded(within.due()) {
                let next = sample.requests().iter().map(|request| request.due_us).find(|due_us| *due_us > from);
                let Some(next) = next else { break };
                from = next;
            } else if is_steady(&within, 0) {
                return Ok(from);
            } else {
                from = after_flaw(from).expect("a flaw");
                earliest = from;
            }
        }
        let whole = steadiness.window_us / steadiness.spacing_us;
        while let Some(next) = after_flaw(earliest) {
            if is_steady(&sample.within(Span::new(earliest, u64::MAX)), whole) {
                break;
            }
            earliest = next;
        }
        Err(earliest.min(span.to_us))
    }

    proptest::proptest! {
        #[test]
        fn the_first_window_is_where_the_definition_says(
            stretches in proptest::collection::vec((1_u64..60, 0_u8..5), 1..12),
            (from, length, window) in (0_u64..40, 0_u64..400, 1_u64..50),
            limit in proptest::option::of(10_000_u64..30_000),
        ) {
            let mut requests = Vec::new();
            for (count, kind) in stretches {
                for _ in 0..count {
                    let due_us = requests.len() as u64 * 2_000;
                    let (latency_us, outcome) = match kind {
                        1 => (1_000, Outcome::Refused),
                        2 => (20_000, Outcome::Good),
                        _ => (5_000, Outcome::Good),
                    };
                    // Some are due at the same moment, and then none for a while.
                    let due_us = if kind == 3 { due_us & !0xfff } else { due_us };
                    requests.push(Request { due_us, late_us: 0, latency_us, outcome });
                }
            }
            requests.sort_by_key(|request| request.due_us);
            let steadiness = Steadiness {
                availability_pct: 90.0,
                p99_limit_us: limit,
                window_us: window * 2_000,
                spacing_us: 2_000,
            };
            let span = Span::new(from * 1_500, from * 1_500 + length * 2_000);
            let sample = Sample::new(&requests, 5_000_000);
            proptest::prop_assert_eq!(
                steadiness.first_window(&sample, span),
                first_window_by_definition(&steadiness, &sample, span)
            );
        }
    }
}
