//! Containers as a provider: their states, and the switches of their daemons.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::Terms;
use super::barriers::Barriers;
use super::fleet::{Fleet, Life, Seen};
use super::lease::{leased, leases, undo};
use crate::agent::process::Identity;
use crate::clock::{micros, monotonic_us};
use crate::docker::container::{Container, Listed, inspect};
use crate::docker::remote::ContainerRemote;
use crate::docker::{Docker, DockerError, events};
use crate::environment::cloud::lease::Leases;
use crate::instance::{Ability, ContainerReport, Instance, InstanceId, InstanceSpec, Plug, PowerOp};
use crate::provider::{Provider, ProviderError, Remote};

/// How long a list of the daemons is believed, as far as no process is seen to be gone.
const BELIEVED: Duration = Duration::from_millis(250);
/// How long a container has to end in order, before it is killed.
const GRACE_S: u64 = 10;
/// How long the daemon may take to notice that a process is gone.
const NOTICED: Duration = Duration::from_secs(10);
/// From one look at it to the next.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The same by its daemon, where it is elsewhere.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Who knows the containers of a place.
#[async_trait]
pub(in crate::environment) trait Lists: Send + Sync {
    /// Those that there are.
    ///
    /// # Errors
    /// The daemon that knows which there should be can't be asked.
    async fn list(&self) -> Result<Listing, DockerError>;

    /// The server that a container with these labels stands for; `None`: for none.
    fn server_of(&self, labels: &BTreeMap<String, String>) -> Option<String>;

    /// The daemons that report what happens to their containers, and the label that these have.
    fn reporters(&self) -> (Vec<Docker>, String);

    /// Whether two servers can be cut off from each other by the addresses of their containers.
    ///
    /// # Errors
    /// In words, why not, with what to do.
    fn separable(&self, one: (&str, &Container), other: (&str, &Container)) -> Result<(), String> {
        let _ = (one, other);
        Ok(())
    }
}

/// The containers of a place, as they are known at a moment.
#[derive(Default)]
pub(in crate::environment) struct Listing {
    /// As their daemons list them.
    pub lines: Vec<(Docker, Listed)>,
    /// The daemons that did not answer: of their containers, what was known is believed.
    pub silent: Vec<Docker>,
    /// Those whose daemon can't be asked, as far as they are known.
    pub elsewhere: Vec<Container>,
}

/// The containers of a place.
pub(in crate::environment) struct Containers {
    lists: Arc<dyn Lists>,
    terms: &'static Terms,
    /// The Compose file or the stack, for people.
    place: String,
    /// The servers that may be attacked.
    allowed: BTreeSet<String>,
    /// What stands in the way of faults, by the server's name.
    barriers: BTreeMap<String, Barriers>,
    fleet: Mutex<Fleet>,
    leases: Leases,
}

impl Containers {
    /// Nothing is asked yet.
    pub fn new(
        lists: Arc<dyn Lists>,
        terms: &'static Terms,
        place: String,
        allowed: BTreeSet<String>,
        barriers: BTreeMap<String, Barriers>,
    ) -> Self {
        let (fleet, leases) = (Mutex::new(Fleet::new(terms.ends_for_good)), leases());
        Containers { lists, terms, place, allowed, barriers, fleet, leases }
    }

    /// Looks at all first processes, and asks the daemons where that does not tell, or their last answer is too old.
    async fn update(&self, fleet: &mut Fleet, believed: Duration) -> Result<(), DockerError> {
        let is_stale = fleet.look();
        let is_old = fleet.asked_us.is_none_or(|asked_us| asked_us + micros(believed) <= monotonic_us());
        if !is_stale && !is_old {
            return Ok(());
        }
        let Listing { lines, silent, elsewhere } = self.lists.list().await?;
        let mut there: Vec<String> = silent.iter().flat_map(|docker| fleet.of(docker).cloned()).collect();
        let mut seen = Vec::new();
        for (docker, line) in lines {
            if fleet.is_news(&line.id, &line.state) {
                match inspect(&docker, &line.id).await {
                    Ok(container) => seen.extend(self.seen(Some(docker), container)),
                    // It is gone; or its node fell silent just now, and what was known is believed.
                    Err(why) if why.is_absent() || self.terms.ends_for_good => {}
                    Err(why) => return Err(why),
                }
            }
            there.push(line.id);
        }
        there.extend(elsewhere.iter().map(|container| container.id.clone()));
        seen.extend(elsewhere.into_iter().filter_map(|container| self.seen(None, container)));
        fleet.take_in(&there, seen);
        Ok(())
    }

