//! Asks whether a scenario makes sense: whether it is whole, and whether it strikes and expects what it has.

use std::collections::BTreeSet;

use super::error::{Problem, ProblemKind};
use super::listing::Listed;
use super::run::Understood;
use super::world::Declaration;
use super::{guarded, observable, possible, sides};
use crate::checker;
use crate::infrastructure::{Infrastructure, PUPPET_SERVER, Server};
use crate::measure::meaning::{self, Meaning};
use crate::measure::writes::DATABASE;
use crate::plan::expectation::{Expectation, Phase};
use crate::plan::{Act, Choice, Hypothesis, StrikeOrder, Target};
use crate::selector;
use crate::settings::Settings;
use crate::units::show_duration;
use crate::workload::Workload;

/// What the scenario lacks: steps, something that is provisioned, something that is expected. Steps that were not understood
/// may be what is missing.
pub(super) fn incomplete(listed: &Listed<'_>, declaration: &Declaration, understood: Understood) -> Option<Problem> {
    let missing = if listed.steps.is_empty() {
        "has no steps, so it would test nothing\n  help: start with `Given 4 webservers behind haproxy`"
    } else if !declaration.provisioned && understood.givens {
        "provisions nothing\n  help: start with `Given 4 webservers behind haproxy`"
    } else if declaration.hypotheses.is_empty() && understood.thens {
        "has no Then, so it could never fail\n  help: end with `Then recovery takes under 1 min`"
    } else {
        return None;
    };
    let detail = format!("`{}` {missing}", listed.name);
    Some(Problem::at(&listed.file.path, listed.line, ProblemKind::Incomplete, detail))
}

/// The strikes that have no server to hit, and the Thens that have nothing to judge. `struck` is whether anything is struck, or
/// may be.
pub(super) fn meaning(
    listed: &Listed<'_>,
    infrastructure: &Infrastructure,
    (settings, workload): (&Settings, Option<&Workload>),
    (acts, struck): (&[Act], bool),
    hypotheses: &[Hypothesis],
) -> Vec<Problem> {
    let orders = acts.iter().flat_map(|act| act.orders().iter().map(move |order| (act, order)));
    let strikes = orders.map(|(act, order)| (order.step.line, can_strike(infrastructure, settings, act, order)));
    let judged = hypotheses.iter().map(|h| {
        let makes_sense = of_data(infrastructure, workload, &h.expectation)
            .and_then(|()| judges(infrastructure, settings, struck, &h.expectation));
        let is_of_workload = h.expectation.is_of_operations() && meaning::of_workload(workload).is_none();
        let observes = || observable::observes(infrastructure, settings, acts, h);
        (h.line, makes_sense.and_then(|()| if is_of_workload { Ok(()) } else { observes() }))
    });
    strikes
        .chain(judged)
        .filter_map(|(line, found)| Some(Problem::at(&listed.file.path, line, ProblemKind::Meaning, found.err()?)))
        .chain(possible::impossible(listed, hypotheses))
        .collect()
}

/// Whether somebody waits for what is declared to take time.
///
/// # Errors
/// In words, with a hint.
pub(super) fn waits(infrastructure: &Infrastructure, settings: &Settings) -> Result<(), String> {
    let configured = infrastructure.servers.values().find(|server| !server.configure_delay.is_zero());
    match configured {
        Some(server) if !settings.config_agent.enabled => Err(format!(
            "{} takes {} to configure, but nothing configures it: a replacement boots with its role\n  help: say `And the config agent runs every 1 min`",
            server.name,
            show_duration(server.configure_delay)
        )),
        _ => Ok(()),
    }
}

/// Whether there is a Puppet server where Puppet configures the servers.
///
/// # Errors
/// In words, with a hint.
pub(super) fn puppet(infrastructure: &Infrastructure, settings: &Settings) -> Result<(), String> {
    let is_missing = !infrastructure.is_attached() && !infrastructure.servers.contains_key(PUPPET_SERVER);
    if !settings.config_agent.is_puppet() || !is_missing {
        return Ok(());
    }
    let asked = "Puppet is to configure the nodes (`kind = \"puppet\"` under `[config_agent]`, or a step)";
    let hint = match &infrastructure.source {
        Some(file) => {
            format!("declare it in {}: `- {{ name: {PUPPET_SERVER}, role: {PUPPET_SERVER} }}`", file.display())
        }
        None => "say `And Puppet configures the nodes every 1 min`, which adds one".into(),
    };
    Err(format!("{asked}, but no server is named `{PUPPET_SERVER}`\n  help: {hint}"))
}

