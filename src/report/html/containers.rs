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

/// What Docker reported of all of them.
#[derive(Debug, Clone, Serialize)]
pub struct ContainerTable {
    pub rows: Vec<ContainerRow>,
    /// How many reports there were, those that have no row included.
    pub all: usize,
}

/// The table.
pub fn table(record: &ScenarioRecord) -> ContainerTable {
    let origin = Origin::of(record);
    let row = |one: &ContainerRecord| ContainerRow {
        at: format!("{} s", origin.show(one.at_s, 2)),
        server: one.server.clone(),
        what: one.what.clone(),
        detail: one.detail.clone(),
        trouble: one.trouble,
    };
    let all = record.containers.len();
    ContainerTable { rows: record.containers.iter().take(MOST).map(row).collect(), all }
}
