//! The servers of an inventory as a provider.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::knocks::{Door, Knocks};
use super::remote::HostRemote;
use super::signs::{Attempt, Finding};
use super::ways::{Way, Ways};
use super::{Host, Inventory};
use crate::document::DocumentError;
use crate::instance::{Ability, Between, Instance, InstanceId, InstanceSpec, Plug, PowerOp, PowerState};
use crate::provider::passwords::Passwords;
use crate::provider::ssh::Route;
use crate::provider::watchdog::{self, Watchdog};
use crate::provider::{Provider, ProviderError, Remote};

/// How long a command that switches power may take.
const POWER: Duration = Duration::from_secs(60);
/// What is shown of what such a command complained.
const COMPLAINT: usize = 2000;

/// The servers of an inventory. An instance's id is its server's name.
pub struct InventoryCloud {
    /// Sessions are kept open, one remote for each server.
    pub(super) ways: Arc<Ways>,
    /// What was asked for last, of those that were terminated or frozen.
    asked: Mutex<BTreeMap<String, PowerState>>,
    watchdogs: tokio::sync::Mutex<BTreeMap<(String, Plug), Watchdog>>,
    /// The attempts to connect to each server, and its watchers' signs of life.
    knocks: Knocks,
    /// Whether others use the same sessions and uploads, and end them.
    shares: bool,
}

