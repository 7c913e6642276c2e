//! A plan for people: what a run would do, scenario by scenario, with the servers that it would strike as far as they are
//! known before anything runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::draw::Draw;
use crate::environment::{self, On};
use crate::infrastructure::Infrastructure;
use crate::plan::{Act, Partition, Plan, ScenarioPlan, Schedule, StrikeOrder};
use crate::selector::{Foreseen, Foresight};
use crate::units::show_duration;

mod given;
mod json;

pub use json::json;

/// So many servers of a role are named; of more, the first two and the last.
const NAMED: usize = 6;

/// The whole plan, whose hash is given.
pub fn plan(plan: &Plan, sha256: &str) -> String {
    let mut text = heading(plan, sha256) + "\n";
    let (on, skips) = (environment::on(&plan.environment).ok(), environment::skips(plan));
    if !skips.is_empty() {
        let _ = writeln!(text, "a run would skip {} of them: see `skipped` below", skips.len());
    }
    for planned in &plan.scenarios {
        scenario(&mut text, planned, on.as_ref(), skips.get(&planned.index));
    }
    text
}

/// `1 scenario in the environment local · seed 7 · plan 0123456789ab`: what a plan and a run begin with.
pub fn heading(plan: &Plan, sha256: &str) -> String {
    let count = match plan.scenarios.len() {
        1 => "1 scenario".to_string(),
        count => format!("{count} scenarios"),
    };
    let hash = sha256.get(..12).unwrap_or(sha256);
    format!("{count} in the environment {} · seed {} · plan {hash}", plan.environment, plan.seed)
}

fn scenario(text: &mut String, scenario: &ScenarioPlan, on: Option<&On>, skipped: Option<&String>) {
    let _ = writeln!(text, "\n{}:{}: {}", scenario.feature.display(), scenario.line, scenario.name);
    if let Some(why) = skipped.and_then(|why| why.lines().next()) {
        let _ = writeln!(text, "  skipped  {why}");
    }
    let _ = writeln!(text, "  seed     {}", scenario.seed);
    infrastructure(text, &scenario.infrastructure);
    zones(text, scenario, on);
    given::show(text, scenario);
    let protected = scenario.settings.safeguards.protected(&scenario.infrastructure);
    let mut foresight = Foresight::new(&scenario.infrastructure, &protected, Draw::of(scenario.seed));
    for (index, planned) in scenario.acts.iter().enumerate() {
        act(text, planned, scenario.act_lines.get(index), &mut foresight);
    }
    for judged in &scenario.hypotheses {
        let _ = writeln!(text, "  judged   {} (line {})", judged.step, judged.line);
    }
}

fn infrastructure(text: &mut String, infrastructure: &Infrastructure) {
    let mut by_role: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for server in infrastructure.in_order() {
        by_role.entry(&server.role).or_default().push(&server.name);
    }
    for (role, names) in by_role {
        let _ = writeln!(text, "  servers  {} {role}: {}", names.len(), listed(&names));
    }
    for shared in &infrastructure.virtual_ips {
        let how = if shared.floating_ip { ", a floating IP that the failover moves" } else { "" };
        let _ = writeln!(text, "  address  {}: shared by {}{how}", shared.name, shared.holders.join(", "));
    }
    let entry = &infrastructure.entry;
    let _ = match &entry.url {
        Some(url) => writeln!(text, "  entry    {url}"),
        None if entry.host.is_empty() => writeln!(text, "  entry    not known"),
        None => writeln!(text, "  entry    {}, port {}", entry.host, entry.port),
    };
}

/// Which zones of a cloud stand for those of the servers, where they are to be made in one.
fn zones(text: &mut String, scenario: &ScenarioPlan, on: Option<&On>) {
    let Some(zones) = on.and_then(|on| on.kind.zones(&scenario.settings)) else { return };
    for zone in environment::zones_of(scenario) {
        let of = scenario.infrastructure.in_order().into_iter().filter(|server| server.zone.as_deref() == Some(zone));
        let names: Vec<&str> = of.map(|server| server.name.as_str()).collect();
        let stands = zones.stands_for(zone).unwrap_or("nothing");
        let _ = writeln!(text, "  zone     {zone}, for which {stands} stands: {}", listed(&names));
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [first, second, .., last] if names.len() > NAMED => format!("{first}, {second}, … {last}"),
        names => names.join(", "),
    }
}

