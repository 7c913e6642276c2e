//! How many requests are sent per minute, so that a cloud's own limits are kept for those who use it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// A bound on the requests of any minute, and a count of all of them.
pub(crate) struct Pace {
    per_minute: usize,
    sent: VecDeque<Instant>,
    count: u64,
}

impl Pace {
    /// At most this many; at least one.
    pub(crate) fn new(per_minute: u32) -> Self {
        Pace { per_minute: usize::try_from(per_minute).unwrap_or(usize::MAX).max(1), sent: VecDeque::new(), count: 0 }
    }

    /// When the next request may be sent, for whoever sends it then: it is counted.
    pub(crate) fn next(&mut self, now: Instant) -> Instant {
        while self.sent.front().is_some_and(|sent| *sent + MINUTE <= now) {
            self.sent.pop_front();
        }
        let full = self.sent.len().checked_sub(self.per_minute);
        let at = full.and_then(|over| self.sent.get(over)).map_or(now, |sent| *sent + MINUTE);
        self.sent.push_back(at);
        self.count += 1;
        at
    }

    /// How many requests there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_requests_than_the_bound() {
        let (start, mut pace) = (Instant::now(), Pace::new(2));
        let mut next = |after_s: u64| pace.next(start + Duration::from_secs(after_s)).duration_since(start).as_secs();
        assert_eq!([next(0), next(10)], [0, 10]);
        assert_eq!([next(11), next(12)], [60, 70], "each waits until one of the two before is a minute old");
        assert_eq!(next(13), 120);
        assert_eq!([next(200), next(200), next(200)], [200, 200, 260]);
        assert_eq!(pace.count(), 8);
    }
}
