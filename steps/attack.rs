//! Whens that break something.

use cucumber::when;

use super::params::{Event, Span, Target};
use crate::declare::{StepError, World};
use crate::plan::Schedule;

#[when(expr = "{target} {event}")]
fn strike(world: &mut World, target: Target, event: Event) -> Result<(), StepError> {
    world.declaration.strike(event.0, None, target.0, Schedule::Once)
}

#[when(expr = "{target} {event} for {duration}")]
fn strike_for(world: &mut World, target: Target, event: Event, duration: Span) -> Result<(), StepError> {
    world.declaration.strike(event.0, None, target.0, Schedule::For(duration.0))
}

#[when(expr = "{target} {event} every {duration} for {duration}")]
fn strike_every(world: &mut World, target: Target, event: Event, interval: Span, total: Span) -> Result<(), StepError> {
    world.declaration.strike(event.0, None, target.0, Schedule::Every { interval: interval.0, total: total.0 })
}

#[when(expr = "process {string} on {target} die(s)")]
fn process_dies(world: &mut World, process: String, target: Target) -> Result<(), StepError> {
    world.declaration.strike("process-dies", Some(process), target.0, Schedule::Once)
}