    fn seen(&self, docker: Option<Docker>, container: Container) -> Option<Seen> {
        let (server, first) = (self.lists.server_of(container.labels())?, container.first_process());
        Some(Seen { server, docker, container, first })
    }

    async fn instances(&self) -> Result<Vec<Instance>, ProviderError> {
        let mut fleet = self.fleet.lock().await;
        self.update(&mut fleet, BELIEVED).await.map_err(asked)?;
        Ok(fleet.instances())
    }

    /// The container of an instance of a server that may be attacked, and its daemon.
    async fn container(&self, id: &InstanceId) -> Result<(Docker, Container), ProviderError> {
        let server = id.0.split('.').next().unwrap_or_default();
        self.opted_in(server)?;
        let mut fleet = self.fleet.lock().await;
        self.update(&mut fleet, Duration::ZERO).await.map_err(asked)?;
        let (docker, container) = fleet.container(id).ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        let unasked = || ProviderError::Between(format!("{server} is on a node whose daemon is not named").into());
        Ok((docker.cloned().ok_or_else(unasked)?, container.clone()))
    }

    fn opted_in(&self, server: &str) -> Result<(), ProviderError> {
        if self.allowed.contains(server) {
            return Ok(());
        }
        let hint = self.terms.opt_in(&self.place, server);
        Err(ProviderError::Between(
            format!("{server} was not opted in, so nothing is done to it\n  help: {hint}").into(),
        ))
    }

    /// Ends the first process from outside, as a crash does: Docker's own way to kill is the one after which no restart policy acts. Where that process
    /// is on another machine, only its daemon can; whatever replaces containers there does so after that, too.
    async fn end(&self, id: &InstanceId, docker: &Docker, container: &Container) -> Result<(), ProviderError> {
        let first = {
            let mut fleet = self.fleet.lock().await;
            fleet.terminate(&container.id);
            fleet.first_process(id)
        };
        match first {
            Some(first) => self.kill(id, docker, container, first).await,
            None if self.terms.ends_for_good && container.runs() && container.first_process().is_none() => {
                switch(docker, container, "kill?signal=KILL", Duration::ZERO).await?;
                await_end(docker, container).await
            }
            None => Ok(()),
        }
    }

