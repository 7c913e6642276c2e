//! The containers of a Compose project as a provider.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::Signal;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::fleet::Fleet;
use super::names::server_name;
use crate::clock::{micros, monotonic_us};
use crate::docker::client::Docker;
use crate::docker::container::{Container, Listed, inspect, list};
use crate::docker::project::{Service, is_one_off};
use crate::docker::remote::ContainerRemote;
use crate::docker::{DockerError, Project, events, labels};
use crate::environment::cloud::lease::Leases;
use crate::instance::{Ability, ContainerReport, Instance, InstanceId, InstanceSpec, Plug, PowerOp};
use crate::provider::{Provider, ProviderError, Remote};

/// How long a list of the daemon is believed, as far as no process is seen to be gone.
const BELIEVED: Duration = Duration::from_millis(250);
/// How long a container has to end in order, before it is killed.
const GRACE_S: u64 = 10;
/// How long the daemon may take to notice that a process is gone.
const NOTICED: Duration = Duration::from_secs(10);
/// From one look at it to the next.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The hidden first argument of what undoes a switch when its lease is over.
pub(super) const UNDO: &str = "__compose-undo";

/// The containers of a project.
pub struct Containers {
    docker: Docker,
    project: String,
    file: PathBuf,
    /// The servers that may be attacked.
    allowed: BTreeSet<String>,
    /// Why the network of a server, or its processes, can't be touched, by the server's name.
    borrowed: BTreeMap<String, Borrowed>,
    fleet: Mutex<Fleet>,
    leases: Leases,
}

/// What of a container is not its own, in words.
#[derive(Debug, Clone, Default)]
pub(super) struct Borrowed {
    network: Option<String>,
    processes: Option<String>,
}

impl Borrowed {
    /// Of every container of a project that has anything that is not its own, by the server's name.
    pub fn of(project: &Project) -> BTreeMap<String, Borrowed> {
        let shares = |(_, service): &(&String, &Service)| {
            service.borrowed_network.is_some() || service.borrowed_processes.is_some()
        };
        let each = |(name, service): (&String, &Service)| -> Vec<(String, Borrowed)> {
            let (network, processes) = (service.borrowed_network.clone(), service.borrowed_processes.clone());
            let borrowed = Borrowed { network, processes };
            service.numbers.iter().map(|number| (server_name(name, *number), borrowed.clone())).collect()
        };
        project.services.iter().filter(shares).flat_map(each).collect()
    }

    /// What stands in the way of this.
    pub fn forbids(&self, ability: &Ability) -> Option<String> {
        match (ability, &self.network, &self.processes) {
            (Ability::Network, Some(network), _) => Some(format!(
                "it has {network}, so a fault of its network would be one of others, too\n  help: give its service a network of its own"
            )),
            (Ability::LogIn, _, Some(processes)) => Some(format!(
                "it has {processes}, so a fault in it could hit others, too\n  help: leave out `pid:` of its service"
            )),
            _ => None,
        }
    }
}

impl Containers {
    /// Nothing is asked yet.
    pub fn new(docker: &Docker, project: &Project, file: PathBuf, allowed: BTreeSet<String>) -> Self {
        Containers {
            docker: docker.clone(),
            project: project.name.clone(),
            file,
            allowed,
            borrowed: Borrowed::of(project),
            fleet: Mutex::default(),
            leases: Leases::default(),
        }
    }

    /// Looks at all first processes, and asks the daemon where that does not tell, or its last answer is too old.
    async fn update(&self, fleet: &mut Fleet, believed: Duration) -> Result<(), DockerError> {
        let is_stale = fleet.look();
        let is_old = fleet.asked_us.is_none_or(|asked_us| asked_us + micros(believed) <= monotonic_us());
        if !is_stale && !is_old {
            return Ok(());
        }
        let all = list(&self.docker, &format!("{}={}", labels::PROJECT, self.project)).await?;
        let own: Vec<Listed> = all.into_iter().filter(|one| !is_one_off(one)).collect();
        let mut inspected = Vec::new();
        for one in own.iter().filter(|one| fleet.is_news(&one.id, &one.state)) {
            match inspect(&self.docker, &one.id).await {
                Ok(container) => inspected.push(container),
                Err(why) if why.is_absent() => {}
                Err(why) => return Err(why),
            }
        }
        let there: Vec<String> = own.into_iter().map(|one| one.id).collect();
        fleet.take_in(&there, inspected);
        Ok(())
    }

