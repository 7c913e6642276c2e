//! The harness's hold on one instance: its boots, its power, and what can be measured of it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::unix::AsyncFd;

use super::filter::Filter;
use super::identity::Identity;
use super::link::{Bridge, Port};
use super::subnet::Subnet;
use super::wire::{self, BootOrder, Control, MOST_DESCRIPTORS, Word};
use super::zygote::Zygote;
use super::{ends, image, process, shut_down, sys};
use crate::instance::service_end::last_lines;
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerState, ServiceEnd};
use crate::provider::ProviderError;
use crate::provider::host_key::HostKey;
use crate::provider::secret::Secret;
use crate::provider::ssh::{Login, Proof, Route, SshRemote};
use crate::units::show_duration;

mod isolation;
mod standing;

/// How long a boot with its boot-time commands may take.
const BOOT: Duration = Duration::from_secs(120);
/// How long a killed instance may take to be gone.
const DEATH: Duration = Duration::from_secs(10);

/// What the instances of a scenario have in common.
#[derive(Debug)]
pub(super) struct MachineContext {
    pub zygote: Zygote,
    pub bridge: Bridge,
    pub slot: u32,
    pub log_root: PathBuf,
    /// Where a cloud decides what passes.
    pub filter: OnceLock<Filter>,
    /// Counts links, so that no two ever have one name.
    pub links: AtomicU32,
}

/// An instance, whether it lives or not.
pub(super) struct Machine {
    pub id: InstanceId,
    pub spec: InstanceSpec,
    identity: Identity,
    /// Held while its power is switched: switches follow each other.
    pub switching: tokio::sync::Mutex<()>,
    life: Mutex<Option<Arc<Life>>>,
    /// Whether no packet passes, in whichever life.
    is_isolated: AtomicBool,
    /// The boot-time command that began last.
    runs: Mutex<Option<String>>,
    context: Arc<MachineContext>,
}

/// One life of an instance: from power on to power off.
struct Life {
    first_process: i32,
    pidfd: AsyncFd<OwnedFd>,
    namespace: u64,
    port: OnceLock<Port>,
    remote: SshRemote,
    /// The instance ends when this closes.
    control: Control,
    /// While it is frozen: the processes that somebody had stopped before.
    stood: Mutex<Option<BTreeSet<i32>>>,
    /// Whether nothing answers for it, its kernel neither.
    is_suspended: AtomicBool,
}

impl Life {
    fn stood(&self) -> MutexGuard<'_, Option<BTreeSet<i32>>> {
        self.stood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = sys::signal_pidfd(self.pidfd.get_ref().as_fd(), Signal::SIGKILL);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = image::remove_disk(&self.disk_name());
    }
}

impl Machine {
    /// A machine that has never been booted.
    pub fn new(context: Arc<MachineContext>, id: InstanceId, spec: InstanceSpec, identity: Identity) -> Self {
        let (life, runs) = (Mutex::default(), Mutex::default());
        let (switching, is_isolated) = (Default::default(), AtomicBool::new(false));
        Machine { id, spec, identity, switching, life, is_isolated, runs, context }
    }

    fn disk_name(&self) -> String {
        format!("{}-{}", self.context.slot, self.id)
    }

    fn disk(&self) -> PathBuf {
        image::disk(&self.disk_name())
    }

    fn life(&self) -> Option<Arc<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn living(&self) -> Option<Arc<Life>> {
        self.life().filter(|life| !sys::has_exited(life.pidfd.get_ref().as_fd()))
    }

    /// Whether its first process lives.
    pub fn is_alive(&self) -> bool {
        self.living().is_some()
    }

    /// Whether there is a disk that it could start from.
    pub fn has_disk(&self) -> bool {
        self.disk().exists()
    }

    /// A way to run commands in its present life.
    pub fn remote(&self) -> Option<SshRemote> {
        self.life().map(|life| life.remote.clone())
    }

    fn system(&self, action: &'static str) -> impl Fn(io::Error) -> ProviderError {
        let server = self.spec.name.clone();
        move |source| ProviderError::System { server: server.clone(), action, source }
    }

