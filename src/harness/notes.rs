//! What users should know of a plan, though it is no mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::console::complain;
use crate::environment;
use crate::plan::{Act, Plan};
use crate::settings::lines::line_of;
use crate::text;
use crate::workload::Workload;

/// Says on stderr what users should know of a plan's servers and workloads.
pub fn note(plan: &Plan) {
    let on = environment::on(&plan.environment);
    let settings = plan.scenarios.first().map(|scenario| scenario.settings.clone()).unwrap_or_default();
    for note in on.map_or(Vec::new(), |on| on.kind.notes(&on.value, &settings)) {
        complain!("note: {note}");
    }
    for note in of_workloads(plan) {
        complain!("note: {note}");
    }
}

/// What is to be known of the workload files, each thing once.
fn of_workloads(plan: &Plan) -> BTreeSet<String> {
    let workloads = plan.scenarios.iter().filter_map(|scenario| scenario.workload.as_ref());
    workloads.flat_map(Workload::notes).map(|note| note.to_string()).collect()
}

/// Says on stderr that a run draws other victims, if chance has a say in this plan, for which no seed was named.
pub fn note_seed(plan: &Plan) {
    let orders = plan.scenarios.iter().flat_map(|scenario| &scenario.acts).flat_map(Act::orders);
    if orders.into_iter().any(|order| order.target.choice.is_drawn()) {
        complain!(
            "note: a run draws a seed of its own, and may strike other servers; `--seed {}` strikes these",
            plan.seed
        );
    }
}

/// Says on stderr which scenarios a run would skip, and why.
pub fn note_skips(plan: &Plan) {
    let mut skipped = BTreeMap::<String, Vec<u32>>::new();
    for (index, why) in environment::skips(plan) {
        skipped.entry(why).or_default().push(index);
    }
    for (why, indices) in skipped {
        let first = plan.scenarios.iter().find(|scenario| Some(&scenario.index) == indices.first());
        let place = first.map_or(String::new(), |first| format!("{}:{}", first.feature.display(), first.line));
        let (more, them) = match indices.len() {
            1 => (String::new(), "it"),
            count => (format!(" and {} more", count - 1), "them"),
        };
        complain!("note: {place}{more}: a run would skip {them}: {why}");
    }
}

/// Says on stderr which settings mean nothing to these scenarios, though they name something for them.
pub fn note_settings(plan: &Plan, config: Option<&Path>) {
    let Ok(on) = environment::on(&plan.environment) else { return };
    let text = config.and_then(|file| text::read(file).ok()).unwrap_or_default();
    for [section, key] in environment::unused_zones(on.kind, plan) {
        let line = line_of(&text, &[&section, "zones", &key]).map_or(String::new(), |line| format!(":{line}"));
        let place = config.map_or(String::new(), |file| format!("{}{line}: ", file.display()));
        complain!("note: {place}`{section}.zones.{key}`: no scenario here has servers in a zone `{key}`");
    }
}
