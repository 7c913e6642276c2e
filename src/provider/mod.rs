//! Where servers live: the [`Provider`] trait, what it boots and how a command is run there.
//!
//! A provider knows nothing of roles, faults or verdicts: it boots what an [`InstanceSpec`] says, lists what lives,
//! switches power, and connects. [`local`] is the embedded default; above it, [`crate::testbed`] has a site that is kept up,
//! and [`crate::inventory`] servers that are there already.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::instance::{
    Ability, Activity, Between, Command, ContainerReport, FileSpec, Instance, InstanceId, InstanceSpec, Output, Plug,
    PowerOp, Question, ServiceEnd,
};
use crate::launch::{ASKED, PROGRAM};

pub mod host_key;
pub mod key_pair;
pub mod lines;
pub mod local;
pub mod passwords;
pub mod secret;
pub mod ssh;
pub mod watchdog;

pub use lines::Lines;

/// Where servers live.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Whether it can do all this to a server, if that is in the state for it. Touches nothing: whoever plans something
    /// asks beforehand. The error says everything that it can't.
    fn can(&self, server: &str, abilities: &BTreeSet<Ability>) -> Result<(), ProviderError> {
        let _ = (server, abilities);
        Ok(())
    }
    /// Boots one instance; returns once it runs (not: is ready) and its services were started.
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError>;
    /// Every instance of this scenario that was not terminated, with its state measured now.
    /// With the instances that were terminated by [`power`](Self::power) as [`PowerState::Terminated`](crate::instance::PowerState::Terminated).
    async fn list(&self) -> Result<Vec<Instance>, ProviderError>;
    /// One of those, measured now.
    ///
    /// # Errors
    /// [`ProviderError::Unknown`] if it is not listed.
    async fn measured(&self, id: &InstanceId) -> Result<Instance, ProviderError> {
        let found = self.list().await?.into_iter().find(|instance| instance.id == *id);
        found.ok_or_else(|| ProviderError::Unknown(id.clone()))
    }
    /// How often all instances can be listed at most, where each list is a request to an API that bounds them; a call waits that long.
    /// Instances of such a provider come and go, and only a list shows it.
    fn lists_every(&self) -> Option<Duration> {
        None
    }
    /// Whether the place itself replaces servers, so that an instance that comes later stands for its server, though this run has not
    /// booted it.
    fn replaces(&self) -> bool {
        false
    }
    /// Whether an instance that runs serves, as far as the place itself checks that.
    async fn serves(&self, instance: &Instance) -> bool {
        let _ = instance;
        true
    }
    /// Every address at which an instance sends to others: more than one where it is in several networks.
    async fn addresses(&self, instance: &Instance) -> Vec<Ipv4Addr> {
        vec![instance.address]
    }
    /// Whether one can be cut off from the other by the other's [addresses](Self::addresses).
    ///
    /// # Errors
    /// They reach each other by others, so nothing would be cut.
    async fn separable(&self, one: &Instance, other: &Instance) -> Result<(), ProviderError> {
        let _ = (one, other);
        Ok(())
    }
    /// Says that the watcher on a server surely wrote a line at some moment between these two. A provider that measures states over the
    /// network can date them by it.
    fn heard(&self, server: &str, at: Between) {
        let _ = (server, at);
    }
    /// The names that are being booted now, and not listed yet.
    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        Ok(BTreeSet::new())
    }
    /// The services of an instance that ended since it booted and were not started again, by whatever end; none where the
    /// provider can't know. An instance that is gone has none.
    async fn ended(&self, id: &InstanceId) -> Result<Vec<ServiceEnd>, ProviderError> {
        let _ = id;
        Ok(Vec::new())
    }
    /// One look whether a server answers, by a provider that is nearer to it than this process; `None`: look yourself.
    async fn look(&self, question: &Question) -> Option<Result<(), String>> {
        let _ = question;
        None
    }
    /// Switches power, or the network; idempotent; returns when it is done. The effect on power is measured by [`list`](Self::list),
    /// that on the network by connections.
    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError>;
    /// [`power`](Self::power) under a lease: unless renewed, a provider that outlives its client undoes it by itself
    /// this long after it was asked for. For what is [undone by another](PowerOp::undone_by): what is frozen or can't be reached
    /// can't end its own fault. A provider that ends with its client has nothing to undo.
    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        let _ = lease;
        self.power(id, op).await
    }
    /// The lease of [`power_leased`](Self::power_leased) on this plug runs from now again. An error where it is over already.
    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        let _ = (id, plug);
        Ok(())
    }
    /// What undoing this will take beside the instance's id, for a journal, looked up now; `None`: nothing more. Nothing of the
    /// instance is changed. Without an operation: what an agent in it holds.
    ///
    /// # Errors
    /// It can't be done to this instance, or it can't be known how to undo it.
    async fn undo_record(&self, id: &InstanceId, op: Option<PowerOp>) -> Result<Option<Value>, ProviderError> {
        let _ = (id, op);
        Ok(None)
    }
    /// Takes what [`undo_record`](Self::undo_record) answered another process, so that this one can undo it.
    ///
    /// # Errors
    /// It is no such record.
    async fn recall(&self, id: &InstanceId, record: &Value) -> Result<(), ProviderError> {
        let _ = (id, record);
        Ok(())
    }
    /// Leads a floating IP to a server, wherever it led to; both by name. Idempotent. Returns once the provider says that it
    /// leads there. When a place is opened, each leads to the first server that may hold it.
    async fn lead(&self, floating_ip: &str, to: &str) -> Result<(), ProviderError> {
        let _ = to;
        Err(ProviderError::no_floating_ips(floating_ip))
    }
    /// Which server a floating IP leads to now, as the provider says; both by name.
    async fn leads_to(&self, floating_ip: &str) -> Result<Option<String>, ProviderError> {
        Err(ProviderError::no_floating_ips(floating_ip))
    }
    /// Whether its servers run on this very machine's kernel: then they share its monotonic clock, and a state that is
    /// listed was read from the kernel, not guessed from a connection that does not come about.
    fn shares_kernel(&self) -> bool {
        false
    }
    /// Whether faults can be made on these servers over a session: connects to all of them side by side, checks host keys,
    /// logs in, and asks for the user's rights and the CPU. Changes nothing there.
    ///
    /// # Errors
    /// Every server that can't be used, with the reason and what to do.
    async fn reach(&self, servers: &BTreeSet<String>) -> Result<(), ProviderError> {
        let _ = servers;
        Ok(())
    }
    /// What the place itself did to replace servers, as it says now: none where it replaces no server by itself.
    async fn activities(&self) -> Result<Vec<Activity>, ProviderError> {
        Ok(Vec::new())
    }
    /// What befalls the containers that stand for its servers, as it is heard from now on until this is dropped; `None` where servers
    /// are no containers.
    fn container_reports(&self) -> Option<UnboundedReceiver<ContainerReport>> {
        None
    }
    /// How many requests were sent to the API of a cloud for these servers so far; `None` where there is no such API.
    fn requests(&self) -> Option<u64> {
        None
    }
    /// Ends every instance that it booted, and takes away what it made for them.
    ///
    /// # Errors
    /// The first failure, after everything was tried.
    async fn close(&self) -> Result<(), ProviderError> {
        Ok(())
    }
    /// What is to be said of it, a line each, when it is needed no longer.
    fn told(&self) -> Vec<String> {
        Vec::new()
    }
    /// A way to run commands in it.
    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError>;
}

