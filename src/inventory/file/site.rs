//! What an inventory says of the site as a whole: shared addresses, and where users enter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::hosts::{HostEntry, role};
use super::{EntryAt, Reader};
use crate::document::Checked;
use crate::document::error::one_of;
use crate::document::names::{RULE, is_name};
use crate::document::yaml::at;
use crate::infrastructure::{Entry, EntryUrl, Infrastructure, VirtualIp};
use crate::inventory::{Host, address};
use crate::role::{Role, shipped};

/// `entry_at` where no host of the file has the entry's address, unless a host is called so.
const OUTSIDE: &str = "outside";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a virtual IP: `{ name: www, address: 192.0.2.100, holders: [lb-1, lb-2] }`")]
pub(super) struct VirtualIpEntry {
    pub(super) name: String,
    address: Option<String>,
    holders: Vec<String>,
    /// It is refused: what is meant is the address of a cloud.
    #[serde(default)]
    floating_ip: bool,
}

impl Reader<'_> {
    /// The shared addresses, and by their names which they are.
    pub(super) fn virtual_ips(&self) -> (Vec<VirtualIp>, BTreeMap<String, Ipv4Addr>) {
        let (mut shared, mut addresses) = (Vec::new(), BTreeMap::new());
        for (index, entry) in &self.declaration.virtual_ips.read {
            let Some(address) = self.keep(self.virtual_ip(*index, entry, &addresses)) else { continue };
            addresses.insert(entry.name.clone(), address);
            let holders: BTreeSet<String> = entry.holders.iter().cloned().collect();
            shared.push(VirtualIp {
                name: entry.name.clone(),
                holders: holders.into_iter().collect(),
                floating_ip: false,
            });
        }
        (shared, addresses)
    }

    fn virtual_ip(
        &self,
        index: usize,
        VirtualIpEntry { name, address, holders, floating_ip }: &VirtualIpEntry,
        before: &BTreeMap<String, Ipv4Addr>,
    ) -> Checked<Ipv4Addr> {
        if !is_name(name) {
            return self.error(&at!["virtual_ips", index, "name"], format!("`{name}` can't be its name"), RULE);
        }
        if self.is_host(name) || before.contains_key(name) {
            let detail = format!("the name `{name}` is given twice");
            return self.error(&at!["virtual_ips", index, "name"], detail, "give it a name of its own");
        }
        if *floating_ip {
            let detail = format!("an inventory's servers are led no floating IP, as `{name}` should be");
            let hint = "leave out `floating_ip`, and give the `address` that keepalived shares";
            return self.error(&at!["virtual_ips", index, "floating_ip"], detail, hint);
        }
        let Some(address) = address else {
            return self.error(&at!["virtual_ips", index], "missing field `address`", "add it");
        };
        let at = at!["virtual_ips", index, "address"];
        let read = address::read_shared(address);
        let address = read.or_else(|mistake| self.error(&at, mistake.detail, mistake.hint))?;
        let has_it = |host: &HostEntry| host.jump.is_none() && host.address == address.to_string();
        if let Some((_, host)) = self.entries.iter().find(|(_, host)| has_it(host)) {
            let detail = format!("the virtual IP `{name}` has the address of the host `{}`", host.name);
            return self.error(
                &at,
                detail,
                "write the address that its holders share; a host's own address stays with it",
            );
        }
        self.holders(index, holders)?;
        Ok(address)
    }

    fn holders(&self, index: usize, holders: &[String]) -> Checked<()> {
        if holders.is_empty() {
            let detail = "no host may hold it";
            return self.error(&at!["virtual_ips", index, "holders"], detail, "name those that share it");
        }
        for (place, holder) in holders.iter().enumerate() {
            if !self.is_host(holder) {
                let detail = format!("there is no host `{holder}`");
                let hint = one_of(holder, "hosts", self.names());
                return self.error(&at!["virtual_ips", index, "holders", place], detail, hint);
            }
        }
        Ok(())
    }

    /// Where users enter: by the URL, and at the virtual IP or the host whose name or address it has. A URL with a
    /// name that only the DNS knows leads to a host that is not known, unless `entry_at` says which.
    pub(super) fn entry(&self, hosts: &BTreeMap<String, Host>, shared: &BTreeMap<String, Ipv4Addr>) -> Checked<Entry> {
        let Some(written) = &self.declaration.entry else {
            return match &self.declaration.entry_at {
                None => Ok(Entry::at("", 0)),
                Some(_) if self.is_misread("entry") => Ok(Entry::at("", 0)),
                Some(_) => {
                    let hint = "say how users call it: `entry: https://www.example.org`";
                    self.error(&at!["entry_at"], "`entry` is missing, and `entry_at` says who has its address", hint)
                }
            };
        };
        let url: EntryUrl = written.parse().or_else(|why| {
            let hint =
                "write its scheme and host, and its port if it has one of its own: `entry: https://www.example.org`";
            self.error(&at!["entry"], format!("`entry`: {why}"), hint)
        })?;
        let virtual_ips = || self.declaration.virtual_ips.names.iter().map(String::as_str);
        let host = match &self.declaration.entry_at {
            Some(named) if self.is_host(named) || virtual_ips().any(|name| name == named) => named.clone(),
            Some(named) if named == OUTSIDE => String::new(),
            Some(named) => {
                let detail = format!("`entry_at`: there is no host and no virtual IP `{named}`");
                let known = self.names().chain(virtual_ips());
                let hint = format!(
                    "{} (where none of them has the entry's address: `entry_at: {OUTSIDE}`)",
                    one_of(named, "hosts and virtual IPs", known)
                );
                return self.error(&at!["entry_at"], detail, hint);
            }
            None => {
                let has = |(name, address): &(&String, String)| *name == url.host() || address == url.host();
                let virtual_ips = shared.iter().map(|(name, address)| (name, address.to_string()));
                let mut all = virtual_ips.chain(hosts.iter().map(|(name, host)| (name, host.ssh.address.to_string())));
                all.find(has).map(|(name, _)| name.clone()).unwrap_or_default()
            }
        };
        Ok(Entry { host, port: url.port(), url: Some(url) })
    }

    /// Whether it is known which of them has the entry's address.
    pub(super) fn entry_at(&self, infrastructure: &Infrastructure) -> EntryAt {
        let Some(url) = infrastructure.entry.url.as_ref().filter(|_| infrastructure.entry.host.is_empty()) else {
            return EntryAt::Known;
        };
        if self.declaration.entry_at.is_some() {
            let detail =
                format!("`entry_at: {OUTSIDE}`: no host of this inventory has the address of `{}`", url.host());
            return EntryAt::Outside(self.source.error(&at!["entry_at"], detail, None));
        }
        let detail = format!(
            "`entry`: no host and no virtual IP of this inventory is known to have the address of `{}`",
            url.host()
        );
        let shared = infrastructure.virtual_ips.first().map(|shared| &shared.name);
        let example = shared.or(infrastructure.servers.keys().next()).map_or("", String::as_str);
        let hint = format!(
            "say which one has it: `entry_at: {example}`; or, where none has it (a CDN, a load balancer of another site), \
             `entry_at: {OUTSIDE}`"
        );
        EntryAt::NotSaid(self.source.error(&at!["entry"], detail, Some(hint)))
    }

    /// A role for each word that hosts are called by, with the statistics socket that they declare.
    pub(super) fn roles(&self) -> BTreeMap<String, Role> {
        let mut roles: BTreeMap<String, Role> = BTreeMap::new();
        for (index, host) in self.entries {
            let new = || Role { stats_socket: host.stats_socket.clone(), ..role(host.role()) };
            let known = roles.entry(host.role().into()).or_insert_with(new);
            self.keep(self.socket(*index, host, known));
        }
        for role in roles.values_mut().filter(|role| role.stats_socket.is_some()) {
            role.standby_backends = shipped::role(&role.name).map(|role| role.standby_backends).unwrap_or_default();
        }
        roles
    }

    /// Whether its statistics socket can be, and is that of its role.
    fn socket(&self, index: usize, host: &HostEntry, role: &Role) -> Checked<()> {
        if role.stats_socket != host.stats_socket {
            let detail = format!("`{}` has another `stats_socket` than the other hosts of its role", host.name);
            let hint = "hosts of one role have the same; give this one a role of its own";
            return self.error(&at!["hosts", index], detail, hint);
        }
        if let Some(socket) = host.stats_socket.as_ref().filter(|socket| !socket.is_absolute()) {
            let detail = format!("`stats_socket`: {} is not absolute", socket.display());
            let hint = "write the path that follows `stats socket` in haproxy.cfg";
            return self.error(&at!["hosts", index, "stats_socket"], detail, hint);
        }
        Ok(())
    }
}