impl InventoryCloud {
    /// Nothing is looked up or connected to yet. Servers that have a password are logged in to with it, others with their key,
    /// and those without a key with any key of the SSH agent at `$SSH_AUTH_SOCK`.
    pub fn new(inventory: Inventory, passwords: Passwords, route: Route) -> Self {
        let agent = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from);
        InventoryCloud::with_agent(inventory, passwords, route, agent)
    }

    /// The same with this SSH agent, or none.
    pub fn with_agent(inventory: Inventory, passwords: Passwords, route: Route, agent: Option<PathBuf>) -> Self {
        InventoryCloud {
            ways: Arc::new(Ways::new(inventory, passwords, route, agent)),
            asked: Mutex::default(),
            watchdogs: tokio::sync::Mutex::default(),
            knocks: Knocks::default(),
            shares: false,
        }
    }

    /// The same servers for a scenario: what was asked of them is forgotten. Names that were looked up, sessions that are
    /// open, and the programs that were put there are shared, and stay when this is closed.
    pub fn again(&self) -> Self {
        InventoryCloud {
            ways: Arc::clone(&self.ways),
            asked: Mutex::default(),
            watchdogs: tokio::sync::Mutex::default(),
            knocks: Knocks::default(),
            shares: true,
        }
    }

    /// The inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.ways.inventory
    }

    /// Those of these servers that nothing logs in to: what is missing, and what to do.
    pub fn locked_out(&self, servers: &BTreeSet<String>) -> Vec<DocumentError> {
        self.ways.locked_out(servers)
    }

    /// The address of every server. Names are looked up if they have not been yet.
    ///
    /// # Errors
    /// All names that do not lead to one address.
    pub async fn addresses(&self) -> Result<BTreeMap<String, Ipv4Addr>, ProviderError> {
        let all = self.ways.all().await?;
        Ok(all.into_iter().map(|(name, _, way)| (name.to_string(), way.address)).collect())
    }

    fn command<'h>(&self, id: &InstanceId, host: &'h Host, op: PowerOp) -> Result<&'h [String], ProviderError> {
        host.power.of(op).ok_or_else(|| self.undeclared(&id.0, host, &[op]))
    }

    /// No command was declared for this.
    fn undeclared(&self, server: &str, host: &Host, ops: &[PowerOp]) -> ProviderError {
        let commands: Vec<String> = ops.iter().map(|op| format!("{}: [virsh, …, {server}]", op.word())).collect();
        let verbs: Vec<String> = ops.iter().map(|op| op.verb()).collect();
        ProviderError::NoCommand {
            server: server.into(),
            action: verbs.join(" or to "),
            place: self.ways.place(host),
            example: format!("power: {{ {} }}", commands.join(", ")),
        }
    }

    async fn run(&self, id: &InstanceId, command: &[String]) -> Result<(), ProviderError> {
        let failed = |detail: String| {
            Err(ProviderError::PowerCommand { server: id.0.clone(), command: command.join(" "), detail })
        };
        let mut program = tokio::process::Command::new(&command[0]);
        program.args(&command[1..]).current_dir(&self.inventory().folder).stdin(Stdio::null()).kill_on_drop(true);
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

    /// What is held on it by a lease is held no longer, whichever process has begun that.
    async fn call_off(&self, id: &InstanceId, host: &Host, plug: Plug) {
        if let Some(mut watchdog) = self.watchdogs.lock().await.remove(&(id.0.clone(), plug)) {
            watchdog.stop();
        }
        if let Err(why) = watchdog::call_off(&self.lease_on(id, host, plug)) {
            tracing::warn!(%id, %why, "a lease runs on");
        }
    }

    /// What tells the lease on a server from all others of this machine: two inventories of a folder may have servers of one name.
    fn lease_on(&self, id: &InstanceId, host: &Host, plug: Plug) -> String {
        let folder = &self.inventory().folder;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        format!("inventory {} {id} {}:{} {plug:?}", folder.display(), host.ssh.address, host.ssh.port)
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<String, PowerState>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a command was to do is not believed, but tells apart what looks alike from outside.
    fn note(&self, id: &InstanceId, op: PowerOp) {
        let now = match op {
            PowerOp::Isolate | PowerOp::Rejoin => return,
            PowerOp::Terminate => Some(PowerState::Terminated),
            PowerOp::Freeze | PowerOp::Suspend => Some(PowerState::Frozen),
            PowerOp::Stop | PowerOp::Start | PowerOp::SoftReboot | PowerOp::Thaw | PowerOp::Resume => None,
        };
        match now {
            Some(state) => drop(self.asked().insert(id.0.clone(), state)),
            None => drop(self.asked().remove(&id.0)),
        }
    }

    /// # Errors
    /// Its jump host can't be used: nothing is known of the server then.
    async fn measure(&self, name: &str, host: &Host, way: &Way) -> Result<Instance, ProviderError> {
        let (port, is_frozen) = (host.ssh.port, self.asked().get(name) == Some(&PowerState::Frozen));
        let attempt = if is_frozen { Attempt::Hear } else { Attempt::Knock };
        let (found, changed) = self.knocks.find(&Door::of(name, &way.route, way.address, port), attempt).await;
        // What was asked for meanwhile says what it is that does not answer.
        let unasked = if is_frozen { PowerState::Frozen } else { PowerState::Stopped };
        let asked = self.asked().get(name).copied().unwrap_or(unasked);
        let (state, told) = match found {
            Finding::Untried { why } => return Err(self.ways.unreached(name, host, why)),
            Finding::Answers(Attempt::Hear) => (PowerState::Running, format!("a process answers at port {port}")),
            Finding::Answers(Attempt::Knock) => (PowerState::Running, format!("port {port} accepts connections")),
            Finding::Heard => {
                (PowerState::Running, format!("its watcher is heard, though port {port} does not answer"))
            }
            Finding::Silent { why } if is_frozen => (asked, format!("no process answers at port {port}: {why}")),
            Finding::Silent { why } => (asked, format!("port {port} accepts no connection: {why}")),
        };
        let evidence = match host.ssh.address.name() {
            Some(name) => format!("{told} ({name} is {})", way.address),
            None => told,
        };
        Ok(Instance {
            id: InstanceId(name.into()),
            name: name.into(),
            address: way.address,
            state,
            evidence,
            first_process: None,
            changed,
        })
    }
}

#[async_trait]
impl Provider for InventoryCloud {
    fn can(&self, server: &str, abilities: &BTreeSet<Ability>) -> Result<(), ProviderError> {
        if abilities.contains(&Ability::Boot) {
            return Err(boots_nothing(server));
        }
        let id = InstanceId(server.into());
        let host = self.allowed(&id)?;
        let undeclared = |ability: &Ability| match ability {
            Ability::Power(op) => host.power.of(*op).is_none().then_some(*op),
            Ability::Boot | Ability::LogIn | Ability::Network => None,
        };
        let undeclared: Vec<PowerOp> = abilities.iter().filter_map(undeclared).collect();
        if !undeclared.is_empty() {
            return Err(self.undeclared(server, host, &undeclared));
        }
        if abilities.contains(&Ability::LogIn) { self.ways.can_log_in(server, host) } else { Ok(()) }
    }

    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        Err(boots_nothing(&spec.name))
    }

    /// Every server, allowed or not, by what its watcher says or a connection to its port. One that this provider froze must be silent there; one
    /// that was frozen otherwise, so that its kernel still accepts connections, counts as running.
    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        let ways = self.ways.all().await?;
        futures::future::try_join_all(ways.into_iter().map(|(name, host, way)| self.measure(name, host, way))).await
    }

    async fn measured(&self, id: &InstanceId) -> Result<Instance, ProviderError> {
        let hosts = &self.inventory().hosts;
        let (name, host) = hosts.get_key_value(&id.0).ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        self.measure(name, host, self.ways.to(name, host).await?).await
    }

    fn heard(&self, server: &str, at: Between) {
        self.knocks.heard(server, at);
    }

    /// As idempotent as the command is.
    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let host = self.allowed(id)?;
        let command = self.command(id, host, op)?;
        self.run(id, command).await?;
        // Only now: if it failed, the watchdog still ends the fault.
        self.call_off(id, host, op.plug()).await;
        self.note(id, op);
        Ok(())
    }

    /// Under a [watchdog](crate::provider::watchdog); needs the command that undoes it as well.
    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        let Some(undo) = op.undone_by() else { return self.power(id, op).await };
        let host = self.allowed(id)?;
        let (command, undo) = (self.command(id, host, op)?, self.command(id, host, undo)?);
        let on = self.lease_on(id, host, op.plug());
        let started = Watchdog::start(&on, undo, &self.inventory().folder, lease).map_err(|source| {
            ProviderError::System { server: id.0.clone(), action: "starting the watchdog of its lease", source }
        })?;
        if let Some(mut before) = self.watchdogs.lock().await.insert((id.0.clone(), op.plug()), started) {
            before.stop();
        }
        self.run(id, command).await?;
        self.note(id, op);
        Ok(())
    }

    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        match self.watchdogs.lock().await.get_mut(&(id.0.clone(), plug)) {
            Some(watchdog) => watchdog.renew(&self.inventory().folder).map_err(failed),
            None => Err(failed(std::io::Error::new(std::io::ErrorKind::NotFound, "it has none"))),
        }
    }

    /// The program of the agent goes from every server that it was put on, unless it still holds a fault there, or another
    /// scenario may need it.
    async fn close(&self) -> Result<(), ProviderError> {
        if self.shares {
            return Ok(());
        }
        let left = futures::future::join_all(self.ways.remotes().map(HostRemote::leave)).await;
        let failed: Vec<String> = left.into_iter().filter_map(|left| Some(left.err()?.to_string())).collect();
        if failed.is_empty() { Ok(()) } else { Err(ProviderError::Agent(failed.join("\n"))) }
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        let host = self.allowed(&instance.id)?;
        self.ways.can_log_in(&instance.id.0, host)?;
        let way = self.ways.to(&instance.id.0, host).await?;
        Ok(Box::new(way.remote.clone().expect("something proves its user")))
    }

    async fn reach(&self, servers: &BTreeSet<String>) -> Result<(), ProviderError> {
        self.reach_each(servers).await
    }
}

fn boots_nothing(server: &str) -> ProviderError {
    ProviderError::Unsupported {
        server: server.into(),
        provider: "inventory",
        action: "boot it".into(),
        hint: "an inventory's servers are there already; `start` may have a command under `power`".into(),
    }
}
