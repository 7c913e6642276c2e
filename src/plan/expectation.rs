//! What a `Then` means, as data: the hypothesis, the phase it speaks of, the interval it bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Bound, DurationBound, PercentBound, Quantile, duration};

/// What a `Then` means, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expectation {
    /// `availability {phase} is {percent_bound}`
    Availability { phase: Phase, bound: PercentBound },
    /// `{quantile} stays {duration_bound}`: over the fixed span from t0.
    LatencyStays { quantile: Quantile, bound: DurationBound },
    /// `{quantile} latency {phase} is {duration_bound}`
    Latency { quantile: Quantile, phase: Phase, bound: DurationBound },
    /// `total downtime is {duration_bound}`
    TotalDowntime { bound: DurationBound },
    /// `the longest outage is {duration_bound}`
    LongestOutage { bound: DurationBound },
    /// `{interval} takes {duration_bound}`
    Interval { interval: Interval, bound: DurationBound },
    /// `recovery from every strike takes {duration_bound}`
    EachStrike { bound: DurationBound },
    /// `{int} {role} are in rotation`: by every balancer that lives, at the end of the watch.
    InRotation { count: usize, role: String },
    /// `exactly one {role} holds the virtual IP {phase}`
    OneHolder { role: String, phase: Phase },
    /// `steady state holds {phase}`
    SteadyState { phase: Phase },
    /// `no other node fails`
    NoOtherFails,
    /// `no node is booted twice`: for one outage of it.
    NoDoubleBoot,
    /// `at most {int} {role} are replaced`
    Replaced { role: String, bound: Bound<usize> },
    /// `no node is configured while node {string} is down`
    NoneConfiguredWithout { server: String },
    /// `at least {int} connections stay open {phase}`: by HAProxy's own count of current sessions.
    ConnectionsOpen { count: u64, phase: Phase },
    /// `no {role} is a single point of failure`
    NoSinglePointOfFailure { role: String },
    /// `no acknowledged write is lost`
    NoAcknowledgedWriteLost,
    /// `no write is applied twice`: nothing is there twice, and nothing that no write asked for.
    NoWriteTwice,
    /// `users read their own writes`
    OwnWritesRead,
    /// `no user sees less than before`
    NeverLess,
    /// `{quantile} staleness is {duration_bound}`
    Staleness { quantile: Quantile, bound: DurationBound },
    /// `the {role} agree within {duration}`
    Agree {
        role: String,
        #[serde(with = "duration")]
        within: Duration,
    },
    /// `every register is linearizable`
    RegistersLinearizable,
    /// `no message is lost`
    NoMessageLost,
    /// `no message is delivered twice`
    NoMessageTwice,
    /// `exactly one {role} is writable {phase}`
    OneWritable { role: String, phase: Phase },
    /// A Then that another crate registered under this name, with the texts of its phrase's parameters.
    Registered { name: String, said: Vec<String> },
}

impl Expectation {
    /// Which kinds of data of a workload it speaks of; none where it speaks of none.
    pub(crate) fn models(&self) -> &'static [&'static str] {
        match self {
            Expectation::RegistersLinearizable => &["register"],
            Expectation::NoMessageLost | Expectation::NoMessageTwice => &["queue"],
            Expectation::NoWriteTwice => &["set", "counter", "queue"],
            Expectation::NoAcknowledgedWriteLost => &["set", "register", "counter", "queue"],
            Expectation::OwnWritesRead | Expectation::NeverLess | Expectation::Staleness { .. } => &["set", "register"],
            _ => &[],
        }
    }

    /// Whether only users of a workload write and read what it speaks of.
    pub(crate) fn is_of_models_alone(&self) -> bool {
        matches!(self, Expectation::RegistersLinearizable | Expectation::NoMessageLost | Expectation::NoMessageTwice)
    }

    /// Whether it is judged by what users wrote and read.
    pub(crate) fn is_of_operations(&self) -> bool {
        !self.models().is_empty()
    }

    /// Whether it asks what became of data. A Then of another crate may.
    pub(crate) fn may_ask_of_data(&self) -> bool {
        self.is_of_operations() || self.is_of_final_state() || matches!(self, Expectation::Registered { .. })
    }

    /// Whether it is judged by the rows that were there in the end, of a workload that knows the databases' tables.
    pub(crate) fn is_of_rows(&self) -> bool {
        matches!(self, Expectation::NoAcknowledgedWriteLost | Expectation::NoWriteTwice)
    }

    /// Whether it is judged by what the databases held in the end.
    pub(crate) fn is_of_final_state(&self) -> bool {
        self.is_of_rows() || matches!(self, Expectation::Agree { .. })
    }

    /// Whether it speaks of the time after a strike.
    pub(crate) fn is_of_a_strike(&self) -> bool {
        match self {
            Expectation::Interval { .. } => true,
            Expectation::Availability { phase, .. }
            | Expectation::Latency { phase, .. }
            | Expectation::OneHolder { phase, .. }
            | Expectation::OneWritable { phase, .. }
            | Expectation::SteadyState { phase }
            | Expectation::ConnectionsOpen { phase, .. } => matches!(phase, Phase::Failover | Phase::Degraded),
            _ => false,
        }
    }

    /// Whether it speaks of shares or latencies of requests, or of many strikes, which have no model time.
    pub(crate) fn is_of_requests(&self) -> bool {
        matches!(
            self,
            Expectation::Availability { .. }
                | Expectation::LatencyStays { .. }
                | Expectation::Latency { .. }
                | Expectation::SteadyState { .. }
                | Expectation::EachStrike { .. }
        )
    }
}

/// A stretch of a scenario. Phases are half-open and judged by due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// From the steady baseline's start until t0.
    Before,
    /// From t0 until service is back.
    Failover,
    /// From t0 until recovery.
    Degraded,
    /// From recovery until the watch ends.
    After,
    /// From the baseline's begin until the watch ends.
    Throughout,
}

/// A span that begins at t0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Interval {
    /// Until the system's own first record of the fault.
    Detection,
    /// Until the victim is out of rotation at every balancer that lives.
    Removal,
    /// Until the last bad moment that is followed by a steady span.
    Failover,
    /// Until the replacement's role is configured and it serves.
    Replacement,
    /// Until every declared server is there, ready and in rotation again.
    Redundancy,
    /// Until service and redundancy are back and steady.
    Recovery,
}
