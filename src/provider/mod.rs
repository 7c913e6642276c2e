//! Where servers live: the [`Provider`] trait, what it boots and how a command is run there.
//!
//! A provider knows nothing of roles, faults or verdicts: it boots what an [`InstanceSpec`] says, lists what lives,
//! switches power, and connects. [`local`] is the embedded default, [`mod@keeper`] a site that somebody keeps up, and
//! [`inventory`] servers that are there already.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::readiness::Question;

mod ability;
pub mod bytes;
pub mod host_key;
pub mod inventory;
pub mod keeper;
pub mod launch;
pub mod local;
pub mod secret;
mod service_end;
pub mod ssh;

pub use ability::Ability;
pub use service_end::{HowEnded, ServiceEnd};

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
    /// Nothing of all this is done at the first boot: somebody else will, over a [`Remote`], and then remove
    /// [`launch::BARE_MARK`]; from then on the services start with every boot.
    #[serde(default)]
    pub bare: bool,
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
    /// Whether it comes with the machine's image, also where a server boots bare: nobody writes it later.
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

/// Names one instance for as long as it exists: `web-1.1`, and `web-1.2` for its replacement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub String);

/// A server that was booted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Unique among all instances of a run.
    pub id: InstanceId,
    /// The server it stands for.
    pub name: String,
    /// Where it answers.
    pub address: Ipv4Addr,
    /// What was found when it was listed, measured there and then.
    pub state: PowerState,
    /// What the state was read from, in words: `pid 212 gone`, `9 of 9 processes stopped (T)`.
    pub evidence: String,
    /// The pid of its first process as the harness sees it; `None` where the provider has no such thing.
    pub first_process: Option<i32>,
}

/// The state of an instance, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Its first process lives and is not stopped.
    Running,
    /// Alive, but every process of it is stopped.
    Frozen,
    /// No process; its disk is kept, `Start` boots it again.
    Stopped,
    /// Gone for good.
    Terminated,
}

/// What can be done to the power of an instance. All are idempotent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerOp {
    /// The link is cut first, then everything is killed, then the disk is removed: a black hole, gone for good.
    Terminate,
    /// As a power cut: link cut, everything killed; the disk is kept.
    Stop,
    /// Boots a stopped instance from its kept disk.
    Start,
    /// Stop, then start.
    Reboot,
    /// Every process stops where it is (SIGSTOP); nothing is closed.
    Freeze,
    /// They go on (SIGCONT).
    Thaw,
}

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
    /// With the instances that were terminated by [`power`](Self::power) as [`PowerState::Terminated`].
    async fn list(&self) -> Result<Vec<Instance>, ProviderError>;
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
    /// Switches power; idempotent; returns when it is done (its effect is measured by [`list`](Self::list)).
    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError>;
    /// [`power`](Self::power) under a lease: unless renewed, a provider that outlives its client undoes it by itself
    /// this long after it was asked for. For [`PowerOp::Freeze`] (thawed) and [`PowerOp::Stop`] (started): what is
    /// frozen can't end its own fault. A provider that ends with its client has nothing to undo.
    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        let _ = lease;
        self.power(id, op).await
    }
    /// The lease of [`power_leased`](Self::power_leased) runs from now again. An error where it is over already.
    async fn renew(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let _ = id;
        Ok(())
    }
    /// Whether its servers run on this very machine's kernel: then they share its monotonic clock, and a state that is
    /// listed was read from the kernel, not guessed from a connection that does not come about.
    fn shares_kernel(&self) -> bool {
        false
    }
    /// A way to run commands in it.
    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError>;
}

/// A command to be run in an instance: a program and its arguments, never a shell line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments, passed on unchanged.
    pub argv: Vec<String>,
    /// It is given up after this long.
    #[serde(with = "crate::units::duration")]
    pub timeout: Duration,
}

/// What a command left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

/// A way to run a command in an instance.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Runs a command to its end. A non-zero status is not an error of this call.
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError>;
    /// Writes a whole file (atomically: beside, then renamed).
    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError>;
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
    /// Nobody said that this server may be attacked.
    #[error(
        "{0} was not opted in, so nothing is done to it: write `attack: allowed` beside it in the inventory, or its name or tag under `allow`"
    )]
    NotAllowed(String),
    /// A command that switches a server's power failed.
    #[error("{server}: `{command}`: {detail}")]
    PowerCommand { server: String, command: String, detail: String },
    /// The keeper did not do it.
    #[error(transparent)]
    Keeper(#[from] crate::keeper::KeeperError),
    /// The instance did not let us in.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

/// Why a command could not be run in an instance.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Connecting or logging in failed.
    #[error("{host}: ssh: {detail}")]
    Connect { host: String, detail: String },
    /// The connection broke while a command ran.
    #[error("{host}: `{command}`: {detail}")]
    Broken { host: String, command: String, detail: String },
    /// The command took longer than it may.
    #[error("{host}: `{command}` took longer than {}", crate::units::show_duration(*.timeout))]
    TimedOut { host: String, command: String, timeout: Duration },
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PowerState::Running => "running",
            PowerState::Frozen => "frozen",
            PowerState::Stopped => "stopped",
            PowerState::Terminated => "terminated",
        })
    }
}

impl Command {
    /// A command with a deadline of 10 s.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Command { argv: argv.into_iter().map(Into::into).collect(), timeout: Duration::from_secs(10) }
    }
}
