//! `[ec2]`: how EC2's API is asked, and what of it servers are made.

use serde::{Deserialize, Serialize};

use crate::units;

/// `[ec2]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ec2Settings {
    /// How many requests are sent to EC2's API in any minute, at most. Default 300: EC2 refills its buckets of requests at 5
    /// to 20 a second.
    #[serde(deserialize_with = "units::positive")]
    pub requests_per_minute: u32,
    /// The image of servers, by its id, such as `ami-0123456789abcdef0`. Without one, `chimp doctor` does not ask whether
    /// instances may be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The type of instances. Default `t3.micro`.
    pub instance_type: String,
}

impl Default for Ec2Settings {
    fn default() -> Self {
        Ec2Settings { requests_per_minute: 300, image: None, instance_type: "t3.micro".into() }
    }
}

impl Ec2Settings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == Ec2Settings::default()
    }
}
