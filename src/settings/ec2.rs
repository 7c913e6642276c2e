//! `[ec2]`: how EC2's API is asked, and what of it servers are made.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::words;
use crate::units::{self, duration};

/// `[ec2]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ec2Settings {
    /// How many requests are sent to EC2's API in any minute, at most. Default 300: EC2 refills its buckets of requests at 5
    /// to 20 a second.
    #[serde(deserialize_with = "units::positive")]
    pub requests_per_minute: u32,
    /// From one list of the instances to the next, at least: a change of an instance's state is seen no sooner. Default 1 s,
    /// which is 60 requests per minute.
    #[serde(with = "duration::positive")]
    pub list_every: Duration,
    /// The image of servers, by its name or its id, such as `ami-0123456789abcdef0`. Scenarios need one; without it, `chimp doctor` does
    /// not ask whether instances may be run.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub image: Option<String>,
    /// The type of instances. Default `t3.micro`.
    #[serde(deserialize_with = "words::said")]
    pub instance_type: String,
    /// The subnet of servers without a zone, by its id; all servers are in its VPC. Default: that of the default VPC in the first zone.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub subnet: Option<String>,
    /// The security groups of every server, by their names or ids. Default: one of the run's own, which lets everything pass.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::list")]
    pub security_groups: Option<Vec<String>>,
    /// What moves the address at which users enter, where servers share it by keepalived elsewhere. Default: nothing, so that such a
    /// scenario is skipped: a VPC does not deliver to an address that a server announces.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional_of")]
    pub virtual_ips: Option<Ec2VirtualIps>,
    /// By the zones of infrastructures: the availability zones that stand for them, or subnets by their ids. Default: those of the same names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub zones: BTreeMap<String, String>,
}

/// What stands in for keepalived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ec2VirtualIps {
    /// An Elastic IP, which the failover leads to one of the servers.
    Elastic,
}

impl Default for Ec2Settings {
    fn default() -> Self {
        Ec2Settings {
            requests_per_minute: 300,
            list_every: Duration::from_secs(1),
            image: None,
            instance_type: "t3.micro".into(),
            subnet: None,
            security_groups: None,
            virtual_ips: None,
            zones: BTreeMap::new(),
        }
    }
}

impl Ec2Settings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == Ec2Settings::default()
    }
}
