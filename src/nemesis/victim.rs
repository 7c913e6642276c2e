//! One instance that is struck: preparing, writing ahead, arming, injecting, witnessing, healing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ground::Ground;
use super::witness::{KNOCK, Scene, Testimony, patience};
use crate::agent::client::{Agent, AgentError};
use crate::agent::{Order, StrikeId};
use crate::clock;
use crate::fault::{Action, Strike, WITNESS_WITHIN, Witness};
use crate::history::{Event, Onset};
use crate::journal::{Note, Planned, Stage};
use crate::provider::{Instance, InstanceId, PowerOp, PowerState, ProviderError, Remote};

/// From one look of a witness to the next: t0 is known to this.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// From one try to heal to the next, while the victim can't be reached.
const TRY_EVERY: Duration = Duration::from_millis(200);
/// A fault is gone this long after its lease at the latest: the promise of the lease.
const LEASE_SLACK: Duration = Duration::from_secs(5);
/// How long healing is tried where the way to the victim is open.
const HEAL_WITHIN: Duration = Duration::from_secs(20);

/// A server under one strike, bound to the instance that stood for it when the strike was resolved.
pub(super) struct Victim {
    ground: Arc<Ground>,
    pub(super) number: u32,
    id: StrikeId,
    pub(super) strike: Strike,
    lease: Duration,
    instance: Option<Instance>,
    remote: Option<Box<dyn Remote>>,
    pids_before: BTreeSet<i32>,
    patience: Duration,
    armed: Option<Instant>,
    refused: Option<Refusal>,
}

/// Why a victim is not struck.
enum Refusal {
    /// What is found there is not what the strike breaks: the witness's no.
    NothingToBreak(String),
    /// The harness could not, or must not: it says nothing about the site.
    Unable(String),
}

impl Victim {
    /// Finds the instance, logs in where the strike needs to be inside, and sees that there is something to break
    /// and that nobody else's fault is there: none of this counts as injecting, and nothing is touched.
    pub async fn prepare(ground: Arc<Ground>, number: u32, n: usize, strike: Strike, lease: Duration) -> Self {
        let id = ground.id(number, n);
        let mut victim = Victim::of(ground, number, id, strike, lease);
        if let Err(why) = victim.find_and_connect().await {
            victim.refused = Some(why);
        }
        victim
    }

    fn of(ground: Arc<Ground>, number: u32, id: StrikeId, strike: Strike, lease: Duration) -> Self {
        let pids_before = BTreeSet::new();
        let (instance, remote, armed, refused) = (None, None, None, None);
        let patience = KNOCK;
        Victim { ground, number, id, strike, lease, instance, remote, pids_before, patience, armed, refused }
    }

    /// A victim of a run that is over, to be healed alone.
    pub async fn of_journal(ground: Arc<Ground>, planned: &Planned) -> Result<Self, ProviderError> {
        let Planned { id, strike, instance, lease } = planned.clone();
        let mut victim = Victim::of(ground, 0, id, strike, lease);
        let instances = victim.ground.provider.list().await?;
        victim.instance = instances.into_iter().find(|found| found.id == instance);
        if let Some(found) = victim.instance.as_ref().filter(|_| victim.strike.is_inside()) {
            victim.remote = Some(victim.ground.provider.connect(found).await?);
        }
        victim.armed = Some(Instant::now());
        Ok(victim)
    }

    async fn find_and_connect(&mut self) -> Result<(), Refusal> {
        let unable = |why: &dyn std::fmt::Display| Refusal::Unable(why.to_string());
        let instances = self.ground.provider.list().await.map_err(|why| unable(&why))?;
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
            return Err(Refusal::NothingToBreak(format!("nothing to break: {}", before.evidence)));
        }
        if let Witness::ProcessRestarted(pattern) = &self.strike.witness {
            let found = self.scene(None).pids(pattern).await.map_err(|why| unable(&why))?;
            self.pids_before = found.map_err(Refusal::Unable)?;
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
        let remote = self.ground.provider.connect(instance).await.map_err(|why| unable(&why))?;
        if matches!(self.strike.inject, Action::Hold(_)) {
            let agent = Agent::new(&*remote);
            agent.deploy().await.map_err(|why| unable(&why))?;
            let held = agent.held().await.map_err(|why| unable(&why))?;
            let foreign = held.iter().find(|held| !held.id.0.starts_with(&self.ground.prefix));
            if let Some(held) = foreign {
                return Err(Refusal::Unable(format!(
                    "{} is not clean: {} of strike {}; heal it first: chimp heal",
                    instance.name, held.evidence, held.id.0
                )));
            }
        }
        self.remote = Some(remote);
        Ok(())
    }

