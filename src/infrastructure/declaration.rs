//! What users write down, and how it becomes an [`Infrastructure`].
//!
//! An [`InfrastructureDeclaration`] is the plain form of an infrastructure file; the tiers of a Given are turned into the same form,
//! so that both obey the same rules. They are checked in this order: servers, links, virtual IPs, entry, spares,
//! balancers without backends, replication. The first thing that is wrong is the error.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::databases::{self, DatabasesForm};
use super::{Databases, Entry, Infrastructure, Server, VirtualIp, spares};
use crate::document::error::one_of;
use crate::document::names::{RULE, is_name, natural, sort_naturally};
use crate::document::yaml::{PathSegment, Source, at};
use crate::document::{Checked, DocumentError};
use crate::role::{Role, shipped};
use crate::units::duration;

/// More servers than this are a slip of the pen, not an infrastructure for one machine.
pub const MOST_SERVERS: usize = 500;

/// The fields of an infrastructure file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an infrastructure: a map with `servers`")]
pub(super) struct InfrastructureDeclaration {
    pub servers: Vec<ServerEntry>,
    #[serde(default)]
    pub links: Vec<LinkEntry>,
    #[serde(default)]
    pub virtual_ips: Vec<VirtualIpEntry>,
    pub entry: Option<EntryPoint>,
    /// A user's own roles: a name, and the role's file relative to this one. Read by [`super::file`].
    #[serde(default)]
    pub roles: serde_yaml::Mapping,
    #[serde(default)]
    pub databases: DatabasesForm,
}

/// One server, or `count` of them: `{ name: web, count: 3 }` is `web-1`, `web-2` and `web-3`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a server: a map with `name` and `role`")]
pub(super) struct ServerEntry {
    pub name: String,
    pub role: String,
    pub count: Option<usize>,
    pub zone: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default, with = "duration")]
    pub boot_delay: Duration,
    #[serde(default, with = "duration")]
    pub install_delay: Duration,
    #[serde(default, with = "duration")]
    pub configure_delay: Duration,
    /// One more than is needed: linked by nobody until it takes a place.
    #[serde(default)]
    pub spare: bool,
    /// Other names in `/etc/hosts`; of one server only.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// Who talks to whom; a name with a count stands for all its servers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a link: `{ from: lb-1, to: web-1 }`")]
pub(super) struct LinkEntry {
    pub from: String,
    pub to: String,
}

/// An address that servers share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a virtual IP: `{ name: www, holders: [lb-1, lb-2] }`")]
pub(super) struct VirtualIpEntry {
    pub name: String,
    pub holders: Vec<String>,
    /// The cloud leads it to one of them; keepalived has no part in it.
    #[serde(default)]
    pub floating_ip: bool,
}

/// Where users enter; the port is the role's where it is not said.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an entry: `{ host: www, port: 80 }`")]
pub(super) struct EntryPoint {
    pub host: String,
    pub port: Option<u16>,
}

/// Checks a declaration and makes it an infrastructure. `own` are the user's own roles, already read.
pub(super) fn resolve(
    declaration: &InfrastructureDeclaration,
    own: &BTreeMap<String, Role>,
    source: Option<&Source>,
) -> Result<Infrastructure, DocumentError> {
    let (servers, roles, groups) = Default::default();
    let mut resolver = Resolver { declaration, own, source, servers, roles, groups };
    resolver.servers()?;
    let links = resolver.links()?;
    let virtual_ips = resolver.virtual_ips()?;
    let entry = resolver.entry(&virtual_ips)?;
    resolver.floating_ips(&entry)?;
    spares::check(&resolver, &links, &virtual_ips, &entry)?;
    resolver.balancers(&links)?;
    let databases = resolver.databases()?;
    let aliases = resolver.aliases(&virtual_ips)?;
    let Resolver { servers, roles, .. } = resolver;
    let source = source.map(|source| source.path.clone());
    Ok(Infrastructure { servers, links, virtual_ips, entry, roles, databases, aliases, source })
}