    /// Boots it: for the first time with files and commands, later from its disk with its services alone.
    pub async fn start(&self, first_boot: bool) -> Result<(), ProviderError> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let life = tokio::time::timeout(BOOT, self.raise(first_boot)).await.map_err(|_| self.late())??;
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
        Ok(())
    }

    /// It is not up in time: what it was about.
    fn late(&self) -> ProviderError {
        match self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(command) => ProviderError::BootCommandHangs { server: self.spec.name.clone(), command, within: BOOT },
            None => {
                let detail = format!("not up within {}", show_duration(BOOT));
                self.system("booting")(io::Error::new(io::ErrorKind::TimedOut, detail))
            }
        }
    }

    async fn raise(&self, first_boot: bool) -> Result<Arc<Life>, ProviderError> {
        let logs = self.open_logs().map_err(self.system("opening its logs"))?;
        if first_boot {
            image::make_disk(&self.disk_name()).map_err(self.system("making its disk"))?;
        }
        let order = BootOrder {
            disk: self.disk_name(),
            name: self.spec.name.clone(),
            identity: self.identity.clone(),
            address: self.spec.address,
            prefix: Subnet::PREFIX,
            first_boot,
            user_data: self.spec.user_data.clone(),
        };
        let control = self
            .context
            .zygote
            .boot(&order, &logs)
            .map_err(|why| ProviderError::SandboxGone(format!("its first process does not listen: {why}")))?;
        let life = self.born(control).await?;
        loop {
            match life.control.receive().await.map_err(self.system("booting"))?.0 {
                Word::NetworkReady => self.link_or_hear_why(&life).await?,
                Word::LinkRaised => {
                    life.port.get().map_or(Ok(()), Port::raise).map_err(self.system("raising its link"))?;
                }
                Word::Up => {
                    if let Some(port) = life.port.get() {
                        self.context.bridge.settle(port).await;
                    }
                    return Ok(life);
                }
                Word::Runs { command } => {
                    *self.runs.lock().unwrap_or_else(PoisonError::into_inner) = Some(command);
                }
                word => return Err(self.refused(word)),
            }
        }
    }

    /// Waits for the zygote's word. It may come after the instance's first own one, which waits for the link then.
    async fn born(&self, control: Control) -> Result<Arc<Life>, ProviderError> {
        let failed = self.system("making its first process");
        let mut network_ready = false;
        let (first_process, pidfd) = loop {
            match control.receive().await.map_err(&failed)? {
                (Word::Born { pid }, mut fds) => match fds.pop() {
                    Some(pidfd) => break (pid, pidfd),
                    None => return Err(failed(io::ErrorKind::InvalidData.into())),
                },
                (Word::NetworkReady, _) => network_ready = true,
                (word, _) => return Err(self.refused(word)),
            }
        };
        let login = Login {
            name: None,
            address: self.spec.address,
            port: 22,
            user: "root".into(),
            proof: Proof::Key(Secret::new(self.context.zygote.key().to_string())),
            // Made for this sandbox, where nobody else is.
            host_key: HostKey::Unchecked,
            route: Route::Direct,
        };
        let life = Arc::new(Life {
            first_process,
            pidfd: wire::watch(pidfd).map_err(&failed)?,
            namespace: process::namespace_of(first_process).unwrap_or(0),
            port: OnceLock::new(),
            remote: SshRemote::new(login),
            control,
            stood: Mutex::default(),
            is_suspended: AtomicBool::new(false),
        });
        if network_ready {
            self.link_or_hear_why(&life).await?;
        }
        Ok(life)
    }

    fn refused(&self, word: Word) -> ProviderError {
        match word {
            Word::Unborn { errno } => self.system("making its first process")(io::Error::from_raw_os_error(errno)),
            Word::Failed { stage, errno, detail } => {
                let kind = io::Error::from_raw_os_error(errno).kind();
                self.system(stage.action())(io::Error::new(kind, detail))
            }
            Word::CommandFailed { command, status, stderr } => {
                ProviderError::BootCommand { server: self.spec.name.clone(), command, status, stderr }
            }
            word => self.system("booting")(io::Error::other(format!("unexpected {word:?}"))),
        }
    }

    /// An instance that failed meanwhile has no use for a link; what it said last tells more.
    async fn link_or_hear_why(&self, life: &Life) -> Result<(), ProviderError> {
        let Err(why) = self.link(life).await else { return Ok(()) };
        let _ = sys::signal_pidfd(life.pidfd.get_ref().as_fd(), Signal::SIGKILL);
        match life.control.receive().await {
            Ok((word, _)) => Err(self.refused(word)),
            Err(_) => Err(why),
        }
    }

    async fn link(&self, life: &Life) -> Result<(), ProviderError> {
        let failed = self.system("making its link");
        let number = self.context.links.fetch_add(1, Ordering::Relaxed);
        let name = format!("v{}.{number}", self.context.slot);
        let port = self
            .context
            .bridge
            .plug(&name, self.identity.hardware_address, life.first_process)
            .await
            .map_err(&failed)?;
        if let Some(filter) = self.context.filter.get() {
            filter.bind(&self.spec.name, &port.name).await.map_err(self.system("filtering its packets"))?;
        }
        self.stay_isolated(&port).await.map_err(&failed)?;
        let _ = life.port.set(port);
        life.control.send(&Word::Linked).map_err(&failed)
    }

    /// The log of `sshd`, then one for each service, in order.
    fn open_logs(&self) -> io::Result<Vec<OwnedFd>> {
        let folder = self.context.log_root.join(&self.spec.name);
        fs::create_dir_all(&folder)?;
        let services = self.spec.user_data.services.iter().map(|service| service.name.as_str());
        let names: Vec<&str> = std::iter::once("sshd").chain(services).collect();
        if names.len() + 2 > MOST_DESCRIPTORS {
            return Err(io::Error::other(format!("{} services are too many: 250 at most", names.len() - 1)));
        }
        let open = |name| {
            fs::OpenOptions::new().create(true).append(true).open(folder.join(format!("{name}.log"))).map(Into::into)
        };
        names.into_iter().map(open).collect()
    }

    /// Cuts its link, kills it, waits until it is gone, and removes the link: nobody is told that it died.
    pub async fn cut_power(&self) -> Result<(), ProviderError> {
        let Some(life) = self.life() else { return Ok(()) };
        let bridge = &self.context.bridge;
        if let Some(port) = life.port.get() {
            bridge.cut(port).await.map_err(self.system("cutting its link"))?;
        }
        self.kill().await?;
        if let Some(port) = life.port.get() {
            bridge.unplug(port).await.map_err(self.system("removing its link"))?;
        }
        Ok(())
    }

    /// Has its own first process end everything in it in order; then its power is cut. One that has not ended by then is killed.
    pub async fn shut_down(&self) -> Result<(), ProviderError> {
        let Some(life) = self.living() else { return Ok(()) };
        life.control.send(&Word::ShutDown).map_err(self.system("shutting it down"))?;
        let _ = tokio::time::timeout(shut_down::WITHIN + DEATH, life.pidfd.readable()).await;
        self.cut_power().await
    }

    /// Kills it and waits until it is gone.
    pub async fn kill(&self) -> Result<(), ProviderError> {
        let Some(life) = self.life() else { return Ok(()) };
        let failed = self.system("killing it");
        sys::signal_pidfd(life.pidfd.get_ref().as_fd(), Signal::SIGKILL).map_err(&failed)?;
        match tokio::time::timeout(DEATH, life.pidfd.readable()).await {
            Ok(gone) => gone.map(drop).map_err(&failed),
            Err(_) => Err(failed(io::Error::new(io::ErrorKind::TimedOut, "it still runs 10 s after SIGKILL"))),
        }
    }

    /// Removes its disk; there must be no life.
    pub async fn remove_disk(&self) -> Result<(), ProviderError> {
        let disk = self.disk_name();
        let removed = tokio::task::spawn_blocking(move || image::remove_disk(&disk)).await;
        removed.unwrap_or_else(|why| Err(io::Error::other(why))).map_err(self.system("removing its disk"))
    }

    /// The services of its present life that ended, with the last lines of their logs.
    pub fn ended(&self) -> Vec<ServiceEnd> {
        let Some(life) = self.living() else { return Vec::new() };
        let ended = ends::read(life.first_process, &self.spec.user_data.services);
        let told = |(service, end): (String, ends::End)| {
            let log = self.context.log_root.join(&self.spec.name).join(format!("{service}.log"));
            let last_lines = last_lines(&log);
            let log = (!log.starts_with(image::MEMORY)).then_some(log);
            ServiceEnd { service, how: end.how, after: end.after, left: end.left, last_lines, log }
        };
        ended.into_iter().map(told).collect()
    }

    /// What it is, measured now; `None` when it was never up.
    pub fn measure(&self) -> Option<Instance> {
        let life = self.life()?;
        let (state, evidence) = self.state(&life);
        Some(Instance {
            id: self.id.clone(),
            name: self.spec.name.clone(),
            address: self.spec.address,
            state,
            evidence,
            first_process: Some(life.first_process),
            changed: None,
        })
    }

    fn state(&self, life: &Life) -> (PowerState, String) {
        let (first, port) = (life.first_process, life.port.get().map_or("never linked", Port::state));
        let unplugged = self.unplugged(life);
        if sys::has_exited(life.pidfd.get_ref().as_fd()) {
            let gone = format!("first process {first} is gone (pidfd), {port}");
            return match self.has_disk() {
                true => (PowerState::Stopped, format!("{gone}, disk kept")),
                false => (PowerState::Terminated, format!("{gone}, no disk")),
            };
        }
        let state = process::find(first).map_or('?', |process| process.state);
        if state != 'T' {
            return (PowerState::Running, format!("first process {first} lives ({state}), {port}{unplugged}"));
        }
        let members = process::freezable(life.namespace);
        let stopped = members.iter().filter(|member| member.state == 'T').count();
        let evidence = format!("{stopped} of {} processes stopped (T), {port}{unplugged}", members.len());
        (if stopped == members.len() { PowerState::Frozen } else { PowerState::Running }, evidence)
    }
}
