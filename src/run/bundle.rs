//! A run's folder: what is recorded into it, and how it is judged and rendered from that alone.
//!
//! `env.json` and `plan.json`, for each scenario `events.ndjson`, `requests.bin` and `operations.ndjson` in its own folder
//! below `scenarios/`, and the nodes' logs are recorded; everything else is derived from them, at the end of a run and by `chimp report` in the same way.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{RunError, logs};
use crate::history::{History, recorded_in};
use crate::judge::Judging;
use crate::plan::{Plan, PlanError, SCHEMA, read_plan};
use crate::report::{self, Drawn, JudgedRun, Provenance};

const ENVIRONMENT_FILE: &str = "env.json";
/// What a run was going to do, in its bundle.
pub const PLAN_FILE: &str = "plan.json";

/// A run's folder.
#[derive(Debug)]
pub struct Bundle {
    folder: PathBuf,
    provenance: Provenance,
    plan: Plan,
}

impl Bundle {
    /// Makes the folder of a new run and writes what is known before it begins.
    ///
    /// # Errors
    /// When the folder can't be made or written.
    pub fn create(out: &Path, mut provenance: Provenance, plan: &Plan) -> Result<Bundle, RunError> {
        let folder =
            make_folder(out, &mut provenance.run_id).map_err(|source| RunError::Bundle { path: out.into(), source })?;
        provenance.folder = Some(folder.clone());
        let bundle = Bundle { folder, provenance, plan: plan.clone() };
        let in_bundle = |source| RunError::Bundle { path: bundle.folder.clone(), source };
        write_json(&bundle.folder.join(ENVIRONMENT_FILE), &bundle.provenance).map_err(in_bundle)?;
        write_json(&bundle.folder.join(PLAN_FILE), plan).map_err(in_bundle)?;
        Ok(bundle)
    }

    /// Opens the folder of a run that was recorded before.
    ///
    /// # Errors
    /// When a file of it is missing or is not what it should be, or its plan has another schema.
    pub fn open(folder: &Path) -> Result<Bundle, RunError> {
        let plan: Plan = read_plan(&folder.join(PLAN_FILE), SCHEMA)?;
        if let Some(detail) = plan.scenarios.iter().find_map(|scenario| scenario.infrastructure.dangling()) {
            let source = serde::de::Error::custom(detail);
            return Err(PlanError::Malformed { path: folder.join(PLAN_FILE), source }.into());
        }
        let provenance = read_json(&folder.join(ENVIRONMENT_FILE))?;
        Ok(Bundle { folder: folder.into(), provenance, plan })
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.provenance.run_id
    }

    /// What was to be done.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Judges what was recorded and renders every report; the same bytes each time.
    ///
    /// # Errors
    /// When the recorded run can't be read or the reports can't be written.
    pub fn render(&self) -> Result<JudgedRun, RunError> {
        self.render_into(&self.folder)
    }

    /// The same into another folder, without links to the recorded files: they are not there.
    ///
    /// # Errors
    /// See [`Bundle::render`].
    pub fn render_into(&self, folder: &Path) -> Result<JudgedRun, RunError> {
        let mut judging = Judging::new(&self.provenance, &self.plan);
        let mut drawn = BTreeMap::new();
        for scenario in &self.plan.scenarios {
            // One history is in memory at a time: an hour of requests is hundreds of megabytes.
            let history = History::read(&self.folder, scenario)?;
            let record = judging.take(&history);
            let recorded_in = recorded_in(&self.folder, scenario.index);
            let files = recorded_in.strip_prefix(&self.folder).unwrap_or(&recorded_in);
            let logs = logs::in_bundle(&self.folder, scenario.index);
            let shown = Drawn { logs, ..Drawn::of(&history, record, files, self.plan.scenarios.len()) };
            drawn.insert(scenario.index, shown);
        }
        let record = judging.end();
        let (provenance, plan, recorded_beside) =
            (self.provenance.clone(), self.plan.clone(), folder == self.folder.as_path());
        let judged = JudgedRun { provenance, plan, record, recorded_beside, drawn };
        fs::create_dir_all(folder).map_err(|source| RunError::Bundle { path: folder.into(), source })?;
        report::bundle::write_all(&judged, folder).map_err(|source| RunError::Unwritten { source })?;
        Ok(judged)
    }

    /// Lets `latest` beside the folder point to it, atomically.
    pub(super) fn make_latest(&self) -> io::Result<()> {
        let (Some(parent), Some(name)) = (self.folder.parent(), self.folder.file_name()) else { return Ok(()) };
        let fresh = parent.join(format!(".latest-{}", std::process::id()));
        let _ = fs::remove_file(&fresh);
        std::os::unix::fs::symlink(name, &fresh)?;
        fs::rename(&fresh, parent.join("latest"))
    }
}

/// Sees that a bundle can be made below `out`, before anything boots. Leaves nothing there, no folder either.
///
/// # Errors
/// Names the folder, and what to do.
pub fn is_writable(out: &Path) -> Result<(), RunError> {
    let unwritable = |source| RunError::Unwritable { path: out.into(), source };
    let new: Vec<&Path> = out.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(out).map_err(unwritable)?;
    let probe = out.join(format!(".writable-{}", std::process::id()));
    let written = fs::write(&probe, "chimp\n");
    // It may not have been made at all.
    let _ = fs::remove_file(&probe);
    for folder in new {
        // Another run may have begun to use it: then it stays.
        let _ = fs::remove_dir(folder);
    }
    written.map_err(unwritable)
}

/// Makes `out/<run-id>`; a run that began in the same second gets a number.
pub(crate) fn make_folder(out: &Path, run_id: &mut String) -> io::Result<PathBuf> {
    fs::create_dir_all(out)?;
    let first = run_id.clone();
    for number in 2.. {
        let folder = out.join(&*run_id);
        match fs::create_dir(&folder) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => *run_id = format!("{first}.{number}"),
            Err(why) => return Err(why),
            Ok(()) => return Ok(folder),
        }
    }
    unreachable!("there is always a next number")
}

pub(crate) fn write_json(path: &Path, value: &(impl serde::Serialize + ?Sized)) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    fs::write(path, text)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let failed = |source| RunError::Bundle { path: path.into(), source };
    let text = crate::text::read(path).map_err(|why| failed(why.into()))?;
    serde_json::from_str(&text).map_err(|why| failed(why.into()))
}
