//! Scenarios on servers that are there already: which environment a run has, and what can't be asked of such servers.

use std::collections::BTreeSet;
use std::path::Path;

use super::DeclareOptions;
use super::error::{Problem, ProblemKind};
use super::guarded::drawn;
use super::listing::Listed;
use super::run::Understood;
use super::sides::known;
use super::there::There;
use super::world::Declaration;
use crate::document::{DocumentError, Mistakes};
use crate::environment::{self, Adopted, COMPOSE, EntryAt, INVENTORY, On, SITE, SWARM, abilities_of, needs};
use crate::infrastructure::Infrastructure;
use crate::instance::Ability;
use crate::plan::{Act, Partition, StepText, StrikeOrder, Target};
use crate::selector::{self, Prospect, either};
use crate::settings::lines::line_of;
use crate::settings::{Scheme, Settings};
use crate::text;

/// The environment of scenarios that name none, where none of them names an inventory.
const USUAL: &str = "local";

/// Of a step that only makes sense where servers are booted.
const MADE: &str = "says how servers are made or repaired, and these are there already\n  help: leave the step out: that is the \
                    site's own business";

/// A scenario whose steps have spoken.
pub(super) struct Drafted<'l> {
    pub index: usize,
    pub listed: &'l Listed<'l>,
    pub declaration: Declaration,
    pub understood: Understood,
}

impl Drafted<'_> {
    fn problem(&self, line: usize, detail: impl Into<String>) -> Problem {
        Problem::at(&self.listed.file.path, line, ProblemKind::Environment, detail)
    }
}

/// The environment of a run, as it is written: what was asked for, else the inventory that every scenario names, else
/// the sandbox. A run has one. Scenarios that need another one than the rest are taken out of `drafted`, each with a problem.
///
/// # Errors
/// An environment that there is not.
pub(super) fn environment_of(
    options: &DeclareOptions,
    drafted: &mut Vec<Drafted<'_>>,
    problems: &mut Vec<Problem>,
) -> Result<String, Problem> {
    let named = drafted.iter().find_map(|one| one.declaration.there.as_ref());
    let asked = match (options.environment.as_deref(), named) {
        (Some(asked), Some(there)) if asked == there.environment => there.on(),
        (None, Some(there)) => there.on(),
        (Some(asked), _) => asked.to_string(),
        (None, None) => USUAL.into(),
    };
    let detail = |why| Problem {
        file: None,
        line: None,
        column: None,
        kind: ProblemKind::Environment,
        detail: why,
        used_at: Vec::new(),
    };
    let on = environment::on(&asked).map_err(detail)?;
    let whence = match (&options.environment, drafted.iter().find(|one| one.declaration.there.is_some())) {
        (Some(asked), _) if named.is_none_or(|there| asked != there.environment) => {
            "as `--on` or `on` of `[environment]` says".to_string()
        }
        (_, Some(one)) => {
            let line = one.declaration.there.as_ref().map_or(one.listed.line, |there| there.line);
            format!("as {}:{line} says for `{}`", one.listed.file.path.display(), one.listed.name)
        }
        _ => "which is the usual one".to_string(),
    };
    drafted.retain(|one| {
        let problem = elsewhere(one, &on, options, &whence);
        let is_here = problem.is_none();
        problems.extend(problem);
        is_here
    });
    Ok(asked)
}

/// Why a scenario can't be in this run.
fn elsewhere(one: &Drafted<'_>, on: &On, options: &DeclareOptions, whence: &str) -> Option<Problem> {
    if one.declaration.there.is_none() && !one.understood.givens {
        // The step that was not understood may name where it runs.
        return None;
    }
    let apart = "a run has one environment: run it apart, by its file, name or tags";
    let (name, value, scenario) = (on.kind.name(), &on.value, &one.listed.name);
    let here = if value.is_empty() { format!("in the environment `{name}`") } else { format!("on the {name} {value}") };
    match &one.declaration.there {
        Some(there) if there.is(on) => None,
        Some(there) if there.environment == INVENTORY && name == INVENTORY && !Path::new(&there.value).is_file() => {
            let hint = "a path in a step is relative to the feature";
            Some(one.problem(there.line, format!("there is no inventory {}\n  help: {hint}", there.value)))
        }
        Some(There { environment, value, line }) => {
            let detail = format!(
                "`{scenario}` wants the {environment} {value}, and this run is {here}, {whence}\n  help: {apart}"
            );
            Some(one.problem(*line, detail))
        }
        None if name == INVENTORY && options.environment.as_deref() == Some(INVENTORY) => {
            let hint = "name the inventory whose servers it runs on: `--on inventory=FILE`";
            let detail = format!("`{scenario}` declares servers, and an inventory's are there already\n  help: {hint}");
            Some(one.problem(one.listed.line, detail))
        }
        None if options.environment.is_none() && named_by_a_step(on) => {
            let detail = format!("`{scenario}` declares servers, and this run is {here}, {whence}\n  help: {apart}");
            Some(one.problem(one.listed.line, detail))
        }
        None => None,
    }
}

/// Whether steps name such an environment.
fn named_by_a_step(on: &On) -> bool {
    [INVENTORY, COMPOSE, SWARM, SITE].contains(&on.kind.name())
}

/// The steps that only make sense where servers are booted, if these are there already.
pub(super) fn shaped(one: &Drafted<'_>, on: &On) -> Vec<Problem> {
    if on.kind.capabilities().boots || !on.kind.capabilities().attaches {
        return Vec::new();
    }
    let problem = |step: &StepText| one.problem(step.line, format!("`{}` {MADE}", step.text));
    one.declaration.shaped.iter().map(problem).collect()
}

