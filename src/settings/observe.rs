//! `[observe]`: how a site is observed without a fault.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::units::{self, duration};

/// What a site may be asked without a word on the command line, in requests a second.
const RATE_MOST: f64 = 50.0;

/// `[observe]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObserveSettings {
    /// Requests a second, at most 50; more are sent only with `--rate`. Default 20: in a minute as many as p99 takes.
    #[serde(deserialize_with = "modest")]
    pub rate: f64,
    /// For how long. Default 1 min.
    #[serde(with = "duration::positive")]
    pub lasts: Duration,
}

impl Default for ObserveSettings {
    fn default() -> Self {
        ObserveSettings { rate: 20.0, lasts: Duration::from_secs(60) }
    }
}

impl ObserveSettings {
    /// Whether all is as it is by default. What is recorded of most runs has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == ObserveSettings::default()
    }
}

fn modest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = units::positive(deserializer)?;
    let too_many = || serde::de::Error::custom(format!("{rate} is more than {RATE_MOST}; ask for it by `--rate`"));
    if rate <= RATE_MOST { Ok(rate) } else { Err(too_many()) }
}
