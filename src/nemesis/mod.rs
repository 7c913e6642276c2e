//! The sole executor of strikes.
//!
//! A strike goes: resolve its targets, see that there is something to break, write its heal ahead ([`crate::journal`]),
//! let its lease run, inject, wait until the witness at the victim has confirmed (that is t0), and later heal and see
//! that it healed. Strikes that are still to come lie in an [`agenda`]; one task works it off, so strikes never race
//! each other. Each victim has an [`attendant`], which stays with it until nothing of the strike is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;
use tracing::Instrument;

use crate::draw::{Draw, Purpose};
use crate::fault::{self, Fault, ServerStrike};
use crate::history::Event;
use crate::instance::{Instance, InstanceId, PowerState};
use crate::journal::PlannedStrike;
use crate::observer::Observations;
use crate::plan::{Act, Choice, Schedule, StrikeOrder};
use crate::provider::ProviderError;

mod agenda;
mod aim;
mod attendant;
mod back;
mod boots;
mod context;
mod leftover;
mod open;
mod partition;
mod undo;
mod victim;
mod witness;

use agenda::{Agenda, Chance, Job};
use aim::ResolvedTargets;
use attendant::Left;
pub use context::{Sabotage, StrikeContext};
pub use leftover::leftover;
use open::Open;
use victim::Victim;

/// Leases are renewed three times before they would end: two renewals may be lost.
const RENEWALS: u32 = 3;

/// Executes the strikes of one scenario, in order and on time.
pub struct Nemesis {
    context: Arc<StrikeContext>,
    observations: Observations,
    draw: Draw,
    strikes: u32,
    last_struck: Vec<String>,
    agenda: Agenda,
    /// What is under way, by the number of its strike.
    open: BTreeMap<u32, Open>,
    /// Those of a strike whose processes were killed, and are not seen to run again yet.
    without_process: BTreeMap<u32, Vec<Arc<Victim>>>,
    /// Who was struck and neither healed nor replaced since, with the instance that was hit.
    struck: BTreeMap<String, InstanceId>,
}

/// A strike could not be carried out at all, for a reason of the plan or of the harness; it is recorded too.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StrikeError(String);

