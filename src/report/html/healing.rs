//! What was done to bring back what was declared, as a table.

use serde::Serialize;

use super::origin::Origin;
use crate::report::record::{HealingRecord, ScenarioRecord};

/// The table is no longer than this; `run.json` has all.
const MOST: usize = 80;

/// Something that was done to bring back what was declared.
#[derive(Debug, Clone, Serialize)]
pub struct HealingRow {
    pub at: String,
    pub server: String,
    pub what: String,
    pub detail: String,
    pub done: bool,
}

/// The rows of the table.
pub fn rows(record: &ScenarioRecord) -> Vec<HealingRow> {
    let origin = Origin::of(record);
    let row = |one: &HealingRecord| HealingRow {
        at: format!("{} s", origin.show(one.at_s, 2)),
        server: one.server.clone(),
        what: one.what.clone(),
        detail: one.detail.clone(),
        done: one.done,
    };
    record.healing.iter().take(MOST).map(row).collect()
}

/// How many rows were left out.
pub fn left_out(record: &ScenarioRecord) -> usize {
    record.healing.len().saturating_sub(MOST)
}
