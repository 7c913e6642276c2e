//! Everything in a project that runs have made.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::openstack::client::{Client, Service};
use crate::openstack::error::CloudError;
use crate::openstack::{floating_ips, groups, lookup, mark, moment, ports, servers};
use crate::requests::sweep::{Created, Thing, ThingKind};

/// A thing, with what decides about it.
pub(super) struct Found {
    pub(super) thing: Thing,
    created: Option<Timestamp>,
    /// The id of what it belongs to: a port's server, a floating IP's port.
    pub(super) of: Option<String>,
    pub(super) locked: bool,
}

impl Found {
    fn new(kind: ThingKind, run: &str, name: String, id: String, created: Option<Timestamp>) -> Found {
        Found { thing: Thing { kind, run: run.into(), name, id }, created, of: None, locked: false }
    }
}

/// Everything that runs have made, and which servers there are, whoever made them.
pub(super) struct All {
    pub(super) things: Vec<Found>,
    pub(super) servers: BTreeSet<String>,
}

impl All {
    /// When each run made something for the last time. A moment that is not known counts for nothing.
    pub(super) fn created(&self) -> Created {
        let mut newest = Created::new();
        for Found { thing, created, .. } in &self.things {
            let known = newest.entry(thing.run.clone()).or_default();
            *known = (*known).max(*created);
        }
        newest
    }
}

/// Looks for it.
pub(super) async fn all(client: &Client) -> Result<All, CloudError> {
    let servers = servers::list(client).await?;
    let mut all = All { servers: servers.iter().map(|server| server.id.clone()).collect(), things: Vec::new() };
    for server in servers {
        let Some(run) = server.run().map(String::from) else { continue };
        let locked = server.locked;
        let found = Found::new(ThingKind::Server, &run, server.name, server.id, server.created);
        all.things.push(Found { locked, ..found });
    }
    for port in ports::ours(client).await? {
        let Some(run) = port.run else { continue };
        all.things
            .push(Found { of: port.server, ..Found::new(ThingKind::Port, &run, port.name, port.id, port.created) });
    }
    for group in groups::ours(client).await? {
        let Some(run) = group.run else { continue };
        all.things.push(Found::new(ThingKind::SecurityGroup, &run, group.name, group.id, group.created));
    }
    for ip in floating_ips::ours(client).await? {
        let Some(run) = ip.run else { continue };
        let found = Found::new(ThingKind::FloatingIp, &run, ip.address.to_string(), ip.id, ip.created);
        all.things.push(Found { of: ip.port, ..found });
    }
    for name in lookup::key_pairs(client).await? {
        let Some(run) = mark::run_of_key_pair(&name) else { continue };
        let created = key_pair_created(client, &name).await?;
        all.things.push(Found::new(ThingKind::KeyPair, &run, name.clone(), name, created));
    }
    Ok(all)
}

/// A list of key pairs does not say it.
async fn key_pair_created(client: &Client, name: &str) -> Result<Option<Timestamp>, CloudError> {
    #[derive(Deserialize)]
    struct KeyPair {
        #[serde(default, deserialize_with = "moment::read")]
        created_at: Option<Timestamp>,
    }
    let found: Result<KeyPair, _> = client.get_as(Service::Nova, &format!("os-keypairs/{name}"), "keypair").await;
    match found {
        Ok(found) => Ok(found.created_at),
        Err(why) if why.is_not_found() => Ok(None),
        Err(why) => Err(why),
    }
}