pub(super) struct Resolver<'a> {
    pub(super) declaration: &'a InfrastructureDeclaration,
    own: &'a BTreeMap<String, Role>,
    source: Option<&'a Source>,
    pub(super) servers: BTreeMap<String, Server>,
    /// The roles in use.
    roles: BTreeMap<String, Role>,
    /// The servers that a declared name stands for: itself, or all of a count.
    pub(super) groups: BTreeMap<String, Vec<String>>,
}

impl Resolver<'_> {
    pub(super) fn error(&self, at: &[PathSegment], detail: String, hint: String) -> DocumentError {
        match self.source {
            Some(source) => source.error(at, detail, Some(hint)),
            None => DocumentError::new(detail).with_hint(hint),
        }
    }

    fn servers(&mut self) -> Checked<()> {
        if self.declaration.servers.is_empty() {
            let hint = "declare at least one: `- { name: web-1, role: webserver }`".into();
            return Err(self.error(&at!["servers"], "there are no servers".into(), hint));
        }
        for (index, entry) in self.declaration.servers.iter().enumerate() {
            self.role(index, &entry.role)?;
            for name in self.names(index, entry)? {
                let server = Server {
                    name: name.clone(),
                    role: entry.role.clone(),
                    tags: entry.tags.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
                    zone: entry.zone.clone(),
                    boot_delay: entry.boot_delay,
                    install_delay: entry.install_delay,
                    configure_delay: entry.configure_delay,
                    spare: entry.spare,
                };
                self.servers.insert(name, server);
            }
        }
        Ok(())
    }

    fn role(&mut self, index: usize, name: &str) -> Checked<()> {
        if self.roles.contains_key(name) {
            return Ok(());
        }
        let Some(role) = self.own.get(name).cloned().or_else(|| shipped::role(name)) else {
            let known = self.own.keys().map(String::as_str).chain(shipped::names().map(|name| name as &str));
            let hint = one_of(name, "roles", known) + " (a role of your own is declared under `roles`)";
            return Err(self.error(&at!["servers", index, "role"], format!("unknown role `{name}`"), hint));
        };
        self.roles.insert(name.into(), role);
        Ok(())
    }

    /// The names that an entry declares, checked to be good and new.
    fn names(&mut self, index: usize, entry: &ServerEntry) -> Checked<Vec<String>> {
        let at = at!["servers", index, "name"];
        if entry.count == Some(0) {
            let detail = format!("`{}` has a count of 0", entry.name);
            return Err(self.error(&at!["servers", index, "count"], detail, "leave the entry out".into()));
        }
        if self.servers.len().saturating_add(entry.count.unwrap_or(1)) > MOST_SERVERS {
            let detail = format!("more than {MOST_SERVERS} servers");
            return Err(self.error(&at, detail, "an infrastructure has to fit on one machine; declare fewer".into()));
        }
        let names = match entry.count {
            Some(count) => (1..=count).map(|number| format!("{}-{number}", entry.name)).collect(),
            None => vec![entry.name.clone()],
        };
        if !names.iter().all(|name| is_name(name)) {
            return Err(self.error(&at, format!("`{}` can't be a server's name", entry.name), RULE.into()));
        }
        let taken = |name: &&String| self.servers.contains_key(*name) || self.groups.contains_key(*name);
        if let Some(twice) = names.iter().chain([&entry.name]).find(taken) {
            let hint = "every server needs a name of its own".into();
            return Err(self.error(&at, format!("the name `{twice}` is given twice"), hint));
        }
        self.groups.insert(entry.name.clone(), names.clone());
        Ok(names)
    }

    /// The servers that a name stands for.
    fn group(&self, name: &str, at: &[PathSegment], what: &str) -> Checked<Vec<String>> {
        if let Some(group) = self.groups.get(name) {
            return Ok(group.clone());
        }
        if self.servers.contains_key(name) {
            return Ok(vec![name.into()]);
        }
        let known: BTreeSet<&str> = self.groups.keys().chain(self.servers.keys()).map(String::as_str).collect();
        Err(self.error(at, format!("{what}, but there is no server `{name}`"), one_of(name, "servers", known)))
    }

    fn links(&self) -> Checked<Vec<(String, String)>> {
        let mut links = BTreeSet::new();
        for (index, link) in self.declaration.links.iter().enumerate() {
            let LinkEntry { from, to } = link;
            let what = format!("a link leads from `{from}` to `{to}`");
            let from = self.group(from, &at!["links", index, "from"], &what)?;
            let to = self.group(to, &at!["links", index, "to"], &what)?;
            for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
                self.new_link(index, from, to, &links)?;
                links.insert((from.clone(), to.clone()));
            }
        }
        Ok(links.into_iter().collect())
    }

    fn new_link(&self, index: usize, from: &str, to: &str, links: &BTreeSet<(String, String)>) -> Checked<()> {
        let at = at!["links", index];
        if from == to {
            let hint = "a link joins two servers".into();
            return Err(self.error(&at, format!("`{from}` is linked with itself"), hint));
        }
        if links.contains(&(from.into(), to.into())) {
            let detail = format!("the link from `{from}` to `{to}` is declared twice");
            return Err(self.error(&at, detail, "leave one of them out".into()));
        }
        Ok(())
    }

    fn virtual_ips(&self) -> Checked<Vec<VirtualIp>> {
        let mut virtual_ips: Vec<VirtualIp> = Vec::new();
        for (index, entry) in self.declaration.virtual_ips.iter().enumerate() {
            let name = &entry.name;
            let at = at!["virtual_ips", index, "name"];
            if !is_name(name) {
                return Err(self.error(&at, format!("`{name}` can't be a virtual IP's name"), RULE.into()));
            }
            if self.servers.contains_key(name) || virtual_ips.iter().any(|other| other.name == *name) {
                let hint = "a virtual IP needs a name of its own".into();
                return Err(self.error(&at, format!("the name `{name}` is given twice"), hint));
            }
            let holders = self.holders(index, entry, &virtual_ips)?;
            virtual_ips.push(VirtualIp { name: name.clone(), holders, floating_ip: entry.floating_ip });
        }
        virtual_ips.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(virtual_ips)
    }

    fn holders(&self, index: usize, entry: &VirtualIpEntry, before: &[VirtualIp]) -> Checked<Vec<String>> {
        let mut holders: Vec<String> = Vec::new();
        for (place, name) in entry.holders.iter().enumerate() {
            let at = at!["virtual_ips", index, "holders", place];
            for holder in self.group(name, &at, &format!("`{name}` holds `{}`", entry.name))? {
                if holders.contains(&holder) || before.iter().any(|other| other.holders.contains(&holder)) {
                    let detail = format!("`{holder}` is named twice as the holder of a virtual IP");
                    return Err(self.error(&at, detail, "a server holds at most one, and is named once".into()));
                }
                if !entry.floating_ip {
                    self.can_hold(&holder, &entry.name).map_err(|(detail, hint)| self.error(&at, detail, hint))?;
                }
                holders.push(holder);
            }
        }
        if holders.is_empty() {
            let detail = format!("no server holds the virtual IP `{}`", entry.name);
            let hint = "name its servers: `holders: [lb-1, lb-2]`".into();
            return Err(self.error(&at!["virtual_ips", index, "holders"], detail, hint));
        }
        sort_naturally(&mut holders);
        Ok(holders)
    }

    /// A floating IP leads in from outside: between servers there is nothing that leads it.
    fn floating_ips(&self, entry: &Entry) -> Checked<()> {
        let all = self.declaration.virtual_ips.iter().enumerate();
        let Some((index, inner)) = all.into_iter().find(|(_, ip)| ip.floating_ip && ip.name != entry.host) else {
            return Ok(());
        };
        let detail = format!("the floating IP `{}` is not where users enter, which is `{}`", inner.name, entry.host);
        let hint = format!("let users enter there: `entry: {{ host: {} }}`, or leave out `floating_ip`", inner.name);
        Err(self.error(&at!["virtual_ips", index, "floating_ip"], detail, hint))
    }

    fn can_hold(&self, holder: &str, virtual_ip: &str) -> Result<(), (String, String)> {
        can_hold(&self.roles[&self.servers[holder].role], holder, virtual_ip)
    }

    /// What the file says, else the only virtual IP, else the only server.
    fn entry(&self, virtual_ips: &[VirtualIp]) -> Checked<Entry> {
        let declared = self.declaration.entry.as_ref();
        let host = match (declared, virtual_ips) {
            (Some(entry), _) => &entry.host,
            (None, [only]) => &only.name,
            (None, []) if self.servers.len() == 1 => &self.servers.first_key_value().expect("there is one").0.clone(),
            (None, _) => {
                let hint = "say it: `entry: { host: lb-1, port: 80 }`".into();
                return Err(self.error(&[], "it is not clear where users enter the site".into(), hint));
            }
        };
        let holder = virtual_ips.iter().find(|ip| ip.name == *host).map_or(host, |ip| &ip.holders[0]);
        let Some(server) = self.servers.get(holder) else {
            let known = self.servers.keys().chain(virtual_ips.iter().map(|ip| &ip.name)).map(String::as_str);
            let detail = format!("users enter at `{host}`, which is neither a virtual IP nor a server");
            return Err(self.error(&at!["entry", "host"], detail, one_of(host, "hosts", known)));
        };
        let port = declared.and_then(|entry| entry.port).unwrap_or(self.roles[&server.role].port);
        if port == 0 {
            let hint = "a port is a number from 1 to 65535".into();
            return Err(self.error(&at!["entry", "port"], "users can't enter at port 0".into(), hint));
        }
        Ok(Entry::at(host, port))
    }

    fn databases(&self) -> Checked<Databases> {
        let is_database = |server: &Server| self.roles[&server.role].database.is_some();
        let servers = self.servers.values().map(|server| (server.name.as_str(), is_database(server))).collect();
        databases::resolve(&self.declaration.databases, &databases::Declared { servers, source: self.source })
    }

    fn aliases(&self, virtual_ips: &[VirtualIp]) -> Checked<BTreeMap<String, String>> {
        let mut aliases = BTreeMap::new();
        for (index, entry) in self.declaration.servers.iter().enumerate() {
            for (place, alias) in entry.aliases.iter().enumerate() {
                let at = at!["servers", index, "aliases", place];
                if !is_name(alias) {
                    return Err(self.error(&at, format!("`{alias}` can't be a server's name"), RULE.into()));
                }
                if entry.count.is_some() {
                    let detail = format!("`{alias}` would be the name of {} servers", entry.count.unwrap_or_default());
                    return Err(self.error(&at, detail, "declare them one by one, each with its own".into()));
                }
                let is_taken = self.servers.contains_key(alias) || virtual_ips.iter().any(|ip| ip.name == *alias);
                if is_taken || aliases.insert(alias.clone(), entry.name.clone()).is_some() {
                    let hint = "every name in `/etc/hosts` is of one address".into();
                    return Err(self.error(&at, format!("the name `{alias}` is given twice"), hint));
                }
            }
        }
        Ok(aliases)
    }

    /// A balancer without a link would answer every user with an error.
    fn balancers(&self, links: &[(String, String)]) -> Checked<()> {
        for (index, entry) in self.declaration.servers.iter().enumerate() {
            if self.roles[&entry.role].stats_socket.is_none() {
                continue;
            }
            let idle = |name: &&String| links.iter().all(|(from, _)| from != *name);
            if let Some(name) = self.groups[&entry.name].iter().find(idle) {
                let detail = format!("nothing is behind `{name}`");
                let hint = format!("link it with its backends: `links: [{{ from: {name}, to: web-1 }}]`");
                return Err(self.error(&at!["servers", index, "name"], detail, hint));
            }
        }
        Ok(())
    }
}

/// A virtual IP whose servers do nothing about it would be held by nobody. Else the detail and the hint.
pub(super) fn can_hold(role: &Role, holder: &str, virtual_ip: &str) -> Result<(), (String, String)> {
    if role.uses_virtual_ip() {
        return Ok(());
    }
    let detail = format!("`{holder}` can't hold `{virtual_ip}`: its role `{}` does not use `virtual_ip`", role.name);
    Err((detail, "let the balancers hold it, or use `virtual_ip` in a file, command or `when` of the role".into()))
}

impl Infrastructure {
    /// The servers in natural order of their names: `web-2` before `web-10`.
    pub fn in_order(&self) -> Vec<&Server> {
        let mut servers: Vec<&Server> = self.servers.values().collect();
        servers.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)));
        servers
    }
}
