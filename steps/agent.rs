//! Whens about the agents that keep a site as it should be.

use cucumber::when;

use super::params::Agent;
use crate::declare::{StepError, World};
use crate::plan::{self, Act};

#[when(expr = "the {agent} stops")]
fn stops(world: &mut World, agent: Agent) -> Result<(), StepError> {
    world.declaration.order_agent(Act::AgentStops(agent.0))
}

#[when(expr = "the {agent} starts again")]
fn starts(world: &mut World, agent: Agent) -> Result<(), StepError> {
    world.declaration.order_agent(Act::AgentStarts(agent.0))
}

#[when(expr = "the {agent} is killed at its step {string}")]
fn killed(world: &mut World, agent: Agent, at: String) -> Result<(), StepError> {
    let plan::Agent::Reconciler = agent.0;
    let step = at.parse().map_err(StepError::Malformed)?;
    world.declaration.order_agent(Act::ReconcilerDies(step))
}
