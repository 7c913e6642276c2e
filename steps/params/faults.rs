//! What faults are told: processes, signals, ports.

use std::str::FromStr;

use cucumber::Parameter;

use super::ParamError;
use crate::plan::Parameters;

/// `process "nginx"`, `a random process`: which processes of a server.
#[derive(Debug, Clone, PartialEq, Eq, Parameter)]
#[param(
    name = "process",
    regex = r#"(?:process (?:"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')|a random process)"#
)]
pub enum Process {
    /// Those of this name.
    Named(String),
    /// Those of one name that the server's role declares, drawn with the seed.
    Random,
}

impl Process {
    /// Says so in what a fault is told.
    pub fn fill(self, with: &mut Parameters) {
        match self {
            Process::Named(name) => with.process = Some(name),
            Process::Random => with.random_process = true,
        }
    }
}

/// `SIGTERM`; kept without `SIG`.
#[derive(Debug, Clone, PartialEq, Eq, Parameter)]
#[param(name = "signal", regex = r"SIG[A-Z0-9]+")]
pub struct Signal(pub String);

/// `80`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "port", regex = r"\d+")]
pub struct Port(pub u16);

impl FromStr for Process {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        if text == "a random process" {
            return Ok(Process::Random);
        }
        let quoted = text.strip_prefix("process ").unwrap_or_default();
        let name = ['"', '\''].iter().find_map(|quote| quoted.strip_prefix(*quote)?.strip_suffix(*quote));
        let refused = || ParamError(format!("`{text}` is no process; write for example `process \"nginx\"`"));
        name.map(|name| Process::Named(name.into())).ok_or_else(refused)
    }
}

impl FromStr for Signal {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let name = text.strip_prefix("SIG").filter(|name| !name.is_empty());
        let refused = || ParamError(format!("`{text}` is not a signal; write for example `SIGTERM`"));
        name.map(|name| Signal(name.into())).ok_or_else(refused)
    }
}

impl FromStr for Port {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        let port = text.parse().ok().filter(|port| *port > 0);
        port.map(Port).ok_or_else(|| ParamError(format!("`{text}` is not a port; ports are 1 to 65535")))
    }
}
