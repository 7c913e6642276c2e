//! The agents that keep a site as it should be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What brings servers about and keeps them as they should be, and can itself be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Agent {
    /// The reconciler.
    Reconciler,
    /// The config agent.
    ConfigAgent,
    /// The failover, which leads floating IPs.
    Failover,
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Agent::Reconciler => "reconciler",
            Agent::ConfigAgent => "config agent",
            Agent::Failover => "failover",
        })
    }
}
