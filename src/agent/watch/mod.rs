//! What can be watched on a server, and what is said of it: one line of JSON for each change.
//!
//! [`Thing`] says what is looked at and how often, [`Sight`] what was seen, [`Unseen`] why nothing was. A look is the same
//! code wherever it is made: by an observer of this machine, through `/proc`, or by the agent on the server that is
//! watched ([`watcher`]), which reports over a connection. [`reader`] is the other end of that: it believes nothing that
//! contradicts itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Within;
use crate::instance::Command;
use crate::launch::ASKED;
use crate::role::StubStatusUrl;

pub mod addresses;
pub mod haproxy;
mod http;
pub mod nginx;
pub mod reader;
pub mod sidecar;
pub mod statistics;
pub(super) mod watcher;

use nginx::StubStatus;
use sidecar::DatabaseSight;
use statistics::Statistics;

/// The most things that one order may name.
const MOST_THINGS: usize = 256;
/// From one heartbeat of a watcher to the next: what has not changed by then is reported as looked at.
pub const HEARTBEAT: Duration = Duration::from_millis(50);
/// A watcher ends by itself when its standard input has been silent for so long.
pub const LISTENED: Duration = Duration::from_secs(5);

/// Something on a server that is looked at again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Thing {
    /// The statistics socket of a HAProxy.
    Haproxy { socket: PathBuf },
    /// Which of these addresses its network has.
    Addresses { of: Vec<Ipv4Addr> },
    /// The sidecar of a database, which answers `GET /status`.
    Database { at: SocketAddr },
    /// What an nginx counts.
    Nginx { url: StubStatusUrl },
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    Haproxy(Statistics),
    Addresses(BTreeSet<Ipv4Addr>),
    Database(DatabaseSight),
    Nginx(StubStatus),
}

/// Why a look saw nothing. That is no fact about what is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// It did not answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(#[serde(with = "crate::units::duration")] Duration),
    /// It answered something else.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
    /// It can't be read or connected to.
    #[error("{0}")]
    Unreadable(String),
}

impl From<std::io::Error> for Unseen {
    fn from(why: std::io::Error) -> Unseen {
        Unseen::Unreadable(why.to_string())
    }
}

impl Thing {
    /// From one look to the next.
    pub fn every(&self) -> Duration {
        match self {
            Thing::Haproxy { .. } => Duration::from_millis(20),
            Thing::Addresses { .. } => Duration::from_millis(10),
            Thing::Database { .. } => Duration::from_millis(100),
            Thing::Nginx { .. } => Duration::from_secs(1),
        }
    }

    /// One look at a thing of this very server.
    async fn look(&self) -> Result<Sight, Unseen> {
        match self {
            Thing::Haproxy { socket } => haproxy::look(socket).await.map(Sight::Haproxy),
            Thing::Addresses { of } => {
                let trie = std::fs::read_to_string(Path::new(addresses::OWN))?;
                Ok(Sight::Addresses(addresses::among(&trie, of)))
            }
            Thing::Database { at } => sidecar::look(*at).await.map(Sight::Database),
            Thing::Nginx { url } => nginx::look(url).await.map(Sight::Nginx),
        }
    }
}

impl Sight {
    /// Whether it says something that this earlier one did not. Counts are news only after a while, see [`watcher`].
    fn is_news(&self, before: &Sight) -> bool {
        match (self, before) {
            (Sight::Haproxy(now), Sight::Haproxy(before)) => now.differs(before),
            (Sight::Database(now), Sight::Database(before)) => now.view() != before.view(),
            (now, before) => now != before,
        }
    }

    /// Whether it is what a look at this thing can see.
    fn is_of(&self, thing: &Thing) -> bool {
        matches!(
            (self, thing),
            (Sight::Haproxy(_), Thing::Haproxy { .. })
                | (Sight::Addresses(_), Thing::Addresses { .. })
                | (Sight::Database(_), Thing::Database { .. })
                | (Sight::Nginx(_), Thing::Nginx { .. })
        )
    }
}

/// What a watcher is asked to watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchOrder {
    /// What is watched; lines name a thing by its place in here.
    pub things: Vec<Thing>,
}

impl WatchOrder {
    /// The command that starts a watcher by the program that lies there, to be streamed from the server.
    pub fn command(&self, program: &str) -> Command {
        let order = serde_json::to_string(self).expect("an order is plain data");
        Command::new([program, ASKED, "watch", &order])
    }
}

/// When the watcher on each server was last heard. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct LastHeard(Arc<Mutex<BTreeMap<String, Instant>>>);

impl LastHeard {
    /// A line of the watcher on this server has just come.
    pub fn note(&self, server: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match heard.get_mut(server) {
            Some(at) => *at = Instant::now(),
            None => drop(heard.insert(server.into(), Instant::now())),
        }
    }

    /// How long ago the last line of the watcher on this server came; `None` where there was none yet. A server that is
    /// silent may be gone, frozen or cut off.
    pub fn ago(&self, server: &str) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(server).map(Instant::elapsed)
    }
}

/// One line of a watcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// When it was written, in microseconds of the server's `CLOCK_MONOTONIC`: a process there ran then.
    written_us: u64,
    looks: Vec<Told>,
}

/// What a line says of one thing. Stamps are microseconds of the server's `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    thing: usize,
    /// The look.
    at: Within,
    /// When the look before it began; `None` for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_us: Option<u64>,
    /// What it saw, where that is news; a heartbeat has none: all is as it was said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Result<Sight, Unseen>>,
}
