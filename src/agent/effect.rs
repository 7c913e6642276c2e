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
    Policies {
        /// In the background, this long after it was asked for, so that the session can end.
        #[serde(with = "duration")]
        after: Duration,
    },
    /// Packets that come in from these addresses are dropped.
    Deaf {
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
}

impl Effect {
    /// Whether it cuts the path that its own heal would come by.
    pub fn cuts_its_own_path(&self) -> bool {
        matches!(self, Effect::Policies { .. })
    }
}
