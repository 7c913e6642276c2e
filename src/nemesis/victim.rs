//! One instance that is struck: finding it, writing its heal ahead, arming; and what its [attendant](super::attendant)
//! does to it, sees of it and records.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::boots::Boots;
use super::context::StrikeContext;
use super::witness::{KNOCK, WitnessContext, WitnessReport, patience};
use crate::agent::client::{Agent, AgentError};
use crate::agent::offset::Offset;
use crate::agent::stamp::Within;
use crate::agent::{Order, StrikeId};
use crate::fault::{Action, ServerStrike, Witness};
use crate::history::{Event, Onset};
use crate::instance::{Instance, InstanceId, PowerOp, PowerState};
use crate::journal::{Note, PlannedStrike, Stage};
use crate::provider::{HostProgram, ProviderError, Remote};

/// From one look of a witness to the next; and where each is a command on the victim, which may be away for minutes.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How much longer a server of another machine may take to shut down and to boot: a cloud waits some minutes for its guest.
const REBOOT: Duration = Duration::from_secs(300);

/// A server under one strike, bound to the instance that stood for it when the strike was resolved.
pub(super) struct Victim {
    pub(super) context: Arc<StrikeContext>,
    pub(super) number: u32,
    pub(super) id: StrikeId,
    pub(super) strike: ServerStrike,
    pub(super) lease: Duration,
    /// How long the fault is to last; `None`: until it is lifted.
    pub(super) lasts: Option<Duration>,
    instance: Option<Instance>,
    remote: RwLock<Option<Arc<dyn Remote>>>,
    /// Of its clock.
    offset: Offset,
    pids_before: BTreeSet<i32>,
    /// Where the strike is a reboot.
    boots: Option<Boots>,
    patience: Duration,
    armed: OnceLock<Instant>,
    refused: OnceLock<Refusal>,
    /// What is on record of it.
    pub(super) confirmed: AtomicBool,
    pub(super) lapsed: AtomicBool,
}

/// Why a victim is not struck.
pub(super) enum Refusal {
    /// What is found there is not what the strike breaks: the witness's no.
    NothingToBreak(String),
    /// The harness could not, or must not: it says nothing about the site.
    Unable(String),
}

/// What a victim is to go through.
pub(super) struct Plan {
    pub strike: ServerStrike,
    pub lease: Duration,
    pub lasts: Option<Duration>,
}

impl Victim {
    /// Finds the instance, logs in where the strike needs to be inside, and sees that there is something to break
    /// and that nobody else's fault is there: none of this counts as injecting, and nothing is touched.
    pub async fn prepare(context: Arc<StrikeContext>, number: u32, n: usize, plan: Plan) -> Self {
        let id = context.id(number, n);
        let mut victim = Victim::of(context, number, id, plan);
        if let Err(why) = victim.find_and_connect().await {
            let _ = victim.refused.set(why);
        }
        victim
    }

    fn of(context: Arc<StrikeContext>, number: u32, id: StrikeId, plan: Plan) -> Self {
        let Plan { strike, lease, lasts } = plan;
        let (instance, remote, offset) = (None, RwLock::default(), Offset::SHARED);
        let (pids_before, boots, patience) = (BTreeSet::new(), None, KNOCK);
        let (armed, refused) = (OnceLock::new(), OnceLock::new());
        let (confirmed, lapsed) = <(AtomicBool, AtomicBool)>::default();
        Victim {
            context,
            number,
            id,
            strike,
            lease,
            lasts,
            instance,
            remote,
            offset,
            pids_before,
            boots,
            patience,
            armed,
            refused,
            confirmed,
            lapsed,
        }
    }

