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
pub mod registered;
mod replaced;
mod rotation;
mod single_point;
mod steady;
mod unconfigured;
mod virtual_ip;
mod workload;
mod writable;
mod writes;

use crate::history::History;
use crate::plan::Expectation;
use crate::verdict::Verdict;

/// A pure judge.
pub trait Checker {
    /// Judges what was recorded.
    fn check(&self, history: &History) -> Judgement;
}

/// Who judges a hypothesis. Where servers are struck in turn, what speaks of the time after a strike is judged of each.
pub fn of(expectation: &Expectation) -> Box<dyn Checker> {
    let plain = match expectation.is_of_requests() {
        true => Box::new(as_measured::AsMeasured(plainly(expectation))),
        false => plainly(expectation),
    };
    if expectation.is_of_a_strike() { Box::new(each_turn::EachTurn(plain)) } else { plain }
}

fn plainly(expectation: &Expectation) -> Box<dyn Checker> {
    match expectation.clone() {
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
        Expectation::OwnWritesRead => Box::new(reads::OwnWritesRead),
        Expectation::NeverLess => Box::new(reads::NeverLess),
        Expectation::Staleness { quantile, bound } => Box::new(reads::Staleness { quantile, bound }),
        Expectation::Agree { role, within } => Box::new(agree::Agree { role, within }),
        Expectation::RegistersLinearizable => Box::new(workload::RegistersLinearizable),
        Expectation::NoMessageLost => Box::new(workload::NoMessageLost),
        Expectation::NoMessageTwice => Box::new(workload::NoMessageTwice),
        Expectation::OneWritable { role, phase } => Box::new(writable::OneWritable { role, phase }),
        Expectation::NoOtherFails => Box::new(collateral::NoOtherFails),
        Expectation::NoDoubleBoot => Box::new(double_boot::NoDoubleBoot),
        Expectation::Replaced { role, bound } => Box::new(replaced::Replaced { role, bound }),
        Expectation::NoneConfiguredWithout { server } => Box::new(unconfigured::NoneConfiguredWithout { server }),
        Expectation::Registered { name, said } => Box::new(registered::Registered { name, said }),
        Expectation::ConnectionsOpen { count, phase } => Box::new(connections::ConnectionsOpen { count, phase }),
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
