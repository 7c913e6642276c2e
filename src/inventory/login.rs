//! Hosts that no inventory lists, such as servers of a cloud: the settings say how all of them are logged in to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::file::{beside, host_role};
use super::key::Key;
use super::{Address, Endpoint, Host, Inventory, PowerCommands};
use crate::agent::program::Program;
use crate::document::DocumentError;
use crate::infrastructure::{Entry, Infrastructure, Server};
use crate::provider::host_key::{HostKey, KnownHosts};
use crate::settings::{HostKeys, LoginSettings, line_of_login};
use crate::text;

/// How all of them are logged in to, and the file that says so.
pub struct Login<'l> {
    settings: &'l LoginSettings,
    file: &'l Path,
    line: usize,
}

impl<'l> Login<'l> {
    /// As this `chimp.toml` says it.
    pub fn new(settings: &'l LoginSettings, file: &'l Path) -> Self {
        let line = text::read(file).ok().and_then(|text| line_of_login(&text)).unwrap_or(1);
        Login { settings, file, line }
    }

    /// These servers, at their addresses and with links between them. All of them may be attacked.
    ///
    /// # Errors
    /// The key, the known hosts or the program can't be used, with the file, the line and the field.
    pub fn inventory(
        &self,
        servers: Vec<(Server, Ipv4Addr)>,
        links: Vec<(String, String)>,
    ) -> Result<Inventory, DocumentError> {
        let Login { settings: LoginSettings { user, port, .. }, line, .. } = *self;
        let (host_key, key, agent) = (self.host_key()?, self.key()?, self.agent()?);
        let host = |address| {
            let ssh = Endpoint { address: Address::Ip(address), port: *port, user: user.clone(), key: key.clone() };
            let (power, logs) = (PowerCommands::default(), Vec::new());
            Host { ssh, jump: None, allowed: true, line, power, logs }
        };
        let hosts = servers.iter().map(|(server, address)| (server.name.clone(), host(*address))).collect();
        let infrastructure = infrastructure(servers, links, Some(self.file.into()));
        let folder = self.folder().into();
        Ok(Inventory { infrastructure, shared: BTreeMap::new(), hosts, host_key, agent, folder })
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("."))
    }

    fn error<T>(&self, detail: String, hint: impl Into<String>) -> Result<T, DocumentError> {
        let error = DocumentError::new(format!("`login` under `[openstack]`: {detail}")).with_hint(hint);
        Err(DocumentError { file: Some(self.file.into()), line: Some(self.line), ..error })
    }

    fn key(&self) -> Result<Option<Key>, DocumentError> {
        let Some(named) = &self.settings.key else { return Ok(None) };
        let read = Key::read(&beside(self.folder(), named));
        read.map(Some).or_else(|why| self.error(format!("`key`: {}", why.detail), why.hint))
    }

    fn agent(&self) -> Result<Option<PathBuf>, DocumentError> {
        let Some(named) = &self.settings.agent else { return Ok(None) };
        let path = beside(self.folder(), named);
        let hint = "the program that `make static` builds, by its path relative to this file; or leave it out";
        Program::read(Some(&path)).map(|_| Some(path)).or_else(|why| self.error(format!("`agent`: {why}"), hint))
    }

    fn host_key(&self) -> Result<HostKey, DocumentError> {
        match (&self.settings.known_hosts, self.settings.host_keys) {
            (Some(named), None) => {
                let path = beside(self.folder(), named);
                let hint = "a file as ssh-keyscan writes it, by its path relative to this one";
                let read = KnownHosts::read(&path).map(HostKey::Known);
                read.or_else(|why| self.error(format!("`known_hosts`: {}: {why}", path.display()), hint))
            }
            (None, Some(HostKeys::Ignore)) => Ok(HostKey::Unchecked),
            (Some(_), Some(_)) => {
                let detail = "`known_hosts` and `host_keys = \"ignore\"` contradict each other";
                self.error(detail.into(), "leave one of them out")
            }
            (None, None) => {
                let detail = "`known_hosts` is missing: without it, another machine could answer for a server";
                let hint = "name a file of host keys: `known_hosts = \"~/.ssh/known_hosts\"`; or trust the network: \
                            `host_keys = \"ignore\"`";
                self.error(detail.into(), hint)
            }
        }
    }
}

/// Servers with roles that only have a word. Where users enter is not known.
pub fn infrastructure(
    servers: Vec<(Server, Ipv4Addr)>,
    links: Vec<(String, String)>,
    source: Option<PathBuf>,
) -> Infrastructure {
    let roles = servers.iter().map(|(server, _)| (server.role.clone(), host_role(&server.role))).collect();
    Infrastructure {
        servers: servers.into_iter().map(|(server, _)| (server.name.clone(), server)).collect(),
        links,
        virtual_ips: Vec::new(),
        entry: Entry::at("", 0),
        roles,
        databases: Default::default(),
        aliases: BTreeMap::new(),
        source,
    }
}