/// A way to run a command in an instance.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Runs a command to its end. A non-zero status is not an error of this call.
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError>;
    /// Asks the agent whose program lies there for one thing, by the words that follow [`ASKED`], and returns what that
    /// program would have printed. A remote may keep an agent that answers more than one request; what was sent to it once
    /// is never sent again, whatever becomes of the answer.
    async fn ask(&self, program: &str, words: &[String], timeout: Duration) -> Result<Output, RemoteError> {
        self.exec(&Command { argv: asking(program, words), timeout }).await
    }
    /// Ends the agents that [`ask`](Self::ask) keeps and that are not asked anything now. They are gone when this returns,
    /// if they can be reached, and end by themselves otherwise.
    async fn rest(&self) {}
    /// Starts a command and reads what it prints while it runs, over a connection that nothing else uses. Its standard
    /// input gets an empty line every [`lines::PULSE`], so that it can end by itself when no reader is left; it is
    /// closed when the lines are dropped. `command.timeout` does not limit it.
    async fn stream(&self, command: &Command) -> Result<Lines, RemoteError> {
        let detail = "its output can't be read while it runs".into();
        Err(RemoteError::Broken { host: "this server".into(), command: command.argv.join(" "), detail })
    }
    /// Writes a whole file (atomically: beside, then renamed).
    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError>;
    /// Runs a command that reads all of `input` from its standard input.
    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        let _ = input;
        let detail = "commands that read their standard input can't be run here".into();
        Err(RemoteError::Broken { host: "the host".into(), command: command.argv.join(" "), detail })
    }
    /// Where the agent's program is, put there first on a host that does not have it from its boot. `absent` is a path
    /// where it was looked for in vain.
    async fn program(&self, absent: Option<&str>) -> Result<HostProgram, RemoteError> {
        let _ = absent;
        Ok(HostProgram { path: PROGRAM.into(), user: None })
    }
    /// Puts the agent's program there, to stay until this long after this process was killed, or as long as was said before;
    /// true where that was needed. A host that has it from its boot keeps it. `known` is one that an earlier process has put there: it is taken over if
    /// it is still there.
    async fn lease_program(&self, lease: Option<Duration>, known: Option<&HostProgram>) -> Result<bool, RemoteError> {
        let _ = (lease, known);
        Ok(false)
    }
    /// Whether it is reachable: a new TCP connection to the port that commands go to, by the same route, closed at once.
    async fn knock(&self, timeout: Duration) -> Result<(), RemoteError>;
    /// A way to the same host that uses no connection that is open by now: what was sent over a path that lost it may be
    /// sent again only much later. `None` where there is no such thing.
    fn anew(&self) -> Option<Box<dyn Remote>> {
        None
    }
    /// The fingerprint of the key by which the host proves to be the one, as OpenSSH writes it (`SHA256:…`); `None`
    /// where it has none.
    async fn host_key(&self) -> Result<Option<String>, RemoteError> {
        Ok(None)
    }
}

