//! Inventory files: YAML, plain maps, unknown fields refused.
//!
//! ```yaml
//! hosts:                                # at least one; `name` and `address` are needed
//!   - name: web-1
//!     address: 192.0.2.11               # IPv4; names are not looked up, so that no other machine is hit
//!     port: 22                          # default: 22
//!     user: root                        # default: root; faults need root's rights
//!     key: ~/.ssh/id_ed25519            # relative to this file; without one, a password is needed
//!     role: webserver                   # what steps call it; default: host
//!     zone: a
//!     tags: [blue]
//!     attack: allowed                   # default: nothing is done to it
//!     power:                            # commands of this machine; what is not here is refused
//!       stop: [virsh, destroy, web-1]
//!       start: [virsh, start, web-1]
//! links: [{ from: lb-1, to: web-1 }]    # who talks to whom, for the graph
//! allow: [web-2, blue]                  # names and tags of further hosts that may be attacked
//! known_hosts: ~/.ssh/known_hosts       # keys by address, `@revoked` ones too; or, to trust the network: `host_keys: ignore`
//! ```
//! Every mistake is one error with file, line, column and a hint.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{Host, Inventory, PowerCommands, address};
use crate::document::DocumentError;
use crate::document::error::one_of;
use crate::document::names::{RULE, is_name};
use crate::document::yaml::{Source, Step, at, locate};
use crate::infrastructure::{Entry, Infrastructure, Server};
use crate::provider::host_key::{HostKey, KnownHosts, KnownHostsError};
use crate::provider::secret::{Secret, read_private};
use crate::role::{Readiness, Role, shipped};

/// The role of a host that names none, and the word for it.
const HOST: &str = "host";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an inventory: a map with `hosts`")]
struct Declaration {
    hosts: Vec<HostEntry>,
    #[serde(default)]
    links: Vec<LinkEntry>,
    #[serde(default)]
    allow: Vec<String>,
    known_hosts: Option<String>,
    host_keys: Option<HostKeys>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a host: a map with `name` and `address`")]
struct HostEntry {
    name: String,
    address: String,
    port: Option<u16>,
    user: Option<String>,
    key: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    zone: Option<String>,
    role: Option<String>,
    attack: Option<Attack>,
    #[serde(default)]
    power: PowerCommands,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a link: `{ from: lb-1, to: web-1 }`")]
struct LinkEntry {
    from: String,
    to: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Attack {
    Allowed,
    Forbidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HostKeys {
    Ignore,
}

type Checked<T> = Result<T, DocumentError>;

/// Reads and checks an inventory, the keys and the known hosts that it names.
///
/// # Errors
/// The first mistake, in this order: the form, hosts, links, what is allowed, host keys.
pub fn read(path: &Path) -> Checked<Inventory> {
    let source = Source::read(path)?;
    let declaration: Declaration = source.parse()?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")).to_path_buf();
    let reader = Reader { source: &source, declaration: &declaration, folder: &folder };
    let mut hosts = reader.hosts()?;
    let links = reader.links(&hosts)?;
    reader.allow(&mut hosts)?;
    let host_key = reader.host_key()?;
    let infrastructure = Infrastructure {
        servers: declaration.hosts.iter().map(|entry| (entry.name.clone(), server(entry))).collect(),
        links,
        virtual_ips: Vec::new(),
        entry: Entry { host: String::new(), port: 0 },
        databases: Default::default(),
        aliases: BTreeMap::new(),
        roles: declaration.hosts.iter().map(|entry| role(entry.role())).map(|role| (role.name.clone(), role)).collect(),
        source: Some(path.into()),
    };
    Ok(Inventory { infrastructure, hosts, host_key, folder })
}

impl HostEntry {
    fn role(&self) -> &str {
        self.role.as_deref().unwrap_or(HOST)
    }
}

fn server(entry: &HostEntry) -> Server {
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

/// A role that only says what steps call its servers: a shipped role's word, else its name.
fn role(name: &str) -> Role {
    Role {
        name: name.into(),
        noun: shipped::role(name).map_or_else(|| name.into(), |shipped| shipped.noun),
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

struct Reader<'a> {
    source: &'a Source,
    declaration: &'a Declaration,
    folder: &'a Path,
}

impl Reader<'_> {
    fn error<T>(&self, at: &[Step], detail: impl Into<String>, hint: impl Into<String>) -> Checked<T> {
        Err(self.source.error(at, detail, Some(hint.into())))
    }

    fn hosts(&self) -> Checked<BTreeMap<String, Host>> {
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
    fn path(&self, named: &str) -> PathBuf {
        match (named.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.folder.join(named),
        }
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
                let detail = "it is not said how hosts prove to be the ones";
                let hint =
                    "name their keys: `known_hosts: ~/.ssh/known_hosts`; or trust the network: `host_keys: ignore`";
                self.error(&[], detail, hint)
            }
        }
    }
}
