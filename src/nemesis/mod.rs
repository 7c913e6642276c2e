//! The sole executor of strikes.
//!
//! A strike goes: resolve its targets, see that there is something to break, write its heal ahead ([`crate::journal`]),
//! let its lease run, inject, wait until the witness at the victim has confirmed (that is t0), and later heal and see
//! that it healed. What is still to come (heals, repeated strikes, renewals) lies in an [`agenda`]; one task works it
//! off, so strikes never race each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::draw::{Draw, Purpose};
use crate::fault::{self, Fault, Strike};
use crate::history::Event;
use crate::journal::Planned;
use crate::observer::Sight;
use crate::plan::{Act, Choice, Schedule, StrikeOrder};
use crate::provider::{Instance, InstanceId, PowerState, ProviderError};

mod agenda;
mod aim;
mod back;
mod cut;
mod ground;
mod safeguards;
mod victim;
mod witness;

use agenda::{Agenda, Chance, Job};
use aim::Blows;
pub use ground::{Ground, Sabotage};
use victim::Victim;

/// Leases are renewed three times before they would end: two renewals may be lost.
const RENEWALS: u32 = 3;

/// Executes the strikes of one scenario, in order and on time.
pub struct Nemesis {
    ground: Arc<Ground>,
    sight: Sight,
    draw: Draw,
    strikes: u32,
    last_struck: Vec<String>,
    agenda: Agenda,
    /// What is to be healed, by the number of its strike.
    open: BTreeMap<u32, Vec<Victim>>,
    /// Those of a strike whose processes were killed, and are not seen to run again yet.
    without_process: BTreeMap<u32, Vec<Victim>>,
    /// Who was struck and neither healed nor replaced since, with the instance that was hit.
    struck: BTreeMap<String, InstanceId>,
}

/// A strike could not be carried out at all, for a reason of the plan or of the harness; it is recorded too.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StrikeError(String);

impl Nemesis {
    /// A nemesis for one scenario. `seed` is the scenario's.
    pub fn new(ground: Ground, sight: Sight, seed: u64) -> Self {
        let (open, without_process, struck) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (last_struck, agenda) = (Vec::new(), Agenda::default());
        let ground = Arc::new(ground);
        Nemesis { ground, sight, draw: Draw::of(seed), strikes: 0, last_struck, agenda, open, without_process, struck }
    }

    /// Begins one act that strikes: the first strike at once, the rest by the agenda. [`Act::InTurn`] is not begun
    /// here, since somebody must wait in between: see [`turns`](Self::turns).
    ///
    /// # Errors
    /// When a target matches nobody or the provider fails; what the witness did not confirm is recorded, no error.
    pub async fn begin(&mut self, act: &Act) -> Result<(), StrikeError> {
        let now = Instant::now();
        match act {
            Act::Strike { order, schedule: Schedule::Once } => return self.strike(order, None, false).await,
            Act::Strike { order, schedule: Schedule::For(time) } => {
                return self.strike(order, Some(*time), false).await;
            }
            Act::Strike { order, schedule: Schedule::After { wait, lasts } } => {
                let order = Box::new(order.clone());
                self.agenda.note(now + *wait, Job::Strike { order, heal_after: *lasts, by_chance: false });
            }
            Act::Strike { order, schedule: Schedule::Every { interval, total } } => {
                self.agenda.repeat(order, now, *interval, *total);
            }
            Act::Strike { order, schedule: Schedule::Poisson { mean, total } } => {
                self.agenda.at_random(std::slice::from_ref(order), &[1.0], now, self.chance(*mean, *total));
            }
            Act::Random { orders, shares, mean, total } => {
                self.agenda.at_random(orders, shares, now, self.chance(*mean, *total));
            }
            Act::LiftAll => {
                self.see_that_all_lasted().await;
                self.lift_all().await;
            }
            Act::InTurn { .. } | Act::Pass(_) | Act::AwaitRecovery => {}
            Act::AgentStops(_) | Act::AgentStarts(_) | Act::ReconcilerDies(_) => {}
        }
        self.work_until(now).await
    }