/// The command that asks an agent for one thing.
pub fn asking(program: &str, words: &[String]) -> Vec<String> {
    [program, ASKED].map(str::to_string).into_iter().chain(words.iter().cloned()).collect()
}

/// The agent's program on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostProgram {
    /// Where it lies.
    pub path: String,
    /// The name by which a run uses one that was put there for a while; `None`: it is there from the boot.
    pub user: Option<String>,
}

/// Why a provider could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The sandbox or the kernel refused.
    #[error("{server}: {action} failed: {source}")]
    System { server: String, action: &'static str, source: std::io::Error },
    /// There is no such instance.
    #[error("there is no instance `{0}`")]
    Unknown(InstanceId),
    /// A boot-time command failed.
    #[error("{server}: `{command}` ended with {status} while booting: {stderr}")]
    BootCommand { server: String, command: String, status: String, stderr: String },
    /// A boot-time command did not end in time.
    #[error("{server}: `{command}` did not end while booting, which may take {} with all its commands", crate::units::show_duration(*.within))]
    BootCommandHangs { server: String, command: String, within: std::time::Duration },
    /// The process that makes instances is gone.
    #[error("the sandbox is gone: {0}")]
    SandboxGone(String),
    /// What holds faults in the instance did not do it.
    #[error("{0}")]
    Agent(String),
    /// This provider can't do that at all, or not to this server.
    #[error("{server}: the provider `{provider}` can't {action}: {hint}")]
    Unsupported { server: String, provider: &'static str, action: String, hint: String },
    /// No command was declared that does this to a server's power.
    #[error("{server} has no command to {action} it\n  help: add it beside the host, in {place}: `{example}`")]
    NoCommand { server: String, action: String, place: String, example: String },
    /// Nobody said that this server may be attacked.
    #[error(
        "{0} was not opted in, so nothing is done to it: write `attack: allowed` beside it in the inventory, or its name or tag under `allow`"
    )]
    NotAllowed(String),
    /// A command that switches a server's power failed.
    #[error("{server}: `{command}`: {detail}")]
    PowerCommand { server: String, command: String, detail: String },
    /// A server of an inventory can't be reached, or not with the rights that faults need.
    #[error("{place}: {server}: {detail}")]
    Unreached { place: String, server: String, detail: String },
    /// Several things went wrong, each with its own reason.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<ProviderError>),
    /// What stands between this process and the servers did not do it: a testbed, say.
    #[error(transparent)]
    Between(Box<dyn std::error::Error + Send + Sync>),
    /// The instance did not let us in.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl ProviderError {
    /// That a provider leads no floating IPs.
    pub(crate) fn no_floating_ips(name: &str) -> ProviderError {
        let detail = format!("{name}: floating IPs are led nowhere here\n  help: declare it without `floating_ip`");
        ProviderError::Between(detail.into())
    }

    /// All of them as one.
    ///
    /// # Errors
    /// If there is any.
    pub fn of_all(errors: impl IntoIterator<Item = ProviderError>) -> Result<(), ProviderError> {
        let mut errors: Vec<ProviderError> = errors.into_iter().collect();
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(ProviderError::Several(errors)),
        }
    }
}

/// Why a command could not be run in an instance.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Connecting or logging in failed.
    #[error("{host}: ssh: {detail}")]
    Connect { host: String, detail: String },
    /// It can't be entered.
    #[error("{server}: {detail}")]
    Closed { server: String, detail: String },
    /// The connection broke while a command ran.
    #[error("{host}: `{command}`: {detail}")]
    Broken { host: String, command: String, detail: String },
    /// The command took longer than it may.
    #[error("{host}: `{command}` took longer than {}", crate::units::show_duration(*.timeout))]
    TimedOut { host: String, command: String, timeout: Duration },
    /// The agent's program is not there, or can't run there.
    #[error(transparent)]
    Program(Box<dyn std::error::Error + Send + Sync>),
}