fn can_strike(
    infrastructure: &Infrastructure,
    settings: &Settings,
    act: &Act,
    order: &StrikeOrder,
) -> Result<(), String> {
    hits(infrastructure, &order.target)?;
    if let Some(partition) = &order.partition {
        sides::separates(infrastructure, &settings.safeguards, &order.target, partition)?;
    }
    guarded::keeps(infrastructure, &settings.safeguards, act, order)
}

/// Whether a target is somebody.
///
/// # Errors
/// In words, with a hint.
pub(super) fn hits(infrastructure: &Infrastructure, target: &Target) -> Result<(), String> {
    let Target { choice, zone, tag, text, .. } = target;
    if let Choice::Named(name) = choice
        && !infrastructure.servers.contains_key(name)
    {
        return Err(format!("there is no node \"{name}\"\n  help: there are {}", names(infrastructure)));
    }
    called(infrastructure, &target.role)?;
    let among = candidates(infrastructure, target);
    if among.is_empty() {
        return Err(format!("`{text}` matches no server{}", narrowed(infrastructure, zone.as_deref(), tag.as_deref())));
    }
    match choice.count() {
        Some(0) => return Err(format!("`{text}` matches no server; say at least 1")),
        Some(count) if count > among.len() => {
            return Err(format!("`{text}` asks for {count} servers, but there are only {}", among.len()));
        }
        _ => {}
    }
    match choice {
        Choice::Share(share) if *share <= 0.0 => Err(format!("`{text}` matches no server; say more than 0%")),
        Choice::Active | Choice::Standby => is_shared(infrastructure, target, &among),
        Choice::Critical => selector::resolve_declared(target, infrastructure)
            .map(drop)
            .map_err(|why| format!("`{text}` matches no server: {why}")),
        Choice::Busiest(_) | Choice::Idlest(_) | Choice::Unhealthy => is_balanced(infrastructure, target, &among),
        Choice::Registered(name) if !selector::registered::is_registered(name) => {
            let hint = "register it in this test target: `anarcho_chimp::register!(selector …)`";
            Err(format!("`{text}` can't be chosen: there is no selector `{name}`\n  help: {hint}"))
        }
        Choice::Primary if !among.iter().any(|server| selector::is_primary(server)) => {
            let hint = "tag one of them `primary` in an infrastructure file";
            Err(format!("`{text}` matches no server: no {} is declared primary\n  help: {hint}", target.role))
        }
        _ => Ok(()),
    }
}

/// The servers that a target is chosen among.
fn candidates<'i>(infrastructure: &'i Infrastructure, target: &Target) -> Vec<&'i Server> {
    let mut among = selector::candidates(target, infrastructure);
    if let Choice::Named(name) = &target.choice {
        among.retain(|server| server.name == *name);
    }
    among
}

/// `busiest`, `idlest` and `unhealthy` mean something only to a balancer that is watched.
fn is_balanced(infrastructure: &Infrastructure, target: &Target, among: &[&Server]) -> Result<(), String> {
    let watched = |name: &str| {
        let role = infrastructure.servers.get(name).and_then(|server| infrastructure.roles.get(&server.role));
        role.is_some_and(|role| role.stats_socket.is_some())
    };
    let counted = |server: &&Server| infrastructure.links.iter().any(|(from, to)| *to == server.name && watched(from));
    if among.iter().any(counted) {
        return Ok(());
    }
    let (text, role) = (&target.text, &target.role);
    Err(format!(
        "`{text}` can't be known: no balancer counts the requests of a {role}\n  help: name servers behind haproxy"
    ))
}

