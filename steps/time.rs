//! Whens that wait.

use cucumber::when;

use super::params::Span;
use crate::declare::{StepError, World};
use crate::plan::Act;

#[when(expr = "{duration} pass(es)")]
fn pass(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.act(Act::Pass(duration.0))
}

#[when(expr = "the system has recovered")]
fn recovered(world: &mut World) -> Result<(), StepError> {
    world.declaration.act(Act::AwaitRecovery)
}
