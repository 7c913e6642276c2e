//! What is known of a scenario before anything of it was recorded: its plan, its servers, how to run it again.

use crate::graph::{Links, Table};
use crate::history::History;
use crate::measure::entry::holder_before;
use crate::plan::ScenarioPlan;
use crate::report::Provenance;
use crate::report::record::{ScenarioRecord, ServerRecord, SinglePointRecord, Validity};
use crate::report::words::shell_word;
use crate::verdict::Verdict;

/// The record of a scenario of which nothing is known but its plan.
pub(super) fn of_plan(plan: &ScenarioPlan) -> ScenarioRecord {
    ScenarioRecord {
        index: plan.index,
        name: plan.name.clone(),
        feature_name: plan.feature_name.clone(),
        feature: plan.feature.display().to_string(),
        line: plan.line,
        tags: plan.tags.clone(),
        seed: plan.seed,
        reproduce: None,
        started_at: None,
        steps: plan.steps.clone(),
        servers: servers(plan),
        single_points_of_failure: single_points(plan, None),
        // Settings are plain data with text keys.
        settings: serde_json::to_value(&plan.settings).expect("settings have text keys alone"),
        verdict: Verdict::Skipped,
        reason: None,
        headline: String::new(),
        attempts: 0,
        discarded: Vec::new(),
        duration_s: 0.0,
        hypotheses: Vec::new(),
        strikes: Vec::new(),
        phases: Vec::new(),
        milestones: Default::default(),
        relapses: Vec::new(),
        slowness: None,
        probes_due: None,
        probes_failed: None,
        downtime_total_s: None,
        downtime_longest_s: None,
        outages: None,
        availability_pct: None,
        uptime: None,
        deadline_ms: plan.settings.load.deadline.as_secs_f64() * 1000.0,
        time_scale: f64::from(plan.settings.time.faster),
        model: None,
        declared_waits: Vec::new(),
        worst_second: None,
        data: None,
        unchecked_data: Vec::new(),
        healing: Vec::new(),
        containers: Vec::new(),
        nginx: Vec::new(),
        leaks: Vec::new(),
        cloud_requests: None,
        validity: Validity::default(),
    }
}

fn servers(plan: &ScenarioPlan) -> Vec<ServerRecord> {
    let record = |server: &crate::infrastructure::Server| ServerRecord {
        name: server.name.clone(),
        role: server.role.clone(),
        zone: server.zone.clone(),
        tags: server.tags.clone(),
        spare: server.spare,
        struck: false,
    };
    plan.infrastructure.servers.values().map(record).collect()
}

/// Those of the graph as it was when the first fault struck.
pub(super) fn single_points(plan: &ScenarioPlan, history: Option<&History>) -> Vec<SinglePointRecord> {
    let entry = &plan.infrastructure.entry.host;
    let holder = history.and_then(|history| holder_before(history, entry));
    let table = Table::of(&Links::of(&plan.infrastructure, holder));
    let fatal = table.servers.into_iter().filter_map(|row| Some((row.name, row.single_point_of_failure?)));
    fatal.map(|(server, why)| SinglePointRecord { server, why }).collect()
}

/// The command that runs this scenario alone again.
pub(super) fn reproduce(provenance: &Provenance, plan: &ScenarioPlan) -> Option<String> {
    let template = provenance.reproduce.as_ref()?;
    Some(template.replace(Provenance::SCENARIO, &shell_word(&plan.address())))
}