fn act(text: &mut String, act: &Act, line: Option<&usize>, foresight: &mut Foresight<'_>) {
    let foreseen = foresight.act(act);
    let _ = match act {
        Act::Strike { order, schedule } => {
            strike(text, order, &scheduled(schedule), &foreseen[0], foresight);
            Ok(())
        }
        Act::InTurn { order } => {
            let when = "one server after the other, each after the site has recovered";
            strike(text, order, when, &foreseen[0], foresight);
            Ok(())
        }
        Act::Random { orders, shares, mean, total } => {
            for ((order, share), foreseen) in orders.iter().zip(shares).zip(&foreseen) {
                let when = format!(
                    "at random moments, {} on average, for {} ({:.0}% of all strikes of the table)",
                    every(mean.div_f64(*share)),
                    show_duration(*total),
                    share * 100.0
                );
                strike(text, order, &when, foreseen, foresight);
            }
            Ok(())
        }
        _ => {
            let line = line.map_or(String::new(), |line| format!(" (line {line})"));
            writeln!(text, "  act      {}{line}", in_words(act))
        }
    };
}

/// An act that strikes nothing.
fn in_words(act: &Act) -> String {
    match act {
        Act::AgentStops(agent) => format!("the {agent} stops"),
        Act::AgentStarts(agent) => format!("the {agent} starts again"),
        Act::ReconcilerDies(step) => format!("the reconciler is killed at its step `{step}`"),
        Act::LiftAll => "all faults are lifted".into(),
        Act::Pass(time) => format!("nothing is done for {}", show_duration(*time)),
        Act::AwaitRecovery => "wait until the site has recovered".into(),
        Act::Strike { .. } | Act::InTurn { .. } | Act::Random { .. } => String::new(),
    }
}

fn strike(text: &mut String, order: &StrikeOrder, when: &str, foreseen: &Foreseen, foresight: &Foresight<'_>) {
    let _ = writeln!(text, "  strike   {} (line {})", order.step.text, order.step.line);
    let _ = writeln!(text, "           {}{}: {when}", order.fault, order.with.shown());
    if let Some(partition) = &order.partition {
        let _ = writeln!(text, "           {}", apart(&order.target.text, partition));
    }
    let _ = writeln!(text, "           {foreseen}");
    if let Some(protected) = foresight.held_back_by(order) {
        let _ = writeln!(text, "           nothing is struck if {protected} is among them: a safeguard holds it back");
    }
}

/// Which side does not hear which.
fn apart(near: &str, partition: &Partition) -> String {
    match partition {
        Partition::Between(far) => format!("between {near} and {}", far.text),
        Partition::From(far) => format!("{near} no longer hears {}", far.text),
        Partition::Halves => format!("{near}: in two halves"),
        Partition::MajoritiesRing => format!("{near}: each hears a majority"),
    }
}

fn scheduled(schedule: &Schedule) -> String {
    let lasting = |lasts: &Option<std::time::Duration>| {
        lasts.map_or(String::new(), |lasts| format!(", for {}", show_duration(lasts)))
    };
    match schedule {
        Schedule::Once => "once".into(),
        Schedule::For(lasts) => format!("once, for {}", show_duration(*lasts)),
        Schedule::After { wait, lasts } if wait.is_zero() => format!("once{}", lasting(lasts)),
        Schedule::After { wait, lasts } => format!("once, {} later{}", show_duration(*wait), lasting(lasts)),
        Schedule::Every { interval, total } => format!("{}, for {}", every(*interval), show_duration(*total)),
        Schedule::Poisson { mean, total } => {
            format!("at random moments, {} on average, for {}", every(*mean), show_duration(*total))
        }
    }
}

