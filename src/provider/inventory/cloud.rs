//! The servers of an inventory as a provider.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::watchdog::Watchdog;
use super::{Host, Inventory, word};
use crate::attack::passwords::Passwords;
use crate::provider::ssh::{Login, Proof, Route, SshRemote};
use crate::provider::{
    Instance, InstanceId, InstanceSpec, PowerOp, PowerState, Provider, ProviderError, Remote, RemoteError,
};

/// How long a server may take to accept a connection before it counts as stopped.
const KNOCK: Duration = Duration::from_secs(2);
/// How long a command that switches power may take.
const POWER: Duration = Duration::from_secs(60);
/// What is shown of what such a command complained.
const COMPLAINT: usize = 2000;

/// The servers of an inventory. An instance's id is its server's name.
pub struct InventoryCloud {
    inventory: Inventory,
    passwords: Passwords,
    route: Route,
    /// Sessions are kept open, one remote for each server.
    remotes: BTreeMap<String, SshRemote>,
    terminated: Mutex<BTreeSet<String>>,
    watchdogs: tokio::sync::Mutex<BTreeMap<String, Watchdog>>,
}

impl InventoryCloud {
    /// Nothing is connected to yet. Servers that have a password are logged in to with it, others with their key.
    pub fn new(inventory: Inventory, passwords: Passwords, route: Route) -> Self {
        let mut cloud = InventoryCloud {
            inventory,
            passwords,
            route,
            remotes: BTreeMap::new(),
            terminated: Mutex::default(),
            watchdogs: tokio::sync::Mutex::default(),
        };
        let login = |(name, host): (&String, &Host)| Some((name.clone(), SshRemote::new(cloud.login(name, host)?)));
        cloud.remotes = cloud.inventory.hosts.iter().filter_map(login).collect();
        cloud
    }

    /// The inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    fn login(&self, name: &str, host: &Host) -> Option<Login> {
        let password = self.passwords.of(name).cloned().map(Proof::Password);
        Some(Login {
            address: host.address,
            port: host.port,
            user: host.user.clone(),
            proof: password.or_else(|| host.key.clone().map(Proof::Key))?,
            host_key: self.inventory.host_key.clone(),
            route: self.route.clone(),
        })
    }

    /// A server that may be attacked.
    fn allowed(&self, id: &InstanceId) -> Result<&Host, ProviderError> {
        let host = self.inventory.hosts.get(&id.0).ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        if host.allowed { Ok(host) } else { Err(ProviderError::NotAllowed(id.0.clone())) }
    }

    fn command<'h>(&self, id: &InstanceId, host: &'h Host, op: PowerOp) -> Result<&'h [String], ProviderError> {
        let op = (word(op), host.power.of(op));
        op.1.ok_or_else(|| ProviderError::Unsupported {
            server: id.0.clone(),
            provider: "inventory",
            action: format!("{} it", op.0),
            hint: format!("declare a command of this machine: `power: {{ {}: [virsh, …, {id}] }}`", op.0),
        })
    }

    async fn run(&self, id: &InstanceId, command: &[String]) -> Result<(), ProviderError> {
        let failed = |detail: String| {
            Err(ProviderError::PowerCommand { server: id.0.clone(), command: command.join(" "), detail })
        };
        let mut program = tokio::process::Command::new(&command[0]);
        program.args(&command[1..]).current_dir(&self.inventory.folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = match timeout(POWER, program.output()).await {
            Err(_) => return failed(format!("took longer than {}", crate::units::show_duration(POWER))),
            Ok(Err(why)) => return failed(why.to_string()),
            Ok(Ok(output)) => output,
        };
        if output.status.success() {
            return Ok(());
        }
        let tail = &output.stderr[output.stderr.len().saturating_sub(COMPLAINT)..];
        failed(format!("{}: {}", output.status, String::from_utf8_lossy(tail).trim()))
    }

    /// What is held on it by a lease is held no longer.
    async fn call_off(&self, id: &InstanceId) {
        if let Some(mut watchdog) = self.watchdogs.lock().await.remove(&id.0) {
            watchdog.stop();
        }
    }

    fn terminated(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.terminated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn measure(&self, name: &str, host: &Host) -> Instance {
        let knocked = self.route.knock(host.address, host.port, KNOCK).await;
        let (state, evidence) = match knocked {
            Ok(()) => (PowerState::Running, format!("port {} accepts connections", host.port)),
            Err(why) => {
                let gone = self.terminated().contains(name);
                let state = if gone { PowerState::Terminated } else { PowerState::Stopped };
                (state, format!("port {} accepts no connection: {why}", host.port))
            }
        };
        Instance {
            id: InstanceId(name.into()),
            name: name.into(),
            address: host.address,
            state,
            evidence,
            first_process: None,
        }
    }
}

#[async_trait]
impl Provider for InventoryCloud {
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        Err(ProviderError::Unsupported {
            server: spec.name.clone(),
            provider: "inventory",
            action: "boot it".into(),
            hint: "an inventory's servers are there already; `start` may have a command under `power`".into(),
        })
    }

    /// Every server, allowed or not, by a connection to its port: one that is frozen so that its kernel still
    /// accepts connections counts as running.
    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        let hosts = self.inventory.hosts.iter();
        Ok(futures::future::join_all(hosts.map(|(name, host)| self.measure(name, host))).await)
    }

    /// As idempotent as the command is.
    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let host = self.allowed(id)?;
        let command = self.command(id, host, op)?;
        self.run(id, command).await?;
        // Only now: if it failed, the watchdog still ends the fault.
        self.call_off(id).await;
        if op == PowerOp::Terminate {
            self.terminated().insert(id.0.clone());
        }
        Ok(())
    }

    /// Under a [watchdog](super::watchdog); needs the command that undoes it as well.
    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        let undo = match op {
            PowerOp::Freeze => PowerOp::Thaw,
            PowerOp::Stop => PowerOp::Start,
            _ => return self.power(id, op).await,
        };
        let host = self.allowed(id)?;
        let (command, undo) = (self.command(id, host, op)?, self.command(id, host, undo)?);
        let started = Watchdog::start(undo, &self.inventory.folder, lease).map_err(|source| ProviderError::System {
            server: id.0.clone(),
            action: "starting the watchdog of its lease",
            source,
        })?;
        if let Some(mut before) = self.watchdogs.lock().await.insert(id.0.clone(), started) {
            before.stop();
        }
        self.run(id, command).await
    }

    async fn renew(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        match self.watchdogs.lock().await.get_mut(&id.0) {
            Some(watchdog) => watchdog.renew(&self.inventory.folder).map_err(failed),
            None => Err(failed(std::io::Error::new(std::io::ErrorKind::NotFound, "it has none"))),
        }
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        let host = self.allowed(&instance.id)?;
        let remote = self.remotes.get(&instance.id.0).cloned();
        let remote = remote.ok_or_else(|| RemoteError::Connect {
            host: host.address.to_string(),
            detail: format!("`{}` has neither a `key` in the inventory nor a password", instance.name),
        })?;
        Ok(Box::new(remote))
    }
}
