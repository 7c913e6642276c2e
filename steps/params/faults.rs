//! What befalls servers, their processes, ports and resources.

use std::str::FromStr;

use cucumber::Parameter;

use super::ParamError;

/// What befalls a server: `dies`, `loses power`, `comes back`, `reboots`, `reboots gracefully`, `hangs`, `is suspended`, …; singular or plural.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(
    name = "event",
    regex = r"(?:dies?|loses? power|comes? back|reboots?(?: gracefully)?|hangs?|(?:is|are) suspended|loses? network|(?:is|are) isolated|gets? a full disk)"
)]
pub struct Event(
    /// The fault's name in the table of faults.
    pub &'static str,
);

/// What befalls a process: `dies`, `stops`, `hangs`, `restarts`; singular or plural.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "process_event", regex = r"(?:dies?|stops?|hangs?|restarts?)")]
pub struct ProcessEvent(
    /// The fault's name in the table of faults.
    pub &'static str,
);

/// `SIGTERM`; kept without `SIG`.
#[derive(Debug, Clone, PartialEq, Eq, Parameter)]
#[param(name = "signal", regex = r"SIG[A-Z0-9]+")]
pub struct Signal(pub String);

/// `80`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "port", regex = r"\d+")]
pub struct Port(pub u16);

/// `CPU`, `memory`, `disk space`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "resource", regex = r"(?:CPU|memory|disk space)")]
pub struct Resource(
    /// The fault that takes it.
    pub &'static str,
);

impl FromStr for Event {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        Ok(Event(match text {
            "dies" | "die" => "dies",
            "loses power" | "lose power" => "power-off",
            "comes back" | "come back" => "power-on",
            "reboots" | "reboot" => "reboots",
            "reboots gracefully" | "reboot gracefully" => "soft-reboots",
            "hangs" | "hang" => "hangs",
            "is suspended" | "are suspended" => "suspended",
            "loses network" | "lose network" => "loses-network",
            "is isolated" | "are isolated" => "isolated",
            "gets a full disk" | "get a full disk" => "disk-full",
            other => return Err(ParamError(format!("`{other}` is not an event"))),
        }))
    }
}

impl FromStr for ProcessEvent {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        Ok(ProcessEvent(match text {
            "dies" | "die" => "process-dies",
            "stops" | "stop" | "hangs" | "hang" => "process-stops",
            "restarts" | "restart" => "process-restarts",
            other => return Err(ParamError(format!("`{other}` can't happen to a process"))),
        }))
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

impl FromStr for Resource {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        Ok(Resource(match text {
            "CPU" => "cpu-taken",
            "memory" => "memory-taken",
            "disk space" => "disk-taken",
            other => return Err(ParamError(format!("`{other}` can't be taken"))),
        }))
    }
}