/// `active` and `standby` mean something only where an address is shared; a single entry is active too.
fn is_shared(infrastructure: &Infrastructure, target: &Target, among: &[&Server]) -> Result<(), String> {
    let shared =
        infrastructure.virtual_ips.iter().find(|ip| among.iter().any(|server| ip.holders.contains(&server.name)));
    let entry = among.iter().any(|server| server.name == infrastructure.entry.host);
    let text = &target.text;
    match (shared, &target.choice) {
        (Some(ip), Choice::Standby) if ip.holders.len() < 2 => {
            Err(format!("`{text}` matches no server: only {} may hold the virtual IP", ip.holders.join(", ")))
        }
        (Some(_), _) => Ok(()),
        (None, Choice::Active) if entry => Ok(()),
        _ => Err(format!(
            "`{text}` matches no server: no {} shares a virtual IP\n  help: {}",
            target.role,
            who(infrastructure)
        )),
    }
}

/// Whether users write and read what a Then speaks of.
fn of_data(
    infrastructure: &Infrastructure,
    workload: Option<&Workload>,
    expectation: &Expectation,
) -> Result<(), String> {
    let models = expectation.models();
    if let Expectation::Registered { name, .. } = expectation {
        return of_its_workload(infrastructure, workload, name);
    }
    match workload {
        Some(workload) if expectation.is_of_operations() => {
            if models.iter().any(|model| workload.has(model)) {
                return Ok(());
            }
            if let Some(name) = workload.registered_name() {
                return of_a_registered(infrastructure, name, meaning::of_workload(Some(workload)), expectation);
            }
            let file = workload.name();
            let needed = models.iter().map(|model| format!("`{model}:`")).collect::<Vec<_>>().join(" or ");
            return Err(format!("{file} has no data that this speaks of\n  help: declare {needed} in it"));
        }
        Some(_) => {}
        None if expectation.is_of_models_alone() => {
            let help = "say `20 users work with \"orders.workload.yaml\"`";
            return Err(format!("the users of this scenario work with no register and no queue\n  help: {help}"));
        }
        None if expectation.is_of_operations() => {
            return Err("the users of this scenario write nothing and read nothing of their own\n  help: say `20 users read and write the site`, or of an application of your own `20 users work with \"orders.workload.yaml\"`".into());
        }
        None => {}
    }
    if expectation.is_of_final_state() {
        called(infrastructure, DATABASE)?;
    }
    Ok(())
}

/// Whether a shipped Then can judge what users of a registered workload do.
fn of_a_registered(
    infrastructure: &Infrastructure,
    name: &str,
    meaning: Option<&dyn Meaning>,
    expectation: &Expectation,
) -> Result<(), String> {
    match meaning {
        Some(_) if expectation.is_of_models_alone() => {
            Err(format!("the users of the registered workload `{name}` work with no register and no queue"))
        }
        Some(meaning) if expectation.is_of_rows() && meaning.tables().is_some() => {
            called(infrastructure, DATABASE).map(drop)
        }
        Some(_) if !expectation.is_of_rows() => Ok(()),
        Some(_) => Err(without_tables()),
        None => {
            let help = "judge it by a Then that is registered beside the workload (docs/extending.md)";
            Err(format!(
                "it can't be judged of the registered workload `{name}`, which says in its own words what is written and read\n  help: {help}"
            ))
        }
    }
}

fn without_tables() -> String {
    let help = "give the workload's meaning `tables` (docs/extending.md)";
    format!("what the databases hold can't be read: no workload of this scenario knows their tables\n  help: {help}")
}

/// Whether the users do what a registered Then judges.
fn of_its_workload(infrastructure: &Infrastructure, workload: Option<&Workload>, then: &str) -> Result<(), String> {
    let Some(then) = checker::registered::named(then) else { return Ok(()) };
    let needed = then.workloads();
    let works_with = workload.and_then(Workload::registered_name);
    match needed.first() {
        Some(first) if !works_with.is_some_and(|name| needed.contains(&name)) => {
            let help = format!("say `20 users work with \"{first}\"`");
            Err(format!("no user of this scenario works with the registered workload `{first}`\n  help: {help}"))
        }
        _ if !then.needs_databases() => Ok(()),
        _ if meaning::of_workload(workload).and_then(|meaning| meaning.tables()).is_none() => Err(without_tables()),
        _ => called(infrastructure, DATABASE).map(drop),
    }
}

