//! `[openstack]`: how a cloud's APIs are asked.

use serde::{Deserialize, Serialize};

use crate::units;

/// `[openstack]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenStackSettings {
    /// How many requests are sent to a cloud's APIs in any minute, at most. Default 300: half of what a usual limit of ten
    /// a second allows.
    #[serde(deserialize_with = "units::positive")]
    pub requests_per_minute: u32,
}

impl Default for OpenStackSettings {
    fn default() -> Self {
        OpenStackSettings { requests_per_minute: 300 }
    }
}

impl OpenStackSettings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == OpenStackSettings::default()
    }
}
