//! A command in an instance, and what it left.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A command to be run in an instance: a program and its arguments, never a shell line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments, passed on unchanged.
    pub argv: Vec<String>,
    /// It is given up after this long.
    #[serde(with = "crate::units::duration")]
    pub timeout: Duration,
}

/// What a command left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Command {
    /// A command with a deadline of 10 s.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Command { argv: argv.into_iter().map(Into::into).collect(), timeout: Duration::from_secs(10) }
    }
}