    async fn kill(
        &self,
        id: &InstanceId,
        docker: &Docker,
        container: &Container,
        first: Identity,
    ) -> Result<(), ProviderError> {
        let failed =
            |source| ProviderError::System { server: id.0.clone(), action: "killing its first process", source };
        first.signal(Signal::SIGKILL).map_err(failed)?;
        if container.state.paused {
            // What is frozen ends only when it goes on.
            switch(docker, container, "unpause", Duration::ZERO).await?;
        }
        let begun = Instant::now();
        while first.find().is_some() && begun.elapsed() < NOTICED {
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        id: &InstanceId,
        (docker, container): &(Docker, Container),
        op: PowerOp,
    ) -> Result<(), ProviderError> {
        if !self.terms.power.contains(&op) {
            return Err(self.unsupported(&id.0, format!("{} it", op.verb()), self.terms.otherwise));
        }
        let switch = async |what: &str, takes: Duration| switch(docker, container, what, takes).await;
        match op {
            PowerOp::Terminate => self.end(id, docker, container).await,
            PowerOp::Stop => switch("kill?signal=KILL", Duration::ZERO).await,
            PowerOp::Freeze => switch("pause", Duration::ZERO).await,
            PowerOp::Thaw => switch("unpause", Duration::ZERO).await,
            PowerOp::Start => {
                self.fleet.lock().await.expect_start(&container.id);
                switch("start", Duration::ZERO).await
            }
            PowerOp::SoftReboot => {
                self.fleet.lock().await.expect_start(&container.id);
                switch(&format!("restart?t={GRACE_S}"), Duration::from_secs(GRACE_S)).await
            }
            PowerOp::Suspend | PowerOp::Resume | PowerOp::Isolate | PowerOp::Rejoin => {
                Err(self.unsupported(&id.0, format!("{} it", op.verb()), self.terms.otherwise))
            }
        }
    }

    fn unsupported(&self, server: &str, action: String, hint: &str) -> ProviderError {
        ProviderError::Unsupported { server: server.into(), provider: self.terms.name, action, hint: hint.into() }
    }
}

async fn switch(docker: &Docker, container: &Container, what: &str, takes: Duration) -> Result<(), ProviderError> {
    match docker.post(&format!("/containers/{}/{what}", container.id), takes).await {
        // It is so already.
        Err(why) if why.is_conflict() => Ok(()),
        done => done.map_err(asked),
    }
}

/// Waits until its daemon says that it has ended.
async fn await_end(docker: &Docker, container: &Container) -> Result<(), ProviderError> {
    let begun = Instant::now();
    while begun.elapsed() < NOTICED {
        match inspect(docker, &container.id).await {
            Ok(found) if found.runs() && found.state.started_at == container.state.started_at => sleep(ASK_EVERY).await,
            Err(why) if !why.is_absent() => return Err(asked(why)),
            _ => break,
        }
    }
    Ok(())
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
                Ability::Boot => return Err(self.unsupported(server, "boot it".into(), self.terms.boot)),
                Ability::Power(op) if !self.terms.power.contains(op) => {
                    return Err(self.unsupported(server, format!("{} it", op.verb()), self.terms.otherwise));
                }
                _ => {}
            }
        }
        match self.barriers.get(server).and_then(|barriers| barriers.forbid(abilities)) {
            Some(why) => Err(ProviderError::Between(format!("{server}: {why}").into())),
            None => Ok(()),
        }
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
        fleet.container(&instance.id).map_or_else(|| vec![instance.address], |(_, found)| found.addresses())
    }

    async fn separable(&self, one: &Instance, other: &Instance) -> Result<(), ProviderError> {
        let fleet = self.fleet.lock().await;
        let both = fleet.container(&one.id).zip(fleet.container(&other.id));
        let Some(((_, own), (_, its))) = both else { return Ok(()) };
        let separable = self.lists.separable((&one.name, own), (&other.name, its));
        separable.map_err(|why| ProviderError::Between(why.into()))
    }

    /// By restart policies, or an orchestrator.
    fn replaces(&self) -> bool {
        true
    }

    /// By its health check, where it has one.
    async fn serves(&self, instance: &Instance) -> bool {
        let known =
            self.fleet.lock().await.container(&instance.id).map(|(docker, found)| (docker.cloned(), found.id.clone()));
        let Some((docker, id)) = known else { return false };
        // What Swarm lists as running has passed its health check.
        let Some(docker) = docker else { return true };
        let found = inspect(&docker, &id).await;
        found.is_ok_and(|container| container.health().is_none_or(|health| health == "healthy"))
    }

    fn shares_kernel(&self) -> bool {
        true
    }

    fn container_reports(&self) -> Option<UnboundedReceiver<ContainerReport>> {
        let (out, reports) = unbounded_channel();
        let (dockers, label) = self.lists.reporters();
        for docker in dockers {
            let lists = Arc::clone(&self.lists);
            tokio::spawn(events::follow(docker, label.clone(), move |labels| lists.server_of(labels), out.clone()));
        }
        Some(reports)
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        if op == PowerOp::Terminate && self.fleet.lock().await.has_ended(id) {
            return Ok(());
        }
        let container = self.container(id).await?;
        self.carry_out(id, &container, op).await?;
        self.leases.call_off(&leased(&container.1), op.plug()).await;
        self.fleet.lock().await.asked_us = None;
        Ok(())
    }

    /// Under a process of this machine that undoes it.
    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        let Some(undone_by) = op.undone_by() else { return self.power(id, op).await };
        let container = self.container(id).await?;
        let words = undo(&container.0, &container.1, undone_by);
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "starting the lease", source };
        self.leases.begin(&leased(&container.1), op.plug(), words, lease).await.map_err(failed)?;
        self.carry_out(id, &container, op).await?;
        self.fleet.lock().await.asked_us = None;
        Ok(())
    }

    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        let known = self.fleet.lock().await.container(id).map(|(_, container)| leased(container));
        let known = known.ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        self.leases.renew(&known, plug).await.map_err(failed)
    }

    async fn undo_record(&self, id: &InstanceId, _: Option<PowerOp>) -> Result<Option<Value>, ProviderError> {
        let life = Life::of(&self.container(id).await?.1);
        Ok(Some(serde_json::to_value(life).expect("texts can be stored")))
    }

    async fn recall(&self, id: &InstanceId, record: &Value) -> Result<(), ProviderError> {
        let life = serde_json::from_value(record.clone()).map_err(|why| ProviderError::Between(why.into()))?;
        self.fleet.lock().await.recall(id, life);
        Ok(())
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        let (docker, container) = self.container(&instance.id).await?;
        if let Some(why) = self.barriers.get(&instance.name).and_then(|barriers| barriers.within.as_ref()) {
            return Err(ProviderError::Between(format!("{}: {why}", instance.name).into()));
        }
        Ok(Box::new(ContainerRemote::new(docker, &instance.name, &container.id)))
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
