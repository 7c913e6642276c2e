//! The servers of a project that an attack may strike: those that carry a tag for it.
//!
//! Nova lists them and switches their power. Inside they are hosts as those of an inventory are, logged in to as the
//! settings say. To all other servers of the project nothing is done, and none of them is logged in to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::groups::RunGroups;
use super::nova::{Nova, no_group};
use super::outside::{HELP, Outside};
use crate::document::names::{RULE, is_name};
use crate::environment::cloud::fleet::Fleet;
use crate::environment::cloud::isolation::Isolation;
use crate::environment::cloud::made::Made;
use crate::environment::cloud::marks::{ROLE, TAGS, ZONE};
use crate::infrastructure;
use crate::instance::{Ability, Instance, InstanceId, InstanceSpec, Plug, PowerOp};
use crate::inventory::InventoryCloud;
use crate::openstack::client::Client;
use crate::openstack::servers::{Server, Status};
use crate::provider::{Provider, ProviderError, Remote};

/// The tag of a server that may be attacked.
pub(super) const TAG: &str = "chimp:attack";
/// The servers that it talks to.
const LINKS: &str = "chimp_links";

/// How a server is opted in.
pub(super) fn opt_in(id: &str) -> String {
    format!("openstack --os-compute-api-version 2.26 server set --tag {TAG} {id}")
}

/// The servers of a project, as far as an attack is concerned.
#[derive(Default)]
pub(super) struct Found {
    /// Those that may be attacked, by name.
    pub open: BTreeMap<String, Server>,
    /// Why each of the others may not be, by name, with what to do.
    pub closed: BTreeMap<String, String>,
}

impl Found {
    /// Tells them apart.
    pub fn among(servers: Vec<Server>) -> Found {
        let mut found = Found::default();
        let tagged = |server: &&Server| server.tags.iter().any(|tag| tag == TAG);
        let names: Vec<String> = servers.iter().filter(tagged).map(|server| server.name.clone()).collect();
        for server in servers {
            let namesakes = names.iter().filter(|name| **name == server.name).count();
            match why_closed(&server, namesakes) {
                None => drop(found.open.insert(server.name.clone(), server)),
                Some(why) => drop(found.closed.insert(server.name, why)),
            }
        }
        found.closed.retain(|name, _| !found.open.contains_key(name));
        found
    }

    /// Those of these ids, by the names that they had, whatever is said of them now.
    pub fn of_ids(servers: Vec<Server>, ids: &BTreeMap<String, String>) -> Found {
        let mut of: BTreeMap<String, Server> = servers.into_iter().map(|server| (server.id.clone(), server)).collect();
        let open = ids.iter().filter_map(|(name, id)| Some((name.clone(), of.remove(id)?))).collect();
        Found { open, closed: BTreeMap::new() }
    }

    /// As servers of an infrastructure, each with its address.
    pub fn servers(&self) -> Vec<(infrastructure::Server, Ipv4Addr)> {
        let address = |server: &Server| server.addresses.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
        self.open.iter().map(|(name, server)| (declared(name, server), address(server))).collect()
    }

    /// Which of them talks to which, as far as their metadata says.
    pub fn links(&self) -> Vec<(String, String)> {
        let from = |(name, server): (&String, &Server)| -> Vec<(String, String)> {
            words(server, LINKS).map(|to| (name.clone(), to.to_string())).collect()
        };
        self.open.iter().flat_map(from).filter(|(_, to)| self.open.contains_key(to)).collect()
    }
}

/// Why it may not be attacked, and what to do; `None`: it may.
fn why_closed(server: &Server, namesakes: usize) -> Option<String> {
    let id = &server.id;
    if !server.tags.iter().any(|tag| tag == TAG) {
        return Some(format!("it was not opted in\n  help: {}", opt_in(id)));
    }
    if server.locked {
        return Some(format!("it is locked in Nova\n  help: openstack server unlock {id}"));
    }
    if !is_name(&server.name) {
        return Some(format!("{RULE}\n  help: openstack server set --name NAME {id}"));
    }
    if namesakes > 1 {
        return Some(format!(
            "{namesakes} servers of this name were opted in\n  help: openstack server set --name NAME {id}"
        ));
    }
    if server.status == Status::Build {
        return Some("Nova still builds it\n  help: wait until it is ACTIVE".into());
    }
    server
        .addresses
        .is_empty()
        .then(|| format!("it has no IPv4 address\n  help: openstack server add network {id} NETWORK"))
}

fn words<'s>(server: &'s Server, key: &str) -> impl Iterator<Item = &'s str> {
    let text = server.metadata.get(key).map_or("", String::as_str);
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// What it is by its metadata; else by its name, its availability zone and its tags.
fn declared(name: &str, server: &Server) -> infrastructure::Server {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let role = words(server, ROLE).find(|role| is_name(role)).unwrap_or(if stem.is_empty() { name } else { stem });
    let of_tag = server.tags.iter().map(String::as_str).filter(|tag| *tag != TAG);
    let tags: BTreeSet<&str> = words(server, TAGS).chain(of_tag).collect();
    infrastructure::Server {
        tags: tags.into_iter().map(String::from).collect(),
        zone: words(server, ZONE).next().map(String::from).or_else(|| server.zone.clone()),
        ..infrastructure::Server::new(name, role)
    }
}