/// The servers that stand for what a scenario declares, with the settings that hold for them.
///
/// # Errors
/// What can't be asked of them.
pub(super) fn adopt(
    one: &Drafted<'_>,
    on: &On,
    declared: Option<&Infrastructure>,
    settings: &mut Settings,
    config: Option<&Path>,
) -> Result<Adopted, Vec<Problem>> {
    let there = on.kind.capabilities();
    if let Some(declared) = declared.filter(|_| there.boots) {
        return Ok(Adopted { infrastructure: declared.clone(), closed: BTreeSet::new(), entry_at: EntryAt::Known });
    }
    if !there.attaches {
        return Err(vec![one.problem(one.listed.line, needs(on.kind.name(), &one.listed.name, Ability::Boot))]);
    }
    let file = &one.listed.file.path;
    let line = one.declaration.there.as_ref().map_or(one.listed.line, |there| there.line);
    let no_site = |why: DocumentError| match (why.line, &why.setting, config) {
        (Some(_), ..) => Problem::of(why, ProblemKind::Infrastructure),
        (None, Some(path), Some(config)) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let line = line_of(&text::read(config).unwrap_or_default(), &path);
            Problem { file: Some(config.into()), line, ..Problem::of(why, ProblemKind::Infrastructure) }
        }
        (None, ..) => Problem::at(file, line, ProblemKind::Infrastructure, why.to_string()),
    };
    let no_sites = |Mistakes(all): Mistakes| all.into_iter().map(no_site).collect::<Vec<_>>();
    let adopted = on.kind.adopt(&on.value, declared, settings).map_err(no_sites)?;
    settings.reconciler.enabled = false;
    settings.safeguards.protected.extend(adopted.closed.iter().cloned());
    if let Some(url) = &adopted.infrastructure.entry.url {
        settings.request.scheme = if url.is_https() { Scheme::Https } else { Scheme::Http };
        settings.request.host.get_or_insert_with(|| url.authority());
    }
    Ok(adopted)
}

/// What is wrong with strikes on servers that are there already: those that can't be made on the servers that they may hit, or
/// not be healed. The servers that must be logged in to are added to `victims`.
pub(super) fn strikes(one: &Drafted<'_>, on: &On, adopted: &Adopted, victims: &mut BTreeSet<String>) -> Vec<Problem> {
    if on.kind.capabilities().boots {
        return Vec::new();
    }
    let orders = one.declaration.acts.iter().flat_map(Act::orders);
    orders.filter_map(|order| Some(one.problem(order.step.line, unable(one, order, on, adopted, victims)?))).collect()
}

fn unable(
    one: &Drafted<'_>,
    order: &StrikeOrder,
    on: &On,
    adopted: &Adopted,
    all: &mut BTreeSet<String>,
) -> Option<String> {
    let known = known(&adopted.infrastructure, &order.target);
    let step = &order.step.text;
    let there = &adopted.infrastructure.servers;
    if known.iter().flatten().any(|server| !there.contains_key(server)) {
        // It is reported as what it is: a name that no server has.
        return None;
    }
    if let Prospect::HeldBack(closed) = selector::prospect(&adopted.infrastructure, &adopted.closed, order) {
        let closed = either(&closed);
        let hint = on.kind.opt_in(&on.value, &closed);
        return Some(format!("`{step}` would strike {closed}, which may not be attacked\n  help: {hint}"));
    }
    let among = selector::candidates(&order.target, &adopted.infrastructure).len();
    if among == 0 {
        return None;
    }
    let allowed = may_be(&order.target, adopted).len();
    if let Some(count) = drawn(&order.target, among).filter(|count| *count > allowed) {
        let hint = on.kind.opt_in(&on.value, "more of them");
        let text = &order.target.text;
        return Some(format!(
            "`{text}` asks for {count} of {among} servers, and {allowed} may be attacked\n  help: {hint}"
        ));
    }
    if let Some(why) = inseparable(one, order, on, adopted) {
        return Some(format!("`{step}` can't be done: {why}"));
    }
    let victims = BTreeSet::from_iter(selector::struck(order).flat_map(|target| may_be(target, adopted)));
    let abilities = abilities_of(order);
    if abilities.contains(&Ability::LogIn) {
        all.extend(victims.iter().cloned());
    }
    let victims: Vec<String> = victims.into_iter().collect();
    let why = on.kind.lacking(&on.value, &one.declaration.settings, &victims, &abilities);
    (!why.is_empty()).then(|| format!("`{step}` can't be done:\n  {}", why.join("\n  ")))
}

/// Why nothing would be cut between the sides of a partition.
fn inseparable(one: &Drafted<'_>, order: &StrikeOrder, on: &On, adopted: &Adopted) -> Option<String> {
    let near = may_be(&order.target, adopted);
    let far = match order.partition.as_ref()? {
        Partition::Between(far) | Partition::From(far) => may_be(far, adopted),
        Partition::Halves | Partition::MajoritiesRing => near.clone(),
    };
    on.kind.inseparable(&on.value, &one.declaration.settings, &near, &far)
}

/// The servers that a target may be: where only the run or chance can tell, all of them that may be attacked.
fn may_be(target: &Target, adopted: &Adopted) -> Vec<String> {
    let there = &adopted.infrastructure;
    let candidates = || selector::candidates(target, there).into_iter().map(|server| server.name.clone());
    known(there, target).unwrap_or_else(|| candidates().filter(|name| !adopted.closed.contains(name)).collect())
}
