//! When each packet goes, and which are lost: pure, so that chance and order are tested without a kernel.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{MOST_WAITING, Shaping};

/// Packets that wait, by when they are due; times in nanoseconds of one clock.
pub(super) struct Schedule<P> {
    shaping: Shaping,
    chance: StdRng,
    waiting: BinaryHeap<Reverse<(u64, u64, P)>>,
    came: u64,
}

/// What becomes of a packet that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    /// It goes at this moment.
    Due(u64),
}

impl<P: Ord> Schedule<P> {
    /// An empty one, with room for all that may wait: nothing is allocated afterwards.
    pub fn new(shaping: Shaping, seed: u64) -> Self {
        let waiting = BinaryHeap::with_capacity(MOST_WAITING as usize);
        Schedule { shaping, chance: StdRng::seed_from_u64(seed), waiting, came: 0 }
    }

    /// What becomes of a packet that comes now.
    pub fn draw(&mut self, now: u64) -> Fate {
        if self.shaping.loss > 0.0 && self.chance.random::<f64>() < self.shaping.loss {
            return Fate::Lost;
        }
        let delay = nanos(self.shaping.delay);
        let jitter = nanos(self.shaping.jitter);
        Fate::Due(match jitter {
            0 => now + delay,
            _ => (now + delay + self.chance.random_range(0..=2 * jitter)).saturating_sub(jitter).max(now),
        })
    }

    /// It waits until then. Packets due at the same time keep their order.
    pub fn wait(&mut self, due: u64, packet: P) {
        self.came += 1;
        self.waiting.push(Reverse((due, self.came, packet)));
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When the next packet goes; `None` when none waits.
    pub fn next(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse((due, ..))| *due)
    }

    /// The next packet that is due by now.
    pub fn due(&mut self, now: u64) -> Option<P> {
        if self.next()? > now {
            return None;
        }
        self.waiting.pop().map(|Reverse((.., packet))| packet)
    }
}

fn nanos(duration: Duration) -> u64 {
    // A century is as good as for ever, and can be added up.
    const CENTURY: u64 = 100 * 366 * 86_400 * 1_000_000_000;
    u64::try_from(duration.as_nanos()).unwrap_or(CENTURY).min(CENTURY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn shaping(delay_ms: u64, jitter_ms: u64, loss: f64) -> Shaping {
        Shaping { delay: Duration::from_millis(delay_ms), jitter: Duration::from_millis(jitter_ms), loss }
    }

    /// As every packet that waits at all.
    fn arrive(schedule: &mut Schedule<u32>, now: u64, packet: u32) -> bool {
        match schedule.draw(now) {
            Fate::Lost => false,
            Fate::Due(due) => {
                schedule.wait(due, packet);
                true
            }
        }
    }

    fn delays(shaping: Shaping) -> Vec<u64> {
        let mut schedule = Schedule::<u32>::new(shaping, 7);
        (0..10_000)
            .map(|_| match schedule.draw(0) {
                Fate::Due(due) => due,
                Fate::Lost => panic!("nothing is lost"),
            })
            .collect()
    }

    #[test]
    fn a_packet_goes_when_its_delay_is_over_and_not_before() {
        let mut schedule = Schedule::new(shaping(100, 0, 0.0), 7);
        assert!(arrive(&mut schedule, 5 * MS, 1));
        assert_eq!(schedule.next(), Some(105 * MS));
        assert_eq!(schedule.due(105 * MS - 1), None);
        assert_eq!(schedule.due(105 * MS), Some(1));
        assert_eq!((schedule.next(), schedule.due(u64::MAX)), (None, None));
    }

    #[test]
    fn packets_that_come_together_go_in_their_order() {
        let mut schedule = Schedule::new(shaping(100, 0, 0.0), 7);
        (1..=100).rev().for_each(|packet| assert!(arrive(&mut schedule, 0, packet)));
        let order: Vec<_> = std::iter::from_fn(|| schedule.due(100 * MS)).collect();
        assert_eq!(order, (1..=100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn jitter_strays_evenly_to_both_sides() {
        let mut delays = delays(shaping(100, 10, 0.0));
        delays.sort_unstable();
        assert!(delays.iter().all(|delay| (90 * MS..=110 * MS).contains(delay)));
        for (quantile, expected) in [(1_000, 92), (5_000, 100), (9_000, 108)] {
            assert!(delays[quantile].abs_diff(expected * MS) < MS / 2, "{quantile}: {}", delays[quantile]);
        }
    }

    #[test]
    fn jitter_beyond_the_delay_never_makes_it_negative() {
        let delays = delays(shaping(5, 10, 0.0));
        let at_once = delays.iter().filter(|delay| **delay == 0).count();
        assert!((2_300..2_700).contains(&at_once), "a quarter goes at once: {at_once} of 10,000");
    }

    #[test]
    fn loss_is_what_was_asked_and_the_same_for_the_same_seed() {
        let lost = |seed, loss| -> Vec<u32> {
            let mut schedule = Schedule::<u32>::new(shaping(0, 0, loss), seed);
            (0..10_000).filter(|_| schedule.draw(0) == Fate::Lost).collect()
        };
        assert!((2_850..3_150).contains(&lost(7, 0.3).len()));
        assert_eq!(lost(7, 0.3), lost(7, 0.3));
        assert_ne!(lost(7, 0.3), lost(8, 0.3));
        assert_eq!((lost(7, 0.0).len(), lost(7, 1.0).len()), (0, 10_000));
    }

    #[test]
    fn a_delay_without_end_does_not_overflow() {
        let mut schedule = Schedule::new(Shaping { delay: Duration::MAX, jitter: Duration::MAX, loss: 0.0 }, 7);
        assert!(arrive(&mut schedule, MS, 1));
        assert_eq!(schedule.due(MS), None);
    }
}
