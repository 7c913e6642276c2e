//! Inventory files: YAML, plain maps, unknown fields refused.
//!
//! ```yaml
//! hosts:                                # at least one; `name` and `address` are needed
//!   - name: web-1
//!     address: 192.0.2.11               # IPv4, or a name, which is looked up once
//!     port: 22                          # default: 22
//!     user: root                        # default: root; faults need root's rights
//!     key: ~/.ssh/id_ed25519            # relative to this file; default: a password, or any key of the SSH agent
//!     jump: bastion                     # another host of this file, or `{ address, port, user, key }`
//!     role: webserver                   # what steps call it; default: host
//!     zone: a
//!     tags: [blue]
//!     attack: allowed                   # default: nothing is done to it
//!     power:                            # commands of this machine; what is not here is refused
//!       stop: [virsh, destroy, web-1]
//!       start: [virsh, start, web-1]
//!     stats_socket: /run/haproxy/admin.sock   # of a load balancer: its HAProxy's; without it, its view is not observed
//!     logs: [/var/log/haproxy.log]      # of its services: a run follows them; default: none
//! entry: https://www.example.org        # where users enter; a scenario needs it
//! entry_at: www                         # the host or virtual IP that has its address; found by the address where it can be
//! virtual_ips:                          # addresses that keepalived moves
//!   - { name: www, address: 192.0.2.100, holders: [lb-1, lb-2] }
//! links: [{ from: lb-1, to: web-1 }]    # which server talks to which, for the graph
//! allow: [web-2, blue]                  # names and tags of further hosts that may be attacked
//! known_hosts: ~/.ssh/known_hosts       # host keys, `@revoked` ones too; or, to trust the network: `host_keys: ignore`
//! ssh_config: ~/.ssh/config             # fills in what is not said here; default: it is not read
//! agent: chimp-static                   # what holds faults on these hosts; default: this very program
//! ```
//! Every mistake is one error with file, line, column and a hint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ssh_config::SshConfig;
use super::{Host, Inventory, address};
use crate::agent::program::Program;
use crate::document::Checked;
use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at};
use crate::infrastructure::Infrastructure;
use crate::provider::host_key::{HostKey, KnownHosts, KnownHostsError};

mod endpoint;
mod hosts;
mod logs;
mod site;

use hosts::{Attack, HostEntry, server};
use site::VirtualIpEntry;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an inventory: a map with `hosts`")]
struct InventoryDeclaration {
    hosts: Vec<HostEntry>,
    entry: Option<String>,
    entry_at: Option<String>,
    #[serde(default)]
    virtual_ips: Vec<VirtualIpEntry>,
    #[serde(default)]
    links: Vec<LinkEntry>,
    #[serde(default)]
    allow: Vec<String>,
    known_hosts: Option<String>,
    ssh_config: Option<String>,
    host_keys: Option<HostKeys>,
    agent: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a link: `{ from: lb-1, to: web-1 }`")]
struct LinkEntry {
    from: String,
    to: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HostKeys {
    Ignore,
}

/// Reads and checks an inventory, the keys and the known hosts that it names.
///
/// # Errors
/// The first mistake, in this order: the form, `ssh_config`, hosts, links, what is allowed, host keys, virtual IPs, the entry, the
/// agent's program, roles.
pub fn read(path: &Path) -> Checked<Inventory> {
    let source = Source::read(path)?;
    let declaration: InventoryDeclaration = source.parse()?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).to_path_buf();
    let mut reader = Reader { source: &source, declaration: &declaration, folder: &folder, ssh_config: None };
    reader.ssh_config = reader.ssh_config()?;
    let mut hosts = reader.hosts()?;
    let links = reader.links(&hosts)?;
    reader.allow(&mut hosts)?;
    let host_key = reader.host_key()?;
    let (virtual_ips, shared) = reader.virtual_ips(&hosts)?;
    let entry = reader.entry(&hosts, &shared)?;
    let agent = reader.agent()?;
    let infrastructure = Infrastructure {
        servers: declaration.hosts.iter().map(|entry| (entry.name.clone(), server(entry))).collect(),
        links,
        virtual_ips,
        entry,
        databases: Default::default(),
        aliases: BTreeMap::new(),
        roles: reader.roles()?,
        source: Some(path.into()),
    };
    Ok(Inventory { infrastructure, hosts, shared, host_key, agent, folder })
}

struct Reader<'a> {
    source: &'a Source,
    declaration: &'a InventoryDeclaration,
    folder: &'a Path,
    ssh_config: Option<SshConfig>,
}

