//! What befell containers, as a table.

use serde::Serialize;

use super::origin::Origin;
use crate::report::record::{ContainerRecord, ScenarioRecord};

/// The table is no longer than this; `run.json` has all.
const MOST: usize = 80;

/// Something that Docker reported of a container.
#[derive(Debug, Clone, Serialize)]
pub struct ContainerRow {
    pub at: String,
    pub server: String,
    pub what: String,
    pub detail: String,
    pub trouble: bool,
}

/// The rows of the table.
pub fn rows(record: &ScenarioRecord) -> Vec<ContainerRow> {
    let origin = Origin::of(record);
    let row = |one: &ContainerRecord| ContainerRow {
        at: format!("{} s", origin.show(one.at_s, 2)),
        server: one.server.clone(),
        what: one.what.clone(),
        detail: one.detail.clone(),
        trouble: one.trouble,
    };
    record.containers.iter().take(MOST).map(row).collect()
}

/// How many rows were left out.
pub fn left_out(record: &ScenarioRecord) -> usize {
    record.containers.len().saturating_sub(MOST)
}
