//! What should be: the declared servers, their roles, zones and links.
//!
//! However it was declared (`Given 4 webservers behind haproxy`, a YAML file), it ends as one [`Infrastructure`],
//! already validated: names are unique, roles exist, links lead somewhere. Addresses are given when it is
//! provisioned, not here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::role::Role;

pub mod databases;
mod declaration;
pub mod entry;
pub mod file;
mod list;
mod recorded;
mod spares;
pub mod tiers;

#[cfg(test)]
mod tests;

pub use databases::Databases;
pub use entry::{Entry, EntryUrl};
pub use tiers::{Delay, Draft};

/// The server on which Puppet's server runs, which is where Puppet's agents look for it by default.
pub(crate) const PUPPET_SERVER: &str = "puppet";

/// What should be. Servers are kept in the order of their names, so that the order of declaration means nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Infrastructure {
    /// The servers, by name.
    pub servers: BTreeMap<String, Server>,
    /// Who talks to whom, as pairs (client side, server side) of server names.
    pub links: Vec<(String, String)>,
    /// Addresses that several servers share by keepalived, by tier.
    pub virtual_ips: Vec<VirtualIp>,
    /// Where users enter: a virtual IP's tier or one server, and the port.
    pub entry: Entry,
    /// The roles that the servers name, resolved.
    pub roles: BTreeMap<String, Role>,
    /// Who replicates from whom.
    #[serde(default, skip_serializing_if = "Databases::is_empty")]
    pub databases: Databases,
    /// Other names of servers in `/etc/hosts`, and whose they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// The file it came from, if it came from one.
    pub source: Option<PathBuf>,
}

/// One server that should exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Its name: `web-1`. Matches `[a-z0-9][a-z0-9-]{0,40}`.
    pub name: String,
    /// What it becomes, by the role's name.
    pub role: String,
    /// Free labels, for selecting.
    pub tags: Vec<String>,
    /// Where it is placed.
    pub zone: Option<String>,
    /// How long its boot takes beyond what it really takes (declared, modelled).
    #[serde(with = "crate::units::duration")]
    pub boot_delay: Duration,
    /// How long installing its programs takes: a part of its boot (declared, modelled).
    #[serde(default, with = "crate::units::duration")]
    pub install_delay: Duration,
    /// How long the config agent takes to make it what its role says (declared, modelled).
    #[serde(default, with = "crate::units::duration")]
    pub configure_delay: Duration,
    /// Whether it is one more than is needed: ready, and linked by nobody until it takes a place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spare: bool,
}

impl Server {
    /// One without tags and zone that nothing declares a delay for.
    pub fn new(name: &str, role: &str) -> Server {
        Server {
            name: name.into(),
            role: role.into(),
            tags: Vec::new(),
            zone: None,
            boot_delay: Duration::ZERO,
            install_delay: Duration::ZERO,
            configure_delay: Duration::ZERO,
            spare: false,
        }
    }
}

/// An address that the servers of a tier share; keepalived decides which of them holds it, or a cloud leads it to one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualIp {
    /// Its name in `/etc/hosts`: `www`.
    pub name: String,
    /// The servers that may hold it, by name, sorted; the first has the highest priority.
    pub holders: Vec<String>,
    /// Whether no server has the address itself: the cloud translates it to the address of the one that it leads to, and
    /// the [failover](crate::failover) leads it to another when that one no longer serves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub floating_ip: bool,
}

impl Infrastructure {
    /// The servers of a role, in the order of their names. `word` is what a step calls them
    /// (`webserver`, `load balancer`, `node`) or the role's name (`webhaproxy`).
    pub fn servers_called(&self, word: &str) -> Vec<&Server> {
        self.servers
            .values()
            .filter(|server| word == "node" || server.role == word || self.roles[&server.role].noun == word)
            .collect()
    }

    /// Has the environment lead the address at which users enter, if servers share one.
    #[must_use]
    pub(crate) fn with_led_entry(mut self) -> Infrastructure {
        let entry = self.virtual_ips.iter_mut().find(|ip| ip.name == self.entry.host);
        if let Some(entry) = entry {
            entry.floating_ip = true;
        }
        self
    }

    /// Whether servers share addresses, and the environment leads all of them: keepalived has no part in it then.
    pub(crate) fn is_led(&self) -> bool {
        !self.virtual_ips.is_empty() && self.virtual_ips.iter().all(|ip| ip.floating_ip)
    }

    /// Whether its servers are there already, so that how they are configured, and how long they take, is not known.
    pub fn is_attached(&self) -> bool {
        self.entry.url.is_some()
    }

    /// The same without spares.
    pub fn in_place_called(&self, word: &str) -> Vec<&Server> {
        let mut servers = self.servers_called(word);
        servers.retain(|server| !server.spare);
        servers
    }
}