fn every(interval: std::time::Duration) -> String {
    format!("every {}", show_duration(interval))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::declare::{DeclareOptions, declare};

    fn shown(feature: &str, text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(feature);
        std::fs::write(&path, text).unwrap();
        let options = DeclareOptions { paths: vec![path], seed: 7, ..DeclareOptions::default() };
        let declared = declare(&options).unwrap();
        super::plan(&declared, "0123456789abcdef").replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_plan_says_who_would_be_struck_and_why_and_what_is_judged() {
        let steps = [
            "Given 4 webservers behind haproxy",
            "When a random webserver hangs for 6 s",
            "And the same webserver dies",
            "And the highest-degree node dies",
            "And the active load balancer reboots",
            "And the busiest webserver hangs for 2 s",
            "And a random webserver dies every 30 s for 2 min",
            "And 2 random webservers hang for 1 s",
            "Then recovery < 8 min",
        ];
        let feature = format!("Feature: F\n  Scenario: S\n    {}\n", steps.join("\n    "));
        insta::assert_snapshot!(shown("shop.feature", &feature));
    }

    #[test]
    fn a_plan_says_whose_protection_may_hold_a_strike_back() {
        let steps = [
            "Given 4 webservers behind 2 load balancers",
            "And the load balancers share a virtual IP",
            "And node \"lb-1\" is protected",
            "When the active load balancer reboots",
            "And the network between a random webserver and the active load balancer is cut for 5 s",
            "And a random webserver hangs for 2 s",
            "Then recovery < 8 min",
        ];
        let text = shown("shop.feature", &format!("Feature: F\n  Scenario: S\n    {}\n", steps.join("\n    ")));
        let held = "\n           nothing is struck if lb-1 is among them: a safeguard holds it back\n";
        assert!(text.contains(&format!("hits lb-1 if lb-1 holds the site's address then{held}")), "{text}");
        assert!(text.contains(&format!("the other side is known only then{held}")), "{text}");
        assert_eq!(text.matches(held).count(), 2, "chance draws no protected server: {text}");
    }

    #[test]
    fn what_is_given_is_shown_load_and_safeguards_included() {
        let steps = [
            "Given 4 webservers behind haproxy",
            "And every webserver takes 3 min to boot",
            "And Monit supervises the webservers",
            "And the reconciler is off",
            "And 5 users browse the site",
            "And node \"lb-1\" is protected",
            "And at most 50% of the webservers are struck at once",
            "And the run aborts if availability is under 50% for 5 s",
            "When a random webserver hangs for 6 s",
            "And all faults are lifted",
            "Then recovery < 8 min",
        ];
        let feature = format!("Feature: F\n  Scenario: S\n    {}\n", steps.join("\n    "));
        insta::assert_snapshot!(shown("given.feature", &feature));
    }

    #[test]
    fn a_row_of_a_table_says_the_mean_that_the_row_states() {
        let table = "      | fault | target | mean |\n      | hangs | a random webserver | 1 min |\n      | dies | a random webserver | 30 s |\n";
        let feature = format!(
            "Feature: F\n  Scenario: S\n    Given 4 webservers behind haproxy\n    When random faults strike for 10 min:\n{table}    Then recovery < 8 min\n"
        );
        let told = shown("rows.feature", &feature);
        assert!(told.contains("every 1 min on average, for 10 min (33% of all strikes of the table)"), "{told}");
        assert!(told.contains("every 30 s on average, for 10 min (67% of all strikes of the table)"), "{told}");
    }

    #[test]
    fn what_a_run_would_skip_is_marked() {
        let feature = |what| {
            format!(
                "Feature: F\n  Scenario: S\n    Given 2 webservers\n    When node \"web-1\" {what}\n    Then recovery < 8 min\n"
            )
        };
        let planned = |what| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("any.feature");
            std::fs::write(&path, feature(what)).unwrap();
            let mut settings = crate::settings::Settings::default();
            settings.ec2.image = Some("ami-1".into());
            let environment = Some("ec2".to_string());
            declare(&DeclareOptions { paths: vec![path], settings, environment, ..DeclareOptions::default() }).unwrap()
        };
        let hangs = planned("hangs for 3 s");
        let told = super::plan(&hangs, "0123");
        assert!(told.contains("a run would skip 1 of them") && told.contains("\n  skipped  `"), "{told}");
        assert!(super::json(&hangs)["scenarios"][0]["skipped"].is_string());
        let dies = planned("dies");
        let told = super::plan(&dies, "0123");
        assert!(!told.contains("skip"), "{told}");
        assert!(super::json(&dies)["scenarios"][0]["skipped"].is_null());
    }

    #[test]
    fn of_many_servers_some_are_named() {
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f"]), "a, b, c, d, e, f");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, … g");
    }

    #[test]
    fn every_feature_of_the_repository_has_a_plan_for_people() {
        let paths: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("features")];
        let declared = declare(&DeclareOptions { paths, seed: 7, ..DeclareOptions::default() }).unwrap();
        let text = super::plan(&declared, "0123");
        for scenario in &declared.scenarios {
            assert!(text.contains(&format!(":{}: {}\n", scenario.line, scenario.name)), "{}", scenario.name);
        }
        assert_eq!(text.matches("  seed     ").count(), declared.scenarios.len());
    }
}
