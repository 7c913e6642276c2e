//! Whens that break servers, and what holds for all faults.

use cucumber::gherkin::Step;
use cucumber::when;

use super::params::{Event, Moments, Role, Span, Target};
use crate::declare::{StepError, Strike, World, every};
use crate::plan::{self, Act};

#[when(expr = "{target} {event}{schedule}")]
fn strike(world: &mut World, target: Target, event: Event, moments: Moments) -> Result<(), StepError> {
    world.declaration.strike(Strike::of(event.0, target.0), moments.0)
}

/// Every server in the zone loses its power.
#[when(expr = "zone {string} is lost{schedule}")]
fn zone_lost(world: &mut World, zone: String, moments: Moments) -> Result<(), StepError> {
    let whole = plan::Target { text: format!("zone \"{zone}\""), zone: Some(zone), ..every("node") };
    world.declaration.strike(Strike::of("zone-lost", whole), moments.0)
}

/// One after the other, each once the site has recovered from the one before.
#[when(expr = "each {role} {event} in turn")]
fn in_turn(world: &mut World, role: Role, event: Event) -> Result<(), StepError> {
    world.declaration.in_turn(Strike::of(event.0, every(&role.0)))
}

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
