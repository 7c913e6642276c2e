//! How fast declared waits pass, and Whens that wait.

use cucumber::{given, when};

use super::params::Span;
use crate::declare::{StepError, World};
use crate::plan::Act;

/// Only what is declared to take time: boot, install, configure, the cadences of the reconciler and the config agent.
#[given(expr = "time runs {int} times faster")]
fn faster(world: &mut World, times: u32) -> Result<(), StepError> {
    world.declaration.time_runs(times)
}

#[when(expr = "{duration} pass(es)")]
fn pass(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.act(Act::Pass(duration.0))
}

#[when(expr = "the system has recovered")]
fn recovered(world: &mut World) -> Result<(), StepError> {
    world.declaration.act(Act::AwaitRecovery)
}
