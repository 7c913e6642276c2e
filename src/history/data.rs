//! `operations.ndjson`: what users did and what the databases held in the end, one JSON object a line.
//!
//! Only a scenario whose users write has any of it; the file begins with its first line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::final_state::{DatabaseRead, FinalState, Settling};
use super::work::Work;
use super::{HistoryError, lines};

/// The operations of a run, in its bundle.
pub const DATA_FILE: &str = "operations.ndjson";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DataLine {
    pub(super) scenario: u32,
    pub(super) record: DataRecord,
}

/// What a line may tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataRecord {
    /// What a user of a workload did.
    Work(Work),
    /// How the databases settled.
    Settling(Settling),
    /// What a database held.
    Final(DatabaseRead),
}

/// All of them, of one scenario.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) works: Vec<Work>,
    pub(super) last: FinalState,
}

/// Reads what was recorded of one scenario since a moment; nothing, where the file is not there.
///
/// # Errors
/// Names file and line.
pub(super) fn read(path: &Path, scenario: u32, since_us: u64) -> Result<Data, HistoryError> {
    let mut data = Data::default();
    if !path.exists() {
        return Ok(data);
    }
    // A run may have many scenarios, each with thousands of lines: only its own are parsed.
    let own = format!("{{\"scenario\":{scenario},");
    for line in lines::<DataLine>(path, |line| line.starts_with(own.as_bytes()))? {
        match line.record {
            DataRecord::Work(work) if work.invoked_us >= since_us => data.works.push(work),
            DataRecord::Settling(settling) if settling.from_us >= since_us => data.last.settling = Some(settling),
            DataRecord::Final(read) if read.at_us >= since_us => data.last.databases.push(read),
            _ => {}
        }
    }
    data.works.sort_by_key(|work| (work.invoked_us, work.process));
    data.last.databases.sort_by(|a, b| a.server.cmp(&b.server));
    Ok(data)
}
