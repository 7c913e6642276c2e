//! Whether an order keeps the safeguards, as far as that is known before anything runs.

use std::collections::BTreeSet;

use super::sides::known;
use crate::infrastructure::{Infrastructure, Server};
use crate::plan::{Act, Choice, StrikeOrder, Target};
use crate::selector::{self, Prospect, either};
use crate::settings::{Limit, Safeguards};

/// Whether what a scenario says of safeguards, beyond the defaults, speaks of servers that are there.
///
/// # Errors
/// In words, with a hint.
pub(super) fn makes_sense(
    infrastructure: &Infrastructure,
    safeguards: &Safeguards,
    defaults: &Safeguards,
) -> Result<(), String> {
    let servers = &infrastructure.servers;
    let mut names = safeguards.protected.iter().filter(|name| !defaults.protected.contains(name));
    if let Some(name) = names.find(|name| !servers.contains_key(*name)) {
        let there: Vec<_> = servers.keys().map(|name| format!("\"{name}\"")).collect();
        return Err(format!("there is no node \"{name}\" to protect\n  help: there are {}", there.join(", ")));
    }
    let mut tags = safeguards.protected_tags.iter().filter(|tag| !defaults.protected_tags.contains(tag));
    if let Some(tag) = tags.find(|tag| !servers.values().any(|server| server.tags.contains(tag))) {
        let hint = "tag one in an infrastructure file";
        return Err(format!("no node is tagged \"{tag}\", so none is protected\n  help: {hint}"));
    }
    let mut limits = safeguards.limits.iter().filter(|limit| !defaults.limits.contains(limit));
    if let Some(Limit { of, .. }) = limits.find(|limit| !servers.values().any(|s| limit.of.has(infrastructure, s))) {
        let hint = "name a role or a zone of this site";
        return Err(format!("no server belongs to {of}, so the limit would protect no server\n  help: {hint}"));
    }
    Ok(())
}

/// Whether an order of an act keeps them, where its victims, or how many they are, are known.
///
/// # Errors
/// In words, with a hint.
pub(super) fn keeps(
    infrastructure: &Infrastructure,
    safeguards: &Safeguards,
    act: &Act,
    order: &StrikeOrder,
) -> Result<(), String> {
    let together = !matches!(act, Act::InTurn { .. });
    keeps_one(infrastructure, safeguards, order, together)
        .map_err(|why| format!("{why}\n  help: strike other servers, or change the safeguard"))
}

fn keeps_one(
    infrastructure: &Infrastructure,
    safeguards: &Safeguards,
    order: &StrikeOrder,
    together: bool,
) -> Result<(), String> {
    let none_before = BTreeSet::new();
    let sides: Vec<_> = selector::struck(order).map(|target| known(infrastructure, target)).collect();
    let victims: Vec<String> = BTreeSet::from_iter(sides.iter().flatten().flatten().cloned()).into_iter().collect();
    if together {
        safeguards.admit(infrastructure, &none_before, &victims)?;
    } else {
        victims.iter().try_for_each(|one| safeguards.admit(infrastructure, &none_before, std::slice::from_ref(one)))?;
    }
    if let Prospect::HeldBack(protected) =
        selector::prospect(infrastructure, &safeguards.protected(infrastructure), order)
    {
        let are = if protected.len() == 1 { "is" } else { "are" };
        return Err(format!("`{}` would strike {}, which {are} protected", order.step.text, either(&protected)));
    }
    if known(infrastructure, &order.target).is_none() {
        enough(infrastructure, safeguards, &order.target)?;
    }
    Ok(())
}

/// Whoever is drawn: whether enough may be struck.
fn enough(infrastructure: &Infrastructure, safeguards: &Safeguards, target: &Target) -> Result<(), String> {
    let among = selector::candidates(target, infrastructure);
    let Some(count) = drawn(target, among.len()) else { return Ok(()) };
    let protected = safeguards.protected(infrastructure);
    let free: Vec<&Server> = among.into_iter().filter(|server| !protected.contains(&server.name)).collect();
    if count > free.len() {
        return Err(format!("`{}` asks for {count} servers, but all except {} are protected", target.text, free.len()));
    }
    for limit in &safeguards.limits {
        let outside = free.iter().filter(|server| !limit.of.has(infrastructure, server)).count();
        let most = limit.servers(infrastructure);
        if count - count.min(outside) > most {
            return Err(format!("`{}` would strike more than {most} of {} at once", target.text, limit.of));
        }
    }
    Ok(())
}

/// How many a target of chance strikes; `None` for other targets.
pub(super) fn drawn(target: &Target, among: usize) -> Option<usize> {
    match target.choice {
        Choice::Random(count) => Some(count),
        Choice::Share(percent) => Some(selector::share_of(percent, among)),
        _ => None,
    }
}