    async fn instances(&self) -> Result<Vec<Instance>, ProviderError> {
        let mut fleet = self.fleet.lock().await;
        self.update(&mut fleet, BELIEVED).await.map_err(asked)?;
        Ok(fleet.instances())
    }

    /// The container of an instance of a server that may be attacked.
    async fn container(&self, id: &InstanceId) -> Result<Container, ProviderError> {
        let server = id.0.split('.').next().unwrap_or_default();
        self.opted_in(server)?;
        let mut fleet = self.fleet.lock().await;
        self.update(&mut fleet, Duration::ZERO).await.map_err(asked)?;
        fleet.container(id).cloned().ok_or_else(|| ProviderError::Unknown(id.clone()))
    }

    fn opted_in(&self, server: &str) -> Result<(), ProviderError> {
        if self.allowed.contains(server) {
            return Ok(());
        }
        let detail =
            format!("{server} was not opted in, so nothing is done to it\n  help: {}", opt_in(&self.file, server));
        Err(ProviderError::Between(detail.into()))
    }

    async fn switch(&self, container: &Container, what: &str, takes: Duration) -> Result<(), ProviderError> {
        match self.docker.post(&format!("/containers/{}/{what}", container.id), takes).await {
            // It is so already.
            Err(why) if why.is_conflict() => Ok(()),
            done => done.map_err(asked),
        }
    }

    /// Ends the first process from outside, as a crash does: Docker's own way to kill is the one after which no restart policy acts.
    async fn end(&self, id: &InstanceId, container: &Container) -> Result<(), ProviderError> {
        let first = {
            let mut fleet = self.fleet.lock().await;
            fleet.terminate(&container.id);
            fleet.first_process(id)
        };
        let Some(first) = first else { return Ok(()) };
        let failed =
            |source| ProviderError::System { server: id.0.clone(), action: "killing its first process", source };
        first.signal(Signal::SIGKILL).map_err(failed)?;
        if container.state.paused {
            // What is frozen ends only when it goes on.
            self.switch(container, "unpause", Duration::ZERO).await?;
        }
        let begun = Instant::now();
        while first.find().is_some() && begun.elapsed() < NOTICED {
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn carry_out(&self, id: &InstanceId, container: &Container, op: PowerOp) -> Result<(), ProviderError> {
        match op {
            PowerOp::Terminate => self.end(id, container).await,
            PowerOp::Stop => self.switch(container, "kill?signal=KILL", Duration::ZERO).await,
            PowerOp::Freeze => self.switch(container, "pause", Duration::ZERO).await,
            PowerOp::Thaw => self.switch(container, "unpause", Duration::ZERO).await,
            PowerOp::Start => {
                self.fleet.lock().await.expect_start(&container.id);
                self.switch(container, "start", Duration::ZERO).await
            }
            PowerOp::SoftReboot => {
                self.fleet.lock().await.expect_start(&container.id);
                let takes = Duration::from_secs(GRACE_S);
                self.switch(container, &format!("restart?t={GRACE_S}"), takes).await
            }
            PowerOp::Suspend | PowerOp::Resume | PowerOp::Isolate | PowerOp::Rejoin => Err(unsupported(&id.0, op)),
        }
    }
}

/// The server that a container with these labels stands for.
fn server_of(of_container: &BTreeMap<String, String>) -> Option<String> {
    let label = |name: &str| of_container.get(name);
    if label(labels::ONE_OFF).is_some_and(|one_off| one_off.eq_ignore_ascii_case("true")) {
        return None;
    }
    Some(server_name(label(labels::SERVICE)?, label(labels::NUMBER)?.parse().ok()?))
}

/// How the service of a server is opted in; of several, how theirs are.
pub(super) fn opt_in(file: &Path, server: &str) -> String {
    let service = server.rsplit_once('-').map(|(service, _)| service).filter(|service| !service.contains(' '));
    let service = service.unwrap_or("SERVICE");
    let named = format!("`attack = [\"{service}\"]`, beside those that are there");
    format!("write its service under `[compose]` of chimp.toml, for {}: {named}", file.display())
}

/// What a container can be switched to.
pub(super) const POWER: &[PowerOp] =
    &[PowerOp::Terminate, PowerOp::Stop, PowerOp::Start, PowerOp::SoftReboot, PowerOp::Freeze, PowerOp::Thaw];

fn unsupported(server: &str, op: PowerOp) -> ProviderError {
    let hint = "`hangs` pauses it, and `loses network` cuts its network".into();
    ProviderError::Unsupported { server: server.into(), provider: "compose", action: format!("{} it", op.verb()), hint }
}

fn asked(why: DockerError) -> ProviderError {
    ProviderError::Between(why.into())
}

#[async_trait]
impl Provider for Containers {
    fn can(&self, server: &str, abilities: &BTreeSet<Ability>) -> Result<(), ProviderError> {
        self.opted_in(server)?;
        for ability in abilities {
            match ability {
                Ability::Boot => {
                    let hint = "a project's containers are there already".into();
                    let action = "boot it".into();
                    return Err(ProviderError::Unsupported {
                        server: server.into(),
                        provider: "compose",
                        action,
                        hint,
                    });
                }
                Ability::Power(op) if !POWER.contains(op) => return Err(unsupported(server, *op)),
                _ => {}
            }
            if let Some(why) = self.borrowed.get(server).and_then(|borrowed| borrowed.forbids(ability)) {
                return Err(ProviderError::Between(format!("{server}: {why}").into()));
            }
        }
        Ok(())
    }

    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        Err(ProviderError::Unknown(InstanceId(spec.name.clone())))
    }

    /// By the kernel, whether each first process lives; by the daemon, the rest.
    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        self.instances().await
    }

