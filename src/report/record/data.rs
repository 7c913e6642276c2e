//! What users wrote and read.

use serde::{Deserialize, Serialize};

/// What users wrote and read, and what the databases held in the end. Null where that is not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DataFigures {
    /// Writes that the site said were applied.
    pub writes_acked: u64,
    /// Of these, those that a living database does not have in the end.
    pub writes_lost: Option<u64>,
    /// Writes whose outcome is unknown.
    pub writes_indeterminate: u64,
    /// Writes that were not applied.
    pub writes_refused: u64,
    /// Of these, those that the site could not serve; the others it turned down, as when a name was taken.
    #[serde(default)]
    pub writes_not_served: u64,
    /// Rows that are there twice, or that no user asked for, on all databases together.
    pub writes_unasked: Option<u64>,
    /// Reads of values of which some had been acknowledged before.
    pub reads_judged: u64,
    /// Of these, those that did not show all of them.
    pub reads_stale: u64,
    /// Of these, those of the reader's own.
    pub reads_of_own_stale: u64,
    /// Reads that showed less than one before, of the same user and page.
    pub reads_going_back: u64,
    /// How long ago the oldest missing value had been acknowledged; 0 for reads that were not stale. A p99 of fewer than
    /// 1,000 is null, here and below: then the maximum is all that can be said.
    pub staleness_p99_ms: Option<f64>,
    pub staleness_max_ms: Option<f64>,
    /// What users waited for an answer, an operation that ended otherwise than it should being at least the deadline.
    #[serde(default)]
    pub reads_p50_ms: Option<f64>,
    #[serde(default)]
    pub reads_p99_ms: Option<f64>,
    #[serde(default)]
    pub reads_max_ms: Option<f64>,
    #[serde(default)]
    pub writes_p50_ms: Option<f64>,
    #[serde(default)]
    pub writes_p99_ms: Option<f64>,
    #[serde(default)]
    pub writes_max_ms: Option<f64>,
    /// From the end of the load until all positions were equal for good.
    pub databases_agreed_s: Option<f64>,
    /// The databases that were read in the end.
    pub databases_read: Vec<String>,
}