    /// The strikes of [`Act::InTurn`], one for each server that its order's target matches, by name.
    ///
    /// # Errors
    /// When it matches nobody.
    pub fn turns(&self, order: &StrikeOrder) -> Result<Vec<StrikeOrder>, StrikeError> {
        let everybody = self.select(&order.target, self.strikes).map_err(StrikeError)?;
        let one = |server: &String| {
            let mut turn = order.clone();
            turn.target.choice = Choice::Named(server.clone());
            turn.target.text = format!("node \"{server}\"");
            turn
        };
        Ok(everybody.servers.iter().map(one).collect())
    }

    /// Works the agenda off until `deadline`, which it waits for.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn work_until(&mut self, deadline: Instant) -> Result<(), StrikeError> {
        while let Some((at, job)) = self.agenda.next_before(deadline) {
            tokio::time::sleep_until(at).await;
            match job {
                Job::Strike { order, heal_after, by_chance } => self.strike(&order, heal_after, by_chance).await?,
                Job::Heal(number) => {
                    self.see_that_it_lasted(number).await;
                    self.heal(number).await;
                }
                Job::Renew(number) => self.renew(number).await,
                Job::LookBack(number) => self.look_back(number).await,
                Job::Over => {}
            }
        }
        tokio::time::sleep_until(deadline).await;
        Ok(())
    }

    /// Whether heals or strikes are still to come, or the time over which they might.
    pub fn has_more(&self) -> bool {
        !self.agenda.is_empty()
    }

    /// Looks once more at everything that is open: a fault must have lasted as long as it was watched.
    pub async fn see_that_all_lasted(&self) {
        for number in self.open.keys() {
            self.see_that_it_lasted(*number).await;
        }
    }

    /// Heals everything that is open, the last strike first, and strikes no more; true if all was seen to be healed.
    pub async fn lift_all(&mut self) -> bool {
        self.agenda.clear();
        let mut all = true;
        for number in self.open.keys().rev().copied().collect::<Vec<_>>() {
            all &= self.heal(number).await;
        }
        all
    }

    fn chance(&self, mean: Duration, total: Duration) -> Chance {
        Chance { mean, total, draw: self.draw }
    }

    async fn strike(
        &mut self,
        order: &StrikeOrder,
        heal_after: Option<Duration>,
        by_chance: bool,
    ) -> Result<(), StrikeError> {
        let number = self.strikes;
        self.strikes += 1;
        let fault = fault::named(&order.fault).ok_or_else(|| StrikeError(format!("no fault `{}`", order.fault)))?;
        let blows = match self.aim(order, number).await {
            Ok(blows) => blows,
            Err(why) => return Err(self.nobody(number, &why)),
        };
        let strikes = match self.strikes(fault, order, number, &blows) {
            Ok(strikes) => strikes,
            Err(why) => return Err(self.nobody(number, &why)),
        };
        if let Err(detail) = self.admit(&blows.selection.servers, by_chance).await {
            self.ground.recorder.record(Event::StrikeHeldBack { strike: number, detail });
            return Ok(());
        }
        self.announce(order, number, &blows);
        self.last_struck = blows.selection.servers;
        let victims = self.victims(number, &strikes, self.lease(&strikes, heal_after)).await;
        // Open before anything is touched: whoever gives up in the middle of this strike can still lift it.
        let victims = self.open.entry(number).or_insert(victims);
        join_all(victims.iter_mut().map(Victim::write_ahead)).await;
        self.ground.recorder.record(Event::InjectionStarted { strike: number });
        join_all(victims.iter().map(Victim::strike)).await;
        self.struck
            .extend(victims.iter().filter_map(|victim| Some((victim.server().into(), victim.instance()?.clone()))));
        let (open, over) = std::mem::take(victims).into_iter().partition(Victim::needs_heal);
        *victims = open;
        self.schedule_heal(number, heal_after);
        self.await_processes(number, over);
        Ok(())
    }

    /// Notes when a strike is healed, and when its leases are renewed until then.
    fn schedule_heal(&mut self, number: u32, heal_after: Option<Duration>) {
        if self.open.get(&number).is_none_or(Vec::is_empty) {
            self.open.remove(&number);
            return;
        }
        let now = Instant::now();
        if let Some(after) = heal_after {
            self.agenda.note(now + after, Job::Heal(number));
        }
        self.agenda.note(now + self.ground.lease / RENEWALS, Job::Renew(number));
    }

    /// Whether the safeguards let these servers be struck, with those that are struck still; whom chance has chosen
    /// must not be struck already.
    async fn admit(&mut self, victims: &[String], by_chance: bool) -> Result<(), String> {
        let instances = self.ground.provider.list().await.map_err(|why| why.to_string())?;
        let replaced = |server: &String, struck: &InstanceId| {
            let runs = |instance: &&Instance| instance.name == *server && instance.state == PowerState::Running;
            instances.iter().filter(runs).any(|instance| instance.id != *struck)
        };
        self.struck.retain(|server, struck| !replaced(server, struck));
        let now: BTreeSet<String> = self.struck.keys().cloned().collect();
        if let Some(struck) = victims.iter().find(|victim| by_chance && now.contains(*victim)) {
            return Err(format!("{struck} was struck before, and is not back yet"));
        }
        self.ground.safeguards.admit(&self.ground.infrastructure, &now, victims)
    }

    /// The strikes on each server, as data; a process that is left to chance is drawn for each.
    fn strikes(
        &self,
        fault: &dyn Fault,
        order: &StrikeOrder,
        number: u32,
        blows: &Blows,
    ) -> Result<Vec<Strike>, String> {
        let mut rng = self.draw.for_purpose(Purpose::Processes, number.into());
        let strike = |server: &String| {
            let services = self.ground.services.get(server).map_or(&[][..], Vec::as_slice);
            let with = fault::process::drawn(&order.with, services, &mut rng)?;
            let target = fault::Target { server, peers: blows.peers(server), services };
            Ok(fault.strike(&target, &with))
        };
        blows.selection.servers.iter().map(strike).collect()
    }

    fn nobody(&self, number: u32, why: &str) -> StrikeError {
        let detail = format!("nobody to strike: {why}");
        self.ground.recorder.record(Event::InjectionFailed { strike: number, detail: detail.clone() });
        StrikeError(detail)
    }

    fn announce(&self, order: &StrikeOrder, number: u32, blows: &Blows) {
        self.ground.recorder.record(Event::StrikeResolved {
            strike: number,
            fault: order.fault.clone(),
            step: order.step.text.clone(),
            line: order.step.line,
            targets: blows.selection.servers.clone(),
            why: blows.selection.why.clone(),
        });
    }

    /// A fault that cuts the way to its own heal has a lease for its whole time, or the longest there is; any other
    /// one is renewed.
    fn lease(&self, strikes: &[Strike], heal_after: Option<Duration>) -> Duration {
        let cuts = strikes.iter().any(Strike::cuts_its_own_path);
        if cuts { heal_after.unwrap_or(LONGEST) + strikes[0].waits() } else { self.ground.lease }
    }

    /// Finds the instances to be hit and connects to those that are struck from inside, before the clock starts.
    async fn victims(&self, number: u32, strikes: &[Strike], lease: Duration) -> Vec<Victim> {
        let prepare =
            |(n, strike): (usize, &Strike)| Victim::prepare(Arc::clone(&self.ground), number, n, strike.clone(), lease);
        join_all(strikes.iter().enumerate().map(prepare)).await
    }

    async fn see_that_it_lasted(&self, number: u32) {
        let Some(victims) = self.open.get(&number) else { return };
        join_all(victims.iter().map(Victim::see_that_it_lasted)).await;
    }

    async fn renew(&mut self, number: u32) {
        let Some(victims) = self.open.get(&number) else { return };
        join_all(victims.iter().map(Victim::renew)).await;
        self.agenda.note(Instant::now() + self.ground.lease / RENEWALS, Job::Renew(number));
    }

    /// Heals one strike's victims side by side; all are tried. Nothing to do where it was healed before.
    async fn heal(&mut self, number: u32) -> bool {
        let Some(victims) = self.open.remove(&number) else { return true };
        let healed = join_all(victims.iter().map(Victim::heal)).await;
        for victim in victims.iter().zip(&healed).filter_map(|(victim, healed)| healed.then_some(victim)) {
            self.struck.remove(victim.server());
        }
        healed.into_iter().all(|healed| healed)
    }
}

/// Heals what the journal of a run that is over holds open; true if it was seen to be healed.
///
/// # Errors
/// When the victim can't be found or reached.
pub async fn heal_planned(ground: &Arc<Ground>, planned: &Planned) -> Result<bool, ProviderError> {
    Ok(Victim::of_journal(Arc::clone(ground), planned).await?.heal().await)
}

/// How long a fault lasts at most that cuts the way to its own heal and was not given a time.
const LONGEST: Duration = Duration::from_secs(600);
