//! Whens about the agents that keep a site what it should be.

use cucumber::when;

use crate::declare::{StepError, World};

#[when("the config agent stops")]
fn config_agent_stops(world: &mut World) -> Result<(), StepError> {
    world.declaration.switch_config_agent(false)
}

#[when("the config agent starts again")]
fn config_agent_starts(world: &mut World) -> Result<(), StepError> {
    world.declaration.switch_config_agent(true)
}