    /// Whether it was not touched.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// The server that is hit.
    pub fn server(&self) -> &str {
        &self.strike.server
    }

    /// The instance that is hit.
    pub fn instance(&self) -> Option<&InstanceId> {
        self.instance.as_ref().map(|instance| &instance.id)
    }

    /// Whether something of it remains to be undone.
    pub fn needs_heal(&self) -> bool {
        self.strike.heal.is_some() && self.refused.is_none()
    }

    /// Writes the heal ahead, then lets the lease run: from here on the fault can't outlive it.
    pub async fn write_ahead(&mut self) {
        if self.refused.is_none()
            && let Err(why) = self.try_write_ahead().await
        {
            self.refused = Some(Refusal::Unable(why));
        }
    }

    async fn try_write_ahead(&mut self) -> Result<(), String> {
        let instance = self.instance().expect("a victim that was not refused was found").clone();
        let planned = Planned { id: self.id.clone(), strike: self.strike.clone(), instance, lease: self.lease };
        self.ground.note(Note::Planned(Box::new(planned))).await?;
        let Some(order) = self.order() else { return Ok(()) };
        self.armed = Some(Instant::now());
        self.agent().arm(&order).await.map_err(|why| why.to_string())?;
        self.reached(Stage::Armed, "the lease runs").await;
        Ok(())
    }

    /// Injects and waits for the witness; records what it said.
    pub async fn strike(&self) {
        match &self.refused {
            Some(Refusal::NothingToBreak(why)) => {
                let denied = Testimony { confirmed: false, evidence: why.clone() };
                return self.record_testimony(&denied, Duration::ZERO);
            }
            Some(Refusal::Unable(why)) => return self.failed(why),
            None => {}
        }
        let (injected, testimony) = match self.strike.inject {
            // The witness looks while the provider still tidies up, so that t0 is when the victim was hit.
            Action::Power(_) => tokio::join!(self.inject(), self.testify()),
            // Both need the one session.
            _ => match self.inject().await {
                Ok(()) => (Ok(()), self.testify().await),
                Err(why) => return self.failed(&why.to_string()),
            },
        };
        self.reached(Stage::Witnessed, &testimony.evidence).await;
        if let Err(why) = injected {
            return self.failed(&why.to_string());
        }
        if let (true, Some(action)) = (testimony.confirmed, &self.strike.then) {
            self.undo(action, &self.strike.before).await;
        }
    }

    async fn inject(&self) -> Result<(), ProviderError> {
        if !self.ground.sabotage.faults {
            self.act(&self.strike.inject).await?;
        }
        self.reached(Stage::Injected, "").await;
        Ok(())
    }

    async fn testify(&self) -> Testimony {
        let (testimony, doubt) = self.await_witness(&self.strike.witness, self.strike.witness_within()).await;
        self.record_testimony(&testimony, doubt);
        testimony
    }

    /// The lease runs from now again, where the fault leaves a way to say so.
    pub async fn renew(&self) {
        let renewed = match self.strike.inject {
            Action::Hold(ref effect) if !effect.cuts_its_own_path() => {
                self.agent().renew(&self.id).await.map_err(|why| why.to_string())
            }
            Action::Power(PowerOp::Freeze | PowerOp::Stop) => match self.instance() {
                Some(instance) => self.ground.provider.renew(instance).await.map_err(|why| why.to_string()),
                None => Ok(()),
            },
            _ => Ok(()),
        };
        if let Err(why) = renewed
            && !self.is_gone().await
        {
            let (strike, target) = (self.number, self.server().to_string());
            self.ground.recorder.record(Event::LeaseNotRenewed { strike, target, detail: why });
        }
    }

