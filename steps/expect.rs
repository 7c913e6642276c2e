//! Thens: what must be true of what was recorded.

use cucumber::then;

use super::params::{Count, DurationBound, Interval, PercentBound, Phase, Quantile, Role};
use crate::declare::{StepError, World};
use crate::plan::Expectation;
use crate::units::Bound;

#[then(expr = "steady state holds {phase}")]
fn steady_state(world: &mut World, phase: Phase) -> Result<(), StepError> {
    world.declaration.expect(Expectation::SteadyState { phase: phase.0 })
}

#[then(expr = "availability {phase} is {percent_bound}")]
fn availability(world: &mut World, phase: Phase, bound: PercentBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Availability { phase: phase.0, bound: bound.0 })
}

#[then(expr = "{quantile} stays {duration_bound}")]
fn latency_stays(world: &mut World, quantile: Quantile, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::LatencyStays { quantile: quantile.0, bound: bound.0 })
}

#[then(expr = "{quantile} latency {phase} is {duration_bound}")]
fn latency(world: &mut World, quantile: Quantile, phase: Phase, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Latency { quantile: quantile.0, phase: phase.0, bound: bound.0 })
}

#[then(expr = "at least {count} connections stay open {phase}")]
fn connections(world: &mut World, count: Count, phase: Phase) -> Result<(), StepError> {
    world.declaration.expect(Expectation::ConnectionsOpen { count: count.0 as u64, phase: phase.0 })
}

#[then(expr = "total downtime is {duration_bound}")]
fn total_downtime(world: &mut World, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::TotalDowntime { bound: bound.0 })
}

#[then(expr = "the longest outage is {duration_bound}")]
fn longest_outage(world: &mut World, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::LongestOutage { bound: bound.0 })
}

#[then(expr = "{interval} (takes ){duration_bound}")]
fn interval_takes(world: &mut World, interval: Interval, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Interval { interval: interval.0, bound: bound.0 })
}

#[then(expr = "recovery from every strike takes {duration_bound}")]
fn recovery_from_each(world: &mut World, bound: DurationBound) -> Result<(), StepError> {
    world.declaration.expect(Expectation::EachStrike { bound: bound.0 })
}

#[then(expr = "{count} {role} is/are in rotation")]
fn in_rotation(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.expect(Expectation::InRotation { count: count.0, role: role.0 })
}

#[then(expr = "no node is booted twice")]
fn no_double_boot(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoDoubleBoot)
}

#[then(expr = "no node is configured while node {string} is down")]
fn none_configured_without(world: &mut World, server: String) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoneConfiguredWithout { server })
}

#[then(expr = "at most {count} {role} is/are replaced")]
fn at_most_replaced(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Replaced { role: role.0, bound: Bound::AtMost(count.0) })
}

#[then(expr = "at least {count} {role} is/are replaced")]
fn at_least_replaced(world: &mut World, count: Count, role: Role) -> Result<(), StepError> {
    world.declaration.expect(Expectation::Replaced { role: role.0, bound: Bound::AtLeast(count.0) })
}

#[then(expr = "no other node fails")]
fn no_other_fails(world: &mut World) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoOtherFails)
}

#[then(expr = "exactly one {role} holds the virtual IP {phase}")]
fn one_holder(world: &mut World, role: Role, phase: Phase) -> Result<(), StepError> {
    world.declaration.expect(Expectation::OneHolder { role: role.0, phase: phase.0 })
}

#[then(expr = "no {role} is a single point of failure")]
fn no_single_point(world: &mut World, role: Role) -> Result<(), StepError> {
    world.declaration.expect(Expectation::NoSinglePointOfFailure { role: role.0 })
}
