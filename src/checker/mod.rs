//! Judges: a [`Checker`] turns a [`History`] into a [`Judgement`], and does nothing else.
//!
//! Definitions of all words (availability, failover, recovery…) are in [`crate::measure`].

use serde::{Deserialize, Serialize};

mod agree;
mod as_measured;
mod availability;
mod collateral;
mod compare;
mod connections;
mod double_boot;
mod downtime;
mod each_strike;
mod each_turn;
mod held;
mod interval;
mod judgement;
mod latency;
mod reads;
mod replaced;
mod rotation;
mod single_point;
mod steady;
mod virtual_ip;
mod writable;
mod writes;

use std::time::Duration;

use crate::history::History;
use crate::units::{Bound, DurationBound, PercentBound, Quantile, duration};

/// A pure judge.
pub trait Checker {
    /// Judges what was recorded.
    fn check(&self, history: &History) -> Judgement;
}

/// What a `Then` means, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// `at least {int} connections stay open {phase}`: by HAProxy's own count of current sessions.
    ConnectionsOpen { count: u64, phase: Phase },
    /// `no {role} is a single point of failure`
    NoSinglePointOfFailure { role: String },
    /// `no acknowledged write is lost`
    NoAcknowledgedWriteLost,
    /// `no write is applied twice`: nothing is there twice, and nothing that nobody asked for.
    NoWriteTwice,
    /// `every name has one owner`
    OneOwner,
    /// `the follower counts are right`
    FollowersCounted,
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
    /// `exactly one {role} is writable {phase}`
    OneWritable { role: String, phase: Phase },
}

impl Expectation {
    /// Who judges it. Where servers are struck in turn, what speaks of the time after a strike is judged of each.
    pub fn checker(&self) -> Box<dyn Checker> {
        if self.is_of_a_strike() { Box::new(each_turn::EachTurn(self.plain_checker())) } else { self.plain_checker() }
    }

    /// Whether it is judged by what users wrote and read.
    pub fn is_of_operations(&self) -> bool {
        let of_writes = matches!(self, Expectation::NoAcknowledgedWriteLost | Expectation::NoWriteTwice)
            || matches!(self, Expectation::OneOwner | Expectation::FollowersCounted);
        of_writes || matches!(self, Expectation::OwnWritesRead | Expectation::NeverLess | Expectation::Staleness { .. })
    }

    /// Whether it is judged by what the databases held in the end.
    pub fn is_of_final_state(&self) -> bool {
        matches!(self, Expectation::NoAcknowledgedWriteLost | Expectation::NoWriteTwice)
            || matches!(self, Expectation::FollowersCounted | Expectation::Agree { .. })
    }

    fn is_of_a_strike(&self) -> bool {
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

    fn plain_checker(&self) -> Box<dyn Checker> {
        if self.is_of_requests() { Box::new(as_measured::AsMeasured(self.judge())) } else { self.judge() }
    }

    /// Whether it speaks of shares or latencies of requests, or of many strikes, which have no model time.
    fn is_of_requests(&self) -> bool {
        matches!(
            self,
            Expectation::Availability { .. }
                | Expectation::LatencyStays { .. }
                | Expectation::Latency { .. }
                | Expectation::SteadyState { .. }
                | Expectation::EachStrike { .. }
        )
    }

    fn judge(&self) -> Box<dyn Checker> {
        match self.clone() {
            Expectation::Availability { phase, bound } => Box::new(availability::Availability { phase, bound }),
            Expectation::LatencyStays { quantile, bound } => Box::new(latency::LatencyStays { quantile, bound }),
            Expectation::Latency { quantile, phase, bound } => Box::new(latency::Latency { quantile, phase, bound }),
            Expectation::TotalDowntime { bound } => Box::new(downtime::TotalDowntime { bound }),
            Expectation::LongestOutage { bound } => Box::new(downtime::LongestOutage { bound }),
            Expectation::Interval { interval, bound } => Box::new(interval::IntervalTakes { interval, bound }),
            Expectation::EachStrike { bound } => Box::new(each_strike::EachStrike { bound }),
            Expectation::InRotation { count, role } => Box::new(rotation::InRotation { count, role }),
            Expectation::OneHolder { role, phase } => Box::new(virtual_ip::OneHolder { role, phase }),
            Expectation::SteadyState { phase } => Box::new(steady::SteadyState { phase }),
            Expectation::NoSinglePointOfFailure { role } => Box::new(single_point::NoSinglePointOfFailure { role }),
            Expectation::NoAcknowledgedWriteLost => Box::new(writes::NoAcknowledgedWriteLost),
            Expectation::NoWriteTwice => Box::new(writes::NoWriteTwice),
            Expectation::OneOwner => Box::new(writes::OneOwner),
            Expectation::FollowersCounted => Box::new(writes::FollowersCounted),
            Expectation::OwnWritesRead => Box::new(reads::OwnWritesRead),
            Expectation::NeverLess => Box::new(reads::NeverLess),
            Expectation::Staleness { quantile, bound } => Box::new(reads::Staleness { quantile, bound }),
            Expectation::Agree { role, within } => Box::new(agree::Agree { role, within }),
            Expectation::OneWritable { role, phase } => Box::new(writable::OneWritable { role, phase }),
            Expectation::NoOtherFails => Box::new(collateral::NoOtherFails),
            Expectation::NoDoubleBoot => Box::new(double_boot::NoDoubleBoot),
            Expectation::Replaced { role, bound } => Box::new(replaced::Replaced { role, bound }),
            Expectation::ConnectionsOpen { count, phase } => Box::new(connections::ConnectionsOpen { count, phase }),
        }
    }
}

/// A stretch of a scenario. Phases are half-open and judged by due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
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

/// The verdict of a hypothesis, of a scenario, or of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The hypothesis held.
    Pass,
    /// It was refuted.
    Fail,
    /// It could not be told.
    Invalid,
    /// Provisioning or a tool failed.
    Infra,
    /// A stop condition ended the run.
    Aborted,
    /// Not a verdict but a status: this machine cannot run it.
    Skipped,
}

impl Verdict {
    /// Of something that could be told: whether it held.
    fn of(held: bool) -> Verdict {
        if held { Verdict::Pass } else { Verdict::Fail }
    }
}

/// What a checker found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Pass, fail or invalid.
    pub verdict: Verdict,
    /// The bound, as text: `< 500 ms`.
    pub expected: String,
    /// The value, as text: `84 ms`, `≤ 31 ms` where it can't be told from nothing, `never (watched for 30 s)`,
    /// `unobserved`.
    pub observed: String,
    /// The value as a number in `unit`, where there is one.
    pub value: Option<f64>,
    /// Between which two the value truly lies, in `unit`; `None` where it is exact, or there is none.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The unit of `value`: `ms`, `s`, `%`, `servers`.
    pub unit: String,
    /// How far the value is inside (positive) or outside (negative) the bound, in percent of the bound. Not of an
    /// availability that has an error budget.
    pub margin_pct: Option<f64>,
    /// Of an availability that must be at least something: the share of the error budget that was used, in percent.
    /// 3,780 % is 37.8 times what was allowed.
    pub budget_used_pct: Option<f64>,
    /// How many samples were judged; `None` where one event is judged, or nothing.
    pub n: Option<u64>,
    /// Why, for what did not pass; a note otherwise (how long an outage the window forgives…).
    pub reason: Option<String>,
}
