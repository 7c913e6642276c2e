//! What a role's templates can speak of.
//!
//! | name | holds |
//! |---|---|
//! | `server` | this server: `name`, `address`, `port`, `zone`, `tags`, `role`, `index` (from 1, among its role), `reached_at` (the address it shares, else its own), `database` (or none: `kind` master or slave, `id`, `rank` from 1 among its kind, `status_port`, `source` (`name`, `address`)) |
//! | `servers` | all servers, each with the same fields |
//! | `backends` | the servers that this one is linked to |
//! | `peers` | the other servers of its role |
//! | `virtual_ip` | the address it shares by keepalived, or none: `name`, `address`, `prefix`, `router_id`, `rank` and `priority` of this server (rank 1, priority 150 is preferred), `holders` (`name`, `address`, `rank`, `priority`) |
//! | `site` | where users enter: `host`, `address`, `port` |
//! | `settings` | `balancer.check_every_ms`, `balancer.check_misses`, `balancer.advert_ms`, `balancer.keepalived`, `load.deadline_ms`, `load.users`, `load.rate`, `database.write`, `database.semi_sync` |
//! | `secrets` | any name: a password of this run alone, the same on every server, written nowhere |

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use minijinja::{Value, context};

use super::Addresses;
use crate::infrastructure::databases::{Database, Kind};
use crate::infrastructure::{Infrastructure, Server, VirtualIp};
use crate::settings::{Settings, WriteTo};

/// The first holder's VRRP priority; each next one's is one less. 255 is the protocol's most, for an owner.
const FIRST_PRIORITY: usize = 150;
/// keepalived's examples begin here; each virtual IP needs its own.
const FIRST_ROUTER_ID: usize = 51;

/// Makes the context of each server's templates; what they share is made once.
pub(super) struct Contexts<'a> {
    infrastructure: &'a Infrastructure,
    addresses: &'a Addresses,
    /// In natural order.
    servers: Vec<(&'a Server, Value)>,
    settings: Value,
    secrets: Value,
}

impl<'a> Contexts<'a> {
    pub(super) fn new(
        infrastructure: &'a Infrastructure,
        addresses: &'a Addresses,
        settings: &Settings,
        secrets: Value,
    ) -> Self {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut described = |server: &'a Server| {
            let index = seen.entry(&server.role).and_modify(|index| *index += 1).or_insert(1);
            (server, describe(server, infrastructure, addresses, *index))
        };
        let servers = infrastructure.in_order().into_iter().map(&mut described).collect();
        Contexts { infrastructure, addresses, servers, settings: values(settings), secrets }
    }

    /// The context of one server, which must be declared.
    pub(super) fn of(&self, name: &str) -> Value {
        let role = &self.infrastructure.servers[name].role;
        let links = self.infrastructure.links.iter().filter(|(from, _)| from == name);
        let linked: BTreeSet<&str> = links.map(|(_, to)| to.as_str()).collect();
        let entry = &self.infrastructure.entry;
        context! {
            server => self.those(|server| server.name == name).next(),
            servers => self.those(|_| true).collect::<Value>(),
            backends => self.those(|server| linked.contains(server.name.as_str())).collect::<Value>(),
            peers => self.those(|server| server.name != name && server.role == *role).collect::<Value>(),
            virtual_ip => self.virtual_ip(name),
            site => context! {
                host => entry.host.as_str(),
                address => self.addresses.entry(self.infrastructure).map(|address| address.to_string()),
                port => entry.port,
            },
            settings => self.settings.clone(),
            secrets => self.secrets.clone(),
        }
    }

    fn those(&self, wanted: impl Fn(&Server) -> bool) -> impl Iterator<Item = Value> {
        self.servers.iter().filter(move |(server, _)| wanted(server)).map(|(_, described)| described.clone())
    }

    fn virtual_ip(&self, server: &str) -> Option<Value> {
        let shared = |ip: &&VirtualIp| !ip.floating_ip && ip.holders.iter().any(|holder| holder == server);
        let number = self.infrastructure.virtual_ips.iter().position(|ip| shared(&ip))?;
        let ip = &self.infrastructure.virtual_ips[number];
        let place = ip.holders.iter().position(|holder| holder == server)?;
        let holder = |(place, name): (usize, &String)| {
            context! {
                name => name.as_str(),
                address => self.addresses.servers[name].to_string(),
                rank => place + 1,
                priority => priority(place),
            }
        };
        Some(context! {
            name => ip.name.as_str(),
            address => self.addresses.virtual_ips[&ip.name].to_string(),
            prefix => self.addresses.prefix,
            router_id => (FIRST_ROUTER_ID + number - 1) % 255 + 1,
            rank => place + 1,
            priority => priority(place),
            holders => ip.holders.iter().enumerate().map(holder).collect::<Value>(),
        })
    }
}

fn describe(server: &Server, infrastructure: &Infrastructure, addresses: &Addresses, index: usize) -> Value {
    context! {
        name => server.name.as_str(),
        address => addresses.servers[&server.name].to_string(),
        port => infrastructure.roles[&server.role].port,
        zone => server.zone.as_deref(),
        tags => server.tags.iter().map(String::as_str).collect::<Value>(),
        role => server.role.as_str(),
        index => index,
        reached_at => reached_at(server, infrastructure, addresses).to_string(),
        database => database(server, infrastructure, addresses),
    }
}

/// Where clients of a server turn to: the address that it shares with others, if it shares one.
fn reached_at(server: &Server, infrastructure: &Infrastructure, addresses: &Addresses) -> Ipv4Addr {
    let shared = infrastructure.virtual_ips.iter().find(|ip| !ip.floating_ip && ip.holders.contains(&server.name));
    shared.map_or(addresses.servers[&server.name], |ip| addresses.virtual_ips[&ip.name])
}

fn database(server: &Server, infrastructure: &Infrastructure, addresses: &Addresses) -> Option<Value> {
    let databases = &infrastructure.databases;
    let (database, kind) = databases.of(&server.name)?;
    let (kind, among) = match kind {
        Kind::Master => ("master", &databases.masters),
        Kind::Slave => ("slave", &databases.slaves),
    };
    let place = among.iter().position(|other: &Database| other.server == server.name)?;
    let status_port = infrastructure.roles[&server.role].database.as_ref()?.status_port;
    Some(context! {
        kind => kind,
        status_port => status_port,
        id => database.id,
        rank => place + 1,
        source => context! {
            name => database.source.as_str(),
            address => addresses.servers[&database.source].to_string(),
        },
    })
}

fn priority(place: usize) -> usize {
    FIRST_PRIORITY.saturating_sub(place).max(1)
}

fn values(settings: &Settings) -> Value {
    let (balancer, load) = (&settings.balancer, &settings.load);
    let milliseconds = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    context! {
        balancer => context! {
            check_every_ms => milliseconds(balancer.check_every),
            check_misses => balancer.check_misses,
            advert_ms => milliseconds(balancer.advert),
            keepalived => balancer.keepalived,
        },
        load => context! {
            deadline_ms => milliseconds(load.deadline),
            users => load.users,
            rate => load.rate,
        },
        database => context! {
            write => match settings.database.write {
                WriteTo::Active => "active",
                WriteTo::RoundRobin => "round_robin",
            },
            semi_sync => settings.database.semi_sync,
        },
    }
}
