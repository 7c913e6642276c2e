//! The sole executor of strikes.
//!
//! A strike goes: resolve its targets, see that there is something to break, inject, wait until the witness at the
//! victim has confirmed (that is t0), and later heal and see that it healed. What is still to come (heals, repeated
//! strikes) lies in an [`agenda`]; one task works it off, so strikes never race each other.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::fault::{self, Strike};
use crate::history::{Event, Recorder};
use crate::infrastructure::Infrastructure;
use crate::observer::Sight;
use crate::plan::{Act, Schedule, StrikeOrder};
use crate::provider::Provider;
use crate::selector::{self, Selection, View};

mod agenda;
mod safeguards;
mod victim;

use agenda::{Agenda, Job};
use victim::Victim;

/// Executes the strikes of one scenario, in order and on time.
pub struct Nemesis {
    provider: Arc<dyn Provider>,
    infrastructure: Arc<Infrastructure>,
    recorder: Recorder,
    sight: Sight,
    seed: u64,
    strikes: u32,
    last_struck: Vec<String>,
    agenda: Agenda,
    sabotage: bool,
}

/// A strike could not be carried out at all, for a reason of the plan or of the harness; it is recorded too.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StrikeError(String);

impl Nemesis {
    /// A nemesis for one scenario. `seed` is the scenario's.
    pub fn new(
        provider: Arc<dyn Provider>,
        infrastructure: Arc<Infrastructure>,
        recorder: Recorder,
        sight: Sight,
        seed: u64,
    ) -> Self {
        let (last_struck, agenda) = (Vec::new(), Agenda::default());
        Nemesis { provider, infrastructure, recorder, sight, seed, strikes: 0, last_struck, agenda, sabotage: false }
    }

    /// For tests of the harness alone: strikes claim to inject and do nothing. Every scenario must become `invalid`.
    pub fn sabotage(&mut self, injects_nothing: bool) {
        self.sabotage = injects_nothing;
    }

    /// Begins one act that strikes: the first strike at once, the rest by the agenda.
    ///
    /// # Errors
    /// When a target matches nobody or the provider fails; what the witness did not confirm is recorded, no error.
    pub async fn begin(&mut self, act: &Act) -> Result<(), StrikeError> {
        let Act::Strike { order, schedule } = act else { return Ok(()) };
        let now = Instant::now();
        match *schedule {
            Schedule::Once => self.strike(order, None).await,
            Schedule::For(duration) => self.strike(order, Some(duration)).await,
            Schedule::Every { interval, total } => {
                self.agenda.repeat(order, now, interval, total);
                self.work_until(now).await
            }
            Schedule::After { .. } | Schedule::Poisson { .. } => Ok(()),
        }
    }

    /// Works the agenda off until `deadline`, which it waits for.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn work_until(&mut self, deadline: Instant) -> Result<(), StrikeError> {
        while let Some((at, job)) = self.agenda.next_before(deadline) {
            tokio::time::sleep_until(at).await;
            match job {
                Job::Strike { order, heal_after } => self.strike(&order, heal_after).await?,
                Job::Heal { number, strikes } => self.heal(number, &strikes).await,
            }
        }
        tokio::time::sleep_until(deadline).await;
        Ok(())
    }

    /// Whether heals or strikes are still to come.
    pub fn has_more(&self) -> bool {
        !self.agenda.is_empty()
    }

    async fn strike(&mut self, order: &StrikeOrder, heal_after: Option<Duration>) -> Result<(), StrikeError> {
        let number = self.strikes;
        self.strikes += 1;
        let selection = self.resolve(order, number)?;
        let fault = fault::named(&order.fault).ok_or_else(|| StrikeError(format!("no fault `{}`", order.fault)))?;
        let strikes: Vec<Strike> = selection
            .servers
            .iter()
            .map(|server| fault.strike(&fault::Target { server, peers: &[], services: &[] }, &order.with))
            .collect();
        let victims = self.victims(number, &strikes).await;
        self.recorder.record(Event::InjectionStarted { strike: number });
        join_all(victims.iter().map(|victim| victim.strike(self.sabotage))).await;
        if strikes.iter().any(|strike| strike.heal.is_some())
            && let Some(after) = heal_after
        {
            self.agenda.heal(number, strikes, Instant::now() + after);
        }
        self.last_struck = selection.servers;
        Ok(())
    }

    fn resolve(&self, order: &StrikeOrder, number: u32) -> Result<Selection, StrikeError> {
        let holder = self.sight.holder.borrow().clone();
        let balancers = self.sight.balancers.borrow().clone();
        let view = View {
            holder: holder.as_deref(),
            last_struck: &self.last_struck,
            balancers: Some(&balancers),
            ..View::of(&self.infrastructure)
        };
        let selection = selector::resolve(&order.target, &view, self.seed, number).map_err(|why| {
            let detail = format!("nobody to strike: {why}");
            self.recorder.record(Event::InjectionFailed { strike: number, detail: detail.clone() });
            StrikeError(detail)
        })?;
        self.recorder.record(Event::StrikeResolved {
            strike: number,
            fault: order.fault.clone(),
            step: order.step.text.clone(),
            line: order.step.line,
            targets: selection.servers.clone(),
            why: selection.why.clone(),
        });
        Ok(selection)
    }

    /// Finds the instances to be hit and connects to those that are struck from inside, before the clock starts.
    async fn victims(&self, number: u32, strikes: &[Strike]) -> Vec<Victim> {
        join_all(
            strikes.iter().map(|strike| {
                Victim::prepare(number, strike.clone(), Arc::clone(&self.provider), self.recorder.clone())
            }),
        )
        .await
    }

    async fn heal(&self, number: u32, strikes: &[Strike]) {
        for victim in self.victims(number, strikes).await {
            victim.heal().await;
        }
    }
}
