//! One scenario from nothing to its recorded history: provision, load, baseline, faults, watch, tear down.

use std::path::PathBuf;
use std::sync::Arc;

use super::at_work::AtWork;
use super::ends::Ends;
use super::progress::Line;
use crate::attach::{AttachError, attach, bring_agents};
use crate::environment::{Environment, Opened};
use crate::final_state::{self, FinalReading};
use crate::history::{Event, History, HistoryError, Recorder};
use crate::journal::{Journal, Note};
use crate::judge;
use crate::load::LoadError;
use crate::load::work::WorkError;
use crate::nemesis;
use crate::observer::logs::ServiceLogs;
use crate::plan::ScenarioPlan;
use crate::provider::ProviderError;
use crate::provision::{ProvisionError, provision};
use crate::report;
use crate::site::Site;
use crate::site::topology_lock::TopologyLock;

/// Everything one attempt at a scenario needs.
pub struct Attempt<'a> {
    /// What to do.
    pub plan: &'a ScenarioPlan,
    /// Which try, from 1.
    pub number: u32,
    /// The run's id.
    pub run_id: &'a str,
    /// Where its servers will be.
    pub place: Arc<dyn Environment>,
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
    /// Says that the run is to end now: faults are lifted, and nothing more is done.
    pub ends: Ends,
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
    /// An acknowledged row is deleted from every database before they are read.
    pub writes: bool,
}

/// What another attempt would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Perhaps something else.
    MayDiffer,
    /// The same: a file of the user's is wrong.
    EndsAlike,
}

/// Why the harness could not go on; never a verdict on the site.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Provisioning failed.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The site that is there already could not be taken over.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The application can't be worked with.
    #[error(transparent)]
    Work(#[from] WorkError),
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

impl Attempt<'_> {
    /// Runs to the end and records everything, failures of the harness too.
    ///
    /// # Errors
    /// When its servers could not be removed: the one thing that no record can make good.
    pub async fn run(self) -> Result<Again, ProviderError> {
        self.recorder.record(Event::ScenarioStarted { attempt: self.number });
        let logs = self.bundle.join(report::logs_folder(self.plan.index));
        let opened = match self.place.open(self.run_id, self.plan, logs).await {
            Ok(opened) => opened,
            Err(why) => {
                self.failed("provisioning", &why);
                return Ok(Again::MayDiffer);
            }
        };
        let mut again = Again::MayDiffer;
        if let Err(why) = self.stages(&opened).await {
            let stage = match &why {
                AttemptError::Provision(why) if why.is_of_the_site() => judge::NOT_UP,
                AttemptError::Work(why) if why.is_of_the_application() => judge::NOT_USABLE,
                _ => "running",
            };
            self.failed(stage, &why);
            if matches!(&why, AttemptError::Work(why) if why.is_final()) {
                again = Again::EndsAlike;
            }
        }
        if !opened.attached {
            self.line.stage("taking its servers down");
        }
        let _waiting = self.recorder.awaited().begin("the servers to be gone");
        let closed = opened.provider.close().await;
        if let Some(count) = opened.provider.requests() {
            self.recorder.record(Event::CloudRequests { count });
        }
        closed?;
        if !opened.attached && self.outlives_run() {
            self.note_gone();
        }
        Ok(again)
    }

    /// Whether servers that were not taken away go on when the run is over, and every fault on them with them.
    fn outlives_run(&self) -> bool {
        self.place.farewell().is_none()
    }

    /// Nothing of it is left to undo, whatever was not seen to be undone.
    fn note_gone(&self) {
        let detail = format!("every server of the scenario `{}` was terminated", self.plan.name);
        if let Err(why) = self.journal.note(Note::Gone { detail }) {
            self.recorder.record(Event::LeftBehind { detail: format!("the journal can't be written: {why}") });
        }
    }

    fn failed(&self, stage: &str, why: &dyn std::error::Error) {
        self.recorder.record(Event::HarnessFailed { stage: stage.into(), detail: why.to_string() });
    }

    async fn stages(&self, opened: &Opened) -> Result<(), AttemptError> {
        let site = self.site(opened);
        if opened.attached {
            self.line.stage("taking over");
            attach(&site).await?;
        } else {
            self.line.stage("provisioning");
            provision(&site).await?;
            if !opened.provider.shares_kernel() {
                self.line.stage("bringing the agent");
                bring_agents(&site).await?;
            }
        }
        let workers = self.workers(&site).await?;
        let mut at_work = self.start(&site, workers)?;
        let logs = self.follow_logs(opened, &at_work);
        let mut nemesis = None;
        let outcome = self.break_and_watch(&site, &at_work, &mut nemesis).await;
        self.recorder.record(Event::WatchEnded);
        if let Some(mut nemesis) = nemesis.filter(|_| self.outlives_run()) {
            self.line.stage("lifting all faults");
            let _waiting = self.recorder.awaited().begin("every fault to be healed");
            if !nemesis.lift_all().await {
                let detail =
                    "a fault was not seen to be lifted: the journal says which; undo it with `chimp heal`".into();
                self.recorder.record(Event::LeftBehind { detail });
            }
        }
        self.line.stage("stopping");
        let waiting = self.recorder.awaited().begin("the requests that are under way to end");
        let stopped = at_work.stop_load().await;
        drop(waiting);
        // The reconciler still works: a database that it restores is waited for.
        let read = if outcome.is_ok() {
            self.read_application(&at_work).await;
            self.read_databases(&site).await
        } else {
            Ok(())
        };
        logs.stop().await;
        at_work.stop().await;
        outcome.and(Ok(stopped?)).and(read)
    }

    /// What the application holds, by its own interface.
    async fn read_application(&self, at_work: &AtWork) {
        if self.plan.workload.is_some() {
            self.line.stage("reading what the application holds");
            let _waiting = self.recorder.awaited().begin("the application to be read");
            at_work.read_last().await;
        }
    }

    /// What the databases hold now that nothing is written any more, where that is asked for.
    async fn read_databases(&self, site: &Site) -> Result<(), AttemptError> {
        if !final_state::is_asked_for(self.plan) {
            return Ok(());
        }
        self.line.stage("waiting for the databases to agree");
        let _waiting = self.recorder.awaited().begin("the databases to agree");
        let reading = FinalReading::begin(site).await?;
        reading.settle(self.plan).await;
        if self.sabotage.writes {
            self.recorder.sync().await.map_err(AttemptError::Recorder)?;
            reading.lose_a_row(&History::read(&self.bundle, self.plan)?).await;
        }
        reading.read(self.plan).await;
        Ok(())
    }

    fn follow_logs(&self, opened: &Opened, at_work: &AtWork) -> ServiceLogs {
        let folder = self.bundle.join(report::logs_folder(self.plan.index));
        let instances = &at_work.observers.observations.instances;
        ServiceLogs::start(&opened.provider, &opened.followed, &folder, instances, self.recorder.clock())
    }

    fn site(&self, opened: &Opened) -> Site {
        Site {
            addresses: opened.addresses.clone(),
            entry: opened.entry,
            infrastructure: Arc::new(self.plan.infrastructure.clone()),
            settings: self.plan.settings.clone(),
            provider: Arc::clone(&opened.provider),
            recorder: self.recorder.clone(),
            secrets: opened.secrets.clone(),
            databases: TopologyLock::default(),
        }
    }
}
