//! Whens that break networks.

use cucumber::when;

use super::params::{Bandwidth, Moments, Percent, Port, Role, Span, Target};
use crate::declare::{StepError, Strike, World, every};
use crate::plan::{Parameters, Partition};

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

#[when(expr = "port {port} of {target} is blackholed{schedule}")]
fn port_blackholed(world: &mut World, port: Port, target: Target, moments: Moments) -> Result<(), StepError> {
    let with = Parameters { port: Some(port.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("port-blackholed", target.0) }, moments.0)
}

#[when(expr = "port {port} of {target} is rejected{schedule}")]
fn port_rejected(world: &mut World, port: Port, target: Target, moments: Moments) -> Result<(), StepError> {
    let with = Parameters { port: Some(port.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("port-rejected", target.0) }, moments.0)
}

#[when(expr = "the network of {target} gains {duration} of delay{schedule}")]
fn gains_delay(world: &mut World, target: Target, delay: Span, moments: Moments) -> Result<(), StepError> {
    let with = Parameters { delay: Some(delay.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("gains-delay", target.0) }, moments.0)
}

#[when(expr = "the network of {target} gains {duration} of delay with {duration} of jitter{schedule}")]
fn gains_jitter(
    world: &mut World,
    target: Target,
    delay: Span,
    jitter: Span,
    moments: Moments,
) -> Result<(), StepError> {
    let with = Parameters { delay: Some(delay.0), jitter: Some(jitter.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("gains-delay", target.0) }, moments.0)
}

#[when(expr = "the network of {target} loses {percent} of packets{schedule}")]
fn loses_packets(world: &mut World, target: Target, percent: Percent, moments: Moments) -> Result<(), StepError> {
    let with = Parameters { percent: Some(percent.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("loses-packets", target.0) }, moments.0)
}

#[when(expr = "the network of {target} is limited to {bandwidth}{schedule}")]
fn bandwidth_limit(world: &mut World, target: Target, bandwidth: Bandwidth, moments: Moments) -> Result<(), StepError> {
    let with = Parameters { bits_per_s: Some(bandwidth.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of("bandwidth-limit", target.0) }, moments.0)
}
