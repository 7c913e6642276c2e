//! What an inventory says of the site as a whole: shared addresses, and where users enter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::Reader;
use super::hosts::role;
use crate::document::Checked;
use crate::document::error::one_of;
use crate::document::names::{RULE, is_name};
use crate::document::yaml::at;
use crate::infrastructure::{Entry, EntryUrl, VirtualIp};
use crate::inventory::{Host, address};
use crate::role::{Role, shipped};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a virtual IP: `{ name: www, address: 192.0.2.100, holders: [lb-1, lb-2] }`")]
pub(super) struct VirtualIpEntry {
    name: String,
    address: String,
    holders: Vec<String>,
}

impl Reader<'_> {
    /// The shared addresses, and by their names which they are.
    pub(super) fn virtual_ips(
        &self,
        hosts: &BTreeMap<String, Host>,
    ) -> Checked<(Vec<VirtualIp>, BTreeMap<String, Ipv4Addr>)> {
        let (mut shared, mut addresses) = (Vec::new(), BTreeMap::new());
        for (index, VirtualIpEntry { name, address, holders }) in self.declaration.virtual_ips.iter().enumerate() {
            if !is_name(name) {
                return self.error(&at!["virtual_ips", index, "name"], format!("`{name}` can't be its name"), RULE);
            }
            if hosts.contains_key(name) || addresses.contains_key(name) {
                let detail = format!("the name `{name}` is given twice");
                return self.error(&at!["virtual_ips", index, "name"], detail, "give it a name of its own");
            }
            let read = address::read_shared(address);
            let at = at!["virtual_ips", index, "address"];
            let address = read.or_else(|mistake| self.error(&at, mistake.detail, mistake.hint))?;
            self.holders(index, holders, hosts)?;
            addresses.insert(name.clone(), address);
            let holders: BTreeSet<String> = holders.iter().cloned().collect();
            shared.push(VirtualIp { name: name.clone(), holders: holders.into_iter().collect() });
        }
        Ok((shared, addresses))
    }

    fn holders(&self, index: usize, holders: &[String], hosts: &BTreeMap<String, Host>) -> Checked<()> {
        if holders.is_empty() {
            let detail = "no host may hold it";
            return self.error(&at!["virtual_ips", index, "holders"], detail, "name those that share it");
        }
        for (place, holder) in holders.iter().enumerate() {
            if !hosts.contains_key(holder) {
                let hint = one_of(holder, "hosts", hosts.keys().map(String::as_str));
                let detail = format!("there is no host `{holder}`");
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
        let host = match &self.declaration.entry_at {
            Some(named) if hosts.contains_key(named) || shared.contains_key(named) => named.clone(),
            Some(named) => {
                let known = hosts.keys().chain(shared.keys()).map(String::as_str);
                let detail = format!("there is no host and no virtual IP `{named}`");
                return self.error(&at!["entry_at"], detail, one_of(named, "hosts and virtual IPs", known));
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

    /// A role for each word that hosts are called by, with the statistics socket that they declare.
    pub(super) fn roles(&self) -> Checked<BTreeMap<String, Role>> {
        let mut roles: BTreeMap<String, Role> = BTreeMap::new();
        for (index, host) in self.declaration.hosts.iter().enumerate() {
            let new = || Role { stats_socket: host.stats_socket.clone(), ..role(host.role()) };
            let known = roles.entry(host.role().into()).or_insert_with(new);
            if known.stats_socket != host.stats_socket {
                let detail = format!("`{}` has another `stats_socket` than the other hosts of its role", host.name);
                let hint = "hosts of one role have the same; give this one a role of its own";
                return self.error(&at!["hosts", index], detail, hint);
            }
            if let Some(socket) = host.stats_socket.as_ref().filter(|socket| !socket.is_absolute()) {
                let detail = format!("`stats_socket`: {} is not absolute", socket.display());
                let hint = "write the path that follows `stats socket` in haproxy.cfg";
                return self.error(&at!["hosts", index, "stats_socket"], detail, hint);
            }
        }
        for role in roles.values_mut().filter(|role| role.stats_socket.is_some()) {
            role.standby_backends = shipped::role(&role.name).map(|role| role.standby_backends).unwrap_or_default();
        }
        Ok(roles)
    }
}
