//! The hosts of an inventory: what each entry says, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Checked, Reader};
use crate::document::names::{RULE, is_name};
use crate::document::yaml::{at, locate};
use crate::infrastructure::Server;
use crate::inventory::{Host, PowerCommands, address};
use crate::provider::secret::{Secret, read_private};
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
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) zone: Option<String>,
    pub(super) role: Option<String>,
    pub(super) attack: Option<Attack>,
    #[serde(default)]
    pub(super) power: PowerCommands,
    pub(super) stats_socket: Option<PathBuf>,
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
        name: entry.name.clone(),
        role: entry.role().into(),
        tags: entry.tags.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        zone: entry.zone.clone(),
        boot_delay: Duration::ZERO,
        install_delay: Duration::ZERO,
        configure_delay: Duration::ZERO,
        spare: false,
    }
}

/// A role that only says what steps call its servers: a shipped role's word, else its name. `load-balancer` and `haproxy`
/// are load balancers, too.
pub(super) fn role(name: &str) -> Role {
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
        standby_backends: Vec::new(),
        database: None,
        source: None,
    }
}

impl Reader<'_> {
    pub(super) fn hosts(&self) -> Checked<BTreeMap<String, Host>> {
        if self.declaration.hosts.is_empty() {
            let hint = "write at least one: `- { name: web-1, address: 192.0.2.11 }`";
            return self.error(&at!["hosts"], "there are no hosts", hint);
        }
        let mut hosts = BTreeMap::new();
        for (index, entry) in self.declaration.hosts.iter().enumerate() {
            self.name(index, entry, &hosts)?;
            let host = self.host(index, entry)?;
            let same = |(_, other): &(&String, &Host)| (other.address, other.port) == (host.address, host.port);
            if let Some((other, _)) = hosts.iter().find(same) {
                let detail = format!("`{}` has the address and port of `{other}`", entry.name);
                return self.error(&at!["hosts", index, "address"], detail, "one machine is one host");
            }
            hosts.insert(entry.name.clone(), host);
        }
        Ok(hosts)
    }

    fn name(&self, index: usize, entry: &HostEntry, before: &BTreeMap<String, Host>) -> Checked<()> {
        let at = at!["hosts", index, "name"];
        if !is_name(&entry.name) {
            let hint = if address::is_range(&entry.name) { address::ONE_EACH } else { RULE };
            return self.error(&at, format!("`{}` can't be a host's name", entry.name), hint);
        }
        if before.contains_key(&entry.name) {
            let detail = format!("the name `{}` is given twice", entry.name);
            return self.error(&at, detail, "every host needs a name of its own");
        }
        if !is_name(entry.role()) {
            let detail = format!("`{}` can't be a role's name", entry.role());
            return self.error(&at!["hosts", index, "role"], detail, RULE);
        }
        Ok(())
    }

    fn host(&self, index: usize, entry: &HostEntry) -> Checked<Host> {
        let port = entry.port.unwrap_or(22);
        if port == 0 {
            return self.error(
                &at!["hosts", index, "port"],
                "there is no port 0",
                "a port is a number from 1 to 65535",
            );
        }
        let user = entry.user.clone().unwrap_or_else(|| "root".into());
        if user.is_empty() || user.contains(['\0', '\n', ' ']) {
            let detail = format!("{user:?} can't be a user's name");
            return self.error(&at!["hosts", index, "user"], detail, "leave it out to log in as root");
        }
        for (op, command) in entry.power.declared() {
            if command.first().is_none_or(String::is_empty) || command.iter().any(|word| word.contains('\0')) {
                let hint = format!("a program and its arguments: `{op}: [virsh, destroy, {}]`", entry.name);
                return self.error(&at!["hosts", index, "power", op], format!("`{op}` is no command"), hint);
            }
        }
        let address = self.address(index, entry)?;
        let key = entry.key.as_ref().map(|key| self.key(index, key)).transpose()?;
        let allowed = entry.attack == Some(Attack::Allowed);
        let line = locate(&self.source.text, &at!["hosts", index]).map_or(1, |(line, _)| line);
        Ok(Host { address, port, user, key, allowed, line, power: entry.power.clone() })
    }

    fn address(&self, index: usize, entry: &HostEntry) -> Checked<Ipv4Addr> {
        let at = at!["hosts", index, "address"];
        address::read(&entry.address).or_else(|mistake| self.error(&at, mistake.detail, mistake.hint))
    }

    fn key(&self, index: usize, key: &str) -> Checked<Secret> {
        let path = self.path(key);
        match read_private(&path) {
            Ok(text) => Ok(Secret::new(text.to_string())),
            Err(why) => {
                let why = std::io::Error::from(why);
                let hint = "a private key in OpenSSH's form, without a passphrase, by its path relative to this file";
                self.error(&at!["hosts", index, "key"], format!("the key {}: {why}", path.display()), hint)
            }
        }
    }

    /// Relative to this file; `~/` is the user's home.
    pub(super) fn path(&self, named: &str) -> PathBuf {
        match (named.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.folder.join(named),
        }
    }
}