    /// Records it where what an agent was to hold is no longer in force: what was measured since counts for nothing.
    /// Who can't be asked, being off, frozen, replaced or cut off, is not asked.
    pub async fn see_that_it_lasted(&self) {
        let held = matches!(self.strike.inject, Action::Hold(_)) && !self.strike.cuts_its_own_path();
        if !held || !self.needs_heal() || self.state().await != Some(PowerState::Running) {
            return;
        }
        let (strike, target) = (self.number, self.server().to_string());
        let evidence = match self.look(&self.strike.witness).await {
            Ok(seen) if seen.confirmed => return,
            Ok(seen) => seen.evidence,
            Err(why) => why.to_string(),
        };
        self.ground.recorder.record(Event::FaultLapsed { strike, target, evidence });
    }

    /// Undoes the strike and sees that it is undone; true if so. An instance that was replaced has nothing to undo.
    pub async fn heal(&self) -> bool {
        let Some((action, back)) = self.strike.undoing() else { return true };
        if self.refused.is_some() && self.armed.is_none() {
            return true;
        }
        self.reached(Stage::Healing, "").await;
        self.undo(action, back).await
    }

    /// Acts, sees that the victim is back, and records which.
    async fn undo(&self, action: &Action, back: &Witness) -> bool {
        let outcome = if self.is_gone().await {
            Testimony { confirmed: true, evidence: "its instance is no more, nothing to undo".into() }
        } else {
            match self.undo_within(action, self.heal_deadline()).await {
                Ok(()) => self.await_witness(back, WITNESS_WITHIN).await.0,
                Err(why) => self.is_back_all_the_same(action, back, why).await,
            }
        };
        let (strike, evidence) = (self.number, format!("{}: {}", self.strike.server, outcome.evidence));
        let stage = if outcome.confirmed { Stage::Healed } else { Stage::HealFailed };
        self.reached(stage, &outcome.evidence).await;
        self.ground.recorder.record(match outcome.confirmed {
            true => Event::StrikeHealed { strike, target: self.strike.server.clone(), evidence },
            false => Event::HealFailed { strike, detail: evidence },
        });
        outcome.confirmed
    }

    /// Tries until it is done: where the fault cuts the way to its own heal, the lease must end first.
    async fn undo_within(&self, action: &Action, deadline: Instant) -> Result<(), String> {
        if self.ground.sabotage.heals {
            return Ok(());
        }
        loop {
            match self.act(action).await {
                Ok(()) => return Ok(()),
                Err(ProviderError::Unknown(_)) => return Ok(()),
                Err(why @ ProviderError::Unsupported { .. }) => return Err(why.to_string()),
                Err(why) if Instant::now() >= deadline => return Err(why.to_string()),
                Err(_) if self.is_gone().await => return Ok(()),
                Err(_) => tokio::time::sleep(TRY_EVERY).await,
            }
        }
    }

    /// Power that can't be switched back may not be off: the inventory may have no command for either, or it failed both
    /// times. What counts is what is seen of the server.
    async fn is_back_all_the_same(&self, action: &Action, back: &Witness, why: String) -> Testimony {
        let seen = match action {
            Action::Power(_) => self.look(back).await.ok().filter(|seen| seen.confirmed),
            _ => None,
        };
        match seen {
            Some(seen) => Testimony { confirmed: true, evidence: format!("{}, though {why}", seen.evidence) },
            None => Testimony { confirmed: false, evidence: why },
        }
    }

    fn heal_deadline(&self) -> Instant {
        let lease_over = self.armed.map(|armed| armed + self.lease + LEASE_SLACK);
        (Instant::now() + HEAL_WITHIN).max(lease_over.unwrap_or_else(Instant::now))
    }

    /// Whether the instance is no more: what was done to it went with it.
    pub(super) async fn is_gone(&self) -> bool {
        let Some(id) = self.instance() else { return true };
        let Ok(instances) = self.ground.provider.list().await else { return false };
        instances.iter().find(|found| found.id == *id).is_none_or(|found| found.state == PowerState::Terminated)
    }

    async fn state(&self) -> Option<PowerState> {
        let instances = self.ground.provider.list().await.ok()?;
        instances.iter().find(|found| Some(&found.id) == self.instance()).map(|found| found.state)
    }

