//! Whens that break something.

use cucumber::when;

use super::params::{Event, Span, Target};
use crate::declare::{StepError, Strike, World};
use crate::plan::{Parameters, Schedule};

#[when(expr = "{target} {event}")]
fn strike(world: &mut World, target: Target, event: Event) -> Result<(), StepError> {
    world.declaration.strike(Strike::of(event.0, target.0), Schedule::Once)
}

#[when(expr = "{target} {event} for {duration}")]
fn strike_for(world: &mut World, target: Target, event: Event, duration: Span) -> Result<(), StepError> {
    world.declaration.strike(Strike::of(event.0, target.0), Schedule::For(duration.0))
}

#[when(expr = "{target} {event} every {duration} for {duration}")]
fn strike_every(world: &mut World, target: Target, event: Event, interval: Span, total: Span) -> Result<(), StepError> {
    world.declaration.strike(Strike::of(event.0, target.0), Schedule::Every { interval: interval.0, total: total.0 })
}

#[when(expr = "process {string} on {target} die(s)")]
fn process_dies(world: &mut World, process: String, target: Target) -> Result<(), StepError> {
    let with = Parameters { process: Some(process), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("process-dies", target.0) }, Schedule::Once)
}
