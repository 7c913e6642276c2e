//! Asks whether a scenario makes sense: whether it is whole, and whether it strikes and expects what it has.

use std::collections::BTreeSet;

use super::error::{Problem, ProblemKind};
use super::listing::Listed;
use super::world::Declaration;
use crate::checker::{Expectation, Phase};
use crate::infrastructure::{Infrastructure, Server};
use crate::plan::{Act, Choice, Hypothesis, Target};

/// Whether the scenario has steps, provisions something and expects something.
///
/// # Errors
/// What is missing.
pub(super) fn complete(listed: &Listed<'_>, declaration: &Declaration) -> Result<(), Vec<Problem>> {
    let missing = if listed.steps.is_empty() {
        "has no steps, so it would test nothing\n  help: begin with `Given 4 webservers behind haproxy`"
    } else if !declaration.provisioned {
        "provisions nothing\n  help: begin with `Given 4 webservers behind haproxy`"
    } else if declaration.hypotheses.is_empty() {
        "has no Then, so it could never fail\n  help: end with `Then recovery takes under 1 min`"
    } else {
        return Ok(());
    };
    let detail = format!("`{}` {missing}", listed.name);
    Err(vec![Problem::at(&listed.file.path, listed.line, ProblemKind::Incomplete, detail)])
}

/// Whether every strike has somebody to hit, and every Then something to judge.
///
/// # Errors
/// Each that has not.
pub(super) fn meaning(
    listed: &Listed<'_>,
    infrastructure: &Infrastructure,
    acts: &[Act],
    hypotheses: &[Hypothesis],
) -> Result<(), Vec<Problem>> {
    let orders = acts.iter().flat_map(Act::orders);
    let strikes = orders.map(|order| (order.step.line, hits(infrastructure, &order.target)));
    let struck = acts.iter().any(Act::strikes);
    let judged = hypotheses.iter().map(|h| (h.line, judges(infrastructure, struck, &h.expectation)));
    let problems: Vec<_> = strikes
        .chain(judged)
        .filter_map(|(line, found)| Some(Problem::at(&listed.file.path, line, ProblemKind::Meaning, found.err()?)))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn hits(infrastructure: &Infrastructure, target: &Target) -> Result<(), String> {
    let Target { choice, zone, tag, text, .. } = target;
    if let Choice::Named(name) = choice
        && !infrastructure.servers.contains_key(name)
    {
        return Err(format!("there is no node \"{name}\"\n  help: there are {}", names(infrastructure)));
    }
    called(infrastructure, &target.role)?;
    let among = candidates(infrastructure, target);
    if among.is_empty() {
        return Err(format!("`{text}` is nobody{}", narrowed(infrastructure, zone.as_deref(), tag.as_deref())));
    }
    match choice {
        Choice::Random(0) | Choice::HighestDegree(0) => Err(format!("`{text}` is nobody; say at least 1")),
        Choice::Share(share) if *share <= 0.0 => Err(format!("`{text}` is nobody; say more than 0%")),
        Choice::Random(count) | Choice::HighestDegree(count) if *count > among.len() => {
            Err(format!("`{text}` asks for {count} of {}", among.len()))
        }
        Choice::Active | Choice::Standby => is_shared(infrastructure, target, &among),
        _ => Ok(()),
    }
}

/// The servers that a target is chosen among.
fn candidates<'i>(infrastructure: &'i Infrastructure, target: &Target) -> Vec<&'i Server> {
    let mut among = infrastructure.servers_called(&target.role);
    among.retain(|server| target.zone.is_none() || server.zone == target.zone);
    among.retain(|server| target.tag.as_ref().is_none_or(|tag| server.tags.contains(tag)));
    if let Choice::Named(name) = &target.choice {
        among.retain(|server| server.name == *name);
    }
    among
}

