//! `[failover]`: when a floating IP is led from one server to another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{self, duration};

/// `[failover]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailoverSettings {
    /// From one look at each server that may hold the address to the next. Default 1 s.
    #[serde(with = "duration::positive")]
    pub every: Duration,
    /// How long a look may take; one that has no answer by then failed. Default 1 s.
    #[serde(with = "duration::positive")]
    pub look_within: Duration,
    /// How many looks in a row must fail until a server counts as one that does not serve. Default 3, as HAProxy's.
    #[serde(deserialize_with = "units::positive")]
    pub fall: u32,
    /// How many looks in a row must succeed until it counts again. Default 2, as HAProxy's.
    #[serde(deserialize_with = "units::positive")]
    pub rise: u32,
}

impl Default for FailoverSettings {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        FailoverSettings { every: second, look_within: second, fall: 3, rise: 2 }
    }
}

impl FailoverSettings {
    /// Whether all is as it is by default. What is recorded of most runs has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == FailoverSettings::default()
    }
}
