//! What an agent can hold on a victim, as data.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::duration;

/// One effect; how it is made, seen and undone is in a file of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The paper's: the policies of INPUT, OUTPUT and FORWARD become DROP. Undone: they become what they were.
    #[serde(alias = "policies")]
    DropAll {
        /// In the background, this long after it was asked for, so that the session can end.
        #[serde(with = "duration")]
        after: Duration,
    },
    /// Packets that come in from these addresses are dropped.
    #[serde(alias = "deaf")]
    DropFrom {
        /// Whose.
        peers: Vec<Ipv4Addr>,
    },
    /// TCP and UDP packets that come in for this port are dropped, or answered with a reset (TCP) or an ICMP error.
    Port {
        /// The destination port.
        port: u16,
        /// Whether the sender is told.
        reject: bool,
    },
    /// Packets that leave through the victim's interface are delayed or lost; loopback is left alone.
    Shape {
        /// How long each waits.
        #[serde(with = "duration")]
        delay: Duration,
        /// How far the delay strays, evenly, to both sides; never below zero.
        #[serde(with = "duration")]
        jitter: Duration,
        /// How many are lost, in percent.
        loss_pct: f64,
    },
    /// What leaves through the victim's interface is limited to this rate.
    Rate {
        /// Bits a second.
        bits_per_s: u64,
    },
    /// Every process of this name is stopped (SIGSTOP).
    StopProcess {
        /// The name, compared as the kernel keeps it (15 bytes).
        process: String,
    },
    /// So much of the time of all CPUs is burnt.
    Cpu {
        /// Percent of all CPUs the victim sees.
        percent: f64,
    },
    /// Memory is taken and touched.
    Memory {
        /// Percent of the memory the victim sees.
        percent: f64,
    },
    /// A file fills the disk that `/` lies on.
    Disk {
        /// Percent of the disk that are full with it; 100 leaves no free block.
        percent: f64,
    },
    /// What programs of the victim make, see and undo.
    Command(Commands),
}

/// Programs of the victim with their arguments, without a shell: looked for in `/usr/sbin`, `/usr/bin`, `/usr/local` and their like. Each
/// may take 10 s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commands {
    /// Makes the effect; ends with 0.
    pub make: Vec<String>,
    /// Ends with 0 where the effect is in force, and with 1 where it is not. Changes nothing.
    pub see: Vec<String>,
    /// Undoes it; ends with 0, also where there is nothing to undo.
    pub undo: Vec<String>,
}

/// A path whose packets are late by this much in all answers too late to be asked over while the fault is on.
const LATE: Duration = Duration::from_millis(500);
/// So many lost packets, in percent, make answers over a path a matter of luck.
const LOSSY_PCT: f64 = 20.0;
/// Less than this leaves no room for questions beside what users send.
const NARROW_BITS_PER_S: u64 = 1_000_000;
/// An effect that impairs the path of the answer is made this long after it was asked for, so that the answer is out.
const ANSWER_FIRST: Duration = Duration::from_millis(100);

impl Effect {
    /// Whether it cuts the path that its own heal would come by.
    pub fn cuts_its_own_path(&self) -> bool {
        match self {
            Effect::DropAll { .. } => true,
            Effect::Shape { loss_pct, .. } => *loss_pct >= 100.0,
            _ => false,
        }
    }

    /// Whether what is asked, renewed or healed over its own path may come late or not at all: a partition, delays of half a
    /// second, every fifth packet lost, less than 1 Mbit/s. Its lease is for its whole time.
    pub fn impairs_its_own_path(&self) -> bool {
        match self {
            Effect::Shape { delay, jitter, loss_pct } => *delay + *jitter >= LATE || *loss_pct >= LOSSY_PCT,
            Effect::Rate { bits_per_s } => *bits_per_s < NARROW_BITS_PER_S,
            other => other.cuts_its_own_path(),
        }
    }