impl Reader<'_> {
    fn error<T>(&self, at: &[PathSegment], detail: impl Into<String>, hint: impl Into<String>) -> Checked<T> {
        Err(self.source.error(at, detail, Some(hint.into())))
    }

    fn ssh_config(&self) -> Checked<Option<SshConfig>> {
        let Some(named) = &self.declaration.ssh_config else { return Ok(None) };
        let path = self.path(named);
        if path.is_file() {
            return SshConfig::read(&path).map(Some);
        }
        let detail = format!("`ssh_config`: there is no file {}", path.display());
        self.error(&at!["ssh_config"], detail, "name your client's configuration: `ssh_config: ~/.ssh/config`")
    }

    fn links(&self, hosts: &BTreeMap<String, Host>) -> Checked<Vec<(String, String)>> {
        let mut links = BTreeSet::new();
        for (index, LinkEntry { from, to }) in self.declaration.links.iter().enumerate() {
            for (end, name) in [("from", from), ("to", to)] {
                if !hosts.contains_key(name) {
                    let detail = format!("a link leads from `{from}` to `{to}`, but there is no host `{name}`");
                    let hint = match address::is_range(name) {
                        true => "write a link for each host".into(),
                        false => one_of(name, "hosts", hosts.keys().map(String::as_str)),
                    };
                    return self.error(&at!["links", index, end], detail, hint);
                }
            }
            if from == to {
                let detail = format!("`{from}` is linked with itself");
                return self.error(&at!["links", index], detail, "a link joins two hosts");
            }
            if !links.insert((from.clone(), to.clone())) {
                let detail = format!("the link from `{from}` to `{to}` is declared twice");
                return self.error(&at!["links", index], detail, "leave one of them out");
            }
        }
        Ok(links.into_iter().collect())
    }

    fn allow(&self, hosts: &mut BTreeMap<String, Host>) -> Checked<()> {
        for (index, word) in self.declaration.allow.iter().enumerate() {
            let meant = |entry: &&HostEntry| entry.name == *word || entry.tags.contains(word);
            let meant: Vec<&HostEntry> = self.declaration.hosts.iter().filter(meant).collect();
            if meant.is_empty() {
                let tags = self.declaration.hosts.iter().flat_map(|entry| &entry.tags);
                let known: BTreeSet<&str> = hosts.keys().chain(tags).map(String::as_str).collect();
                let detail = format!("`{word}` is neither a host nor a tag of one");
                let hint = match address::is_range(word) {
                    true => "write each name, or give those hosts a tag and allow that".into(),
                    false => one_of(word, "hosts and tags", known),
                };
                return self.error(&at!["allow", index], detail, hint);
            }
            for entry in meant {
                if entry.attack == Some(Attack::Forbidden) {
                    let detail = format!("`{word}` allows to attack `{}`, which says `attack: forbidden`", entry.name);
                    return self.error(&at!["allow", index], detail, "leave one of the two out");
                }
                hosts.get_mut(&entry.name).expect("every entry became a host").allowed = true;
            }
        }
        Ok(())
    }

    fn agent(&self) -> Checked<Option<PathBuf>> {
        let Some(named) = &self.declaration.agent else { return Ok(None) };
        let path = self.path(named);
        match Program::read(Some(&path)) {
            Ok(_) => Ok(Some(path)),
            Err(why) => {
                let hint = "the program that `make static` builds, by its path relative to this file; or leave it out";
                self.error(&at!["agent"], format!("`agent`: {why}"), hint)
            }
        }
    }

    fn host_key(&self) -> Checked<HostKey> {
        match (&self.declaration.known_hosts, self.declaration.host_keys) {
            (Some(named), None) => {
                let path = self.path(named);
                match KnownHosts::read(&path) {
                    Ok(known) => Ok(HostKey::Known(known)),
                    Err(why) => {
                        let detail = format!("`known_hosts`: {}: {why}", path.display());
                        let hint = match why {
                            KnownHostsError::Io(_) => {
                                "a file as ssh-keyscan writes it, by its path relative to this one"
                            }
                            KnownHostsError::Marked { .. } => {
                                "correct the line, or remove it; sshd(8) describes the form: marker, names, kind, key"
                            }
                        };
                        self.error(&at!["known_hosts"], detail, hint)
                    }
                }
            }
            (None, Some(HostKeys::Ignore)) => Ok(HostKey::Unchecked),
            (Some(_), Some(_)) => {
                let hint = "leave one of them out";
                self.error(&at!["host_keys"], "`known_hosts` and `host_keys: ignore` contradict each other", hint)
            }
            (None, None) => {
                let detail = "`known_hosts` is missing: without it, another machine could answer for a host";
                let hint = "name a file of host keys: `known_hosts: ~/.ssh/known_hosts`; or trust the network: `host_keys: ignore`";
                self.error(&[], detail, hint)
            }
        }
    }
}
