//! How something was judged: a hypothesis, a scenario, a run.

use serde::{Deserialize, Serialize};

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
    pub fn of(held: bool) -> Verdict {
        if held { Verdict::Pass } else { Verdict::Fail }
    }
}
