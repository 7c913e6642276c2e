//! The hosts of an inventory: what each entry says, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::endpoint::{JumpEntry, ONE_JUMP, Written};
use super::{Reader, beside};
use crate::document::Checked;
use crate::document::error::one_of;
use crate::document::names::{RULE, is_name};
use crate::document::yaml::{at, locate};
use crate::infrastructure::Server;
use crate::inventory::ssh_config::{Located, Tokens};
use crate::inventory::{Host, Jump, PowerCommands, address};
use crate::role::{Readiness, Role, shipped};

/// The role of a host that names none, and the word for it.
const HOST: &str = "host";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a host: a map with `name` and `address`")]
pub(super) struct HostEntry {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) key: Option<String>,
    pub(super) jump: Option<JumpEntry>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) zone: Option<String>,
    pub(super) role: Option<String>,
    pub(super) attack: Option<Attack>,
    #[serde(default)]
    pub(super) power: PowerCommands,
    pub(super) stats_socket: Option<PathBuf>,
    #[serde(default)]
    pub(super) logs: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Attack {
    Allowed,
    Forbidden,
}

impl HostEntry {
    pub(super) fn role(&self) -> &str {
        self.role.as_deref().unwrap_or(HOST)
    }
}

pub(super) fn server(entry: &HostEntry) -> Server {
    Server {
        tags: entry.tags.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        zone: entry.zone.clone(),
        ..Server::new(&entry.name, entry.role())
    }
}

/// A role that only says what steps call its servers: a shipped role's word, else its name. `load-balancer` and `haproxy`
/// are load balancers, too.
pub(crate) fn role(name: &str) -> Role {
    let word = if name == "haproxy" { "load balancer".into() } else { name.replace('-', " ") };
    let shipped = shipped::called(name).or_else(|| shipped::called(&word));
    Role {
        name: name.into(),
        noun: shipped.map_or_else(|| name.into(), |shipped| shipped.role().noun.clone()),
        files: Vec::new(),
        run: Vec::new(),
        services: Vec::new(),
        readiness: Readiness { http: None, tcp: false, port: None, within: Duration::ZERO },
        reload: None,
        port: 0,
        programs: Vec::new(),
        packages: Vec::new(),
        monit: false,
        stats_socket: None,
        stub_status: None,
        standby_backends: Vec::new(),
        database: None,
        keeps_data: None,
        source: None,
    }
}

