//! Whens that cut networks: each says its own sides.

use cucumber::when;

use super::params::{Moments, Role, Target};
use crate::declare::{StepError, Strike, World, every};
use crate::plan::Partition;

#[when(expr = "the network between {target} and {target} is cut{schedule}")]
fn cut_between(world: &mut World, one: Target, other: Target, moments: Moments) -> Result<(), StepError> {
    world.declaration.strike(Strike::partition(one.0, Partition::Between(other.0)), moments.0)
}

/// One way: answers still travel.
#[when(expr = "traffic from {target} to {target} is dropped{schedule}")]
fn cut_from(world: &mut World, from: Target, to: Target, moments: Moments) -> Result<(), StepError> {
    world.declaration.strike(Strike::partition(to.0, Partition::From(from.0)), moments.0)
}

#[when(expr = "the network of the {role} is split into halves{schedule}")]
fn cut_in_halves(world: &mut World, role: Role, moments: Moments) -> Result<(), StepError> {
    world.declaration.strike(Strike::partition(every(&role.0), Partition::Halves), moments.0)
}

/// Each still hears a majority, and no two the same one.
#[when(expr = "the network of the {role} becomes a ring of majorities{schedule}")]
fn cut_to_a_ring(world: &mut World, role: Role, moments: Moments) -> Result<(), StepError> {
    world.declaration.strike(Strike::partition(every(&role.0), Partition::MajoritiesRing), moments.0)
}
