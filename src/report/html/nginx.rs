//! What each nginx counted, as a table.

use serde::Serialize;

use crate::report::record::{NginxRecord, ScenarioRecord};
use crate::report::words::grouped;

/// What one nginx counted.
#[derive(Debug, Clone, Serialize)]
pub struct NginxRow {
    pub server: String,
    /// `2 to 41`.
    pub active: String,
    pub requests: String,
    pub accepted: String,
    pub dropped: String,
    /// Whether any was.
    pub drops: bool,
    pub starts: u32,
}

/// The rows of the table.
pub fn rows(record: &ScenarioRecord) -> Vec<NginxRow> {
    let row = |one: &NginxRecord| NginxRow {
        server: one.server.clone(),
        active: format!("{} to {}", grouped(one.active_least), grouped(one.active_most)),
        requests: grouped(one.requests),
        accepted: grouped(one.accepted),
        dropped: grouped(one.dropped),
        drops: one.dropped > 0,
        starts: one.starts,
    };
    record.nginx.iter().map(row).collect()
}
