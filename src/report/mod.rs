//! What people read: every report is rendered from a judged run alone, so it can be rendered again.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::Plan;

pub mod bundle;
mod columns;
pub mod containers;
pub mod facts;
pub mod figures;
pub mod html;
pub mod junit;
pub mod plan;
pub mod record;
pub mod run_json;
pub mod summary;
pub mod terminal;
pub mod validity;
pub mod words;

#[cfg(test)]
mod sample;

pub use bundle::{REPORTS, write_all};
pub use columns::columns;
pub use html::{Drawn, ServerLogs};
pub use record::{RunRecord, ScenarioRecord};
pub use terminal::verdict_table;

/// `env.json`: where and how a run ran; recorded at its start, so that reports stay pure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    pub run_id: String,
    pub started_at: String,
    /// The version of anarcho-chimp.
    pub chimp_version: String,
    pub git_sha: Option<String>,
    pub kernel: String,
    pub cpus: usize,
    /// Program → version line: haproxy, nginx, keepalived, sshd.
    pub programs: BTreeMap<String, String>,
    /// The command that reproduces the run, seed included.
    pub command: String,
    /// The command that runs one of its scenarios again, with [`Provenance::SCENARIO`] where the scenario's address goes.
    #[serde(default)]
    pub reproduce: Option<String>,
    /// It ran under `CI=true`, where what was skipped is not fine.
    #[serde(default)]
    pub ci: bool,
    /// The bundle, as a path from where the run was started; of older bundles it is not known.
    #[serde(default)]
    pub folder: Option<PathBuf>,
}

impl Provenance {
    /// Stands for a scenario's address in [`Provenance::reproduce`].
    pub const SCENARIO: &'static str = "{scenario}";

    /// The command that judges the run again, typed where it was started.
    pub fn judge_again(&self) -> String {
        let folder = self.folder.clone().unwrap_or_else(|| Path::new("reports").join(&self.run_id));
        format!("chimp report {}", words::shell_word(&folder.display().to_string()))
    }
}

/// Where the logs of a scenario's servers lie in the bundle: a folder each.
pub fn logs_folder(scenario: u32) -> String {
    format!("nodes/{scenario:02}")
}

/// Where the reconciler of an attempt at a scenario keeps its state in the bundle.
pub fn reconciler_state(scenario: u32, attempt: u32) -> String {
    format!("reconciler/{scenario:02}.{attempt}.json")
}

/// A run, judged: all that a report may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedRun {
    pub provenance: Provenance,
    pub plan: Plan,
    pub record: RunRecord,
    /// The recorded files lie where the reports are written: a report may link to them.
    pub recorded_beside: bool,
    /// What is drawn of each scenario of which something was recorded, by its index.
    pub drawn: BTreeMap<u32, Drawn>,
}

/// A way to show a judged run. Pure: the same run gives the same bytes.
pub trait Report {
    /// The file's name in the bundle.
    fn file_name(&self) -> &'static str;
    /// Writes the whole report.
    ///
    /// # Errors
    /// Only those of `out`.
    fn render(&self, run: &JudgedRun, out: &mut dyn Write) -> io::Result<()>;
}
