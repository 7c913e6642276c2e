//! How long to leave a failing server alone: longer after each failure, up to a most, and never in step with others.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::draw::{Draw, Purpose};

/// Who failed how often, and until when each is left alone.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    rng: StdRng,
    failing: BTreeMap<String, Failing>,
}

#[derive(Debug)]
struct Failing {
    times: u32,
    until: Instant,
}

impl Backoff {
    /// `first` after the first failure, twice as long after each further one, never longer than `most`.
    pub fn new(first: Duration, most: Duration, seed: u64) -> Self {
        Backoff { first, most, rng: Draw::of(seed).for_purpose(Purpose::Backoff, 0), failing: BTreeMap::new() }
    }

    /// It failed: how long it is left alone. Between half of the wait and all of it, drawn with the seed.
    pub fn failed(&mut self, what: &str, now: Instant) -> Duration {
        let times = self.failing.get(what).map_or(0, |failing| failing.times);
        let whole = self.first.saturating_mul(2_u32.saturating_pow(times)).min(self.most);
        let wait = whole.mul_f64(self.rng.random_range(0.5..=1.0));
        self.failing.insert(what.into(), Failing { times: times + 1, until: now + wait });
        wait
    }

    /// It went well: the next failure is a first one again.
    pub fn succeeded(&mut self, what: &str) {
        self.failing.remove(what);
    }

    /// Whether it may be tried now.
    pub fn allows(&self, what: &str, now: Instant) -> bool {
        self.failing.get(what).is_none_or(|failing| failing.until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(seed: u64) -> Vec<Duration> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10), seed);
        (0..40).map(|_| backoff.failed("web-1", Instant::now())).collect()
    }

    #[test]
    fn waits_double_up_to_the_most_with_jitter_from_the_seed() {
        let waited = waits(7);
        for (wait, whole) in waited.iter().zip([1.0, 2.0, 4.0, 8.0, 10.0, 10.0]) {
            assert!((whole / 2.0..=whole).contains(&wait.as_secs_f64()), "{wait:?} of {whole} s");
        }
        assert!(waited.iter().all(|wait| *wait <= Duration::from_secs(10)));
        assert_eq!(waited, waits(7));
        assert_ne!(waited, waits(8));
    }

    #[test]
    fn who_failed_is_left_alone_and_others_are_not() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10), 7);
        let now = Instant::now();
        let wait = backoff.failed("web-1", now);
        assert!(!backoff.allows("web-1", now) && backoff.allows("web-2", now));
        assert!(backoff.allows("web-1", now + wait));
        backoff.failed("web-1", now);
        backoff.succeeded("web-1");
        assert!(backoff.allows("web-1", now));
        assert!(backoff.failed("web-1", now) <= Duration::from_secs(1));
    }
}
