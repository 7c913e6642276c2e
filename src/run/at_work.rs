//! What is at work while a scenario is under way: load, observers, reconciler, config agent.

use std::path::PathBuf;
use std::sync::Arc;

use super::scenario::{Attempt, AttemptError};
use crate::auto_scaling::AutoScaling;
use crate::config_agent::{ConfigAgent, Description};
use crate::failover::Failover;
use crate::load::work::{WorkConfig, WorkError, Workers};
use crate::load::{self, LoadError, PreparedRequest, Prober, ProberConfig, Users, UsersConfig};
use crate::observer::Observers;
use crate::plan::{Act, Agent};
use crate::reconciler::{self, Supervised};
use crate::report;
use crate::site::Site;

/// The parts at work while a scenario is under way.
pub(super) struct AtWork {
    pub(super) prober: Option<Prober>,
    users: Option<Users>,
    workers: Option<Workers>,
    pub(super) observers: Observers,
    reconciler: Option<Supervised>,
    config_agent: Option<ConfigAgent>,
    failover: Option<Failover>,
    auto_scaling: Option<AutoScaling>,
}

impl Attempt<'_> {
    /// Starts all of them.
    pub(super) fn start(&self, site: &Site, mut workers: Option<Workers>) -> Result<AtWork, AttemptError> {
        let provider = Arc::clone(&site.provider);
        let observers = Observers::start(provider, &site.infrastructure, &site.addresses, &self.recorder);
        let request = self.request(site)?;
        let prober = (!self.sabotage.probes).then(|| self.prober(request.clone())).transpose()?;
        let wants_users = self.plan.settings.load.users > 0 && !self.sabotage.users && workers.is_none();
        let users = wants_users.then(|| self.users(request)).transpose()?;
        if let Some(workers) = workers.as_mut().filter(|_| !self.sabotage.users) {
            workers.start();
        }
        self.line.live(prober.as_ref().map(Prober::view), observers.observations.clone());
        let enabled = self.plan.settings.reconciler.enabled;
        let reconciler = enabled.then(|| Supervised::start(site.clone(), self.reconciler(site)));
        let configures = self.plan.settings.config_agent.enabled;
        let config_agent = configures.then(|| ConfigAgent::start(self.description(site), self.plan.seed));
        let (failover, auto_scaling) = (Failover::start(site), AutoScaling::start(site));
        Ok(AtWork { prober, users, workers, observers, reconciler, config_agent, failover, auto_scaling })
    }

    fn reconciler(&self, site: &Site) -> reconciler::Config {
        reconciler::Config {
            every: self.plan.settings.time.waited(self.plan.settings.reconciler.every),
            state: self.reconciler_state(),
            of: self.strike_prefix.clone(),
            known: reconciler::as_provisioned(site),
            seed: self.plan.seed,
        }
    }

    fn reconciler_state(&self) -> PathBuf {
        self.bundle.join(report::reconciler_state(self.plan.index, self.number))
    }

    /// What the config agent goes by: what is declared, and what the reconciler made of it.
    fn description(&self, site: &Site) -> Description {
        let reconciled = self.plan.settings.reconciler.enabled;
        Description { declared: site.clone(), state: reconciled.then(|| self.reconciler_state()) }
    }

    fn request(&self, site: &Site) -> Result<PreparedRequest, LoadError> {
        let entry = &site.infrastructure.entry;
        let host = entry.url.as_ref().map_or(entry.host.as_str(), |url| url.host()).to_string();
        let site = load::Site { address: site.entry_address(), port: entry.port, host };
        Ok(PreparedRequest::new(&self.plan.settings.request, &site)?)
    }

    fn prober(&self, request: PreparedRequest) -> Result<Prober, LoadError> {
        let load = &self.plan.settings.load;
        let (rate, deadline, in_flight) = (load.rate, load.deadline, load.in_flight_limit());
        Prober::start(ProberConfig { request, rate, deadline, in_flight }, self.recorder.clone())
    }

    /// Those who work with the application's data, where a workload says how: it is looked at, and prepared.
    pub(super) async fn workers(&self, site: &Site) -> Result<Option<Workers>, AttemptError> {
        let Some(workload) = self.plan.workload.clone() else { return Ok(None) };
        self.line.stage("preparing the application");
        let load = &self.plan.settings.load;
        let (pause_min, pause_max) = load.pauses_at_work();
        let password =
            workload.password(|name| site.secrets.named(name)).map_err(|why| WorkError::Refused(why.into()))?;
        let config = WorkConfig {
            workload,
            request: self.request(site)?,
            servers: site.addresses.by_name(),
            password,
            users: load.users,
            pause_min,
            pause_max,
            deadline: load.deadline,
            seed: self.plan.seed,
        };
        let workers = Workers::new(config, self.recorder.clone())?;
        let _waiting = self.recorder.awaited().begin("the application to be prepared for its workload");
        workers.prepare().await?;
        Ok(Some(workers))
    }

    fn users(&self, request: PreparedRequest) -> Result<Users, LoadError> {
        let load = &self.plan.settings.load;
        let config = UsersConfig {
            request,
            users: load.users,
            pause_min: load.pause_min,
            pause_max: load.pause_max,
            deadline: load.deadline,
        };
        Users::start(config, self.recorder.clone())
    }
}

impl AtWork {
    /// Stops, starts or kills an agent. That there is one was looked at when the scenario was declared.
    pub(super) async fn order_agent(&self, act: &Act) {
        if let (Act::AgentStops(Agent::Failover) | Act::AgentStarts(Agent::Failover), Some(failover)) =
            (act, &self.failover)
        {
            return failover.switch(matches!(act, Act::AgentStarts(_)));
        }
        match (act, &self.reconciler, &self.config_agent) {
            (Act::AgentStops(Agent::Reconciler), Some(reconciler), _) => reconciler.pause().await,
            (Act::AgentStarts(Agent::Reconciler), Some(reconciler), _) => reconciler.resume().await,
            (Act::ReconcilerDies(step), Some(reconciler), _) => reconciler.kill_at(*step),
            (Act::AgentStops(Agent::ConfigAgent), _, Some(agent)) => agent.switch(false),
            (Act::AgentStarts(Agent::ConfigAgent), _, Some(agent)) => agent.switch(true),
            _ => {}
        }
    }

    /// Nothing is sent to the site any more; what is under way is drained.
    pub(super) async fn stop_load(&mut self) -> Result<(), LoadError> {
        let workers = match &mut self.workers {
            Some(workers) => workers.stop().await,
            None => Ok(()),
        };
        let users = match self.users.take() {
            Some(users) => users.stop().await,
            None => Ok(()),
        };
        let prober = match self.prober.take() {
            Some(prober) => prober.stop().await,
            None => Ok(()),
        };
        workers.and(users).and(prober)
    }

    /// Reads what the application holds now that nothing is changed any more.
    pub(super) async fn read_last(&self) {
        if let Some(workers) = &self.workers {
            workers.finish().await;
        }
    }

    /// Stops the rest.
    pub(super) async fn stop(self) {
        if let Some(reconciler) = self.reconciler {
            reconciler.stop().await;
        }
        if let Some(agent) = self.config_agent {
            agent.stop().await;
        }
        if let Some(failover) = self.failover {
            failover.stop().await;
        }
        if let Some(auto_scaling) = self.auto_scaling {
            auto_scaling.stop().await;
        }
        self.observers.stop().await;
    }
}
