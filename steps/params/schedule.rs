//! When a fault strikes and how long it lasts: what follows a step that breaks something.

use std::str::FromStr;
use std::time::Duration;

use cucumber::Parameter;

use super::{ParamError, Span};
use crate::plan::Schedule;

/// Nothing (once), ` for 5 s`, ` every 5 s for 20 s`, ` at random times, every 5 s on average, for 1 min`; with the
/// blank before it, so that it may be left away.
#[derive(Debug, Clone, Copy, PartialEq, Parameter)]
#[param(
    name = "schedule",
    regex = r"(?:(?: every \d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)*| at random times, every \d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)* on average,)? for \d[\d_.]* ?[a-zµ]+(?: \d[\d_.]* ?[a-zµ]+)*)?"
)]
pub struct Moments(pub Schedule);

impl FromStr for Moments {
    type Err = ParamError;

    fn from_str(text: &str) -> Result<Self, ParamError> {
        if text.is_empty() {
            return Ok(Moments(Schedule::Once));
        }
        let span = |text: &str| text.parse::<Span>().map(|span| span.0);
        let refused = || ParamError(format!("`{text}` does not say when; write for example ` for 5 s`"));
        let (begin, total) =
            text.rsplit_once(" for ").or_else(|| Some(("", text.strip_prefix("for ")?))).ok_or_else(refused)?;
        let total: Duration = span(total)?;
        if begin.is_empty() {
            return Ok(Moments(Schedule::For(total)));
        }
        if let Some(mean) = begin.strip_prefix(" at random times, every ").and_then(|m| m.strip_suffix(" on average,"))
        {
            return Ok(Moments(Schedule::Poisson { mean: span(mean)?, total }));
        }
        let interval = span(begin.strip_prefix(" every ").ok_or_else(refused)?)?;
        Ok(Moments(Schedule::Every { interval, total }))
    }
}
