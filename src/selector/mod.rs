//! Whom a strike hits: a [`Selector`] for each way to choose, over the declared names.
//!
//! Chance is drawn over *declared* servers in the order of their names, from the generator of this one decision
//! ([`crate::draw`]): the same seed and infrastructure give the same victims, whatever the timing. Targets that
//! only a running site can name (`active`, `busiest`, `same`) are found at the strike.
//!
//! To add a selector: one file, one row in [`selector`], and a variant of [`Choice`]. Other crates register theirs ([`registered`]).

use std::collections::BTreeSet;

use rand::rngs::StdRng;

use crate::draw::{Draw, Purpose};
use crate::infrastructure::{Infrastructure, Server};
use crate::plan::{Choice, Target};
use crate::role::EVERY_SERVER;

pub mod articulation;
mod balanced;
pub mod central;
mod degree;
mod foresight;
mod prospect;
mod random;
pub mod registered;
mod sides;
mod tier;

pub use balanced::{BalancerView, ServerView};
pub use foresight::{Foreseen, Foresight};
pub use prospect::{Prospect, either, prospect, struck};
pub use random::share_of;
pub use sides::sides;
pub use tier::is_primary;

/// What is known when a strike is resolved.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What should be.
    pub infrastructure: &'a Infrastructure,
    /// Who holds the site's address now, where it is shared.
    pub holder: Option<&'a str>,
    /// Whom the strike before hit.
    pub last_struck: &'a [String],
    /// What the balancers see; `None` where none is watched.
    pub balancers: Option<&'a BalancerView>,
    /// Servers that chance never draws: [`crate::settings::Safeguards::protected`].
    pub protected: &'a BTreeSet<String>,
    /// Servers on the other side of the same partition, which chance does not draw again: see [`sides()`].
    pub other_side: &'a [String],
}

impl<'a> View<'a> {
    /// What is known before anything runs: the declaration alone.
    pub fn of(infrastructure: &'a Infrastructure) -> View<'a> {
        static NOBODY: BTreeSet<String> = BTreeSet::new();
        View { infrastructure, holder: None, last_struck: &[], balancers: None, protected: &NOBODY, other_side: &[] }
    }
}

/// Whom a strike hits, and why them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Names of servers, in the order of the strike.
    pub servers: Vec<String>,
    /// In words: `degree 5, the highest`, `drawn of 4 with seed 7`.
    pub why: String,
}

/// A way to choose among candidates.
pub trait Selector {
    /// Chooses; pure but for `rng`. An error says in words why nobody could be chosen.
    ///
    /// # Errors
    /// When there are not enough candidates, or nobody is what was asked for.
    fn select(&self, candidates: &[&Server], view: &View, rng: &mut StdRng) -> Result<Selection, String>;
}

/// The selector of a choice.
fn selector(choice: &Choice) -> Box<dyn Selector> {
    match choice {
        Choice::Named(name) => Box::new(tier::Named(name.clone())),
        Choice::Listed(names) => Box::new(tier::Listed(names.clone())),
        Choice::Random(count) => Box::new(random::Random(*count)),
        Choice::Share(percent) => Box::new(random::Share(*percent)),
        Choice::Every => Box::new(tier::Every),
        Choice::HighestDegree(count) => Box::new(degree::HighestDegree(*count)),
        Choice::MostCentral(count) => Box::new(central::MostCentral(*count)),
        Choice::Critical => Box::new(articulation::ArticulationPoints),
        Choice::EveryOther => Box::new(tier::EveryOther),
        Choice::Busiest(count) => Box::new(balanced::Busiest(*count)),
        Choice::Idlest(count) => Box::new(balanced::Idlest(*count)),
        Choice::Unhealthy => Box::new(balanced::Unhealthy),
        Choice::Primary => Box::new(tier::Primary),
        Choice::Active => Box::new(tier::Active),
        Choice::Standby => Box::new(tier::Standby),
        Choice::Same => Box::new(tier::Same),
        Choice::Registered(name) => Box::new(registered::Registered(name.clone())),
    }
}

/// Resolves a target to servers; what is left to chance is drawn with `rng`.
///
/// # Errors
/// When it matches nobody: the scenario is then invalid, never green.
pub fn resolve(target: &Target, view: &View, rng: &mut StdRng) -> Result<Selection, String> {
    let candidates = candidates(target, view.infrastructure);
    if candidates.is_empty() {
        return Err(format!("“{}” matches no server", target.text));
    }
    let selection = selector(&target.choice).select(&candidates, view, rng)?;
    if selection.servers.is_empty() {
        return Err(format!("“{}” matches no server", target.text));
    }
    Ok(selection)
}

/// Resolves a target that leaves nothing to chance and needs no running site, from the declaration alone.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_declared(target: &Target, infrastructure: &Infrastructure) -> Result<Selection, String> {
    // Never drawn from: such a target is the same with every generator.
    let mut unused = Draw::of(0).for_purpose(Purpose::Targets, 0);
    resolve(target, &View::of(infrastructure), &mut unused)
}

/// The declared servers that a target may choose from, in the order of their names. A role's word means those in
/// place; a spare is a `node` as every server, and is hit by its name.
pub fn candidates<'a>(target: &Target, infrastructure: &'a Infrastructure) -> Vec<&'a Server> {
    let called = match target.role.as_str() {
        EVERY_SERVER => infrastructure.servers_called(EVERY_SERVER),
        word => infrastructure.in_place_called(word),
    };
    called
        .into_iter()
        .filter(|server| target.zone.is_none() || server.zone == target.zone)
        .filter(|server| target.tag.as_ref().is_none_or(|tag| server.tags.contains(tag)))
        .collect()
}

#[cfg(test)]
mod tests;
