//! Everything that was observed, in order: the only thing that checkers and reports see.
//!
//! A run records each scenario to two files: `events.ndjson` ([`event`], one JSON object a line) and `requests.bin`
//! ([`request_log`], every request of prober and users); where users write, to a third: `operations.ndjson` ([`data`]).
//! They lie in the scenario's own folder of the bundle ([`scenario_folder`]). A [`History`] is what they say about it.

use std::path::{Path, PathBuf};

pub mod data;
pub mod declared;
pub mod entries;
pub mod event;
pub mod event_tail;
pub mod final_state;
mod plausible;
mod ranges;
pub mod recorder;
pub mod request_log;
pub mod requests;
#[cfg(test)]
#[path = "../../tests/support/synthetic/mod.rs"]
pub(crate) mod synthetic;
pub mod watched;
pub mod work;
mod writer;

pub use data::DataRecord;
pub use declared::DeclaredDelay;
pub use event::{Event, Onset, Record};
pub use event_tail::EventTail;
pub use final_state::FinalState;
pub use ranges::Ranges;
pub use recorder::{Recorder, RunRecorder};
pub use request_log::RequestLogError;
pub use requests::{Outcome, Request, Source};
pub use watched::Watched;
pub use work::{Ended, Work};

use crate::plan::ScenarioPlan;

/// The events of a scenario, in its folder.
pub const EVENTS_FILE: &str = "events.ndjson";
/// The requests of a scenario, in its folder.
pub const REQUESTS_FILE: &str = "requests.bin";
/// The folders of a run's scenarios, in its bundle.
pub const SCENARIOS_FOLDER: &str = "scenarios";

/// Where what is recorded of a scenario lies in the bundle of a run.
pub fn scenario_folder(scenario: u32) -> String {
    format!("{SCENARIOS_FOLDER}/{scenario:02}")
}

/// Where what was recorded of a scenario lies in this bundle: in the scenario's own folder; in the bundle itself, if it is of
/// an attack, or of a version that recorded all scenarios together.
pub fn recorded_in(bundle: &Path, scenario: u32) -> PathBuf {
    if bundle.join(EVENTS_FILE).exists() { bundle.into() } else { bundle.join(scenario_folder(scenario)) }
}

/// What was recorded of one scenario, beside what it had asked for. Times are microseconds on the run's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// What was asked for.
    pub plan: ScenarioPlan,
    /// Its events, by time.
    pub events: Vec<Record>,
    /// The prober's requests, by due time: the judge's evidence.
    pub probes: Vec<Request>,
    /// The users' requests, by start: pressure, not evidence, but they must exist if they were asked for.
    pub users: Vec<Request>,
    /// What users did to the application's data, by start, where they work with a workload.
    pub works: Vec<Work>,
    /// What the databases held when the load was over.
    pub final_state: FinalState,
}

/// Why a recorded run could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file system refused.
    #[error("{}: can't be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// A line of `events.ndjson` that is not an event, or one of `operations.ndjson` that is no record of data.
    #[error("{}:{line}: not an event of this version: {detail}", .path.display())]
    Malformed { path: PathBuf, line: usize, detail: String },
    /// `requests.bin` could not be read.
    #[error(transparent)]
    Requests(#[from] RequestLogError),
}

impl History {
    /// Reads what a run's bundle says about one scenario; nothing, if it never began. Of a scenario that was tried again only the last try
    /// counts: what happened before its last [`Event::ScenarioStarted`] is left out.
    ///
    /// # Errors
    /// Names file and line or offset. A last line or chunk that was cut off by a crash is not an error: it is left out.
    pub fn read(dir: &Path, plan: &ScenarioPlan) -> Result<History, HistoryError> {
        let mut watched = Watched::new(dir, plan);
        watched.read_on()?;
        let mut history = watched.into_history();
        let since_us = history.events.first().map_or(0, |first| first.at_us);
        let data = recorded_in(dir, plan.index).join(data::DATA_FILE);
        let data = data::read(&data, plan.index, since_us)?;
        (history.works, history.final_state) = (data.works, data.last);
        Ok(history)
    }
}

/// Every event of a run, of all scenarios, in the order it was written.
///
/// # Errors
/// As [`History::read`].
pub fn read_events(path: &Path) -> Result<Vec<Record>, HistoryError> {
    lines(path, |_| true)
}

/// The lines of a file of JSON objects, as far as they are wanted by how they begin.
fn lines<T: serde::de::DeserializeOwned>(path: &Path, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<T>, HistoryError> {
    let bytes = std::fs::read(path).map_err(|source| HistoryError::Unreadable { path: path.into(), source })?;
    let mut all = Vec::new();
    // What follows the last newline was cut off while it was written.
    for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        if !wanted(line) {
            continue;
        }
        let record = serde_json::from_slice(line).map_err(|why| HistoryError::Malformed {
            path: path.into(),
            line: number + 1,
            detail: why.to_string(),
        })?;
        all.push(record);
    }
    Ok(all)
}
