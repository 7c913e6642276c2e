//! What holds a fault on a victim: a process of its own, started there before the fault, that injects it, ends it by
//! itself when its lease is over, and can be asked what it sees.
//!
//! Start with [`effect`] (what can be held, as data) and [`client`] (how the nemesis speaks to it). An agent is this
//! very program, started in the instance with a hidden first argument; see [`run_if_asked`]. On a server that does not
//! have it, [`upload`] puts it for as long as it is needed; [`program`] says whether it can run there.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod caretaker;
pub mod client;
mod contained;
mod detach;
mod driver;
pub mod effect;
mod elf;
pub mod follow;
mod id;
mod interface;
mod iptables;
mod lease_holder;
mod need;
pub mod offset;
mod prefork;
pub mod probe;
pub(crate) mod process;
pub mod program;
mod queue;
mod record;
mod serve;
pub mod stamp;
mod survey;
pub mod sweep;
mod tc;
pub mod upload;
mod verbs;
pub mod watch;

use effect::Effect;

use crate::console::complain;
use crate::launch::ASKED;
pub use id::{BadId, StrikeId};
pub use need::Need;
use stamp::Within;

/// Where a victim keeps what is held on it: a folder for each strike, named by its id.
pub const STATE: &str = "/run/anarcho-chimp";

/// What an agent is asked to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The hit it belongs to.
    pub id: StrikeId,
    /// What is done to the victim.
    pub effect: Effect,
    /// It ends by itself this long after it was armed or renewed.
    #[serde(with = "crate::units::duration")]
    pub lease: Duration,
    /// Its planned end: it ends by itself this long after it came into force, whether the lease is renewed or not.
    #[serde(default, with = "crate::units::duration::optional", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Duration>,
    /// The victim's own address: faults of its network are made on the interface that carries it.
    pub address: Ipv4Addr,
    /// For tests of the harness: a lie. Healing does nothing, whoever asks for it, and the lease never ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heals_nothing: bool,
    /// For tests of the harness: a lie. It ends after half of its time, and its stamps say that it lasted the whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_early: bool,
}

/// What an agent sees, measured there and then; never what it remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Whether the effect is in force.
    pub in_force: bool,
    /// What was read, in words: `2 of 2 rules there`, `4 of 4 processes stopped (T)`.
    pub evidence: String,
}

/// One strike that is held on a victim, or what is left of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Its order; `None` where only traces are left (a rule with a comment of ours, say).
    pub order: Option<Order>,
    /// Which strike.
    pub id: StrikeId,
    /// In words, with process numbers as the server itself counts them: `held by pid 31 there for another 12 s`, `a rule in INPUT without a holder`.
    pub evidence: String,
}

/// What tells two agents apart: the package's version and the length of this program.
fn version() -> String {
    version_of(std::fs::metadata("/proc/self/exe").map_or(0, |program| program.len()))
}

/// The version of a program of this package with so many bytes.
fn version_of(length: u64) -> String {
    format!("{}-{length}", env!("CARGO_PKG_VERSION"))
}

/// Is an agent, if this program was started as one: to be called first in every `main`.
pub fn run_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let (asked, words) = words.split_first()?;
    if asked != ASKED {
        return None;
    }
    match verbs::obey(words) {
        Ok(answer) => {
            if !answer.is_empty() {
                // One who hung up needs no answer.
                let _ = writeln!(std::io::stdout(), "{answer}");
            }
            Some(ExitCode::SUCCESS)
        }
        Err(why) => {
            complain!("{why}");
            Some(ExitCode::FAILURE)
        }
    }
}
