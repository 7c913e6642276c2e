//! What a server is booted from: its place, its files, its services.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bytes;

/// Everything a provider must know to boot one server. Comparable to a cloud's "create server" with user data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// The server's name in the infrastructure; also its host name. Matches `[a-z0-9][a-z0-9-]{0,40}`.
    pub name: String,
    /// The zone it is placed in, if the infrastructure has zones.
    pub zone: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Its address; a replacement of the same name keeps it.
    pub address: Ipv4Addr,
    /// What is written and started when it boots.
    pub user_data: UserData,
    /// How long a boot takes beyond what it really takes: a declared, modelled delay.
    #[serde(with = "crate::units::duration")]
    pub boot_delay: Duration,
}

/// What a server is made of when it boots: files first, then commands, then services, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UserData {
    /// Files to write before anything runs.
    pub files: Vec<FileSpec>,
    /// Commands to run to their end, in order, before the services start. A non-zero status fails the boot.
    pub run: Vec<Vec<String>>,
    /// Programs that stay in the foreground for as long as the server lives; they start again when it reboots. One that ends
    /// is not started again.
    pub services: Vec<ServiceSpec>,
    /// Nothing of all this is done at the first boot: somebody else will, over a [`Remote`](crate::provider::Remote), and then remove
    /// [`UNCONFIGURED_MARK`](crate::launch::UNCONFIGURED_MARK); from then on the services start with every boot.
    #[serde(default)]
    pub unconfigured: bool,
}

/// One file on a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Absolute path on the server.
    pub path: PathBuf,
    /// The whole content.
    pub content: FileContent,
    /// Permission bits, e.g. `0o644`.
    pub mode: u32,
}

/// Where a file's bytes come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// This text.
    Text(String),
    /// These bytes, which are no text.
    Bytes(#[serde(with = "bytes")] Vec<u8>),
    /// A copy of this file of the machine the harness runs on (a user's own binary, say).
    CopyOf(PathBuf),
    /// A program of the machine the harness runs on, shared with it, read-only: instances of the local cloud do not
    /// hold copies of hundreds of megabytes. Elsewhere a copy.
    Program(PathBuf),
    /// What this command leaves at the file's path, a file or a folder: made in the first instance that needs it, kept
    /// by the provider, copied into every other.
    MadeBy {
        /// What makes it; files before it are written by then.
        command: Vec<String>,
        /// Things of the same key are the same.
        key: String,
    },
}

impl FileContent {
    /// Whether it comes with the machine's image, also where a server boots unconfigured: it is not written later.
    pub fn is_of_image(&self) -> bool {
        matches!(self, FileContent::Program(_) | FileContent::MadeBy { .. })
    }
}

/// One long-running program on a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Its name: the log is `<name>.log`.
    pub name: String,
    /// Program (absolute, or looked up in the usual `PATH`) and arguments; no shell.
    pub command: Vec<String>,
    /// Its environment, added to a small clean one (`PATH`, `HOME`, `LANG`).
    pub environment: BTreeMap<String, String>,
    /// Where it starts; `/` by default.
    pub working_directory: Option<PathBuf>,
}
