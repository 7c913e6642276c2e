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
//! entry_at: www                         # the host or virtual IP that has its address; found by the address where it can be; `outside`: none
//! virtual_ips:                          # addresses that keepalived moves
//!   - { name: www, address: 192.0.2.100, holders: [lb-1, lb-2] }
//! links: [{ from: lb-1, to: web-1 }]    # which server talks to which, for the graph
//! allow: [web-2, blue]                  # names and tags of further hosts that may be attacked
//! known_hosts: ~/.ssh/known_hosts       # host keys, `@revoked` ones too; or, to trust the network: `host_keys: ignore`
//! ssh_config: ~/.ssh/config             # fills in what is not said here; default: it is not read
//! agent: chimp-static                   # what holds faults on these hosts; default: this very program
//! ```
//! Every mistake is one error with file, line, column and a hint; those that can be judged by themselves are reported together.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::ssh_config::SshConfig;
use super::{Host, Inventory, address};
use crate::agent::program::Program;
use crate::document::error::one_of;
use crate::document::yaml::{PathSegment, Source, at};
use crate::document::{Checked, DocumentError, Mistakes};
use crate::infrastructure::Infrastructure;
use crate::provider::host_key::{HostKey, KnownHosts, KnownHostsError};
use crate::settings::HostKeys;

mod declaration;
mod endpoint;
mod entries;
mod hosts;
mod logs;
mod site;
mod unusable;

pub use unusable::UnusableKey;

use declaration::{Declaration, LinkEntry};
pub(crate) use hosts::role as host_role;
use hosts::{Attack, HostEntry, server};

/// An inventory, and which of the keys, known hosts and programs that it names can't be used: nothing else is wrong with it.
#[derive(Debug)]
pub struct Found {
    /// Hosts whose key can't be used have none here; where the known hosts can't be, no host is known.
    pub inventory: Inventory,
    /// What can't be used. While there is any, nothing may be connected to.
    pub unusable: Vec<UnusableKey>,
    /// Whether it is known at which server users enter.
    pub entry_at: EntryAt,
}

/// Whether it is known which host or virtual IP has the address of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryAt {
    /// It is.
    Known,
    /// Neither its address nor `entry_at` says it; where it could be said.
    NotSaid(DocumentError),
    /// `entry_at: outside` says that none of them has it; where it says so.
    Outside(DocumentError),
}

/// Reads and checks an inventory, the keys and the known hosts that it names.
///
/// # Errors
/// Every mistake that can be judged by itself: of each host, link, virtual IP and key the first. Files that it names
/// and that can't be used are reported where nothing else is wrong.
pub fn read(path: &Path) -> Result<Inventory, Mistakes> {
    let Found { inventory, unusable, .. } = find(path)?;
    Mistakes::none(unusable.into_iter().map(|key| key.why).collect())?;
    Ok(inventory)
}

/// The same where keys, known hosts and programs that can't be used are no reason to stop.
///
/// # Errors
/// As [`read`], but for keys.
pub fn find(path: &Path) -> Result<Found, Mistakes> {
    with_reader(path, |reader| reader.find())
}

/// The keys, known hosts and programs that an inventory names and that can't be used, whatever else is wrong with it. None
/// where the file can't be read at all.
pub fn unusable(path: &Path) -> Vec<UnusableKey> {
    let unusable = with_reader(path, |reader| {
        reader.hosts();
        let _ = (reader.host_key(), reader.agent());
        Ok(reader.unusable())
    });
    unusable.unwrap_or_default()
}

fn with_reader<T>(path: &Path, read: impl FnOnce(Reader<'_>) -> Result<T, Mistakes>) -> Result<T, Mistakes> {
    let source = Source::read(path)?;
    let (declaration, mistakes) = match Declaration::of(&source) {
        Ok(read) => read,
        Err(mistakes) => return Err(Mistakes::none(mistakes).expect_err("there is one")),
    };
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let (mistakes, unusable) = (RefCell::new(mistakes), RefCell::default());
    let entries = &declaration.hosts.read;
    let mut reader =
        Reader { source: &source, declaration: &declaration, entries, folder, ssh_config: None, mistakes, unusable };
    reader.ssh_config = reader.keep(reader.ssh_config()).flatten();
    read(reader)
}

/// What a file in this folder names: relative to it; `~/` is the user's home.
pub(super) fn beside(folder: &Path, named: &str) -> PathBuf {
    match (named.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(named.trim_start_matches("./")),
    }
}

struct Reader<'a> {
    source: &'a Source,
    declaration: &'a Declaration,
    /// The hosts whose entries could be read, each with its place in the list.
    entries: &'a [(usize, HostEntry)],
    folder: &'a Path,
    ssh_config: Option<SshConfig>,
    mistakes: RefCell<Vec<DocumentError>>,
    unusable: RefCell<Vec<UnusableKey>>,
}

