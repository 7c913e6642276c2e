//! What the whole page shows: the run, an index of its scenarios, and each of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::scenario::{Section, section};
use crate::plan::ScenarioPlan;
use crate::report::words::{exit_meaning, faster, seconds, totals, verdict_sign, verdict_word};
use crate::report::{JudgedRun, Provenance};

/// No more servers than these are listed with their addresses.
const MOST_SERVERS: usize = 40;

/// The whole page, as data.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    pub run: RunStrip,
    /// Label and value of everything that was the same for all scenarios.
    pub environment: Vec<(&'static str, String)>,
    /// Its servers were there already: nothing is known of them but what is in `environment`.
    pub is_attached: bool,
    /// The machine on which chimp ran: label and value, with the programs' versions.
    pub machine: Vec<(String, String)>,
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
    /// The command that judges it again.
    pub judge_again: String,
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
    let provenance = &run.provenance;
    let is_attached = run.plan.scenarios.iter().any(|scenario| scenario.infrastructure.is_attached());
    Page {
        run: strip(run),
        environment: environment(run),
        is_attached,
        machine: machine(provenance, is_attached),
        command: provenance.command.clone(),
        scenarios: run.record.scenarios.iter().map(|record| section(run, record)).collect(),
    }
}

fn environment(run: &JudgedRun) -> Vec<(&'static str, String)> {
    let (record, provenance) = (&run.record, &run.provenance);
    let mut facts = vec![("environment", record.environment.clone())];
    let entries: BTreeSet<String> = run.plan.scenarios.iter().filter_map(entry).collect();
    facts.extend(entries.into_iter().map(|entry| ("entry", entry)));
    let found = run.drawn.values().flat_map(|drawn| &drawn.found);
    let found: BTreeMap<&String, &String> = found.map(|(server, address)| (server, address)).collect();
    if !found.is_empty() {
        facts.push(("servers", servers(&found)));
    }
    facts.extend([
        ("run", record.run_id.clone()),
        ("started", record.started_at.clone()),
        ("seed", record.seed.to_string()),
        ("plan", format!("sha256:{}", record.plan_sha256)),
        ("commit", provenance.git_sha.clone().unwrap_or_else(|| "not in a git working tree".into())),
        ("anarcho-chimp", provenance.chimp_version.clone()),
    ]);
    facts
}

/// How users call a site that is there already.
fn entry(scenario: &ScenarioPlan) -> Option<String> {
    scenario.infrastructure.entry.url.as_ref().map(ToString::to_string)
}

/// `lb-1 192.0.2.11, web-1 192.0.2.12`
fn servers(found: &BTreeMap<&String, &String>) -> String {
    let told: Vec<String> =
        found.iter().take(MOST_SERVERS).map(|(server, address)| format!("{server} {address}")).collect();
    let more = found.len() - told.len();
    let told = told.join(", ");
    if more > 0 { format!("{told} and {more} more") } else { told }
}

/// Its programs are those of the site only where servers are booted from its files.
fn machine(provenance: &Provenance, is_attached: bool) -> Vec<(String, String)> {
    let facts = [("kernel", provenance.kernel.clone()), ("CPUs", provenance.cpus.to_string())];
    let facts = facts.map(|(label, value)| (label.to_string(), value)).into_iter();
    facts.chain(provenance.programs.clone().into_iter().filter(|_| !is_attached)).collect()
}

fn strip(run: &JudgedRun) -> RunStrip {
    let record = &run.record;
    RunStrip {
        verdict: verdict_word(record.verdict),
        sign: verdict_sign(record.verdict),
        totals: totals(record),
        exit_code: record.exit_code,
        exit_meaning: exit_meaning(record),
        interrupted: record.interrupted.clone(),
        run_id: record.run_id.clone(),
        judge_again: run.provenance.judge_again(),
        started_at: record.started_at.clone(),
        duration: seconds(record.duration_s),
        seed: record.seed,
        environment: record.environment.clone(),
        git_sha: record.git_sha.as_ref().map(|sha| sha.chars().take(10).collect()),
        time_scale: faster(record.time_scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Entry;
    use crate::report::sample;

    #[test]
    fn servers_that_were_there_already_are_told_by_name_and_address() {
        let mut run = sample::run();
        assert!(!page(&run).is_attached && page(&run).environment.iter().all(|(label, _)| *label != "servers"));
        let url = Some("https://www.example.org".to_string().try_into().unwrap());
        run.plan.scenarios[0].infrastructure.entry = Entry { url, ..Entry::at("www", 443) };
        let found = |name: &str, address: &str| (name.to_string(), address.to_string());
        run.drawn.get_mut(&0).unwrap().found = vec![found("web-1", "192.0.2.12"), found("lb-1", "192.0.2.11")];
        run.drawn.get_mut(&1).unwrap().found = vec![found("web-1", "192.0.2.12")];
        let page = page(&run);
        let told = |label: &str| page.environment.iter().find(|(other, _)| *other == label).unwrap().1.clone();
        assert!(page.is_attached);
        assert_eq!(told("servers"), "lb-1 192.0.2.11, web-1 192.0.2.12");
        assert!(told("entry").starts_with("https://www.example.org"), "{}", told("entry"));
    }
}
