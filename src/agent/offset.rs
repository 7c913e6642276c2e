//! How far a victim's monotonic clock is ahead of this machine's, and how exactly that is known: measured by the
//! fastest of several round trips.

use std::time::{Duration, Instant};

use super::client::{Agent, AgentError};
use super::stamp::Within;
use crate::clock::{self, Clock, monotonic_us};

/// Round trips that are made.
const TRIPS: usize = 5;
/// A clock that is being disciplined is slewed by 500 millionths at most (`adjtimex(2)`), and so are both.
const DRIFT: u32 = 1_000;

/// The offset of one victim's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// The victim's clock says this much more than ours, in microseconds.
    ahead_us: i64,
    /// It may be this much more or less.
    uncertainty_us: u64,
    /// When it was measured; `None`: the clock is the same one, and is always right.
    measured: Option<Instant>,
}

/// One round trip: when it was sent, what the victim's clock said, when that was heard.
#[derive(Debug, Clone, Copy)]
struct Trip {
    sent_us: u64,
    told_us: u64,
    heard_us: u64,
}

impl Offset {
    /// Of a victim whose kernel is this machine's.
    pub const SHARED: Offset = Offset { ahead_us: 0, uncertainty_us: 0, measured: None };

    /// Measures that of an agent's machine.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn measure(agent: &Agent<'_>) -> Result<Offset, AgentError> {
        let mut trips = Vec::new();
        for _ in 0..TRIPS {
            let sent_us = monotonic_us();
            let told_us = agent.clock_us().await?;
            trips.push(Trip { sent_us, told_us, heard_us: monotonic_us() });
        }
        Ok(Offset::of(&trips))
    }

    fn of(trips: &[Trip]) -> Offset {
        let fastest = trips.iter().min_by_key(|trip| trip.heard_us - trip.sent_us).expect("round trips were made");
        let half_us = (fastest.heard_us - fastest.sent_us).div_ceil(2);
        let ahead_us = fastest.told_us.cast_signed().saturating_sub((fastest.sent_us + half_us).cast_signed());
        Offset { ahead_us, uncertainty_us: half_us, measured: Some(Instant::now()) }
    }

    /// A stamp of the victim's on the run's clock, widened by what is not known of the offset.
    pub fn on(&self, run: Clock, stamp: Within) -> Within {
        let drifted = self.measured.map_or(Duration::ZERO, |at| at.elapsed() / DRIFT);
        let uncertainty_us = self.uncertainty_us + clock::micros(drifted);
        let ours = |us: u64| us.saturating_add_signed(self.ahead_us.saturating_neg()).saturating_sub(run.epoch());
        Within {
            not_before_us: ours(stamp.not_before_us).saturating_sub(uncertainty_us),
            by_us: ours(stamp.by_us).saturating_add(uncertainty_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(sent_us: u64, told_us: u64, heard_us: u64) -> Trip {
        Trip { sent_us, told_us, heard_us }
    }

    #[test]
    fn the_fastest_round_trip_tells_the_offset_to_half_its_length() {
        let offset =
            Offset::of(&[trip(0, 1_060_000, 100_000), trip(200_000, 1_201_000, 202_000), trip(300_000, 1, 390_000)]);
        assert_eq!((offset.ahead_us, offset.uncertainty_us), (1_000_000, 1_000));
    }

    #[test]
    fn a_stamp_is_widened_by_what_is_not_known() {
        let mut offset = Offset::of(&[trip(10_000, 3_000, 10_401)]);
        offset.measured = None;
        assert_eq!((offset.ahead_us, offset.uncertainty_us), (-7_201, 201));
        let onset = offset.on(Clock::with_epoch(10_000), Within { not_before_us: 5_000, by_us: 6_000 });
        assert_eq!(onset, Within { not_before_us: 2_000, by_us: 3_402 });
    }

    #[test]
    fn a_shared_clock_is_exact() {
        let stamp = Within { not_before_us: 5_000, by_us: 5_007 };
        let onset = Offset::SHARED.on(Clock::with_epoch(1_000), stamp);
        assert_eq!(onset, Within { not_before_us: 4_000, by_us: 4_007 });
    }

    #[test]
    fn what_is_known_of_the_offset_wears_off() {
        let measured = Instant::now().checked_sub(Duration::from_secs(60));
        let offset = Offset { ahead_us: 0, uncertainty_us: 0, measured };
        let onset = offset.on(Clock::with_epoch(0), Within { not_before_us: 1_000_000, by_us: 1_000_000 });
        assert!(onset.by_us >= 1_060_000 && onset.not_before_us <= 940_000, "{onset:?}");
    }
}