impl Reader<'_> {
    fn find(self) -> Result<Found, Mistakes> {
        let mut hosts = self.hosts();
        let links = self.links();
        self.allow(&mut hosts);
        let host_key = self.keep(self.host_key());
        let (virtual_ips, shared) = self.virtual_ips();
        let entry = self.keep(self.entry(&hosts, &shared));
        let agent = self.keep(self.agent());
        let roles = self.roles();
        Mistakes::none(self.mistakes.take())?;
        let (Some(host_key), Some(entry), Some(agent)) = (host_key, entry, agent) else {
            unreachable!("what is missing was reported as a mistake")
        };
        let infrastructure = Infrastructure {
            servers: self.entries.iter().map(|(_, entry)| (entry.name.clone(), server(entry))).collect(),
            links,
            virtual_ips,
            entry,
            databases: Default::default(),
            aliases: BTreeMap::new(),
            roles,
            source: Some(self.source.path.clone()),
        };
        let entry_at = self.entry_at(&infrastructure);
        let inventory = Inventory { infrastructure, hosts, shared, host_key, agent, folder: self.folder.into() };
        Ok(Found { inventory, unusable: self.unusable(), entry_at })
    }

    fn error<T>(&self, at: &[PathSegment], detail: impl Into<String>, hint: impl Into<String>) -> Checked<T> {
        Err(self.source.error(at, detail, Some(hint.into())))
    }

    /// What was read; a mistake is kept, and reported with all others.
    fn keep<T>(&self, read: Checked<T>) -> Option<T> {
        read.map_err(|mistake| self.mistakes.borrow_mut().push(mistake)).ok()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.declaration.hosts.names.iter().map(String::as_str)
    }

    /// Whether a host has this name, be it one with mistakes.
    fn is_host(&self, name: &str) -> bool {
        self.declaration.hosts.names.contains(name)
    }

    /// Whether a field is meant, but could not be read.
    fn is_misread(&self, field: &str) -> bool {
        self.declaration.misread.contains(field)
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

    fn links(&self) -> Vec<(String, String)> {
        let mut links = BTreeSet::new();
        for (index, link) in &self.declaration.links.read {
            if self.keep(self.link(*index, link, &links)).is_some() {
                links.insert((link.from.clone(), link.to.clone()));
            }
        }
        links.into_iter().collect()
    }

    fn link(&self, index: usize, link: &LinkEntry, before: &BTreeSet<(String, String)>) -> Checked<()> {
        let LinkEntry { from, to } = link;
        for (end, name) in [("from", from), ("to", to)] {
            if !self.is_host(name) {
                let detail = format!("a link leads from `{from}` to `{to}`, but there is no host `{name}`");
                let hint = match address::is_range(name) {
                    true => "write a link for each host".into(),
                    false => one_of(name, "hosts", self.names()),
                };
                return self.error(&at!["links", index, end], detail, hint);
            }
        }
        if from == to {
            let detail = format!("`{from}` is linked with itself");
            return self.error(&at!["links", index], detail, "a link joins two hosts");
        }
        if before.contains(&(from.clone(), to.clone())) {
            let detail = format!("the link from `{from}` to `{to}` is declared twice");
            return self.error(&at!["links", index], detail, "leave one of them out");
        }
        Ok(())
    }

    fn allow(&self, hosts: &mut BTreeMap<String, Host>) {
        for (index, word) in &self.declaration.allow.read {
            for name in self.keep(self.allowed(*index, word)).unwrap_or_default() {
                if let Some(host) = hosts.get_mut(name) {
                    host.allowed = true;
                }
            }
        }
    }

    /// The hosts that a word of `allow` means.
    fn allowed(&self, index: usize, word: &String) -> Checked<Vec<&str>> {
        let entries = || self.entries.iter().map(|(_, entry)| entry);
        let meant: Vec<&HostEntry> =
            entries().filter(|entry| entry.name == *word || entry.tags.contains(word)).collect();
        if meant.is_empty() && !self.is_host(word) {
            let tags = entries().flat_map(|entry| &entry.tags).map(String::as_str);
            let known: BTreeSet<&str> = self.names().chain(tags).collect();
            let detail = format!("`{word}` is neither a host nor a tag of one");
            let hint = match address::is_range(word) {
                true => "write each name, or give those hosts a tag and allow that".into(),
                false => one_of(word, "hosts and tags", known),
            };
            return self.error(&at!["allow", index], detail, hint);
        }
        if let Some(entry) = meant.iter().find(|entry| entry.attack == Some(Attack::Forbidden)) {
            let detail = format!("`{word}` allows to attack `{}`, which says `attack: forbidden`", entry.name);
            return self.error(&at!["allow", index], detail, "leave one of the two out");
        }
        Ok(meant.iter().map(|entry| entry.name.as_str()).collect())
    }

    fn agent(&self) -> Checked<Option<PathBuf>> {
        let Some(named) = &self.declaration.agent else { return Ok(None) };
        let path = self.path(named);
        match Program::read(Some(&path)) {
            Ok(_) => Ok(Some(path)),
            Err(why) => {
                let hint = "the program that `make static` builds, by its path relative to this file; or leave it out";
                self.unusable_file(&at!["agent"], format!("`agent`: {why}"), hint);
                Ok(None)
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
                        self.unusable_file(&at!["known_hosts"], detail, hint);
                        Ok(HostKey::Known(KnownHosts::none(&path)))
                    }
                }
            }
            (None, Some(HostKeys::Ignore)) => Ok(HostKey::Unchecked),
            (Some(_), Some(_)) => {
                let hint = "leave one of them out";
                self.error(&at!["host_keys"], "`known_hosts` and `host_keys: ignore` contradict each other", hint)
            }
            (None, None) if self.is_misread("known_hosts") || self.is_misread("host_keys") => Ok(HostKey::Unchecked),
            (None, None) => {
                let detail = "`known_hosts` is missing: without it, another machine could answer for a host";
                let hint = "name a file of host keys: `known_hosts: ~/.ssh/known_hosts`; or trust the network: `host_keys: ignore`";
                self.error(&[], detail, hint)
            }
        }
    }
}