impl Reader<'_> {
    /// Those without a mistake.
    pub(super) fn hosts(&self) -> BTreeMap<String, Host> {
        if self.declaration.hosts.written == Some(0) {
            let hint = "write at least one: `- { name: web-1, address: 192.0.2.11 }`";
            self.keep(self.error::<()>(&at!["hosts"], "there are no hosts", hint));
        }
        let (mut hosts, mut proxies, mut seen) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for (index, entry) in self.entries {
            let is_new = seen.insert(&entry.name);
            let read = self.name(*index, entry, is_new).and_then(|()| self.host(*index, entry));
            let Some((host, proxy)) = self.keep(read) else { continue };
            hosts.insert(entry.name.clone(), host);
            proxies.extend(proxy.map(|proxy| (entry.name.clone(), proxy)));
        }
        let mut jumps = BTreeMap::new();
        for (index, entry) in self.entries.iter().filter(|(_, entry)| hosts.contains_key(&entry.name)) {
            let jump = self.keep(self.jump(*index, entry, &hosts, &proxies)).flatten();
            jumps.extend(jump.map(|jump| (entry.name.clone(), jump)));
        }
        for (name, jump) in jumps {
            hosts.get_mut(&name).expect("it was declared").jump = Some(jump);
        }
        self.no_machine_twice(&hosts);
        hosts
    }

    /// As far as it is known by what is written.
    fn no_machine_twice(&self, hosts: &BTreeMap<String, Host>) {
        let mut seen = BTreeMap::new();
        for (index, HostEntry { name, .. }) in self.entries {
            let Some(host) = hosts.get(name) else { continue };
            let through = host.jump.as_ref().map(Jump::id);
            let other = seen.insert((&host.ssh.address, host.ssh.port, through), name);
            if let Some(other) = other.filter(|other| *other != name) {
                let detail = format!("`{name}` has the address and port of `{other}`");
                let hint = "leave one of the two out: a machine is one host";
                self.keep(self.error::<()>(&at!["hosts", *index, "address"], detail, hint));
            }
        }
    }

    /// The jump host of an entry: what the entry says, else what `ssh_config` says.
    fn jump(
        &self,
        index: usize,
        entry: &HostEntry,
        hosts: &BTreeMap<String, Host>,
        proxies: &BTreeMap<String, Located<String>>,
    ) -> Checked<Option<Jump>> {
        let at = at!["hosts", index, "jump"];
        match &entry.jump {
            Some(JumpEntry::Other(other)) => self.other_jump(&at, other).map(Some),
            Some(JumpEntry::Host(name)) => {
                if *name == entry.name {
                    let hint = "name another host, or leave `jump` out";
                    return self.error(&at, format!("`{name}` is its own jump host"), hint);
                }
                let Some(host) = hosts.get(name) else {
                    if self.is_host(name) {
                        // Its own mistake is reported.
                        return Ok(None);
                    }
                    let nearest = one_of(name, "hosts", self.names());
                    let hint =
                        format!("{nearest} (where it is no host of this file: `jump: {{ address: 192.0.2.1 }}`)");
                    return self.error(&at, format!("the jump host `{name}` is not a host of this file"), hint);
                };
                let is_chain = self.entries.iter().any(|(_, other)| other.name == *name && other.jump.is_some())
                    || proxies.get(name).is_some_and(|next| !next.value.eq_ignore_ascii_case("none"));
                if is_chain {
                    return self.error(&at, format!("the jump host `{name}` has a jump host of its own"), ONE_JUMP);
                }
                Ok(Some(Jump { name: name.clone(), endpoint: host.ssh.clone(), is_host: true }))
            }
            None => {
                let Some(found) = proxies.get(&entry.name) else { return Ok(None) };
                let ssh = &hosts[&entry.name].ssh;
                let host = ssh.address.to_string();
                let tokens = Tokens { alias: &entry.address, host: &host, port: ssh.port, user: &ssh.user };
                self.proxy_jump(&at!["hosts", index], found, &tokens)
            }
        }
    }

    fn name(&self, index: usize, entry: &HostEntry, is_new: bool) -> Checked<()> {
        let at = at!["hosts", index, "name"];
        if !is_name(&entry.name) {
            let hint = if address::is_range(&entry.name) { address::ONE_EACH } else { RULE };
            return self.error(&at, format!("`{}` can't be a host's name", entry.name), hint);
        }
        if !is_new {
            let detail = format!("the name `{}` is given twice", entry.name);
            return self.error(&at, detail, "every host needs its own name");
        }
        if !is_name(entry.role()) {
            let detail = format!("`{}` can't be a role's name", entry.role());
            let hyphens = entry.role().replace(' ', "-");
            let hint = if is_name(&hyphens) { format!("write `{hyphens}`") } else { RULE.into() };
            return self.error(&at!["hosts", index, "role"], detail, hint);
        }
        Ok(())
    }

    /// Without its jump host, and the `ProxyJump` that `ssh_config` has for it.
    fn host(&self, index: usize, entry: &HostEntry) -> Checked<(Host, Option<Located<String>>)> {
        for (op, command) in entry.power.declared() {
            if command.first().is_none_or(String::is_empty) || command.iter().any(|word| word.contains('\0')) {
                let hint = format!("a program and its arguments: `{op}: [virsh, destroy, {}]`", entry.name);
                return self.error(&at!["hosts", index, "power", op], format!("`{op}` is not a command"), hint);
            }
        }
        let (user, key) = (entry.user.as_deref(), entry.key.as_deref());
        let written = Written { address: &entry.address, port: entry.port, user, key };
        let (ssh, proxy) = self.endpoint(&at!["hosts", index], &written)?;
        let allowed = entry.attack == Some(Attack::Allowed);
        let line = locate(&self.source.text, &at!["hosts", index]).map_or(1, |(line, _)| line);
        let logs = self.logs(index, &entry.logs)?;
        Ok((Host { ssh, jump: None, allowed, line, power: entry.power.clone(), logs }, proxy))
    }

    /// Relative to this file; `~/` is the user's home.
    pub(super) fn path(&self, named: &str) -> PathBuf {
        beside(self.folder, named)
    }
}
