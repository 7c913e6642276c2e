//! Whens that hold for all faults.

use cucumber::gherkin::Step;
use cucumber::when;

use super::params::Span;
use crate::declare::{StepError, World};
use crate::plan::Act;

/// A table with the columns `at` (from this step's moment), `fault`, `target` and, if some end, `for`.
#[when(expr = "these faults strike:")]
async fn these_strike(world: &mut World, step: &Step) -> Result<(), StepError> {
    world.strike_table(step).await
}

/// A table with the columns `fault`, `target` and `mean`: the mean time between two strikes of the row.
#[when(expr = "random faults strike for {duration}:")]
async fn random_strike(world: &mut World, step: &Step, duration: Span) -> Result<(), StepError> {
    world.random_table(step, duration.0).await
}

/// The same, for `[nemesis] span` of the settings, which `--span` changes: minutes each night, hours if asked.
#[when(expr = "random faults strike for the span of the run:")]
async fn random_strike_for_the_run(world: &mut World, step: &Step) -> Result<(), StepError> {
    let span = world.declaration.span();
    world.random_table(step, span).await
}

#[when(expr = "all faults are lifted")]
fn lift(world: &mut World) -> Result<(), StepError> {
    world.declaration.act(Act::LiftAll)
}
