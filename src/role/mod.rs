//! What a server becomes: files, commands, services and a declared readiness, in the words of
//! cloud-config where it has some.
//!
//! A role is one YAML file ([`mod@file`]): the shipped ones lie in `fixtures/roles/` and are part of the binary
//! ([`shipped`]), a user's own lies beside the user's feature. Its files are templates ([`templates`]) over the
//! infrastructure with its addresses; [`crate::render`] fills them in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub mod file;
pub mod shipped;
mod stores;
mod stub_status;
pub(crate) mod templates;
mod write_files;

pub use stub_status::StubStatusUrl;

/// What a step calls any server, whatever its role.
pub const EVERY_SERVER: &str = "node";

/// What a server becomes. The in-memory form of a role file, validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its name: `webserver`, `webhaproxy`.
    pub name: String,
    /// The noun by which a step calls such servers, in the singular: `webserver`, `load balancer`.
    pub noun: String,
    /// Files, their contents as templates (not yet rendered).
    pub files: Vec<RoleFile>,
    /// Commands to run once before the services start; arguments are templates.
    pub run: Vec<Vec<String>>,
    /// Long-running programs; arguments and environment are templates.
    pub services: Vec<RoleService>,
    /// When a server of this role counts as ready.
    pub readiness: Readiness,
    /// A command that makes the services take changed files in, if they must be told.
    pub reload: Option<Vec<String>>,
    /// The TCP port its users reach it at.
    pub port: u16,
    /// Programs that must be on the machine, by name or absolute path; checked before anything boots.
    pub programs: Vec<String>,
    /// Debian packages that bring the programs; named in the error when one is missing.
    pub packages: Vec<String>,
    /// Whether Monit starts its services again when they die. Default no: what dies stays dead.
    #[serde(default)]
    pub monit: bool,
    /// The HAProxy statistics socket of a balancer, so that its own view can be observed.
    pub stats_socket: Option<PathBuf>,
    /// Where its nginx says what it counts, so that this is observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stub_status: Option<StubStatusUrl>,
    /// Backends of that HAProxy in which one server is up and the others wait: being down there says nothing of a server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standby_backends: Vec<String>,
    /// What is to be known of a database, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseRole>,
    /// Whether its servers keep data; `None` where its file does not say: see [`is_data_store`](Self::is_data_store).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps_data: Option<bool>,
    /// The file it came from; `None` for a shipped role.
    pub source: Option<PathBuf>,
}

/// A file of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleFile {
    /// Absolute path on the server.
    pub path: PathBuf,
    /// What it holds.
    pub content: RoleContent,
    /// Permission bits.
    pub mode: u32,
    /// `user` or `user:group`; root when absent. Set once the role's commands ran: they may have made that user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Rendered only when this minijinja expression is true (`virtual_ip` …); always when absent.
    pub when: Option<String>,
    /// The line of `content` in the role file, for errors.
    pub line: usize,
}

/// What a file of a role holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleContent {
    /// A template (minijinja), not yet rendered.
    Template(String),
    /// This very text.
    Text(String),
    /// These very bytes, which are no text.
    Bytes(#[serde(with = "crate::instance::bytes")] Vec<u8>),
    /// A copy of this file of this machine, by its absolute path.
    #[serde(alias = "copy_of")]
    Copy(PathBuf),
    /// A program of this machine by its name: found beside the running one, or where programs are.
    Program(String),
    /// A file or folder that a command leaves there: made once in a sandbox, then copied. What it holds may depend on
    /// the command and on the files it is made from, and on nothing else.
    MadeBy {
        /// Program and arguments, templates.
        command: Vec<String>,
        /// Files of the role that the command reads.
        from: Vec<PathBuf>,
    },
}

/// What is to be known of a MariaDB to form, watch and rebuild it: see [`crate::database`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a database: `{ status_port: 9200 }`")]
pub struct DatabaseRole {
    /// Where its sidecar answers `/status`. Default 9200.
    pub status_port: u16,
    /// Its own socket. Default `/run/mysqld/mysqld.sock`.
    pub socket: PathBuf,
    /// Its data directory. Its service waits until that is there. Default `/var/lib/mysql`.
    pub data: PathBuf,
    /// An empty database, ready made, to form a new tier from. Default `/var/lib/mysql-empty`.
    pub empty: PathBuf,
    /// Its configuration. Default `/etc/mysql/chimp.cnf`.
    pub config: PathBuf,
    /// A file with the password of the account `replication`. Default `/etc/mysql/replication.password`.
    pub replication_password: PathBuf,
    /// The database whose tables must be equal everywhere. Default `site`.
    pub name: String,
    /// Who owns the data directory. Default `nobody`.
    pub user: String,
}

impl Default for DatabaseRole {
    fn default() -> Self {
        DatabaseRole {
            status_port: 9200,
            socket: "/run/mysqld/mysqld.sock".into(),
            data: "/var/lib/mysql".into(),
            empty: "/var/lib/mysql-empty".into(),
            config: "/etc/mysql/chimp.cnf".into(),
            replication_password: "/etc/mysql/replication.password".into(),
            name: "site".into(),
            user: "nobody".into(),
        }
    }
}

/// A service of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleService {
    /// Its name; also its log's.
    pub name: String,
    /// Program and arguments, templates.
    pub command: Vec<String>,
    /// Environment, templates.
    pub environment: BTreeMap<String, String>,
    /// Where it starts.
    pub working_directory: Option<PathBuf>,
    /// Started only when this expression is true.
    pub when: Option<String>,
}

/// When a server counts as ready: every line must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// An HTTP GET of this path on the server's own address and port answers with a status under 400.
    pub http: Option<String>,
    /// A TCP connect to the server's own address and port succeeds.
    pub tcp: bool,
    /// Another port than the one its users reach it at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// It is given up after this long.
    #[serde(with = "crate::units::duration")]
    pub within: Duration,
}

impl Role {
    /// Lets Monit supervise its services.
    pub fn supervise(&mut self) {
        self.monit = true;
    }

    /// Whether anything of it depends on a shared address; otherwise nobody would hold one.
    pub fn uses_virtual_ip(&self) -> bool {
        let contents = self.files.iter().flat_map(|file| match &file.content {
            RoleContent::Template(text) => std::slice::from_ref(text),
            RoleContent::MadeBy { command, .. } => command,
            RoleContent::Text(_) | RoleContent::Bytes(_) | RoleContent::Copy(_) | RoleContent::Program(_) => &[],
        });
        let whens = self.files.iter().filter_map(|file| file.when.as_ref());
        let services = self.services.iter().flat_map(|s| s.command.iter().chain(s.environment.values()).chain(&s.when));
        let mut texts = contents.chain(whens).chain(self.run.iter().flatten()).chain(services);
        texts.any(|text| text.contains("virtual_ip"))
    }
}
