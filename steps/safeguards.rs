//! Givens about how faults are made, what may not be struck, and when everything stops.

use cucumber::given;

use super::params::{Count, Percent, PercentBound, Role, Span};
use crate::declare::{StepError, World};
use crate::settings::{Abort, Group, Most};

#[given(expr = "a server loses its network {duration} after it was asked for")]
fn network_delay(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.set(|settings| settings.nemesis.network_delay = duration.0)
}

#[given(expr = "at most {percent} of the {role} is/are struck at once")]
fn share_of_role(world: &mut World, percent: Percent, role: Role) -> Result<(), StepError> {
    world.declaration.limit(Group::Role(role.0), Most::Percent(percent.0))
}

#[given(expr = "at most {count} {role} is/are struck at once")]
fn number_of_role(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.limit(Group::Role(role.0), Most::Servers(count.0))
}

#[given(expr = "at most {percent} of zone {string} is struck at once")]
fn share_of_zone(world: &mut World, percent: Percent, zone: String) -> Result<(), StepError> {
    world.declaration.limit(Group::Zone(zone), Most::Percent(percent.0))
}

#[given(expr = "at most {count} node(s) of zone {string} is/are struck at once")]
fn number_of_zone(world: &mut World, count: Count, zone: String) -> Result<(), StepError> {
    world.declaration.limit(Group::Zone(zone), Most::Servers(count.0))
}

#[given(expr = "node {string} is protected")]
fn protected(world: &mut World, node: String) -> Result<(), StepError> {
    world.declaration.set(|settings| settings.safeguards.protected.push(node))
}

#[given(expr = "nodes tagged {string} are protected")]
fn protected_tag(world: &mut World, tag: String) -> Result<(), StepError> {
    world.declaration.set(|settings| settings.safeguards.protected_tags.push(tag))
}

#[given(expr = "the run aborts if availability is {percent_bound} for {duration}")]
fn aborts(world: &mut World, bound: PercentBound, duration: Span) -> Result<(), StepError> {
    world.declaration.abort(Abort { availability: bound.0, lasts: duration.0 })
}
