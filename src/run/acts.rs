//! What happens to a site that serves: a steady baseline, the acts, and the watch until what is asked about has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::at_work::AtWork;
use super::looks::{LOOK_EVERY, Looks};
use super::scenario::{Attempt, AttemptError};
use super::stop;
use crate::history::{Event, History, Watched};
use crate::measure::baseline;
use crate::measure::watch_end::{Look, Needs};
use crate::nemesis::{Nemesis, StrikeContext, StrikeError};
use crate::plan::{Act, Schedule, StrikeOrder};
use crate::site::Site;

/// What was read of the history so far, and what looking at it has cost.
pub(super) struct Eyes {
    watched: Watched,
    looks: Looks,
    since: Instant,
    pause: Duration,
}

impl Attempt<'_> {
    /// Waits for a steady baseline, then does what the scenario says; an abort lifts all faults. The nemesis is left with
    /// what it has not lifted.
    pub(super) async fn break_and_watch(
        &self,
        site: &Site,
        at_work: &AtWork,
        nemesis: &mut Option<Nemesis>,
    ) -> Result<(), AttemptError> {
        self.line.stage("baseline");
        let mut eyes = self.eyes();
        let steady = tokio::select! {
            steady = self.await_baseline(&mut eyes) => steady?,
            () = self.ends.now() => false,
        };
        if !steady {
            return Ok(());
        }
        let observations = at_work.observers.observations.clone();
        let nemesis = nemesis.insert(Nemesis::new(self.strike_context(site), observations, self.plan.seed));
        let reason = tokio::select! {
            done = self.acts_and_watch(nemesis, at_work, &mut eyes) => return done,
            () = self.ends.now() => return Ok(()),
            reason = self.stop_condition(at_work) => reason,
        };
        self.line.stage("aborting");
        self.recorder.record(Event::Aborted { reason });
        let _waiting = self.recorder.awaited().begin("every fault to be healed");
        nemesis.lift_all().await;
        Ok(())
    }

    async fn acts_and_watch(
        &self,
        nemesis: &mut Nemesis,
        at_work: &AtWork,
        eyes: &mut Eyes,
    ) -> Result<(), AttemptError> {
        for act in &self.plan.acts {
            // What went wrong is recorded; the watch below sees it and ends at once.
            if self.act(act, nemesis, at_work, eyes).await?.is_err() {
                break;
            }
        }
        self.watch(nemesis, eyes).await?;
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

    fn strike_context(&self, site: &Site) -> StrikeContext {
        StrikeContext {
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
    async fn await_baseline(&self, eyes: &mut Eyes) -> Result<bool, AttemptError> {
        let deadline = Instant::now() + self.plan.settings.steady.baseline_within;
        let waiting = self.recorder.awaited().begin("a steady baseline");
        loop {
            tokio::time::sleep(eyes.pause).await;
            match self.look(eyes, baseline::steady_since).await? {
                Ok(from_us) => {
                    self.recorder.record(Event::BaselineSteady { from_us });
                    return Ok(true);
                }
                Err(reason) if Instant::now() >= deadline => {
                    self.recorder.record(Event::BaselineUnsteady { reason });
                    return Ok(false);
                }
                Err(reason) => waiting.now(format!("a steady baseline ({reason})")),
            }
        }
    }

    async fn act(
        &self,
        act: &Act,
        nemesis: &mut Nemesis,
        at_work: &AtWork,
        eyes: &mut Eyes,
    ) -> Result<Result<(), StrikeError>, AttemptError> {
        match act {
            Act::AgentStops(_) | Act::AgentStarts(_) | Act::ReconcilerDies(_) => {
                at_work.order_agent(act).await;
                Ok(Ok(()))
            }
            Act::InTurn { order } => self.in_turn(order, nemesis, eyes).await,
            Act::Strike { .. } | Act::Random { .. } | Act::LiftAll => {
                let step = act.orders().first().map_or("lifting all faults", |order| &order.step.text);
                self.line.stage(step);
                Ok(self.strike(act, step, nemesis).await)
            }
            Act::Pass(duration) => Ok(nemesis.work_until(Instant::now() + *duration).await),
            Act::AwaitRecovery => self.await_recovery(nemesis, eyes).await,
        }
    }

    /// Begins what an act of the nemesis's says.
    async fn strike(&self, act: &Act, step: &str, nemesis: &mut Nemesis) -> Result<(), StrikeError> {
        let _waiting = self.recorder.awaited().begin(format!("“{step}” to be carried out and witnessed"));
        let before = nemesis.last_strike().map(|(number, _)| number);
        let begun = nemesis.begin(act).await;
        if let Some((_, victims)) = nemesis.last_strike().filter(|(number, _)| Some(*number) != before) {
            self.line.stage(&format!("{} struck", victims.join(", ")));
        }
        begun
    }

    /// Strikes one server after the other, and waits for recovery after each.
    async fn in_turn(
        &self,
        order: &StrikeOrder,
        nemesis: &mut Nemesis,
        eyes: &mut Eyes,
    ) -> Result<Result<(), StrikeError>, AttemptError> {
        let turns = match nemesis.turns(order) {
            Ok(turns) => turns,
            Err(why) => return Ok(Err(why)),
        };
        for order in turns {
            self.line.stage(&format!("{}: {}", order.step.text, order.target.text));
            let step = order.step.text.clone();
            let struck = self.strike(&Act::Strike { order, schedule: Schedule::Once }, &step, nemesis).await;
            if struck.is_err() {
                return Ok(struck);
            }
            let recovered = self.await_recovery(nemesis, eyes).await?;
            if recovered.is_err() {
                return Ok(recovered);
            }
        }
        Ok(Ok(()))
    }

    async fn await_recovery(
        &self,
        nemesis: &mut Nemesis,
        eyes: &mut Eyes,
    ) -> Result<Result<(), StrikeError>, AttemptError> {
        let deadline = Instant::now() + self.plan.settings.steady.give_up;
        let _waiting = self.recorder.awaited().begin("service and redundancy to recover");
        while Instant::now() < deadline {
            if let Err(why) = nemesis.work_until(Instant::now() + eyes.pause).await {
                return Ok(Err(why));
            }
            if self.look(eyes, crate::measure::recovered_at).await?.is_some() {
                return Ok(Ok(()));
            }
        }
        Ok(Ok(()))
    }

    /// Watches until everything that is asked about has come, or can no longer come in time.
    async fn watch(&self, nemesis: &mut Nemesis, eyes: &mut Eyes) -> Result<(), AttemptError> {
        let mut stage = None;
        let needs = Needs::of(self.plan);
        let waiting = self.recorder.awaited().begin("what the Thens ask about to come");
        loop {
            // A strike that found nobody is recorded, and the next look sees it.
            let _ = nemesis.work_until(Instant::now() + eyes.pause).await;
            let clock = self.recorder.clock();
            match self.look(eyes, |history| needs.look(history, clock.now_us())).await? {
                Look::GoOn(wait) => {
                    if let Some(next) = wait.stage().filter(|next| stage != Some(*next)) {
                        stage = Some(next);
                        self.line.stage(next);
                    }
                    self.line.remains(wait.to_string());
                    waiting.now(wait.awaited());
                    continue;
                }
                Look::Done if nemesis.has_more() => {
                    self.line.remains("strikes or heals are still to come".into());
                    continue;
                }
                Look::Done => self.recorder.record(Event::Recovered),
                Look::GivenUp => {
                    self.recorder.record(Event::RecoveryGivenUp { reason: "it did not come in time".into() })
                }
                Look::Void => {}
            }
            return Ok(());
        }
    }

    /// Nothing was looked at yet.
    fn eyes(&self) -> Eyes {
        let watched = Watched::new(&self.bundle, self.plan);
        Eyes { watched, looks: Looks::default(), since: Instant::now(), pause: LOOK_EVERY }
    }

    /// Looks at what was recorded until now.
    async fn look<T>(&self, eyes: &mut Eyes, at: impl FnOnce(&History) -> T) -> Result<T, AttemptError> {
        self.recorder.sync().await.map_err(AttemptError::Recorder)?;
        let begun = Instant::now();
        let seen = at(eyes.watched.read_on()?);
        eyes.pause = eyes.looks.pause(begun.elapsed(), eyes.since.elapsed());
        Ok(seen)
    }
}