    /// A victim of a run that is over, to be healed alone.
    pub async fn of_journal(context: Arc<StrikeContext>, planned: &PlannedStrike) -> Result<Self, ProviderError> {
        let PlannedStrike { id, strike, instance, lease, program, undo } = planned.clone();
        let mut victim = Victim::of(context, 0, id, Plan { strike, lease, lasts: None });
        if let Some(record) = &undo {
            victim.context.provider.recall(&instance, record).await?;
        }
        let instances = victim.context.provider.list().await?;
        victim.instance = instances.into_iter().find(|found| found.id == instance);
        if let Some(found) = victim.instance.as_ref().filter(|_| victim.strike.is_inside()) {
            let remote = victim.context.provider.connect(found).await?;
            if victim.is_held() {
                // One that can't be reached now is tried again, as long as healing is.
                let _ = remote.lease_program(Some(lease), program.as_ref()).await;
            }
            victim.remote = RwLock::new(Some(remote.into()));
        }
        let _ = victim.armed.set(Instant::now());
        Ok(victim)
    }

    async fn find_and_connect(&mut self) -> Result<(), Refusal> {
        let unable = |why: &dyn std::fmt::Display| Refusal::Unable(why.to_string());
        let instances = self.context.provider.list().await.map_err(|why| unable(&why))?;
        let mut named = instances.into_iter().rev().filter(|instance| instance.name == self.strike.server);
        let absent = || Refusal::NothingToBreak(format!("{} has no instance", self.strike.server));
        let instance = named.next().ok_or_else(absent)?;
        self.instance = Some(instance);
        if self.strike.is_inside() {
            self.connect().await?;
        }
        let asked = Instant::now();
        let before = self.look(&self.strike.before).await.map_err(|why| unable(&why))?;
        self.patience = patience(asked.elapsed());
        if !before.confirmed {
            let remote = self.remote();
            let instead = self.scene(remote.as_deref(), None).instead(&self.strike.before).await;
            return Err(Refusal::NothingToBreak(format!("nothing to break: {}{instead}", before.evidence)));
        }
        if let Witness::ProcessRestarted(pattern) = &self.strike.witness {
            let remote = self.remote();
            let found = self.scene(remote.as_deref(), None).pids(pattern).await.map_err(|why| unable(&why))?;
            self.pids_before = found.map_err(Refusal::Unable)?;
        }
        if self.strike.witness == Witness::Rebooted {
            self.boots = Some(Boots::before(&*self.reached_by()).await.map_err(Refusal::Unable)?);
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Refusal> {
        let instance = self.instance.as_ref().expect("it was found before");
        let unable = |why: &dyn std::fmt::Display| Refusal::Unable(why.to_string());
        if instance.state != PowerState::Running {
            let found = format!("nothing to break: {} is {}", instance.name, instance.state);
            return Err(Refusal::NothingToBreak(found));
        }
        let remote = self.context.provider.connect(instance).await.map_err(|why| unable(&why))?;
        if self.is_held() {
            let agent = Agent::new(&*remote);
            agent.deploy(self.context.lease).await.map_err(|why| unable(&why))?;
            let held = agent.held().await.map_err(|why| unable(&why))?;
            let foreign = held.iter().find(|held| !held.id.0.starts_with(&self.context.prefix));
            if let Some(held) = foreign {
                return Err(Refusal::Unable(format!(
                    "{} is not clean: {} of strike {}; heal it first: chimp heal",
                    instance.name, held.evidence, held.id.0
                )));
            }
            if !self.context.provider.shares_kernel() {
                self.offset = Offset::measure(&agent).await.map_err(|why| unable(&why))?;
            }
        }
        self.remote = RwLock::new(Some(remote.into()));
        Ok(())
    }

    /// The server that is hit.
    pub fn server(&self) -> &str {
        &self.strike.server
    }

    /// The instance that is hit.
    pub fn instance(&self) -> Option<&InstanceId> {
        self.instance.as_ref().map(|instance| &instance.id)
    }

    /// That instance as it was when the strike was resolved.
    pub(super) fn found(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// Why it is not struck.
    pub(super) fn refused(&self) -> Option<&Refusal> {
        self.refused.get()
    }

    /// When its lease began, if it has one.
    pub(super) fn armed(&self) -> Option<Instant> {
        self.armed.get().copied()
    }

    /// Whether an agent on the victim holds the effect.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.strike.inject, Action::Hold(_))
    }

    /// Writes the heal ahead, then lets the lease run: from here on the fault can't outlive it.
    pub async fn write_ahead(&self) {
        if self.refused().is_none()
            && let Err(why) = self.try_write_ahead().await
        {
            let _ = self.refused.set(Refusal::Unable(why));
        }
    }

    async fn try_write_ahead(&self) -> Result<(), String> {
        let instance = self.instance().expect("a victim that was not refused was found").clone();
        let (id, strike, lease) = (self.id.clone(), self.strike.clone(), self.lease);
        let (program, undo) = (self.uploaded().await?, self.undo_record(&instance).await?);
        let planned = PlannedStrike { id, strike, instance, lease, program, undo };
        self.context.note(Note::Planned(Box::new(planned))).await?;
        let Some(order) = self.order() else { return Ok(()) };
        let _ = self.armed.set(Instant::now());
        let remote = self.reached_by();
        Agent::new(&*remote).arm(&order).await.map_err(|why| why.to_string())?;
        self.reached(Stage::Armed, "the lease runs").await;
        Ok(())
    }

    /// What the provider will need to undo it, as long as nothing was done.
    async fn undo_record(&self, instance: &InstanceId) -> Result<Option<Value>, String> {
        let operation = match &self.strike.inject {
            Action::Power(operation) => Some(*operation),
            Action::Hold(_) => None,
            Action::Exec(_) | Action::Release => return Ok(None),
        };
        if self.strike.undoing().is_none() {
            return Ok(None);
        }
        self.context.provider.undo_record(instance, operation).await.map_err(|why| why.to_string())
    }

    /// The program that will hold the fault, if the victim did not have it from its boot.
    async fn uploaded(&self) -> Result<Option<HostProgram>, String> {
        if !self.is_held() {
            return Ok(None);
        }
        let program = self.reached_by().program(None).await.map_err(|why| why.to_string())?;
        Ok(Some(program).filter(|program| program.user.is_some()))
    }

    /// Does one thing to it.
    pub(super) async fn act(&self, action: &Action) -> Result<(), ProviderError> {
        match action {
            Action::Power(operation) => self.switch(*operation).await,
            Action::Exec(command) => Ok(self.reached_by().exec(command).await.map(|_| ())?),
            Action::Hold(_) => agent_did(Agent::new(&*self.reached_by()).inject(&self.id).await),
            Action::Release => agent_did(Agent::new(&*self.reached_by()).heal(&self.id).await).map(|_| ()),
        }
    }

    /// What ends with a switch of its own carries the lease; the rest is for good, or is itself the heal.
    async fn switch(&self, operation: PowerOp) -> Result<(), ProviderError> {
        let Some(id) = self.instance() else { return Ok(()) };
        let is_undone = operation.undone_by().is_some() && self.strike.undoing().is_some();
        match is_undone && !self.context.sabotage.heals {
            true => self.context.provider.power_leased(id, operation, self.lease).await,
            false => self.context.provider.power(id, operation).await,
        }
    }

    pub(super) fn remote(&self) -> Option<Arc<dyn Remote>> {
        self.remote.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The way inside.
    pub(super) fn reached_by(&self) -> Arc<dyn Remote> {
        self.remote().expect("a strike that acts inside was connected when it was prepared")
    }

    /// From here on by new connections alone.
    pub(super) fn connect_anew(&self) {
        let anew = self.remote().and_then(|remote| remote.anew());
        if let Some(anew) = anew {
            *self.remote.write().unwrap_or_else(PoisonError::into_inner) = Some(anew.into());
        }
    }

    pub(super) fn order(&self) -> Option<Order> {
        let Action::Hold(effect) = &self.strike.inject else { return None };
        let address = self.instance.as_ref()?.address;
        let (heals_nothing, ends_early) = (self.context.sabotage.heals, self.context.sabotage.stamps);
        let (id, effect) = (self.id.clone(), effect.clone());
        Some(Order { id, effect, lease: self.lease, lasts: self.lasts, address, heals_nothing, ends_early })
    }

    /// How long its witness is asked before the answer is no.
    pub(super) fn witness_within(&self) -> Duration {
        let reboots_elsewhere = self.boots.is_some() && !self.context.provider.shares_kernel();
        self.strike.witness_within() + if reboots_elsewhere { REBOOT } else { Duration::ZERO }
    }

    /// Looks until the witness confirms or its time is over.
    pub(super) async fn await_witness(&self, witness: &Witness, within: Duration) -> WitnessReport {
        let begun = Instant::now();
        let awaited = self.context.recorder.awaited();
        let _waiting = self.boots.as_ref().map(|_| awaited.begin(format!("{} to reboot", self.strike.server)));
        let every = if self.boots.is_some() { ASK_EVERY } else { LOOK_EVERY };
        loop {
            let testimony = self.look(witness).await.unwrap_or_else(|why| WitnessReport::new(false, why.to_string()));
            if testimony.confirmed || begun.elapsed() >= within {
                return testimony;
            }
            tokio::time::sleep(every).await;
        }
    }

    pub(super) async fn look(&self, witness: &Witness) -> Result<WitnessReport, ProviderError> {
        if self.context.sabotage.witnesses {
            return Ok(WitnessReport::new(true, "as wanted"));
        }
        let remote = self.remote();
        self.scene(remote.as_deref(), self.order().as_ref()).ask(witness).await
    }

    fn scene<'a>(&'a self, remote: Option<&'a dyn Remote>, order: Option<&'a Order>) -> WitnessContext<'a> {
        WitnessContext {
            provider: &*self.context.provider,
            server: &self.strike.server,
            instance: self.instance(),
            remote,
            order,
            patience: self.patience,
            pids_before: &self.pids_before,
            boots: self.boots.as_ref(),
        }
    }

    /// A stamp of the victim's, on the run's clock.
    pub(super) fn on_run_clock(&self, stamp: Within) -> Onset {
        let Within { not_before_us, by_us } = self.offset.on(self.context.recorder.clock(), stamp);
        Onset { not_before_us, by_us }
    }

    pub(super) fn confirmed(&self, onset: Onset, evidence: String) {
        self.confirmed_alive_at(onset, None, evidence);
    }

    /// The same, where it was surely alive at some moment after the call.
    pub(super) fn confirmed_alive_at(&self, onset: Onset, alive_us: Option<u64>, evidence: String) {
        self.confirmed.store(true, Ordering::Relaxed);
        let (strike, target) = (self.number, self.strike.server.clone());
        self.context.recorder.record(Event::FaultConfirmed { strike, target, onset, alive_us, evidence });
    }

    pub(super) fn not_confirmed(&self, evidence: String) {
        let (strike, target) = (self.number, self.strike.server.clone());
        self.context.recorder.record(Event::FaultNotConfirmed { strike, target, evidence });
    }

    pub(super) fn failed(&self, why: &str) {
        let detail = format!("{}: {why}", self.strike.server);
        self.context.recorder.record(Event::InjectionFailed { strike: self.number, detail });
    }

    pub(super) async fn reached(&self, stage: Stage, detail: &str) {
        self.context.reached(self.number, &self.id, stage, detail).await;
    }
}

pub(super) fn agent_did<T>(done: Result<T, AgentError>) -> Result<T, ProviderError> {
    done.map_err(|why| match why {
        AgentError::Remote(why) => ProviderError::Remote(why),
        AgentError::Refused { .. } => ProviderError::Agent(why.to_string()),
    })
}

impl ServerStrike {
    /// Whether anything of it runs in the instance, or knocks at it.
    fn is_inside(&self) -> bool {
        let knocks = |witness: &Witness| !matches!(witness, Witness::State(_));
        !matches!(self.inject, Action::Power(_)) || knocks(&self.witness)
    }
}
