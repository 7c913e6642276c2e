//! What users write and read of an application's data, and what must be true of it.

use cucumber::{given, then};

use super::params::{Count, DurationBound, Phase, Quantile, Rate, Role, Span};
use crate::declare::{StepError, World};
use crate::plan::Expectation;

/// A file says what they do with the application's data, or what another crate registers under this name.
#[given(expr = "{count} user(s) work(s) with {string}")]
fn users_at_work(world: &mut World, count: Count, file: String) -> Result<(), StepError> {
    world.declaration.workload(&file, Some(count.0))
}

#[given(expr = "{rate} of {string}")]
fn operations_of(world: &mut World, rate: Rate, file: String) -> Result<(), StepError> {
    world.declaration.set(|settings| settings.load.operations = rate.0.0)?;
    world.declaration.workload(&file, None)
}

#[then(expr = "no acknowledged write is lost")]
fn no_write_lost(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoAcknowledgedWriteLost)
}

#[then(expr = "no write is applied twice")]
fn no_write_twice(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoWriteTwice)
}

#[then(expr = "users read their own writes")]
fn own_writes_read(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::OwnWritesRead)
}

#[then(expr = "no user sees less than before")]
fn never_less(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NeverLess)
}

#[then(expr = "every register is linearizable")]
fn linearizable(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::RegistersLinearizable)
}

#[then(expr = "no message is lost")]
fn no_message_lost(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoMessageLost)
}

#[then(expr = "no message is delivered twice")]
fn no_message_twice(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoMessageTwice)
}

#[then(expr = "{quantile} staleness is {duration_bound}")]
fn staleness(world: &mut World, quantile: Quantile, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Staleness { quantile: quantile.0, bound: bound.0 })
}

#[then(expr = "the {role} agree within {duration}")]
fn agree(world: &mut World, role: Role, within: Span) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Agree { role: role.0, within: within.0 })
}

#[then(expr = "exactly one {role} is writable {phase}")]
fn one_writable(world: &mut World, role: Role, phase: Phase) -> Result<(), StepError> {
    world.declaration.expect(Expectation::OneWritable { role: role.0, phase: phase.0 })
}
