//! What servers are to a provider: what one is booted from, what is found of it, what can be done to it.
//!
//! Plain data, below everything that uses it: plans, histories, faults and verdicts speak of instances and know no
//! provider.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;

mod ability;
mod activity;
pub(crate) mod bytes;
mod command;
mod container;
mod question;
pub(crate) mod service_end;
mod spec;

pub use ability::Ability;
pub use activity::Activity;
pub use command::{Command, Output};
pub use container::{ContainerChange, ContainerNews, ContainerReport};
pub use question::Question;
pub use service_end::{HowEnded, ServiceEnd};
pub use spec::{FileContent, FileSpec, InstanceSpec, ServiceSpec, UserData};

/// Names one instance for as long as it exists: `web-1.1`, and `web-1.2` for its replacement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub String);

/// A server that was booted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Unique among all instances of a run.
    pub id: InstanceId,
    /// The server it stands for.
    pub name: String,
    /// Where it answers.
    pub address: Ipv4Addr,
    /// What was found when it was listed, measured there and then.
    pub state: PowerState,
    /// What the state was read from, in words: `pid 212 gone`, `9 of 9 processes stopped (T)`.
    pub evidence: String,
    /// The pid of its first process as the harness sees it; `None` where the provider has no such thing.
    pub first_process: Option<i32>,
    /// When it came into this state; `None` where the provider does not know, or knows no more than that it is so now.
    #[serde(skip)]
    pub changed: Option<Between>,
}

/// Something happened between two moments, in microseconds of this machine's `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// It surely had not happened yet.
    pub since_us: u64,
    /// It surely had happened.
    pub by_us: u64,
}

impl Between {
    /// The same on a run's clock.
    pub fn on(self, run: Clock) -> Between {
        let on_run = |us: u64| us.saturating_sub(run.epoch());
        Between { since_us: on_run(self.since_us), by_us: on_run(self.by_us) }
    }
}

/// The state of an instance, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Its first process lives and is not stopped.
    Running,
    /// Alive, but every process of it is stopped; or suspended.
    Frozen,
    /// No process; its disk is kept, `Start` boots it again.
    Stopped,
    /// Gone for good.
    Terminated,
}

/// What a provider does to an instance from outside, without a command in it: to its power, and to the plug of its network. All are
/// idempotent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerOp {
    /// The link is cut first, then everything is killed, then the disk is removed: a black hole, gone for good.
    Terminate,
    /// As a power cut: link cut, everything killed; the disk is kept.
    Stop,
    /// Boots a stopped instance from its kept disk.
    Start,
    /// Its own init ends everything in order, and it boots again from its disk.
    SoftReboot,
    /// Every process stops where it is (SIGSTOP); nothing is closed.
    Freeze,
    /// They go on (SIGCONT).
    Thaw,
    /// Its memory is put aside: every process stops where it is, and nothing answers for it, its kernel neither.
    Suspend,
    /// It goes on where it was suspended.
    Resume,
    /// No packet passes to or from it any more, of open connections neither, and neither end is told. It runs on.
    Isolate,
    /// Packets pass as they did before.
    Rejoin,
}

impl PowerOp {
    /// All of them.
    pub const ALL: [PowerOp; 10] = [
        PowerOp::Terminate,
        PowerOp::Stop,
        PowerOp::Start,
        PowerOp::SoftReboot,
        PowerOp::Freeze,
        PowerOp::Thaw,
        PowerOp::Suspend,
        PowerOp::Resume,
        PowerOp::Isolate,
        PowerOp::Rejoin,
    ];

    /// Its word in inventories.
    pub fn word(self) -> &'static str {
        match self {
            PowerOp::Terminate => "terminate",
            PowerOp::Stop => "stop",
            PowerOp::Start => "start",
            PowerOp::SoftReboot => "soft_reboot",
            PowerOp::Freeze => "freeze",
            PowerOp::Thaw => "thaw",
            PowerOp::Suspend => "suspend",
            PowerOp::Resume => "resume",
            PowerOp::Isolate => "isolate",
            PowerOp::Rejoin => "rejoin",
        }
    }

    /// What it does, for messages: `soft reboot`.
    pub fn verb(self) -> String {
        self.word().replace('_', " ")
    }

    /// What undoes it: a provider that outlives its client can hold a lease on it. `None` for what is for good, and for what itself
    /// undoes another.
    pub fn undone_by(self) -> Option<PowerOp> {
        match self {
            PowerOp::Freeze => Some(PowerOp::Thaw),
            PowerOp::Suspend => Some(PowerOp::Resume),
            PowerOp::Stop => Some(PowerOp::Start),
            PowerOp::Isolate => Some(PowerOp::Rejoin),
            PowerOp::Terminate | PowerOp::Start | PowerOp::SoftReboot => None,
            PowerOp::Thaw | PowerOp::Resume | PowerOp::Rejoin => None,
        }
    }

    /// Which plug it is about: a lease on one does not end with a switch of the other.
    pub fn plug(self) -> Plug {
        match self {
            PowerOp::Isolate | PowerOp::Rejoin => Plug::Network,
            _ => Plug::Power,
        }
    }
}

/// What of an instance is switched from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plug {
    /// Whether it runs.
    Power,
    /// Whether packets pass.
    Network,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PowerState::Running => "running",
            PowerState::Frozen => "frozen",
            PowerState::Stopped => "stopped",
            PowerState::Terminated => "terminated",
        })
    }
}
