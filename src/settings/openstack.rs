//! `[openstack]`: how a cloud's APIs are asked, and what servers are made of there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{lines, words};
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
    /// Which of Neutron's parts the cloud has. Default: all.
    #[serde(skip_serializing_if = "OpenStackProfile::is_default", deserialize_with = "words::one_of")]
    pub profile: OpenStackProfile,
    /// The image of every server, by its name or id. Default: the only one there is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub image: Option<String>,
    /// The flavor of every server, by its name or id. Default: the only one there is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub flavor: Option<String>,
    /// The network in which every server is, by its name or id. Default: the only one of the project that is not external.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub network: Option<String>,
    /// The external network of which floating IPs are, by its name or id. Default: the only one that is external.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub floating_network: Option<String>,
    /// The security groups of every server, by their names or ids. Default: one of the run's own, which lets everything pass.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::list")]
    pub security_groups: Option<Vec<String>>,
    /// By the zones of infrastructures: the availability zones that stand for them. Default: those of the same names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "words::map")]
    pub zones: BTreeMap<String, String>,
    /// How an attack logs in to servers that it may strike. Default: not at all, so that only their power is switched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginSettings>,
}

/// `[openstack.login]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginSettings {
    /// Who logs in. Default `root`: faults need root's rights.
    #[serde(deserialize_with = "words::said")]
    pub user: String,
    /// The user's key, by its path relative to this file. Default: a password, or any key of the SSH agent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub key: Option<String>,
    /// The SSH port. Default 22.
    #[serde(deserialize_with = "units::positive")]
    pub port: u16,
    /// A file of host keys, as OpenSSH reads it. Without it, `host_keys` must say that none is checked.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub known_hosts: Option<String>,
    /// `ignore`: the network is trusted.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional_of")]
    pub host_keys: Option<HostKeys>,
    /// The program that holds faults on these servers. Default: this very program.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "words::optional")]
    pub agent: Option<String>,
}

/// What is done with the keys of hosts that no file lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKeys {
    /// Any is taken.
    Ignore,
}

impl Default for LoginSettings {
    fn default() -> Self {
        LoginSettings { user: "root".into(), key: None, port: 22, known_hosts: None, host_keys: None, agent: None }
    }
}

/// Which of Neutron's parts a cloud has: whatever it does not have is not asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenStackProfile {
    /// Networks and ports, security groups, floating IPs.
    #[default]
    Full,
    /// As the cloud of the paper: networks and ports alone.
    Rackspace,
}

impl OpenStackProfile {
    /// Whether it has security groups and floating IPs.
    pub fn is_full(self) -> bool {
        self == OpenStackProfile::Full
    }

    fn is_default(&self) -> bool {
        self.is_full()
    }
}

impl Default for OpenStackSettings {
    fn default() -> Self {
        OpenStackSettings {
            requests_per_minute: 300,
            list_every: Duration::from_millis(500),
            profile: OpenStackProfile::Full,
            image: None,
            flavor: None,
            network: None,
            floating_network: None,
            security_groups: None,
            zones: BTreeMap::new(),
            login: None,
        }
    }
}

impl OpenStackSettings {
    /// Whether all is as it is by default. What is recorded of runs elsewhere has no such section.
    pub(super) fn is_default(&self) -> bool {
        *self == OpenStackSettings::default()
    }
}

/// The line of a `chimp.toml` at which `[openstack.login]` begins, where it has one.
pub(crate) fn line_of_login(text: &str) -> Option<usize> {
    lines::line_of_all(text, &["openstack", "login"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_found_however_it_is_written() {
        let inline = "[load]\nusers = 3\n\n[openstack]\nlist_every = \"1s\"\nlogin = { user = \"root\" }\n";
        assert_eq!(line_of_login(inline), Some(6));
        assert_eq!(line_of_login("[openstack]\n\n[openstack.login]\nuser = \"root\"\n"), Some(3));
        assert_eq!(line_of_login("[openstack]\n"), None);
    }
}