/// `active` and `standby` mean something only where an address is shared; a single entry is active too.
fn is_shared(infrastructure: &Infrastructure, target: &Target, among: &[&Server]) -> Result<(), String> {
    let shared =
        infrastructure.virtual_ips.iter().find(|ip| among.iter().any(|server| ip.holders.contains(&server.name)));
    let entry = among.iter().any(|server| server.name == infrastructure.entry.host);
    let text = &target.text;
    match (shared, &target.choice) {
        (Some(ip), Choice::Standby) if ip.holders.len() < 2 => {
            Err(format!("`{text}` is nobody: only {} may hold the virtual IP", ip.holders.join(", ")))
        }
        (Some(_), _) => Ok(()),
        (None, Choice::Active) if entry => Ok(()),
        _ => {
            Err(format!("`{text}` is nobody: no {} shares a virtual IP\n  help: {}", target.role, who(infrastructure)))
        }
    }
}

fn judges(infrastructure: &Infrastructure, struck: bool, expectation: &Expectation) -> Result<(), String> {
    if !struck && needs_strike(expectation) {
        return Err("nothing strikes in this scenario, so there is no such time\n  help: only `before the fault` and `throughout` can be judged without a When that breaks something".into());
    }
    match expectation {
        Expectation::InRotation { count, role } => {
            let there = called(infrastructure, role)?.len();
            if *count > there { Err(format!("there are only {there} servers called `{role}`")) } else { Ok(()) }
        }
        Expectation::OneHolder { role, .. } => {
            let there = called(infrastructure, role)?;
            let holds =
                |server: &&Server| infrastructure.virtual_ips.iter().any(|ip| ip.holders.contains(&server.name));
            if there.iter().any(holds) {
                return Ok(());
            }
            Err(format!("no {role} can hold a virtual IP\n  help: {}", who(infrastructure)))
        }
        _ => Ok(()),
    }
}

/// Who shares a virtual IP, or how to say it.
fn who(infrastructure: &Infrastructure) -> String {
    let holders: Vec<_> = infrastructure.virtual_ips.iter().flat_map(|ip| &ip.holders).map(String::as_str).collect();
    if holders.is_empty() {
        "say `And the load balancers share a virtual IP`".into()
    } else {
        format!("it is shared by {}", holders.join(", "))
    }
}

/// Whether a Then speaks of a time that only a strike makes.
fn needs_strike(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Availability { phase, .. }
        | Expectation::Latency { phase, .. }
        | Expectation::OneHolder { phase, .. }
        | Expectation::SteadyState { phase }
        | Expectation::ConnectionsOpen { phase, .. } => !matches!(phase, Phase::Before | Phase::Throughout),
        Expectation::LatencyStays { .. } | Expectation::Interval { .. } | Expectation::NoOtherFails => true,
        Expectation::TotalDowntime { .. } | Expectation::LongestOutage { .. } | Expectation::InRotation { .. } => false,
    }
}

fn called<'i>(infrastructure: &'i Infrastructure, word: &str) -> Result<Vec<&'i Server>, String> {
    let servers = infrastructure.servers_called(word);
    if !servers.is_empty() {
        return Ok(servers);
    }
    let roles = infrastructure.servers.values().filter_map(|server| infrastructure.roles.get(&server.role));
    let words: BTreeSet<_> = roles.map(|role| format!("`{}`", role.word)).collect();
    let words = words.into_iter().collect::<Vec<_>>().join(", ");
    Err(format!("no server here is called `{word}`\n  help: servers are called {words} or `node`"))
}

fn narrowed(infrastructure: &Infrastructure, zone: Option<&str>, tag: Option<&str>) -> String {
    let servers = || infrastructure.servers.values();
    let zones: BTreeSet<_> = servers().filter_map(|server| server.zone.as_deref()).collect();
    let tags: BTreeSet<_> = servers().flat_map(|server| &server.tags).map(String::as_str).collect();
    let mut text = String::new();
    for (what, wanted, there) in [("zone", zone, zones), ("tag", tag, tags)] {
        if wanted.is_some_and(|wanted| !there.contains(wanted)) {
            let there = there.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let there = if there.is_empty() { format!("no {what} is declared") } else { format!("there are {there}") };
            text.push_str(&format!(": no such {what}\n  help: {there}"));
        }
    }
    text
}

fn names(infrastructure: &Infrastructure) -> String {
    infrastructure.servers.keys().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
