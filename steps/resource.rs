//! Whens that take what servers live on.

use cucumber::when;

use super::params::{Moments, Percent, Resource, Target};
use crate::declare::{StepError, Strike, World};
use crate::plan::Parameters;

#[when(expr = "{percent} of the {resource} of {target} is taken{schedule}")]
fn taken(
    world: &mut World,
    percent: Percent,
    resource: Resource,
    target: Target,
    moments: Moments,
) -> Result<(), StepError> {
    let with = Parameters { percent: Some(percent.0), ..Parameters::default() };
    world.declaration.strike(Strike { with, ..Strike::of(resource.0, target.0) }, moments.0)
}
