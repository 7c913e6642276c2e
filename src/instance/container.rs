//! What befalls the container that stands for a server, beside what its power state says.

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::Between;

/// An exit code above this is that of a process which a signal ended: 128 and the signal's number.
const BY_SIGNAL: i64 = 128;

/// A change that Docker reports of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ContainerChange {
    /// The kernel killed a process of it, because its memory was used up.
    OutOfMemory,
    /// Its first process ended, with this code.
    Exited { exit_code: i64 },
    /// Its restart policy started it again; `count`: how often since it was started by a command.
    Restarted { count: u32 },
    /// A command started it, or an orchestrator such as Swarm.
    Started,
    /// Its health check passes, or fails, and did not before. `output` is what the last check printed, where it fails.
    Health {
        healthy: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
    },
}

impl ContainerChange {
    /// In a word or two: `exited`, `unhealthy`.
    pub fn word(&self) -> &'static str {
        match self {
            ContainerChange::OutOfMemory => "out of memory",
            ContainerChange::Exited { .. } => "exited",
            ContainerChange::Restarted { .. } => "restarted",
            ContainerChange::Started => "started",
            ContainerChange::Health { healthy: true, .. } => "healthy",
            ContainerChange::Health { healthy: false, .. } => "unhealthy",
        }
    }

    /// What is to be said beside the word: `with 137, as after SIGKILL`; empty where the word says all.
    pub fn detail(&self) -> String {
        match self {
            ContainerChange::OutOfMemory => "the kernel killed a process of it".into(),
            ContainerChange::Exited { exit_code } => match signal(*exit_code) {
                Some(signal) => format!("with {exit_code}, as after {signal}"),
                None => format!("with {exit_code}"),
            },
            ContainerChange::Restarted { count } => format!("by its restart policy, restart {count}"),
            ContainerChange::Started => "by a command or an orchestrator".into(),
            ContainerChange::Health { output, .. } => output.clone(),
        }
    }

    /// Whether something is wrong with it from then on.
    pub fn is_trouble(&self) -> bool {
        match self {
            ContainerChange::OutOfMemory | ContainerChange::Health { healthy: false, .. } => true,
            ContainerChange::Exited { exit_code } => *exit_code != 0,
            _ => false,
        }
    }
}

fn signal(exit_code: i64) -> Option<Signal> {
    Signal::try_from(i32::try_from(exit_code - BY_SIGNAL).ok()?).ok()
}

/// A change of the container that stands for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerNews {
    /// The server's name.
    pub server: String,
    /// The start of the container's id, as Docker shows it.
    pub container: String,
    /// What changed.
    pub change: ContainerChange,
    /// When Docker reported it, at the latest when it was heard.
    pub when: Between,
}

/// What is heard of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerReport {
    /// Something changed.
    Changed(ContainerNews),
    /// Nothing is heard from now on, and why.
    Lost(String),
    /// It is heard again.
    Found,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_says_which_signal_it_stands_for() {
        let detail = |exit_code| ContainerChange::Exited { exit_code }.detail();
        assert_eq!(
            [0, 3, 137, 143].map(detail),
            ["with 0", "with 3", "with 137, as after SIGKILL", "with 143, as after SIGTERM"]
        );
        assert_eq!([-1, 128, 255, i64::MAX].map(detail)[2], "with 255");
        assert!(!ContainerChange::Exited { exit_code: 0 }.is_trouble());
    }
}
