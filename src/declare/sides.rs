//! Whether a cut leaves somebody on each side.

use super::check::hits;
use crate::infrastructure::Infrastructure;
use crate::plan::{Cut, Target};
use crate::selector::{self, View};

/// Jepsen's ring needs three: with fewer, a majority is everybody.
const SMALLEST_RING: usize = 3;

/// Whether a target can be cut so.
///
/// # Errors
/// In words, with a hint.
pub(super) fn separates(infrastructure: &Infrastructure, target: &Target, cut: &Cut) -> Result<(), String> {
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
            two_sides(infrastructure, target, other)
        }
    }
}

fn two_sides(infrastructure: &Infrastructure, one: &Target, other: &Target) -> Result<(), String> {
    let is_same =
        (&one.choice, &one.role, &one.zone, &one.tag) == (&other.choice, &other.role, &other.zone, &other.tag);
    let inside = known(infrastructure, one).unwrap_or_default();
    let outside = known(infrastructure, other).unwrap_or_else(|| names(infrastructure, other));
    if !is_same && outside.iter().any(|server| !inside.contains(server)) {
        return Ok(());
    }
    let (one, other) = (&one.text, &other.text);
    Err(format!(
        "`{other}` has nobody beside `{one}`, so nobody is cut off\n  help: name two different sides, or say `the network of the webservers is split into halves`"
    ))
}

/// The servers of a target, where they are known before anything runs.
pub(super) fn known(infrastructure: &Infrastructure, target: &Target) -> Option<Vec<String>> {
    if target.choice.is_live() || target.choice.is_drawn() {
        return None;
    }
    selector::resolve(target, &View::of(infrastructure), 0, 0).ok().map(|selection| selection.servers)
}

fn names(infrastructure: &Infrastructure, target: &Target) -> Vec<String> {
    selector::candidates(target, infrastructure).into_iter().map(|server| server.name.clone()).collect()
}
