//! What a scenario may declare to take time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of the way back that takes as long as the scenario declares, not as long as it takes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeclaredDelay {
    /// `the reconciler runs every …`: from the tick before until the one that finds a server missing.
    Reconciler,
    /// `every … takes … to boot`, `… to install`.
    Boot,
    /// `the config agent runs every …`: from the tick before until the one that finds something to do.
    ConfigAgent,
    /// `every … takes … to configure`.
    Configure,
}

impl DeclaredDelay {
    /// Whether it is the wait for a tick: it begins when there is something to be found, not with the tick before.
    pub fn is_tick(self) -> bool {
        matches!(self, DeclaredDelay::Reconciler | DeclaredDelay::ConfigAgent)
    }
}

impl fmt::Display for DeclaredDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeclaredDelay::Reconciler => "reconciler",
            DeclaredDelay::Boot => "boot",
            DeclaredDelay::ConfigAgent => "config agent",
            DeclaredDelay::Configure => "configure",
        })
    }
}
