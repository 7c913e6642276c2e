//! The parameter types: the only place where a feature's text becomes units.
//!
//! A type's regex is deliberately a little wider than what it accepts (`p101`, `under 5 parsecs`), so that a
//! malformed value is told as such, and not as a step that nobody knows.

use std::fmt;
use std::str::FromStr;

use cucumber::Parameter;

use crate::declare::ParameterType;
use crate::plan;
use crate::settings::{Policy, ReconcilerSettings};

mod faults;
mod measures;
mod schedule;
mod target;

pub use faults::{Port, Process, Signal};
pub use measures::{Bandwidth, DurationBound, Percent, PercentBound, Quantile, Rate, Span};
pub use schedule::Moments;
pub use target::Target;

/// A text that looks like a parameter and is none.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(pub(super) String);

impl fmt::Debug for ParamError {
    /// The message itself: the step macros report a parameter's error by its `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `4`, `2_000`, `a`, `three`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "count", regex = r"(?:\d[\d_]*|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)")]
pub struct Count(pub usize);

/// What servers are called: `webservers`, `load balancer`, `"dbhaproxy" nodes`; kept in the singular, unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Parameter)]
#[param(name = "role", regex = r#"(?:nodes?|webservers?|load balancers?|databases?|caches?|"[^"]+" nodes?)"#)]
pub struct Role(pub String);

/// `before the fault`, `during failover`, `while degraded`, `after recovery`, `throughout`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "phase", regex = r"(?:before the fault|during failover|while degraded|after recovery|throughout)")]
pub struct Phase(pub plan::Phase);

/// `detection`, `removal from rotation`, `failover`, `replacement`, `restoring redundancy`, `recovery`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(
    name = "interval",
    regex = r"(?:detection|removal from rotation|failover|replacement|restoring redundancy|recovery)"
)]
pub struct Interval(pub plan::Interval);

/// `reconciler`, `config agent`, `failover`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "agent", regex = r"(?:reconciler|config agent|failover)")]
pub struct Agent(pub plan::Agent);

impl FromStr for Agent {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Agent, ParamError> {
        match text {
            "reconciler" => Ok(Agent(plan::Agent::Reconciler)),
            "config agent" => Ok(Agent(plan::Agent::ConfigAgent)),
            "failover" => Ok(Agent(plan::Agent::Failover)),
            _ => Err(ParamError(format!("no agent is called `{text}`"))),
        }
    }
}

/// `surplus`, `unhealthy`: what a node may be that the reconciler is to terminate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Parameter)]
#[param(name = "condition", regex = r"(?:surplus|unhealthy)")]
#[non_exhaustive]
pub enum Condition {
    /// Nobody declared it, or it is a second of its name.
    Surplus,
    /// It runs and does not serve.
    Unhealthy,
}

impl Condition {
    /// Lets the reconciler terminate such nodes.
    pub fn terminated(self, settings: &mut ReconcilerSettings) {
        match self {
            Condition::Surplus => settings.surplus = Policy::Terminate,
            Condition::Unhealthy => settings.unhealthy = Policy::Terminate,
        }
    }
}

impl FromStr for Condition {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Condition, ParamError> {
        match text {
            "surplus" => Ok(Condition::Surplus),
            "unhealthy" => Ok(Condition::Unhealthy),
            _ => Err(ParamError(format!("a node is surplus or unhealthy, not `{text}`"))),
        }
    }
}

macro_rules! registered {
    ($($parameter:ty: $accepts:literal),+ $(,)?) => {
        $(cucumber::codegen::submit! {
            ParameterType {
                name: <$parameter as Parameter>::NAME,
                regex: <$parameter as Parameter>::REGEX,
                accepts: $accepts,
            }
        })+
    };
}
registered! {
    Count: "4, a, three",
    Role: "webservers, load balancers, databases, caches, nodes, \"word\" nodes",
    Agent: "reconciler, config agent, failover",
    Condition: "surplus, unhealthy",
    Target: "node \"web-1\"; the [N] highest-degree|most central|busiest|idlest R; the active|standby|primary|same R; the \"selector\" R; a|N random R; P% of the R; every [other|critical|unhealthy] R; … in zone \"a\", … tagged \"x\"",
    Process: "process \"nginx\"; a random process",
    Signal: "SIGTERM, SIGSEGV",
    Port: "80",
    Bandwidth: "1 Mbit/s, 500 kbit/s",
    Moments: "nothing; for 5 s; every 5 s for 20 s; at random times, every 5 s on average, for 1 min",
    Span: "500 ms, 8 min, 3 min 30 s",
    DurationBound: "under|over|at least|at most 8 min, < 8 min, >= 8 min, between 1 s and 2 s",
    Percent: "99.9%",
    PercentBound: "under|over|at least|at most 99%, >= 99%, between 40% and 60%",
    Rate: "500 requests/s",
    Quantile: "p99, p99.9, median, mean, maximum",
    Phase: "before the fault, during failover, while degraded, after recovery, throughout",
    Interval: "detection, removal from rotation, failover, replacement, restoring redundancy, recovery",
}

/// The numbers that may be written out; `a` and `an` are one.
const NUMBERS: [&str; 13] =
    ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

impl FromStr for Count {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        if matches!(text, "a" | "an") {
            return Ok(Count(1));
        }
        if let Some(number) = NUMBERS.iter().position(|word| *word == text && !word.is_empty()) {
            return Ok(Count(number));
        }
        let number = text.replace('_', "").parse();
        number.map(Count).map_err(|_| ParamError(format!("`{text}` is not a count; write for example `4` or `three`")))
    }
}

impl FromStr for Role {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        if let Some(quoted) = text.strip_prefix('"') {
            let word = quoted.split('"').next().unwrap_or_default();
            return Ok(Role(word.to_string()));
        }
        Ok(Role(text.strip_suffix('s').unwrap_or(text).to_string()))
    }
}

impl FromStr for Phase {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        Ok(Phase(match text {
            "before the fault" => plan::Phase::Before,
            "during failover" => plan::Phase::Failover,
            "while degraded" => plan::Phase::Degraded,
            "after recovery" => plan::Phase::After,
            "throughout" => plan::Phase::Throughout,
            other => return Err(ParamError(format!("`{other}` is not a phase"))),
        }))
    }
}

impl FromStr for Interval {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        Ok(Interval(match text {
            "detection" => plan::Interval::Detection,
            "removal from rotation" => plan::Interval::Removal,
            "failover" => plan::Interval::Failover,
            "replacement" => plan::Interval::Replacement,
            "restoring redundancy" => plan::Interval::Redundancy,
            "recovery" => plan::Interval::Recovery,
            other => return Err(ParamError(format!("`{other}` is not an interval"))),
        }))
    }
}