    async fn addresses(&self, instance: &Instance) -> Vec<Ipv4Addr> {
        let fleet = self.fleet.lock().await;
        fleet.container(&instance.id).map_or_else(|| vec![instance.address], Container::addresses)
    }

    /// By restart policies, or whoever runs the project.
    fn replaces(&self) -> bool {
        true
    }

    /// By its health check, where it has one.
    async fn serves(&self, instance: &Instance) -> bool {
        let Some(id) = self.fleet.lock().await.container(&instance.id).map(|container| container.id.clone()) else {
            return false;
        };
        let found = inspect(&self.docker, &id).await;
        found.is_ok_and(|container| container.health().is_none_or(|health| health == "healthy"))
    }

    fn shares_kernel(&self) -> bool {
        true
    }

    fn container_reports(&self) -> Option<UnboundedReceiver<ContainerReport>> {
        let (out, reports) = unbounded_channel();
        let of_project = format!("{}={}", labels::PROJECT, self.project);
        tokio::spawn(events::follow(self.docker.clone(), of_project, server_of, out));
        Some(reports)
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let container = self.container(id).await?;
        self.carry_out(id, &container, op).await?;
        self.leases.call_off(id, op.plug()).await;
        self.fleet.lock().await.asked_us = None;
        Ok(())
    }

    /// Under a process of this machine that undoes it.
    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        let Some(undo) = op.undone_by() else { return self.power(id, op).await };
        let container = self.container(id).await?;
        let socket = self.docker.socket().display().to_string();
        let words = [UNDO.to_string(), socket, container.id.clone(), undo.word().into()];
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "starting the lease", source };
        self.leases.begin(id, op.plug(), words.into(), lease).await.map_err(failed)?;
        self.carry_out(id, &container, op).await?;
        self.fleet.lock().await.asked_us = None;
        Ok(())
    }

    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        self.leases.renew(id, plug).await.map_err(failed)
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        let container = self.container(&instance.id).await?;
        self.can(&instance.name, &BTreeSet::from([Ability::LogIn]))?;
        Ok(Box::new(ContainerRemote::new(self.docker.clone(), &instance.name, &container.id)))
    }

    async fn reach(&self, servers: &BTreeSet<String>) -> Result<(), ProviderError> {
        let instances = self.instances().await?;
        let mut failed = Vec::new();
        for instance in instances.iter().filter(|instance| servers.contains(&instance.name)) {
            let reached = async {
                let command = crate::instance::Command::new(["true"]);
                Ok::<_, ProviderError>(self.connect(instance).await?.exec(&command).await?)
            };
            failed.extend(reached.await.err());
        }
        ProviderError::of_all(failed)
    }
}

/// Undoes what a lease was on: with the socket, a container's id, and what is to be done to it.
///
/// # Errors
/// In words, why it was not.
pub(super) async fn undo(socket: &str, id: &str, undo: &str) -> Result<(), String> {
    let docker = Docker::at(Path::new(socket));
    let what = if undo == PowerOp::Thaw.word() { "unpause" } else { "start" };
    match docker.post(&format!("/containers/{id}/{what}"), Duration::ZERO).await {
        // A container that is gone, or goes on already, has nothing to be undone.
        Err(why) if why.is_absent() || why.is_conflict() => Ok(()),
        done => done.map_err(|why| why.to_string()),
    }
}