fn judges(
    infrastructure: &Infrastructure,
    settings: &Settings,
    struck: bool,
    expectation: &Expectation,
) -> Result<(), String> {
    if !struck && needs_strike(expectation) {
        return Err("this is judged from a strike on, and no step of this scenario strikes\n  help: add a When that breaks something, or judge `before the fault` or `throughout`".into());
    }
    match expectation {
        Expectation::Agree { role, .. } | Expectation::OneWritable { role, .. } => {
            called(infrastructure, role).map(drop)
        }
        Expectation::InRotation { count, role } => {
            let there = called(infrastructure, role)?.len();
            if *count > there { Err(format!("there are only {there} servers called `{role}`")) } else { Ok(()) }
        }
        Expectation::Replaced { role, .. } | Expectation::NoSinglePointOfFailure { role } => {
            called(infrastructure, role).map(drop)
        }
        Expectation::NoneConfiguredWithout { server } => configures(infrastructure, settings, server),
        Expectation::OneHolder { role, .. } => called(infrastructure, role).map(drop),
        _ => Ok(()),
    }
}

/// Whether something configures servers, and the one without which it should not is there.
fn configures(infrastructure: &Infrastructure, settings: &Settings, server: &str) -> Result<(), String> {
    if !infrastructure.servers.contains_key(server) {
        return Err(format!("there is no node \"{server}\"\n  help: there are {}", names(infrastructure)));
    }
    if !settings.config_agent.enabled || !settings.reconciler.enabled {
        let hint = "say `And Puppet configures the nodes every 1 min`, and let the reconciler run";
        return Err(format!("no replacement is configured in this scenario\n  help: {hint}"));
    }
    Ok(())
}

/// Who shares a virtual IP, or how to say it.
fn who(infrastructure: &Infrastructure) -> String {
    let holders: Vec<_> = infrastructure.virtual_ips.iter().flat_map(|ip| &ip.holders).map(String::as_str).collect();
    if holders.is_empty() { share_one(infrastructure) } else { format!("it is shared by {}", holders.join(", ")) }
}

/// How a virtual IP is declared.
pub(super) fn share_one(infrastructure: &Infrastructure) -> String {
    match infrastructure.source.as_ref().filter(|_| infrastructure.is_attached()) {
        Some(file) => format!(
            "declare it in {}: `virtual_ips: [{{ name: www, address: 192.0.2.100, holders: [lb-1, lb-2] }}]`",
            file.display()
        ),
        None => "say `And the load balancers share a virtual IP`".into(),
    }
}

/// Whether a Then speaks of a time that only a strike makes.
fn needs_strike(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Availability { phase, .. }
        | Expectation::Latency { phase, .. }
        | Expectation::OneHolder { phase, .. }
        | Expectation::OneWritable { phase, .. }
        | Expectation::SteadyState { phase }
        | Expectation::ConnectionsOpen { phase, .. } => !matches!(phase, Phase::Before | Phase::Throughout),
        Expectation::LatencyStays { .. } | Expectation::Interval { .. } | Expectation::NoOtherFails => true,
        Expectation::NoSinglePointOfFailure { .. } | Expectation::NoDoubleBoot => true,
        Expectation::Replaced { .. } | Expectation::EachStrike { .. } => true,
        Expectation::NoneConfiguredWithout { .. } => true,
        Expectation::TotalDowntime { .. } | Expectation::LongestOutage { .. } | Expectation::InRotation { .. } => false,
        Expectation::NoAcknowledgedWriteLost | Expectation::NoWriteTwice => false,
        Expectation::OwnWritesRead | Expectation::NeverLess => false,
        Expectation::Staleness { .. } | Expectation::Agree { .. } => false,
        Expectation::RegistersLinearizable | Expectation::NoMessageLost | Expectation::NoMessageTwice => false,
        Expectation::Registered { name, .. } => {
            checker::registered::named(name).is_some_and(|then| then.needs_strike())
        }
    }
}

/// The servers that a step calls so.
///
/// # Errors
/// When there is none, with the words for those that there are.
pub(super) fn called<'i>(infrastructure: &'i Infrastructure, word: &str) -> Result<Vec<&'i Server>, String> {
    let servers = infrastructure.servers_called(word);
    if !servers.is_empty() {
        return Ok(servers);
    }
    let roles = infrastructure.servers.values().filter_map(|server| infrastructure.roles.get(&server.role));
    let words: BTreeSet<_> = roles.map(|role| format!("`{}`", role.noun)).collect();
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
