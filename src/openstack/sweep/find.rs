//! Everything in a project that runs have made.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::{floating_ips, groups, ports, servers};
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
    Ok(all)
}