/// Them as a provider.
pub(super) struct OptedIn {
    pub client: Arc<Client>,
    pub fleet: Fleet<Nova>,
    /// Their names and addresses, by Nova's ids.
    pub known: BTreeMap<String, (String, Ipv4Addr)>,
    /// Where they answer to SSH if nothing says how to log in.
    pub ssh: u16,
    /// The same as hosts; `None` where nothing says how to log in.
    pub hosts: Option<InventoryCloud>,
    /// Whether the cloud has security groups.
    pub isolates: bool,
    pub groups: Arc<RunGroups>,
    pub made: Arc<Made>,
}

impl OptedIn {
    fn hosts(&self, server: &str) -> Result<&InventoryCloud, ProviderError> {
        let why = || format!("{server}: nothing says how to log in to it\n  help: {HELP}");
        self.hosts.as_ref().ok_or_else(|| ProviderError::Between(why().into()))
    }
}

#[async_trait]
impl Provider for OptedIn {
    fn can(&self, server: &str, abilities: &BTreeSet<Ability>) -> Result<(), ProviderError> {
        if abilities.contains(&Ability::Power(PowerOp::Isolate)) && !self.isolates {
            return Err(no_group(server));
        }
        // A fault of power is seen from outside, but for another boot. Where nothing says how to log in, only the look whether a
        // server is clean is left out.
        let is_seen_outside = |ability: &Ability| matches!(ability, Ability::Power(op) if *op != PowerOp::SoftReboot);
        let is_of_power = abilities.iter().any(is_seen_outside);
        match abilities.contains(&Ability::LogIn) && !(is_of_power && self.hosts.is_none()) {
            true => self.hosts(server)?.can(server, &BTreeSet::from([Ability::LogIn])),
            false => Ok(()),
        }
    }

    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        Err(ProviderError::Unsupported {
            server: spec.name.clone(),
            provider: "openstack",
            action: "boot it for an attack".into(),
            hint: "servers that are attacked are there already".into(),
        })
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        self.fleet.instances(|server| self.known.get(&server.id).cloned()).await
    }

    fn lists_every(&self) -> Option<Duration> {
        Some(self.fleet.lists_every())
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        self.fleet.power(id, op).await
    }

    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.fleet.power_leased(id, op, lease).await
    }

    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        self.fleet.renew(id, plug).await
    }

    async fn undo_record(&self, id: &InstanceId, op: Option<PowerOp>) -> Result<Option<Value>, ProviderError> {
        if op != Some(PowerOp::Isolate) {
            return Ok(None);
        }
        let isolation = self.fleet.isolation(id).await?;
        Ok(isolation.map(|isolation| serde_json::to_value(isolation).expect("texts can be stored")))
    }

    async fn recall(&self, id: &InstanceId, record: &Value) -> Result<(), ProviderError> {
        let isolation: Isolation =
            serde_json::from_value(record.clone()).map_err(|why| ProviderError::Between(why.into()))?;
        if let Some(empty) = &isolation.empty {
            self.groups.adopt_empty(empty);
        }
        self.fleet.recall(id, isolation).await;
        // Nothing else ends the isolation of ports whose server is gone: another server may get them.
        self.fleet.rejoin_those_gone().await
    }

    /// Where nothing says how to log in, what would need it was refused before.
    async fn reach(&self, servers: &BTreeSet<String>) -> Result<(), ProviderError> {
        match &self.hosts {
            Some(hosts) => hosts.reach(servers).await,
            None => Ok(()),
        }
    }

    async fn close(&self) -> Result<(), ProviderError> {
        let rejoined = self.fleet.rejoin_those_gone().await;
        let removed = self.groups.remove().await;
        let left = match &self.hosts {
            Some(hosts) => hosts.close().await,
            None => Ok(()),
        };
        ProviderError::of_all([rejoined, removed, left].into_iter().filter_map(Result::err))
    }

    fn told(&self) -> Vec<String> {
        let made = if self.made.is_empty() { Vec::new() } else { self.made.told() };
        let requests = format!("requests to the cloud's APIs: {}", self.client.requests());
        made.into_iter().chain([requests]).collect()
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        let Some(hosts) = &self.hosts else {
            return Ok(Box::new(Outside {
                server: instance.name.clone(),
                at: SocketAddrV4::new(instance.address, self.ssh),
            }));
        };
        // A host's id is its name.
        hosts.connect(&Instance { id: InstanceId(instance.name.clone()), ..instance.clone() }).await
    }
}

#[cfg(test)]
#[path = "opted_in_tests.rs"]
mod tests;