    fn record_testimony(&self, testimony: &Testimony, doubt: Duration) {
        let (strike, target, evidence) = (self.number, self.strike.server.clone(), testimony.evidence.clone());
        let recorder = &self.ground.recorder;
        let (now_us, doubt_us) = (recorder.clock().now_us(), clock::micros(doubt));
        let onset = Onset { not_before_us: now_us.saturating_sub(doubt_us), by_us: now_us };
        let event = match testimony.confirmed {
            true => Event::FaultConfirmed { strike, target, onset, evidence },
            false => Event::FaultNotConfirmed { strike, target, evidence },
        };
        recorder.record_at(now_us, doubt_us, event);
    }

    fn failed(&self, why: &str) {
        let detail = format!("{}: {why}", self.strike.server);
        self.ground.recorder.record(Event::InjectionFailed { strike: self.number, detail });
    }

    async fn reached(&self, stage: Stage, detail: &str) {
        self.ground.reached(self.number, &self.id, stage, detail).await;
    }

    async fn act(&self, action: &Action) -> Result<(), ProviderError> {
        match action {
            Action::Power(operation) => self.switch(*operation).await,
            Action::Exec(command) => Ok(self.remote().exec(command).await.map(|_| ())?),
            Action::Hold(_) => agent_done(self.agent().inject(&self.id).await),
            Action::Release => agent_done(self.agent().heal(&self.id).await),
        }
    }

    /// What ends with a switch of its own carries the lease; the rest is for good, or is itself the heal.
    async fn switch(&self, operation: PowerOp) -> Result<(), ProviderError> {
        let Some(id) = self.instance() else { return Ok(()) };
        match operation {
            PowerOp::Freeze | PowerOp::Stop if self.strike.undoing().is_some() && !self.ground.sabotage.heals => {
                self.ground.provider.power_leased(id, operation, self.lease).await
            }
            _ => self.ground.provider.power(id, operation).await,
        }
    }

    fn remote(&self) -> &dyn Remote {
        self.remote.as_deref().expect("a strike that acts inside was connected when it was prepared")
    }

    fn agent(&self) -> Agent<'_> {
        Agent::new(self.remote())
    }

    fn order(&self) -> Option<Order> {
        let Action::Hold(effect) = &self.strike.inject else { return None };
        let address = self.instance.as_ref()?.address;
        let heals_nothing = self.ground.sabotage.heals;
        Some(Order { id: self.id.clone(), effect: effect.clone(), lease: self.lease, address, heals_nothing })
    }

    /// Looks until the witness confirms or its time is over; with how long before it may have been so, unseen.
    async fn await_witness(&self, witness: &Witness, within: Duration) -> (Testimony, Duration) {
        let begun = Instant::now();
        let mut doubt = begun;
        loop {
            let look = Instant::now();
            let testimony = self
                .look(witness)
                .await
                .unwrap_or_else(|why| Testimony { confirmed: false, evidence: why.to_string() });
            if testimony.confirmed || begun.elapsed() >= within {
                return (testimony, doubt.elapsed());
            }
            doubt = look;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) async fn look(&self, witness: &Witness) -> Result<Testimony, ProviderError> {
        if self.ground.sabotage.witnesses {
            return Ok(Testimony { confirmed: true, evidence: "as wanted".into() });
        }
        self.scene(self.order().as_ref()).ask(witness).await
    }

    fn scene<'a>(&'a self, order: Option<&'a Order>) -> Scene<'a> {
        Scene {
            provider: &*self.ground.provider,
            server: &self.strike.server,
            instance: self.instance(),
            remote: self.remote.as_deref(),
            order,
            patience: self.patience,
            pids_before: &self.pids_before,
        }
    }
}

fn agent_done(done: Result<(), AgentError>) -> Result<(), ProviderError> {
    done.map_err(|why| match why {
        AgentError::Remote(why) => ProviderError::Remote(why),
        AgentError::Refused { .. } => ProviderError::Agent(why.to_string()),
    })
}

impl Strike {
    /// Whether anything of it runs in the instance, or knocks at it.
    fn is_inside(&self) -> bool {
        let knocks = |witness: &Witness| !matches!(witness, Witness::State(_));
        !matches!(self.inject, Action::Power(_)) || knocks(&self.witness)
    }
}