    /// While it is in force no new connection to its victim comes about sooner than this, if that is known: the victim's
    /// answer is held for so long at least, or for ever.
    pub fn no_connection_within(&self) -> Option<Duration> {
        match self {
            other if other.cuts_its_own_path() => Some(Duration::MAX),
            Effect::Shape { delay, jitter, .. } => Some(delay.saturating_sub(*jitter)),
            _ => None,
        }
    }

    /// How long after it was asked for it is made.
    pub fn made_after(&self) -> Duration {
        match self {
            Effect::DropAll { after } => *after,
            other if other.impairs_its_own_path() => ANSWER_FIRST,
            _ => Duration::ZERO,
        }
    }

    /// Whether it changes how packets pass.
    pub fn is_of_the_network(&self) -> bool {
        match self {
            Effect::DropAll { .. } | Effect::DropFrom { .. } | Effect::Port { .. } => true,
            Effect::Shape { .. } | Effect::Rate { .. } => true,
            Effect::StopProcess { .. } | Effect::Cpu { .. } | Effect::Memory { .. } => false,
            // What programs do to packets is not known.
            Effect::Disk { .. } | Effect::Command(_) => false,
        }
    }

    /// Whether what it does stays on the victim's disk when the power goes, or may.
    pub fn outlives_power(&self) -> bool {
        matches!(self, Effect::Disk { .. } | Effect::Command(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(delay_ms: u64, jitter_ms: u64, loss_pct: f64) -> Effect {
        let [delay, jitter] = [delay_ms, jitter_ms].map(Duration::from_millis);
        Effect::Shape { delay, jitter, loss_pct }
    }

    #[test]
    fn long_delays_heavy_losses_and_low_rates_impair_their_own_path() {
        for effect in [shape(4_000, 1_000, 0.0), shape(300, 200, 0.0), shape(0, 0, 60.0), shape(0, 0, 100.0)] {
            assert!(effect.impairs_its_own_path(), "{effect:?}");
        }
        assert!(Effect::Rate { bits_per_s: 8_000 }.impairs_its_own_path());
        assert!(Effect::DropAll { after: Duration::ZERO }.impairs_its_own_path());
        for effect in [shape(100, 20, 0.0), shape(0, 0, 5.0), Effect::Rate { bits_per_s: 10_000_000 }] {
            assert!(!effect.impairs_its_own_path(), "{effect:?}");
        }
    }

    #[test]
    fn only_a_total_loss_and_dropping_policies_cut_it() {
        assert!(shape(0, 0, 100.0).cuts_its_own_path() && !shape(0, 0, 95.0).cuts_its_own_path());
        assert!(Effect::DropAll { after: Duration::ZERO }.cuts_its_own_path());
    }

    #[test]
    fn a_connection_is_known_to_take_long_through_delays_and_cuts_alone() {
        assert_eq!(shape(4_000, 1_000, 60.0).no_connection_within(), Some(Duration::from_secs(3)));
        assert_eq!(shape(100, 200, 0.0).no_connection_within(), Some(Duration::ZERO));
        assert_eq!(shape(0, 0, 60.0).no_connection_within(), Some(Duration::ZERO));
        assert_eq!(shape(0, 0, 100.0).no_connection_within(), Some(Duration::MAX));
        assert_eq!(Effect::DropAll { after: Duration::ZERO }.no_connection_within(), Some(Duration::MAX));
        assert_eq!(Effect::Rate { bits_per_s: 8_000 }.no_connection_within(), None);
    }

    #[test]
    fn what_impairs_the_path_of_its_answer_is_made_once_the_answer_is_out() {
        assert_eq!(shape(4_000, 0, 0.0).made_after(), ANSWER_FIRST);
        assert_eq!(shape(5, 0, 0.0).made_after(), Duration::ZERO);
        let after = Duration::from_secs(5);
        assert_eq!(Effect::DropAll { after }.made_after(), after);
    }
}
