//! What a server becomes: files, commands, services and a declared readiness.
//!
//! A role is one YAML file ([`mod@file`]): the shipped ones lie in `fixtures/roles/` and are part of the binary
//! ([`shipped`]), a user's own lies beside the user's feature. Its files are templates ([`template`]) over the
//! infrastructure with its addresses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::provider::FileContent;

pub mod addresses;
pub mod context;
pub mod file;
pub mod monit;
pub mod programs;
pub mod shipped;
pub mod template;

#[cfg(test)]
mod tests;

pub use addresses::Addresses;
pub use programs::{MissingProgram, missing_programs};
pub use template::{check_templates, render};

/// What a server becomes. The in-memory form of a role file, validated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its name: `webserver`, `webhaproxy`.
    pub name: String,
    /// The word a step calls such servers by, in the singular: `webserver`, `load balancer`.
    pub word: String,
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
    /// The file it came from; `None` for a shipped role.
    pub source: Option<PathBuf>,
}

/// A file of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleFile {
    /// Absolute path on the server.
    pub path: PathBuf,
    /// A template (minijinja), or a file to copy as it is (resolved to an absolute path on this machine).
    pub content: FileContent,
    /// Permission bits.
    pub mode: u32,
    /// Rendered only when this minijinja expression is true (`virtual_ip` …); always when absent.
    pub when: Option<String>,
    /// The line of `content` in the role file, for errors.
    pub line: usize,
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
        let contents = self.files.iter().filter_map(|file| match &file.content {
            FileContent::Text(text) => Some(text),
            FileContent::CopyOf(_) => None,
        });
        let whens = self.files.iter().filter_map(|file| file.when.as_ref());
        let services = self.services.iter().flat_map(|s| s.command.iter().chain(s.environment.values()).chain(&s.when));
        let mut texts = contents.chain(whens).chain(self.run.iter().flatten()).chain(services);
        texts.any(|text| text.contains("virtual_ip"))
    }
}
