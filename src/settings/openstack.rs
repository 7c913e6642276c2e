//! `[openstack]`: how a cloud's APIs are asked, and what servers are made of there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{self, duration};

/// `[openstack]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenStackSettings {
    /// How many requests are sent to a cloud's APIs in any minute, at most. Default 300: half of what a usual limit of ten
    /// a second allows.
    #[serde(deserialize_with = "units::positive")]
    pub requests_per_minute: u32,
    /// From one list of the servers to the next, at least: a change of a server's state is seen no sooner. Default 500 ms,
    /// which is 120 requests per minute.
    #[serde(with = "duration::positive")]
    pub list_every: Duration,
    /// The image of every server, by its name or id. Default: the only one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The flavor of every server, by its name or id. Default: the only one there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flavor: Option<String>,
    /// The network in which every server is, by its name or id. Default: the only one of the project that is not external.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The external network of which floating IPs are, by its name or id. Default: the only one that is external.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floating_network: Option<String>,
    /// The security groups of every server, by their names or ids. Default: one of the run's own, which lets everything pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<Vec<String>>,
    /// By the zones of infrastructures: the availability zones that stand for them. Default: those of the same names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, String>,
}

impl Default for OpenStackSettings {
    fn default() -> Self {
        OpenStackSettings {
            requests_per_minute: 300,
            list_every: Duration::from_millis(500),
            image: None,
            flavor: None,
            network: None,
            floating_network: None,
            security_groups: None,
            zones: BTreeMap::new(),
        }
    }
}

impl OpenStackSettings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == OpenStackSettings::default()
    }
}
