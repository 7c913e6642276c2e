//! What the whole page shows: the run, an index of its scenarios, and each of them.

use serde::Serialize;

use super::scenario::{Section, section};
use crate::report::JudgedRun;
use crate::report::words::{exit_meaning, faster, seconds, totals, verdict_sign, verdict_word};

/// The whole page, as data.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    pub run: RunStrip,
    /// Label and value of everything that was the same for all scenarios.
    pub environment: Vec<(String, String)>,
    /// Program and version.
    pub programs: Vec<(String, String)>,
    pub command: String,
    pub scenarios: Vec<Section>,
}

/// What is said of the run as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct RunStrip {
    pub verdict: &'static str,
    pub sign: &'static str,
    pub totals: String,
    pub exit_code: u8,
    pub exit_meaning: &'static str,
    pub interrupted: Option<String>,
    pub run_id: String,
    pub started_at: String,
    pub duration: String,
    pub seed: u64,
    pub environment: String,
    pub git_sha: Option<String>,
    /// Said only where it is not 1.
    pub time_scale: Option<String>,
}

/// Everything that the templates show of a run.
pub fn page(run: &JudgedRun) -> Page {
    let environment = &run.provenance;
    let facts = [
        ("run", run.record.run_id.clone()),
        ("started", run.record.started_at.clone()),
        ("seed", run.record.seed.to_string()),
        ("plan", format!("sha256:{}", run.record.plan_sha256)),
        ("commit", environment.git_sha.clone().unwrap_or_else(|| "not in a git working tree".into())),
        ("anarcho-chimp", environment.chimp_version.clone()),
        ("kernel", environment.kernel.clone()),
        ("CPUs", environment.cpus.to_string()),
    ];
    Page {
        run: strip(run),
        environment: facts.map(|(label, value)| (label.to_string(), value)).into(),
        programs: environment.programs.iter().map(|(name, version)| (name.clone(), version.clone())).collect(),
        command: environment.command.clone(),
        scenarios: run.record.scenarios.iter().map(|record| section(run, record)).collect(),
    }
}

fn strip(run: &JudgedRun) -> RunStrip {
    let record = &run.record;
    RunStrip {
        verdict: verdict_word(record.verdict),
        sign: verdict_sign(record.verdict),
        totals: totals(record),
        exit_code: record.exit_code,
        exit_meaning: exit_meaning(record.exit_code),
        interrupted: record.interrupted.clone(),
        run_id: record.run_id.clone(),
        started_at: record.started_at.clone(),
        duration: seconds(record.duration_s),
        seed: record.seed,
        environment: record.environment.clone(),
        git_sha: record.git_sha.as_ref().map(|sha| sha.chars().take(10).collect()),
        time_scale: faster(record.time_scale),
    }
}
