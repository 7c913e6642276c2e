//! Whether a partition leaves somebody on each side.
//!
//! A server that both sides name belongs to the one that would be empty without it, so `node "web-1"` and `every
//! webserver` are web-1 and the others, whichever is named first. A one-way partition needs no two sides: each server of the
//! one no longer hears the others of the other.

use std::collections::BTreeSet;

use super::check::hits;
use crate::infrastructure::Infrastructure;
use crate::plan::{Choice, Partition, Target};
use crate::selector;
use crate::settings::Safeguards;

/// Jepsen's ring needs three: with fewer, a majority is everybody.
const SMALLEST_RING: usize = 3;

/// Whether a target can be cut so.
///
/// # Errors
/// In words, with a hint.
pub(super) fn separates(
    infrastructure: &Infrastructure,
    safeguards: &Safeguards,
    target: &Target,
    partition: &Partition,
) -> Result<(), String> {
    let there = selector::candidates(target, infrastructure).len();
    match partition {
        Partition::Halves if there < 2 => {
            Err(format!("there is only {there} {}, which can't be split into halves", target.role))
        }
        Partition::MajoritiesRing if there < SMALLEST_RING => Err(format!(
            "there are only {there} servers called `{}`: a ring of majorities takes {SMALLEST_RING}",
            target.role
        )),
        Partition::Halves | Partition::MajoritiesRing => Ok(()),
        Partition::Between(other) | Partition::From(other) => {
            hits(infrastructure, other)?;
            let protected = safeguards.protected(infrastructure);
            let site = Site { infrastructure, protected };
            let is_drawn = target.choice.is_drawn() || other.choice.is_drawn();
            match partition {
                _ if is_drawn => drawn_sides(&site, target, other),
                Partition::Between(_) => two_sides(&site, target, other),
                _ => one_way(&site, target, other),
            }
        }
    }
}

/// Whether two sides that are not drawn can differ.
fn two_sides(site: &Site<'_>, near: &Target, far: &Target) -> Result<(), String> {
    let are_equal = match (known(site.infrastructure, near), known(site.infrastructure, far)) {
        (Some(inside), Some(outside)) => BTreeSet::from_iter(inside) == BTreeSet::from_iter(outside),
        _ => is_same(near, far),
    };
    if are_equal || site.together(near, far) < 2 { Err(no_server_beside(near, far)) } else { Ok(()) }
}

/// Whether some server may be deaf to another: the same words mean each of these servers to all others.
fn one_way(site: &Site<'_>, near: &Target, far: &Target) -> Result<(), String> {
    let is_one = is_same(near, far) && site.count(near) == Some(1);
    if is_one || site.together(near, far) < 2 { Err(no_server_beside(near, far)) } else { Ok(()) }
}

fn is_same(near: &Target, far: &Target) -> bool {
    (&near.choice, &near.role, &near.zone, &near.tag) == (&far.choice, &far.role, &far.zone, &far.tag)
}

/// Whether there are enough servers for both sides, whichever chance draws: see [`selector::sides()`].
fn drawn_sides(site: &Site<'_>, near: &Target, far: &Target) -> Result<(), String> {
    let (drawn, other) = if far.choice.is_drawn() { (far, near) } else { (near, far) };
    let among = site.drawable(drawn);
    let wanted = site.count(drawn).unwrap_or(0);
    let Some(taken) = site.most_among(other, &among) else { return Ok(()) };
    let left = among.len() - taken;
    if left >= wanted {
        return Ok(());
    }
    let from_all = !other.choice.is_drawn() && among.len() >= wanted;
    let outgrows = || site.count(other).is_none_or(|there| there > wanted || there > taken);
    if from_all && outgrows() {
        return Ok(());
    }
    if !far.choice.is_drawn() {
        return Err(no_server_beside(near, far));
    }
    let (near, far) = (&near.text, &far.text);
    Err(format!(
        "`{far}` asks for {wanted}, and only {left} may be drawn beside `{near}`\n  help: a side that is drawn is drawn from the servers that are not on the other side; name smaller sides"
    ))
}

fn no_server_beside(near: &Target, far: &Target) -> String {
    let (near, far) = (&near.text, &far.text);
    format!(
        "a partition between `{near}` and `{far}` leaves one side empty, so no server would be cut off\n  help: name two different sides, or say `the network of the webservers is split into halves`"
    )
}

/// What is known of a site before it runs.
struct Site<'a> {
    infrastructure: &'a Infrastructure,
    protected: BTreeSet<String>,
}

impl Site<'_> {
    /// The servers that chance may draw for a target.
    fn drawable(&self, target: &Target) -> Vec<String> {
        let mut names = names(self.infrastructure, target);
        names.retain(|name| !self.protected.contains(name));
        names
    }

    /// How many servers both targets may be together.
    fn together(&self, near: &Target, far: &Target) -> usize {
        let may_be = |target| known(self.infrastructure, target).unwrap_or_else(|| names(self.infrastructure, target));
        BTreeSet::from_iter([may_be(near), may_be(far)].concat()).len()
    }

    /// How many servers a target is, where that is known.
    fn count(&self, target: &Target) -> Option<usize> {
        match (&target.choice, known(self.infrastructure, target)) {
            (_, Some(servers)) => Some(servers.len()),
            (Choice::Share(percent), _) => Some(selector::share_of(*percent, names(self.infrastructure, target).len())),
            (Choice::Active, _) => Some(1),
            (choice, _) => choice.count(),
        }
    }

    /// How many of these servers a target may be at most; `None` where that is not known.
    fn most_among(&self, target: &Target, among: &[String]) -> Option<usize> {
        let of = |servers: &[String]| servers.iter().filter(|server| among.contains(server)).count();
        match known(self.infrastructure, target) {
            Some(servers) => Some(of(&servers)),
            None => Some(self.count(target)?.min(of(&names(self.infrastructure, target)))),
        }
    }
}

/// The servers of a target, where they are known before anything runs.
pub(super) fn known(infrastructure: &Infrastructure, target: &Target) -> Option<Vec<String>> {
    if target.choice.is_live() || target.choice.is_drawn() {
        return None;
    }
    selector::resolve_declared(target, infrastructure).ok().map(|selection| selection.servers)
}

fn names(infrastructure: &Infrastructure, target: &Target) -> Vec<String> {
    selector::candidates(target, infrastructure).into_iter().map(|server| server.name.clone()).collect()
}
