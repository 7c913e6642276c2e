//! Whether a cut leaves somebody on each side.

use std::collections::BTreeSet;

use super::check::hits;
use crate::infrastructure::Infrastructure;
use crate::plan::{Choice, Cut, Target};
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
    cut: &Cut,
) -> Result<(), String> {
    let there = selector::candidates(target, infrastructure).len();
    match cut {
        Cut::Halves if there < 2 => Err(format!("there is only {there} {}, which has no halves", target.role)),
        Cut::MajoritiesRing if there < SMALLEST_RING => Err(format!(
            "there are only {there} servers called `{}`: a ring of majorities takes {SMALLEST_RING}",
            target.role
        )),
        Cut::Halves | Cut::MajoritiesRing => Ok(()),
        Cut::Between(other) | Cut::From(other) => {
            hits(infrastructure, other)?;
            let protected = safeguards.protected(infrastructure);
            two_sides(&Site { infrastructure, protected }, target, other)
        }
    }
}

fn two_sides(site: &Site<'_>, near: &Target, far: &Target) -> Result<(), String> {
    let infrastructure = site.infrastructure;
    if near.choice.is_drawn() || far.choice.is_drawn() {
        return drawn_sides(site, near, far);
    }
    let is_same = (&near.choice, &near.role, &near.zone, &near.tag) == (&far.choice, &far.role, &far.zone, &far.tag);
    let inside = known(infrastructure, near).unwrap_or_default();
    let outside = known(infrastructure, far).unwrap_or_else(|| names(infrastructure, far));
    if !is_same && outside.iter().any(|server| !inside.contains(server)) {
        return Ok(());
    }
    Err(nobody_beside(near, far))
}

/// Whether there are enough servers for both sides, whichever chance draws: see [`selector::sides()`].
fn drawn_sides(site: &Site<'_>, near: &Target, far: &Target) -> Result<(), String> {
    if far.choice.is_drawn() {
        let among = site.drawable(far);
        let wanted = site.count(far).unwrap_or(0);
        let Some(taken) = site.most_among(near, &among) else { return Ok(()) };
        let left = among.len() - taken;
        if left >= wanted {
            return Ok(());
        }
        let (near, far) = (&near.text, &far.text);
        return Err(format!(
            "`{far}` asks for {wanted}, and only {left} may be drawn beside `{near}`\n  help: a side that is drawn is drawn from the servers that are not on the other side; name smaller sides"
        ));
    }
    let among = site.drawable(near);
    let wanted = site.count(near).unwrap_or(0);
    let (Some(taken), Some(there)) = (site.most_among(far, &among), site.count(far)) else { return Ok(()) };
    let (near_leaves_far, far_outgrows_near) = (among.len() - taken >= wanted, there > wanted || there > taken);
    if near_leaves_far || far_outgrows_near { Ok(()) } else { Err(nobody_beside(near, far)) }
}

fn nobody_beside(near: &Target, far: &Target) -> String {
    let (near, far) = (&near.text, &far.text);
    format!(
        "`{far}` has nobody beside `{near}`, so nobody is cut off\n  help: name two different sides, or say `the network of the webservers is split into halves`"
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
