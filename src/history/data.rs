//! `operations.ndjson`: what users did and what the databases held in the end, one JSON object a line.
//!
//! Only a scenario whose users write has any of it; the file begins with its first line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::final_state::{DatabaseRead, FinalState, Settling};
use super::operation::Operation;
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
    /// What a user did.
    Operation(Operation),
    /// How the databases settled.
    Settling(Settling),
    /// What a database held.
    Final(DatabaseRead),
}

/// Reads what was recorded of one scenario since a moment; nothing, where the file is not there.
///
/// # Errors
/// Names file and line.
pub(super) fn read(path: &Path, scenario: u32, since_us: u64) -> Result<(Vec<Operation>, FinalState), HistoryError> {
    let (mut operations, mut last) = (Vec::new(), FinalState::default());
    if !path.exists() {
        return Ok((operations, last));
    }
    for line in lines::<DataLine>(path)?.into_iter().filter(|line| line.scenario == scenario) {
        match line.record {
            DataRecord::Operation(operation) if operation.invoked_us >= since_us => operations.push(operation),
            DataRecord::Settling(settling) if settling.from_us >= since_us => last.settling = Some(settling),
            DataRecord::Final(read) if read.at_us >= since_us => last.databases.push(read),
            _ => {}
        }
    }
    operations.sort_by(|a, b| (a.invoked_us, &a.process).cmp(&(b.invoked_us, &b.process)));
    last.databases.sort_by(|a, b| a.server.cmp(&b.server));
    Ok((operations, last))
}
