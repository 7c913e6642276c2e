//! Delay and loss without netem: the kernel hands packets to a thread of ours (NFQUEUE), which lets them go later.
//!
//! [`schedule`] decides, purely; [`netlink`] is the little of nfnetlink_queue that is needed; [`store`] keeps copies of
//! what waits, and [`sender`] sends them; [`delayer`] is the thread. Which packets come is a rule's matter, see
//! [`super::driver`].
//!
//! When the thread ends, however it ends, the kernel takes the queue away and the rule's `--queue-bypass` lets
//! everything through at once; what was waiting is lost.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

pub(super) mod delayer;
mod netlink;
mod schedule;
mod sender;
mod store;

pub(super) use netlink::{Copy, MARK, Queue};

use crate::text::naming;

/// What happens to each packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shaping {
    /// How long it waits.
    pub delay: Duration,
    /// How far the delay strays, evenly, to both sides; never below zero.
    pub jitter: Duration,
    /// The chance that it is lost, 0 to 1.
    pub loss: f64,
}

/// The most packets that wait at once, with either backend: 20,000 a second delayed by 1.6 s, some 50 MB. Beyond, the
/// queue lets packets through at once and netem drops them.
pub(super) const MOST_WAITING: u32 = 32_768;

/// The queues of this thread's network namespace, with the number of the netlink socket that listens to each.
const QUEUES: &str = "/proc/thread-self/net/netfilter/nfnetlink_queue";

/// A queue that somebody listens to, as the kernel shows it: a queue without a listener does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listened {
    /// Its number.
    pub number: u16,
    /// Its listener's netlink port, as a rule the pid of its process.
    pub port: u32,
    /// Packets that wait for a verdict now.
    pub waiting: u32,
    /// Packets that came so far.
    pub seen: u32,
}

/// All queues with a listener in this network namespace; none where the kernel has no NFQUEUE.
///
/// # Errors
/// When they can't be read.
pub(super) fn listened() -> io::Result<Vec<Listened>> {
    match fs::read_to_string(QUEUES) {
        Ok(text) => Ok(text.lines().filter_map(parse).collect()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(why) => Err(naming(Path::new(QUEUES))(why)),
    }
}

/// `queue port waiting copy_mode copy_range dropped user_dropped last_id 1`
fn parse(line: &str) -> Option<Listened> {
    let fields: Vec<u32> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let &[number, port, waiting, _, _, _, _, seen, ..] = fields.as_slice() else { return None };
    Some(Listened { number: u16::try_from(number).ok()?, port, waiting, seen })
}

/// The first number from `wish` on that nobody listens to; queue 0 is left to others, as it is what they use
/// unless told otherwise.
pub(super) fn free_number(wish: u16, taken: &[Listened]) -> u16 {
    let is_free = |number: &u16| taken.iter().all(|queue| queue.number != *number);
    (wish.max(1)..=u16::MAX).chain(1..wish.max(1)).find(is_free).unwrap_or(wish.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str =
        "    7   2173     3 1     0     0     0      120  1\n   8  -77889     0 2 65531     0     0        0  1\n";

    #[test]
    fn a_queue_is_read_as_the_kernel_shows_it() {
        let queues: Vec<_> = TWO.lines().filter_map(parse).collect();
        assert_eq!(queues, [Listened { number: 7, port: 2173, waiting: 3, seen: 120 }]);
    }

    #[test]
    fn a_number_that_is_listened_to_is_not_taken() {
        let taken = |number| Listened { number, port: 1, waiting: 0, seen: 0 };
        assert_eq!(free_number(7, &[]), 7);
        assert_eq!(free_number(7, &[taken(7), taken(8)]), 9);
        assert_eq!(free_number(u16::MAX, &[taken(u16::MAX)]), 1);
        assert_eq!(free_number(0, &[]), 1);
    }
}