impl Nemesis {
    /// A nemesis for one scenario. `seed` is the scenario's.
    pub fn new(context: StrikeContext, observations: Observations, seed: u64) -> Self {
        let (open, without_process, struck) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (last_struck, agenda) = (Vec::new(), Agenda::default());
        let context = Arc::new(context);
        Nemesis {
            context,
            observations,
            draw: Draw::of(seed),
            strikes: 0,
            last_struck,
            agenda,
            open,
            without_process,
            struck,
        }
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
                Job::LookBack(number) => self.look_back(number).await,
                Job::Over => {}
            }
        }
        tokio::time::sleep_until(deadline).await;
        self.take_in_ends();
        Ok(())
    }

    /// Whether planned ends or strikes are still to come, or the time over which they might, or a word whether a fault
    /// is in force.
    pub fn has_more(&self) -> bool {
        !self.agenda.is_empty() || self.open.values().any(Open::has_more)
    }

    /// The last strike and its victims, where there was one: how many were before it.
    pub fn last_strike(&self) -> Option<(u32, &[String])> {
        Some((self.strikes.checked_sub(1)?, self.last_struck.as_slice())).filter(|(_, victims)| !victims.is_empty())
    }

    /// Looks once more at everything that is open: a fault must have lasted as long as it was watched.
    pub async fn see_that_all_lasted(&self) {
        let victims = self.open.values().flat_map(|open| &open.victims);
        join_all(victims.map(|victim| victim.see_that_it_lasted())).await;
    }

    /// Heals everything that is open, the last strike first, and strikes no more; true if all was seen to be healed.
    pub async fn lift_all(&mut self) -> bool {
        self.agenda.clear();
        let mut all = true;
        for number in self.open.keys().rev().copied().collect::<Vec<_>>() {
            all &= self.lift(number).await;
        }
        all
    }

    fn chance(&self, mean: Duration, total: Duration) -> Chance {
        Chance { mean, total, draw: self.draw }
    }

    /// Strikes within a span, which goes on until nothing of the strike is left.
    async fn strike(
        &mut self,
        order: &StrikeOrder,
        heal_after: Option<Duration>,
        by_chance: bool,
    ) -> Result<(), StrikeError> {
        let number = self.strikes;
        self.strikes += 1;
        let span = tracing::info_span!("strike", step = order.step.text, number);
        self.strike_as(number, order, heal_after, by_chance).instrument(span).await
    }

    async fn strike_as(
        &mut self,
        number: u32,
        order: &StrikeOrder,
        heal_after: Option<Duration>,
        by_chance: bool,
    ) -> Result<(), StrikeError> {
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
            self.context.recorder.record(Event::StrikeHeldBack { strike: number, detail });
            return Ok(());
        }
        self.announce(order, number, &blows);
        self.last_struck = blows.selection.servers;
        let lease = self.lease(&strikes, heal_after);
        let victims = self.victims(number, strikes, lease, heal_after).await;
        // Open before anything is touched: whoever gives up in the middle of this strike can still lift it.
        let open = self.open.entry(number).or_insert(Open::new(victims));
        join_all(open.victims.iter().map(|victim| victim.write_ahead())).await;
        self.context.recorder.record(Event::InjectionStarted { strike: number });
        join_all(open.strike()).await;
        let hit = open.victims.iter().filter(|victim| victim.refused().is_none());
        let hit: Vec<Arc<Victim>> = hit.cloned().collect();
        self.struck.extend(hit.iter().filter_map(|victim| Some((victim.server().into(), victim.instance()?.clone()))));
        self.await_processes(number, hit);
        self.take_in_ends();
        Ok(())
    }

    /// Takes in what has ended meanwhile.
    fn take_in_ends(&mut self) {
        let ended: Vec<_> = self.open.values_mut().flat_map(Open::ended).collect();
        self.free(&ended);
        self.open.retain(|_, open| !open.is_over());
    }

    /// Those who were healed are not struck any more; true if all were that had something to undo.
    fn free(&mut self, ended: &[(String, Left)]) -> bool {
        for (server, _) in ended.iter().filter(|(_, left)| *left == Left::Healed) {
            self.struck.remove(server);
        }
        ended.iter().all(|(_, left)| *left != Left::Unhealed)
    }

    /// Whether the safeguards let these servers be struck, with those that are struck still; whom chance has chosen
    /// must not be struck already.
    async fn admit(&mut self, victims: &[String], by_chance: bool) -> Result<(), String> {
        self.take_in_ends();
        let instances = self.context.provider.list().await.map_err(|why| why.to_string())?;
        let replaced = |server: &String, struck: &InstanceId| {
            let runs = |instance: &&Instance| instance.name == *server && instance.state == PowerState::Running;
            instances.iter().filter(runs).any(|instance| instance.id != *struck)
        };
        self.struck.retain(|server, struck| !replaced(server, struck));
        let now: BTreeSet<String> = self.struck.keys().cloned().collect();
        if let Some(struck) = victims.iter().find(|victim| by_chance && now.contains(*victim)) {
            return Err(format!("{struck} was struck before, and is not back yet"));
        }
        self.context.safeguards.admit(&self.context.infrastructure, &now, victims)
    }

    /// The strikes on each server, as data; a process that is left to chance is drawn for each.
    fn strikes(
        &self,
        fault: &dyn Fault,
        order: &StrikeOrder,
        number: u32,
        blows: &ResolvedTargets,
    ) -> Result<Vec<ServerStrike>, String> {
        let mut rng = self.draw.for_purpose(Purpose::Processes, number.into());
        let strike = |server: &String| {
            let services = self.context.services.get(server).map_or(&[][..], Vec::as_slice);
            let with = fault::process::drawn(&order.with, services, &mut rng)?;
            let target = fault::FaultTarget { server, peers: blows.peers(server), services };
            Ok(fault.strike(&target, &with))
        };
        blows.selection.servers.iter().map(strike).collect()
    }

    fn nobody(&self, number: u32, why: &str) -> StrikeError {
        let detail = format!("no server to strike: {why}");
        self.context.recorder.record(Event::InjectionFailed { strike: number, detail: detail.clone() });
        StrikeError(detail)
    }

    fn announce(&self, order: &StrikeOrder, number: u32, blows: &ResolvedTargets) {
        self.context.recorder.record(Event::StrikeResolved {
            strike: number,
            fault: order.fault.clone(),
            step: order.step.text.clone(),
            line: order.step.line,
            targets: blows.selection.servers.clone(),
            why: blows.selection.why.clone(),
        });
    }

    /// A fault that impairs the way to its own heal has a lease for its whole time, or the longest there is, and what its
    /// holder waits afterwards to be read; any other one is renewed.
    fn lease(&self, strikes: &[ServerStrike], heal_after: Option<Duration>) -> Duration {
        let impairs = strikes.iter().any(ServerStrike::impairs_its_own_path);
        let whole = || strikes[0].waits() + heal_after.unwrap_or(LONGEST);
        if impairs { whole() + self.context.lease } else { self.context.lease }
    }

    /// Finds the instances to be hit and connects to those that are struck from inside, before the clock starts.
    async fn victims(
        &self,
        number: u32,
        strikes: Vec<ServerStrike>,
        lease: Duration,
        heal_after: Option<Duration>,
    ) -> Vec<Victim> {
        let prepare = |(n, strike): (usize, ServerStrike)| {
            let lasts = heal_after.filter(|_| strike.heal.is_some());
            Victim::prepare(Arc::clone(&self.context), number, n, victim::Plan { strike, lease, lasts })
        };
        join_all(strikes.into_iter().enumerate().map(prepare)).await
    }

    /// Lifts one strike from its victims side by side; all are tried. Nothing to do where it was over before.
    async fn lift(&mut self, number: u32) -> bool {
        let Some(mut open) = self.open.remove(&number) else { return true };
        let ended = open.lift().await;
        self.free(&ended)
    }
}

/// Heals what the journal of a run that is over holds open; true if it was seen to be healed.
///
/// # Errors
/// When the victim can't be found or reached.
pub async fn heal_planned(context: &Arc<StrikeContext>, planned: &PlannedStrike) -> Result<bool, ProviderError> {
    Ok(Victim::of_journal(Arc::clone(context), planned).await?.heal().await)
}

/// How long a fault lasts at most that cuts the way to its own heal and was not given a time.
const LONGEST: Duration = Duration::from_secs(600);
