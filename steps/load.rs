//! Givens about what is sent to the site, and what counts as good.

use cucumber::gherkin::Step;
use cucumber::given;

use super::params::{Count, PercentBound, Rate, Span};
use crate::declare::{StepError, World};
use crate::units::Bound;

#[given(expr = "{count} user(s) browse(s) the site")]
fn users(world: &mut World, count: Count) -> Result<(), StepError> {
    world.declaration.users(count.0)
}

/// Pauses are drawn from half to one and a half of `duration`.
#[given(expr = "{count} user(s) browse(s) the site, a page every {duration}")]
fn paced_users(world: &mut World, count: Count, duration: Span) -> Result<(), StepError> {
    world.declaration.users(count.0)?;
    world.declaration.set(|settings| {
        settings.load.pause_min = duration.0 / 2;
        settings.load.pause_max = duration.0 * 3 / 2;
    })
}

#[given(expr = "{rate} of read traffic")]
fn probe_rate(world: &mut World, rate: Rate) -> Result<(), StepError> {
    world.declaration.set(|settings| settings.load.rate = rate.0.0)
}

#[given(expr = "requests time out after {duration}")]
fn deadline(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.set(|settings| settings.load.deadline = duration.0)
}

#[given(expr = "the system has been steady for {duration}")]
fn baseline(world: &mut World, duration: Span) -> Result<(), StepError> {
    world.declaration.baseline(duration.0)
}

/// Rows of the table: `| availability | at least 99.5% |`, `| window | 1 s |`.
#[given(expr = "steady state means:")]
fn steady_state(world: &mut World, step: &Step) -> Result<(), StepError> {
    let rows = step.table.as_ref().map(|table| table.rows.as_slice()).unwrap_or_default();
    if rows.is_empty() {
        return Err(StepError::refused("a table must follow", "for example `| availability | at least 99.5% |`"));
    }
    rows.iter().try_for_each(|row| steady_row(world, row))
}

fn steady_row(world: &mut World, row: &[String]) -> Result<(), StepError> {
    let value = row.get(1).map(String::as_str).unwrap_or_default();
    let malformed = |why: super::params::ParamError| StepError::Malformed(why.to_string());
    match row.first().map(String::as_str) {
        Some("availability") => match value.parse::<PercentBound>().map_err(malformed)?.0 {
            Bound::AtLeast(limit) => world.declaration.set(|settings| settings.steady.availability = limit),
            _ => Err(StepError::Malformed(format!("`{value}` is not a lower bound; write `at least 99.5%`"))),
        },
        Some("window") => {
            let window = value.parse::<Span>().map_err(malformed)?;
            world.declaration.set(|settings| settings.steady.window = window.0)
        }
        other => Err(StepError::Malformed(format!(
            "`{}` is not part of steady state; rows are `availability` and `window`",
            other.unwrap_or_default()
        ))),
    }
}
