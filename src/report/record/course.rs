//! How a scenario went, from the onset of its fault: milestones, relapses, slowness; and the same in model time.

use serde::{Deserialize, Serialize};

/// Moments: `t0_at_s` since the scenario's zero, all others since t0. Null where they have none; `rows` says why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Milestones {
    pub t0_at_s: Option<f64>,
    /// The first moment at which the first strike surely was in force.
    pub witnessed_after_t0_s: Option<f64>,
    pub first_error_after_t0_s: Option<f64>,
    pub detected_after_t0_s: Option<f64>,
    pub removed_after_t0_s: Option<f64>,
    pub service_after_t0_s: Option<f64>,
    pub booted_after_t0_s: Option<f64>,
    pub configured_after_t0_s: Option<f64>,
    pub redundant_after_t0_s: Option<f64>,
    pub normal_after_t0_s: Option<f64>,
    /// All of them in the order of their times, those without one last.
    #[serde(default)]
    pub rows: Vec<MilestoneRow>,
}

/// One milestone, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MilestoneRow {
    /// `witnessed`, `first error`, `detected`…
    pub name: String,
    #[serde(flatten)]
    pub state: MilestoneState,
    /// To how many of the victims it came, where each has its own.
    #[serde(default)]
    pub of: Option<Of>,
}

/// What became of a milestone. Three things that are not the same: there was no need for it, it never came, nothing
/// could have seen it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MilestoneState {
    /// It came, so long after t0; what recorded it may have been `within_s` late.
    At { after_t0_s: f64, within_s: f64 },
    /// There was no need for it.
    NotNeeded { why: String },
    /// It did not come, watched until so long after t0.
    Never { watched_s: f64 },
    /// Nothing could have seen it.
    Unobservable { why: String },
}

/// To how many of the victims something came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Of {
    pub done: usize,
    pub total: usize,
}

/// A stretch after recovery in which the site was not as before. Times are seconds since the scenario's zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RelapseRecord {
    pub start_at_s: f64,
    pub end_at_s: f64,
    /// It was still going on when the watch ended.
    pub open: bool,
    /// What was missing: `db-2 is missing`, `requests failed`.
    pub what: String,
}

/// How long more than half of the requests were slow, from zero until the watch's end, by bins of 100 ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlownessRecord {
    /// Longer than this was slow: the tightest bound of a hypothesis on latency, else 500 ms.
    pub over_ms: f64,
    pub total_s: f64,
    pub longest_s: f64,
    /// Each stretch is known to this.
    pub resolution_s: f64,
}

/// Figures in model time: measured + (N − 1) × the declared waits on the way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ModelFigures {
    /// `t0_s` and `first_error_after_t0_s` are as measured.
    pub milestones: Milestones,
    pub downtime_total_s: Option<f64>,
    pub downtime_longest_s: Option<f64>,
}
