//! What a plan takes as given beside its servers: the load, what a boot takes, safeguards, and settings that were changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::listed;
use crate::infrastructure::{Infrastructure, Server};
use crate::plan::ScenarioPlan;
use crate::report::html::settings::in_force;
use crate::settings::{LoadSettings, Most, Safeguards};
use crate::units::{show_duration, shown_alike};
use crate::workload::Workload;

/// Settings that have lines of their own.
const TOLD: [&str; 4] = ["auto_scaling.", "environment.", "load.", "safeguards."];

/// All of it, a line each.
pub(super) fn show(text: &mut String, scenario: &ScenarioPlan) {
    let (settings, there) = (&scenario.settings, &scenario.infrastructure);
    load(text, &settings.load, scenario.workload.as_ref());
    if !there.is_attached() {
        delays(text, there);
        monit(text, there);
        scaled(text, scenario);
    }
    safeguards(text, &settings.safeguards);
    for setting in in_force(settings, there.is_attached()) {
        let told = TOLD.iter().any(|prefix| setting.name.starts_with(prefix));
        if let (false, Some(default)) = (told, &setting.default) {
            let (value, default) = as_written(&setting.value, default);
            let _ = writeln!(text, "  setting  {} = {value} (default {default})", setting.name);
        }
    }
}

/// A setting and its default; durations as they are written everywhere else, unless that would lose digits.
fn as_written(value: &str, default: &str) -> (String, String) {
    shown_alike(value).zip(shown_alike(default)).unwrap_or_else(|| (value.into(), default.into()))
}

/// Every setting of the load, whether it is the default or not.
fn load(text: &mut String, load: &LoadSettings, workload: Option<&Workload>) {
    let does = workload.map_or("browse".into(), works);
    let pace = match load.operations {
        operations if operations > 0.0 && workload.is_some() => format!("{operations} operations/s of all together"),
        _ => format!("pausing {} to {}", show_duration(load.pause_min), show_duration(load.pause_max)),
    };
    let users = match load.users {
        0 => "no users".into(),
        1 => format!("1 user ({does}; {pace})"),
        users => format!("{users} users ({does}; {pace})"),
    };
    let (rate, deadline, at_once) = (load.rate, show_duration(load.deadline), load.in_flight_limit());
    let _ = writeln!(
        text,
        "  load     {rate} probes/s, each to be answered within {deadline}, at most {at_once} under way; {users}"
    );
}

/// `work with orders.workload.yaml: a set, 5 registers`; `work with sign-ups`
fn works(workload: &Workload) -> String {
    let models = workload.models.iter().map(|model| match model.keys() {
        1 => format!("a {}", model.name()),
        keys => format!("{keys} {}s", model.name()),
    });
    let of = if workload.models.is_empty() { "" } else { ": " };
    format!("work with {}{of}{}", workload.name(), models.collect::<Vec<_>>().join(", "))
}

/// Which servers take longer than they really do, those that take the same together.
fn delays(text: &mut String, infrastructure: &Infrastructure) {
    let mut alike: BTreeMap<[Duration; 3], Vec<&str>> = BTreeMap::new();
    for server in infrastructure.in_order() {
        let Server { boot_delay, install_delay, configure_delay, .. } = *server;
        alike.entry([boot_delay, install_delay, configure_delay]).or_default().push(&server.name);
    }
    for (delays, names) in alike {
        let words = ["to boot", "of it to install", "to configure"];
        let declared = delays.iter().zip(words).filter(|(delay, _)| !delay.is_zero());
        let takes: Vec<String> = declared.map(|(delay, word)| format!("{} {word}", show_duration(*delay))).collect();
        if !takes.is_empty() {
            let _ = writeln!(text, "  takes    {}: {} beyond what it really takes", listed(&names), takes.join(", "));
        }
    }
}

fn monit(text: &mut String, infrastructure: &Infrastructure) {
    let supervised = infrastructure.in_order().into_iter();
    let supervised = supervised.filter(|server| infrastructure.roles[&server.role].monit);
    let names: Vec<&str> = supervised.map(|server| server.name.as_str()).collect();
    if !names.is_empty() {
        let _ = writeln!(text, "  monit    on {}", listed(&names));
    }
}

fn scaled(text: &mut String, scenario: &ScenarioPlan) {
    let servers = scenario.settings.auto_scaling.servers(&scenario.infrastructure);
    if !servers.is_empty() {
        let names: Vec<&str> = servers.iter().map(String::as_str).collect();
        let _ = writeln!(text, "  scaling  Auto Scaling replaces {}, and not the reconciler", listed(&names));
    }
}

fn safeguards(text: &mut String, safeguards: &Safeguards) {
    let protected: Vec<&str> = safeguards.protected.iter().map(String::as_str).collect();
    if !protected.is_empty() {
        let are = if protected.len() == 1 { "is" } else { "are" };
        let _ = writeln!(text, "  guard    {} {are} never struck", listed(&protected));
    }
    for tag in &safeguards.protected_tags {
        let _ = writeln!(text, "  guard    servers with the tag {tag} are never struck");
    }
    for limit in &safeguards.limits {
        let most = match limit.at_most {
            Most::Servers(count) => count.to_string(),
            Most::Percent(percent) => format!("{}%", percent.0),
        };
        let _ = writeln!(text, "  guard    at most {most} of {} are struck at once", limit.of);
    }
    if let Some(abort) = safeguards.abort {
        let lasts = show_duration(abort.lasts);
        let _ = writeln!(text, "  guard    the run aborts if availability is {} for {lasts}", abort.availability);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(settings: LoadSettings, workload: Option<&Workload>) -> String {
        let mut text = String::new();
        load(&mut text, &settings, workload);
        text.trim().trim_start_matches("load").trim().to_string()
    }

    #[test]
    fn every_setting_of_the_load_is_shown_by_default_and_changed() {
        let browse = shown(LoadSettings::default(), None);
        assert_eq!(
            browse,
            "500 probes/s, each to be answered within 5 s, at most 2600 under way; 20 users (browse; pausing 100 ms to 300 ms)"
        );
        let works = Workload::registered("sign-ups");
        let paced = LoadSettings { operations: 200.0, users: 1, in_flight: 7, ..LoadSettings::default() };
        let told = shown(paced.clone(), Some(&works));
        assert!(
            told.ends_with("at most 7 under way; 1 user (work with sign-ups; 200 operations/s of all together)"),
            "{told}"
        );
        let browse = shown(LoadSettings { users: 2, ..paced }, None);
        assert!(browse.ends_with("2 users (browse; pausing 100 ms to 300 ms)"), "it has no operations: {browse}");
    }
}
