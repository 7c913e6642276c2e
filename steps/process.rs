//! Whens that break processes.

use cucumber::when;

use super::params::{Moments, ProcessEvent, Signal, Target};
use crate::declare::{StepError, Strike, World};
use crate::plan::Parameters;

#[when(expr = "process {string} on {target} {process_event}{schedule}")]
fn process_breaks(
    world: &mut World,
    process: String,
    target: Target,
    event: ProcessEvent,
    moments: Moments,
) -> Result<(), StepError> {
    let with = Parameters { process: Some(process), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of(event.0, target.0) }, moments.0)
}

#[when(expr = "process {string} on {target} die(s) of {signal}{schedule}")]
fn process_dies_of(
    world: &mut World,
    process: String,
    target: Target,
    signal: Signal,
    moments: Moments,
) -> Result<(), StepError> {
    let with = Parameters { process: Some(process), signal: Some(signal.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("process-dies", target.0) }, moments.0)
}

/// One of the processes that the server's role declares, drawn with the seed.
#[when(expr = "a random process on {target} {process_event}{schedule}")]
fn random_process(world: &mut World, target: Target, event: ProcessEvent, moments: Moments) -> Result<(), StepError> {
    let with = Parameters { random_process: true, ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of(event.0, target.0) }, moments.0)
}
