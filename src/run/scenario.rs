//! One scenario from nothing to its recorded history: provision, load, baseline, faults, watch, tear down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::baseline;
use super::progress::Line;
use super::stop;
use super::watch_end::{Look, Needs};
use crate::database::Turn;
use crate::final_state::{self, FinalReading};
use crate::history::{Event, History, HistoryError, Recorder};
use crate::infrastructure::Infrastructure;
use crate::journal::Journal;
use crate::load::{self, JourneyConfig, LoadError, PreparedRequest, Prober, ProberConfig, Users, UsersConfig};
use crate::nemesis::{self, Ground, Nemesis, StrikeError};
use crate::observer::Observers;
use crate::plan::{Act, Agent, ScenarioPlan, Schedule, StrikeOrder};
use crate::provider::local::{LocalCloud, Zygote};
use crate::provider::{Provider, ProviderError};
use crate::report;
use crate::role::{Addresses, Secrets};
use crate::settings::Journey;
use crate::site::{ProvisionError, Site};
use crate::ventriloquist::{self, Ventriloquist};

/// How often the recorded history is looked at while waiting for something in it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// But a look at a long history takes a while: it is not taken more often than this many times as long apart, so that
/// looking costs the site and the prober no more than a twentieth of a core.
const LOOK_SHARE: u32 = 20;

/// Everything one attempt at a scenario needs.
pub struct Attempt<'a> {
    /// What to do.
    pub plan: &'a ScenarioPlan,
    /// Which try, from 1.
    pub number: u32,
    /// Makes instances.
    pub zygote: Zygote,
    /// A number no other scenario under way has; its network follows from it.
    pub slot: u32,
    /// The bundle.
    pub bundle: PathBuf,
    /// Where it is recorded.
    pub recorder: Recorder,
    /// Where it is shown.
    pub line: Line,
    /// What is to be undone, for whoever comes after a crash.
    pub journal: Arc<Journal>,
    /// Begins the ids of the run's strikes.
    pub strike_prefix: String,
    /// For tests of the harness: lies.
    pub sabotage: Sabotage,
}

/// Lies that tests plant to see the harness catch them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// The nemesis's own.
    pub nemesis: nemesis::Sabotage,
    /// Users are asked for and never started.
    pub users: bool,
    /// The prober is started and sends nothing.
    pub probes: bool,
    /// An acknowledged post is deleted from every database before they are read.
    pub writes: bool,
}

/// Why the harness could not go on; never a verdict on the site.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Provisioning failed.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The load could not be started.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What was recorded could not be written.
    #[error("recording: {0}")]
    Recorder(std::io::Error),
    /// What was recorded could not be read back.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// The parts at work while a scenario is under way.
struct AtWork {
    prober: Option<Prober>,
    users: Option<Users>,
    observers: Observers,
    reconciler: Option<Ventriloquist>,
}

