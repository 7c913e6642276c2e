//! How often a history is looked at while it grows. A look costs more the longer the history is; all looks together may
//! cost the site and the prober next to nothing.

use std::time::Duration;

/// How often the recorded history is looked at while waiting for something in it.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A look is followed by a pause of at least so many times its length.
const REST: u32 = 20;
/// Looks may take this much in any case, so that short scenarios are watched closely,
const ALLOWANCE: Duration = Duration::from_secs(1);
/// and one part in so many of the time that has passed: with the allowance, under 1 % of an hour.
const SHARE: u32 = 125;

/// What looks have cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looks {
    spent: Duration,
}

impl Looks {
    /// A look took so long, and ended this long after the first began: how long to wait for the next.
    pub fn pause(&mut self, took: Duration, passed: Duration) -> Duration {
        self.spent += took;
        let over = self.spent.saturating_sub(ALLOWANCE + passed / SHARE);
        LOOK_EVERY.max(took * REST).max(over * SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks that take `slope_ms` longer for every minute of history, over an hour; what they cost, and how many they are.
    fn an_hour(slope_ms: f64) -> (Duration, u32) {
        let (mut looks, mut passed, mut spent, mut count) = (Looks::default(), Duration::ZERO, Duration::ZERO, 0);
        while passed < Duration::from_secs(3600) {
            let took = Duration::from_secs_f64(slope_ms / 1000.0 * passed.as_secs_f64() / 60.0);
            (passed, spent, count) = (passed + took, spent + took, count + 1);
            passed += looks.pause(took, passed);
        }
        (spent, count)
    }

    #[test]
    fn an_hour_of_looks_costs_less_than_one_percent_however_long_each_takes() {
        for slope_ms in [0.01, 1.0, 10.0, 50.0] {
            let (spent, count) = an_hour(slope_ms);
            assert!(spent < Duration::from_secs(36), "{slope_ms}: {spent:?}");
            assert!(count > 20, "{slope_ms}: {count} looks");
        }
    }

    #[test]
    fn a_short_history_is_looked_at_twice_a_second() {
        let mut looks = Looks::default();
        for look in 1..=60 {
            assert_eq!(looks.pause(Duration::from_millis(15), LOOK_EVERY * look), LOOK_EVERY);
        }
    }
}
