//! Following the logs of a server's services, from there: a process of the agent reads what is appended to files, and reports
//! it line by line with the moment of the reading, by the server's own clock.
//!
//! [`log`] reads one file, over rotation and truncation and within bounds, [`follower`] is the process, and [`reader`] the
//! other end of its lines. Logs are no evidence: nothing is judged by them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::instance::Command;
use crate::launch::ASKED;

pub(super) mod follower;
mod log;
pub mod reader;

/// The most logs of one server.
pub const MOST_LOGS: usize = 8;
/// Lines of a log that are reported in a second; others are counted.
pub const MOST_LINES: u64 = 500;
/// Bytes of a log that are reported in a second; lines beyond are counted.
pub const MOST_BYTES: usize = 96 << 10;
/// Bytes of a line that are reported.
pub const LINE: usize = 4 << 10;
/// From one reading of a log to the next.
const LOOK: Duration = Duration::from_millis(100);
/// A follower that has nothing to report says so this often.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// What a follower is asked to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowOrder {
    /// Absolute paths; lines name a log by its place in here.
    pub logs: Vec<PathBuf>,
}

impl FollowOrder {
    /// The command that starts a follower by the program that lies there, to be streamed from the server.
    pub fn command(&self, program: &str) -> Command {
        let order = serde_json::to_string(self).expect("an order is plain data");
        Command::new([program, ASKED, "follow", &order])
    }
}

/// Something that a follower says of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is read from this byte on.
    From(u64),
    /// A line without its line feed, or the part of one that was read. `cut`: so many of its bytes were too many.
    Line { text: String, cut: u64 },
    /// More came than is reported: so many lines were read and left out, so many bytes were not read.
    LeftOut { lines: u64, unread: u64 },
    /// It can't be read, and why; said once for each reason.
    Unreadable(String),
    /// Another file lies at its path now, which is read from its beginning.
    Rotated,
    /// It is shorter than it was, and is read from its beginning.
    Truncated,
}

/// One line of a follower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// When this was read, in microseconds of the server's `CLOCK_MONOTONIC`.
    read_us: u64,
    log: usize,
    /// Empty in a heartbeat.
    said: Vec<Said>,
}