impl Attempt<'_> {
    /// Runs to the end and records everything, failures of the harness too.
    ///
    /// # Errors
    /// When the sandbox could not be cleaned up: the one thing that no record can make good.
    pub async fn run(self) -> Result<(), ProviderError> {
        self.recorder.record(Event::ScenarioStarted { attempt: self.number });
        let logs = self.bundle.join(report::logs_folder(self.plan.index));
        let cloud = match LocalCloud::create(&self.zygote, self.slot, logs).await {
            Ok(cloud) => Arc::new(cloud),
            Err(why) => {
                self.failed("provisioning", &why);
                return Ok(());
            }
        };
        if let Err(why) = self.stages(&cloud).await {
            self.failed("running", &why);
        }
        cloud.close().await
    }

    fn failed(&self, stage: &str, why: &dyn std::error::Error) {
        self.recorder.record(Event::HarnessFailed { stage: stage.into(), detail: why.to_string() });
    }

    async fn stages(&self, cloud: &Arc<LocalCloud>) -> Result<(), AttemptError> {
        self.line.stage("provisioning");
        let site = self.site(cloud);
        site.provision().await?;
        let mut at_work = self.start(&site)?;
        let outcome = self.break_and_watch(&site, &at_work).await;
        self.recorder.record(Event::WatchEnded);
        self.line.stage("stopping");
        let stopped = at_work.stop_load().await;
        // The reconciler still works: a database that it restores is waited for.
        let read = if outcome.is_ok() { self.read_databases(&site).await } else { Ok(()) };
        at_work.stop().await;
        outcome.and(Ok(stopped?)).and(read)
    }

    /// What the databases hold now that nothing is written any more, where that is asked for.
    async fn read_databases(&self, site: &Site) -> Result<(), AttemptError> {
        if !final_state::is_asked_for(self.plan) {
            return Ok(());
        }
        self.line.stage("waiting for the databases to agree");
        let reading = FinalReading::begin(site).await?;
        reading.settle(self.plan).await;
        if self.sabotage.writes {
            self.recorder.sync().await.map_err(AttemptError::Recorder)?;
            reading.lose_a_post(&History::read(&self.bundle, self.plan)?.operations).await;
        }
        reading.read().await;
        Ok(())
    }

    fn site(&self, cloud: &Arc<LocalCloud>) -> Site {
        let infrastructure: Arc<Infrastructure> = Arc::new(self.plan.infrastructure.clone());
        Site {
            addresses: Addresses::assign(&infrastructure, |n| cloud.address(n + 2), cloud.prefix()),
            infrastructure,
            settings: self.plan.settings.clone(),
            provider: Arc::clone(cloud) as Arc<dyn Provider>,
            recorder: self.recorder.clone(),
            secrets: Secrets::of(&self.zygote.key()),
            databases: Turn::default(),
        }
    }

    fn start(&self, site: &Site) -> Result<AtWork, AttemptError> {
        let provider = Arc::clone(&site.provider);
        let observers = Observers::start(provider, &site.infrastructure, &site.addresses, &self.recorder);
        let request = self.request(site)?;
        let prober = (!self.sabotage.probes).then(|| self.prober(request.clone())).transpose()?;
        let wants_users = self.plan.settings.load.users > 0 && !self.sabotage.users;
        let users = wants_users.then(|| self.users(request)).transpose()?;
        self.line.live(prober.as_ref().map(Prober::view), observers.sight.clone());
        let enabled = self.plan.settings.reconciler.enabled;
        let reconciler = enabled.then(|| Ventriloquist::start(site.clone(), self.reconciler(site)));
        Ok(AtWork { prober, users, observers, reconciler })
    }

    fn reconciler(&self, site: &Site) -> ventriloquist::Config {
        ventriloquist::Config {
            every: self.plan.settings.reconciler.every,
            state: self.bundle.join(report::reconciler_state(self.plan.index, self.number)),
            known: ventriloquist::as_provisioned(site),
            seed: self.plan.seed,
        }
    }

    fn request(&self, site: &Site) -> Result<PreparedRequest, LoadError> {
        let entry = &site.infrastructure.entry;
        let address = site.entry_address().into();
        let site = load::Site { address, port: entry.port, host: entry.host.clone() };
        Ok(PreparedRequest::new(&self.plan.settings.request, &site)?)
    }

    fn prober(&self, request: PreparedRequest) -> Result<Prober, LoadError> {
        let load = &self.plan.settings.load;
        let (rate, deadline, in_flight) = (load.rate, load.deadline, load.in_flight_limit());
        Prober::start(ProberConfig { request, rate, deadline, in_flight }, self.recorder.clone())
    }

    fn users(&self, request: PreparedRequest) -> Result<Users, LoadError> {
        let load = &self.plan.settings.load;
        let (pause_min, pause_max) = load.pauses();
        let journey = JourneyConfig { journey: load.journey, seed: self.plan.seed };
        let config = UsersConfig {
            request,
            journey: (load.journey != Journey::Browse).then_some(journey),
            users: load.users,
            pause_min,
            pause_max,
            deadline: load.deadline,
        };
        Users::start(config, self.recorder.clone())
    }

    async fn break_and_watch(&self, site: &Site, at_work: &AtWork) -> Result<(), AttemptError> {
        self.line.stage("baseline");
        if !self.await_baseline().await? {
            return Ok(());
        }
        let mut nemesis = Nemesis::new(self.ground(site), at_work.observers.sight.clone(), self.plan.seed);
        let reason = tokio::select! {
            done = self.acts_and_watch(&mut nemesis, at_work) => return done,
            reason = self.stop_condition(at_work) => reason,
        };
        self.line.stage("aborting");
        self.recorder.record(Event::Aborted { reason });
        nemesis.lift_all().await;
        Ok(())
    }

    async fn acts_and_watch(&self, nemesis: &mut Nemesis, at_work: &AtWork) -> Result<(), AttemptError> {
        for act in &self.plan.acts {
            // What went wrong is recorded; the watch below sees it and ends at once.
            if self.act(act, nemesis, at_work).await?.is_err() {
                break;
            }
        }
        self.watch(nemesis).await?;
        nemesis.see_that_all_lasted().await;
        Ok(())
    }

    /// Ends only when the stop condition is reached; never where there is none.
    async fn stop_condition(&self, at_work: &AtWork) -> String {
        match (self.plan.settings.safeguards.abort, &at_work.prober) {
            (Some(condition), Some(prober)) => stop::reached(condition, prober.view()).await,
            _ => std::future::pending().await,
        }
    }

    fn ground(&self, site: &Site) -> Ground {
        Ground {
            provider: Arc::clone(&site.provider),
            infrastructure: Arc::clone(&site.infrastructure),
            recorder: self.recorder.clone(),
            journal: Arc::clone(&self.journal),
            prefix: format!("{}.{}", self.strike_prefix, self.plan.index),
            lease: self.plan.settings.nemesis.lease,
            services: site.services(),
            safeguards: self.plan.settings.safeguards.clone(),
            sabotage: self.sabotage.nemesis,
        }
    }

    /// Waits for a steady baseline; records whether it came.
    async fn await_baseline(&self) -> Result<bool, AttemptError> {
        let deadline = Instant::now() + self.plan.settings.steady.baseline_within;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match baseline::steady_since(&self.history().await?) {
                Ok(from_us) => {
                    self.recorder.record(Event::BaselineSteady { from_us });
                    return Ok(true);
                }
                Err(reason) if Instant::now() >= deadline => {
                    self.recorder.record(Event::BaselineUnsteady { reason });
                    return Ok(false);
                }
                Err(_) => {}
            }
        }
    }

    async fn act(
        &self,
        act: &Act,
        nemesis: &mut Nemesis,
        at_work: &AtWork,
    ) -> Result<Result<(), StrikeError>, AttemptError> {
        match act {
            Act::AgentStops(_) | Act::AgentStarts(_) | Act::ReconcilerDies(_) => {
                at_work.order_agent(act).await;
                Ok(Ok(()))
            }
            Act::InTurn { order } => self.in_turn(order, nemesis).await,
            Act::Strike { .. } | Act::Random { .. } | Act::LiftAll => {
                self.line.stage(act.orders().first().map_or("lifting all faults", |order| &order.step.text));
                Ok(nemesis.begin(act).await)
            }
            Act::Pass(duration) => Ok(nemesis.work_until(Instant::now() + *duration).await),
            Act::AwaitRecovery => self.await_recovery(nemesis).await,
        }
    }

    /// Strikes one server after the other, and waits for recovery after each.
    async fn in_turn(
        &self,
        order: &StrikeOrder,
        nemesis: &mut Nemesis,
    ) -> Result<Result<(), StrikeError>, AttemptError> {
        let turns = match nemesis.turns(order) {
            Ok(turns) => turns,
            Err(why) => return Ok(Err(why)),
        };
        for order in turns {
            self.line.stage(&format!("{}: {}", order.step.text, order.target.text));
            let struck = nemesis.begin(&Act::Strike { order, schedule: Schedule::Once }).await;
            if struck.is_err() {
                return Ok(struck);
            }
            let recovered = self.await_recovery(nemesis).await?;
            if recovered.is_err() {
                return Ok(recovered);
            }
        }
        Ok(Ok(()))
    }

    async fn await_recovery(&self, nemesis: &mut Nemesis) -> Result<Result<(), StrikeError>, AttemptError> {
        let deadline = Instant::now() + self.plan.settings.steady.give_up;
        while Instant::now() < deadline {
            if let Err(why) = nemesis.work_until(Instant::now() + LOOK_EVERY).await {
                return Ok(Err(why));
            }
            if crate::measure::recovered_at(&self.history().await?).is_some() {
                return Ok(Ok(()));
            }
        }
        Ok(Ok(()))
    }

    /// Watches until everything that is asked about has come, or can no longer come in time.
    async fn watch(&self, nemesis: &mut Nemesis) -> Result<(), AttemptError> {
        self.line.stage("watching");
        let needs = Needs::of(self.plan);
        let mut pause = LOOK_EVERY;
        loop {
            // A strike that found nobody is recorded, and the next look sees it.
            let _ = nemesis.work_until(Instant::now() + pause).await;
            let begun = Instant::now();
            let look = needs.look(&self.history().await?, self.recorder.clock().now_us());
            pause = LOOK_EVERY.max(begun.elapsed() * LOOK_SHARE);
            match look {
                Look::GoOn => continue,
                Look::Done if nemesis.has_more() => continue,
                Look::Done => self.recorder.record(Event::Recovered),
                Look::GivenUp => {
                    self.recorder.record(Event::RecoveryGivenUp { reason: "it did not come in time".into() })
                }
                Look::Void => {}
            }
            return Ok(());
        }
    }

    /// What was recorded until now.
    async fn history(&self) -> Result<History, AttemptError> {
        self.recorder.sync().await.map_err(AttemptError::Recorder)?;
        Ok(History::read_watched(&self.bundle, self.plan)?)
    }
}

impl AtWork {
    /// Stops, starts or kills an agent. That there is one was looked at when the scenario was declared.
    async fn order_agent(&self, act: &Act) {
        let Some(reconciler) = &self.reconciler else { return };
        match act {
            Act::AgentStops(Agent::Reconciler) => reconciler.pause().await,
            Act::AgentStarts(Agent::Reconciler) => reconciler.resume().await,
            Act::ReconcilerDies(step) => reconciler.kill_at(*step),
            _ => {}
        }
    }

    /// Nothing is sent to the site any more; what is under way is drained.
    async fn stop_load(&mut self) -> Result<(), LoadError> {
        let users = match self.users.take() {
            Some(users) => users.stop().await,
            None => Ok(()),
        };
        let prober = match self.prober.take() {
            Some(prober) => prober.stop().await,
            None => Ok(()),
        };
        users.and(prober)
    }

    /// Stops the rest.
    async fn stop(self) {
        if let Some(reconciler) = self.reconciler {
            reconciler.stop().await;
        }
        self.observers.stop().await;
    }
}
