//! What happens to a site that serves: a steady baseline, the acts, and the watch until what is asked about has come.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::at_work::AtWork;
use super::scenario::{Attempt, AttemptError};
use super::watch_end::{Look, Needs};
use super::{baseline, stop};
use crate::history::{Event, History};
use crate::nemesis::{Ground, Nemesis, StrikeError};
use crate::plan::{Act, Schedule, StrikeOrder};
use crate::site::Site;

/// How often the recorded history is looked at while waiting for something in it.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// But a look at a long history takes a while: it is not taken more often than this many times as long apart, so that
/// looking costs the site and the prober no more than a twentieth of a core.
const LOOK_SHARE: u32 = 20;

impl Attempt<'_> {
    /// Waits for a steady baseline, then does what the scenario says; an abort lifts all faults.
    pub(super) async fn break_and_watch(&self, site: &Site, at_work: &AtWork) -> Result<(), AttemptError> {
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
