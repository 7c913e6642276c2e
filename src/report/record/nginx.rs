//! What the nginx of a server counted.

use serde::{Deserialize, Serialize};

/// What nginx's `stub_status` counted from the scenario's zero until the watch ended. It includes the looks themselves, one a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NginxRecord {
    pub server: String,
    /// The fewest client connections that were open at a look.
    pub active_least: u64,
    /// The most.
    pub active_most: u64,
    /// Requests of clients.
    pub requests: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Those of them that were not handled, because a limit was reached.
    pub dropped: u64,
    /// How often its counts started from 0 again.
    pub starts: u32,
}
