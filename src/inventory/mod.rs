//! Servers that are there already, written down in an inventory: real machines, reached over SSH.
//!
//! Nothing is done to a server that was not opted in, by `attack: allowed` beside it or by its name or a tag under
//! `allow`. Start with [`mod@file`] (what users write) and [`cloud`] (the provider).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::infrastructure::Infrastructure;
use crate::instance::PowerOp;
use crate::provider::host_key::{HostKey, fingerprint};
use crate::provider::secret::Secret;
use crate::render::Secrets;

mod address;
pub mod cloud;
pub mod file;
mod key;
mod knocks;
pub mod login;
mod lookup;
mod no_proof;
mod reach;
mod remote;
mod signs;
pub mod ssh_config;
pub mod stands_for;
mod sweep;

mod ways;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use cloud::InventoryCloud;
pub use key::Key;
pub use remote::HostRemote;

/// The servers of an inventory file, checked.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The same as an infrastructure, so that selectors work on it: servers, links, virtual IPs, and a role
    /// for each word. Its entry is empty where the file does not say where users enter.
    pub infrastructure: Infrastructure,
    /// The addresses of its virtual IPs, by their names.
    pub shared: BTreeMap<String, Ipv4Addr>,
    /// How each server is reached, by name.
    pub hosts: BTreeMap<String, Host>,
    /// How hosts prove to be the ones.
    pub host_key: HostKey,
    /// The program that is put on servers to hold faults there; `None`: this very program.
    pub agent: Option<PathBuf>,
    /// Where the file lies; the commands of `power` run there.
    pub folder: PathBuf,
}

impl Inventory {
    /// The passwords of what its servers run: made from the keys that open them, which nobody else knows.
    pub fn secrets(&self) -> Secrets {
        let private = |host: &Host| match &host.ssh.key {
            Some(Key::Private(key)) => Some(key.clone()),
            Some(Key::Held { .. }) | None => None,
        };
        let keys: Vec<Secret> = self.hosts.values().filter_map(private).collect();
        Secrets::of(&Zeroizing::new(keys.iter().map(Secret::reveal).collect::<String>()))
    }
}

/// How a server is reached, and what may be done to it.
#[derive(Debug, Clone)]
pub struct Host {
    /// How it is logged in to.
    pub ssh: Endpoint,
    /// The host through which it is reached; `None`: directly.
    pub jump: Option<Jump>,
    /// Whether it was opted in.
    pub allowed: bool,
    /// The line of the file that declares it, from 1.
    pub line: usize,
    /// Commands of this machine that switch its power and network.
    pub power: PowerCommands,
    /// Files on it that its services log to, to be followed; absolute, and no two of one file name.
    pub logs: Vec<PathBuf>,
}

/// Where a server of SSH listens, and who logs in.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its address or name.
    pub address: Address,
    /// Its SSH port.
    pub port: u16,
    /// The user who logs in.
    pub user: String,
    /// The user's key; `None` where a password or any key of an SSH agent is to be used.
    pub key: Option<Key>,
}

impl fmt::Display for Endpoint {
    /// Its address, and its port unless it is the usual one: `192.0.2.11`, `web-2.example.org:2222`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            22 => self.address.fmt(f),
            port => write!(f, "{}:{port}", self.address),
        }
    }
}

/// A host through which others are reached. Nothing is done to it.
#[derive(Debug, Clone)]
pub struct Jump {
    /// What users call it.
    pub name: String,
    /// How it is logged in to.
    pub endpoint: Endpoint,
    /// Whether it is a host of the file, of that name.
    pub is_host: bool,
}

impl Jump {
    /// The same for jump hosts that are reached in the same way.
    fn id(&self) -> String {
        let Endpoint { address, port, user, key } = &self.endpoint;
        let key = match key {
            Some(Key::Private(key)) => fingerprint(key.reveal().as_bytes()),
            Some(Key::Held { identity, .. }) => fingerprint(&identity.public),
            None => String::new(),
        };
        format!("{user}@{address}:{port} {key}")
    }
}

/// Commands, as programs with arguments, that switch a server's power and network from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "commands: `{ stop: [virsh, destroy, web-1] }`")]
pub struct PowerCommands {
    terminate: Option<Vec<String>>,
    stop: Option<Vec<String>>,
    start: Option<Vec<String>>,
    soft_reboot: Option<Vec<String>>,
    freeze: Option<Vec<String>>,
    thaw: Option<Vec<String>>,
    suspend: Option<Vec<String>>,
    resume: Option<Vec<String>>,
    isolate: Option<Vec<String>>,
    rejoin: Option<Vec<String>>,
}

impl PowerCommands {
    /// The command that does this, if one was declared.
    pub fn of(&self, op: PowerOp) -> Option<&[String]> {
        let command = match op {
            PowerOp::Terminate => &self.terminate,
            PowerOp::Stop => &self.stop,
            PowerOp::Start => &self.start,
            PowerOp::SoftReboot => &self.soft_reboot,
            PowerOp::Freeze => &self.freeze,
            PowerOp::Thaw => &self.thaw,
            PowerOp::Suspend => &self.suspend,
            PowerOp::Resume => &self.resume,
            PowerOp::Isolate => &self.isolate,
            PowerOp::Rejoin => &self.rejoin,
        };
        command.as_deref()
    }

    /// Those that were declared, by the word that declares them.
    fn declared(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        PowerOp::ALL.iter().filter_map(|op| Some((op.word(), self.of(*op)?)))
    }
}

impl Inventory {
    /// The servers that were not opted in, by name.
    pub fn closed(&self) -> BTreeSet<String> {
        self.hosts.iter().filter(|(_, host)| !host.allowed).map(|(name, _)| name.clone()).collect()
    }

    /// The logs that are to be followed, by server.
    pub fn logs(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let declared = self.hosts.iter().filter(|(_, host)| !host.logs.is_empty());
        declared.map(|(name, host)| (name.clone(), host.logs.clone())).collect()
    }

    /// The servers that were opted in, by name.
    pub fn allowed(&self) -> BTreeSet<&str> {
        self.hosts.iter().filter(|(_, host)| host.allowed).map(|(name, _)| name.as_str()).collect()
    }
}
