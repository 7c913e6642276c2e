//! Who stays with one victim of a strike from injecting until nothing of it is left: confirms it, renews its lease, sees
//! that the victim still lives, collects what was stamped there, heals.
//!
//! Each victim has its own, so that a path that answers late or never delays no other strike. What is timed runs at the
//! victim: its holder ends a fault at its planned end, and the attendant confirms that afterwards.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::victim::{Refusal, Victim};
use super::witness::WitnessReport;
use crate::agent::stamp::{Account, Within};
use crate::fault::{Action, Witness};
use crate::journal::Stage;
use crate::provider::ProviderError;

mod confirm;
mod end;
mod stay;

use stay::End;

/// From one question to the next, where the answer was: not yet.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long a question may take over a path that should be open.
const ASKING: Duration = Duration::from_secs(5);

/// What is left of a strike at one victim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// There was nothing to undo.
    NothingToUndo,
    /// It was seen to be undone, or went with the victim.
    Healed,
    /// It was not seen to be undone.
    Unhealed,
}

/// See the module.
pub(super) struct Attendant {
    victim: Arc<Victim>,
    lift: watch::Receiver<bool>,
    go_on: Option<oneshot::Sender<()>>,
    undecided: Option<Arc<AtomicUsize>>,
    /// When injecting was asked for.
    called: Instant,
    called_us: u64,
    /// The last moment at which the victim surely lived.
    alive_us: u64,
    confirmed: bool,
    /// Whether it was seen to be over in the moment in which it struck.
    is_over: bool,
    /// What its holder stamped as the onset.
    onset: Option<Within>,
}

/// Why a fault is not confirmed that ended with its victim. The stamps of its holder went with the victim. Only the request
/// to inject is known then, and a request is no evidence of when, or whether, the fault came into force.
const GONE: &str = "its victim was gone before the stamps of its holder could be read, and nothing else shows whether it \
                    came into force";

type Reported = Result<Account, ProviderError>;

impl Attendant {
    pub fn new(
        victim: Arc<Victim>,
        lift: watch::Receiver<bool>,
        go_on: oneshot::Sender<()>,
        undecided: Arc<AtomicUsize>,
    ) -> Self {
        let (called, called_us) = (Instant::now(), victim.now_us());
        let (go_on, undecided) = (Some(go_on), Some(undecided));
        Attendant {
            victim,
            lift,
            go_on,
            undecided,
            called,
            called_us,
            alive_us: called_us,
            confirmed: false,
            is_over: false,
            onset: None,
        }
    }

    /// Strikes, and stays until nothing of it is left.
    pub async fn attend(mut self) -> Left {
        let left = match self.victim.refused() {
            None if !*self.lift.borrow() => self.strike().await,
            None => self.heal().await,
            Some(refusal) => {
                match refusal {
                    Refusal::NothingToBreak(why) => self.victim.not_confirmed(why.clone()),
                    Refusal::Unable(why) => self.victim.failed(why),
                }
                self.decided();
                if self.victim.armed().is_some() { self.heal().await } else { Left::NothingToUndo }
            }
        };
        self.decided();
        left
    }

    async fn strike(&mut self) -> Left {
        (self.called, self.called_us) = (Instant::now(), self.victim.now_us());
        self.alive_us = self.called_us;
        let struck = match self.victim.is_held() {
            true => self.begin_to_hold().await,
            false => self.switch_or_run().await,
        };
        self.decided_unless_impaired();
        if let Err(why) = struck {
            self.victim.failed(&why);
            return self.heal().await;
        }
        if self.victim.strike.heal.is_none() {
            return if self.is_over { Left::Healed } else { Left::NothingToUndo };
        }
        match self.stay().await {
            End::PlannedStrike if self.victim.is_held() => self.collect().await,
            End::PlannedStrike | End::Lifted => {
                if let Some(Ok(now)) = self.victim.measured().await {
                    self.victim.see_that_it_is_off(&now).await;
                }
                self.heal().await
            }
            End::WithVictim(ended, why) => {
                self.sweep().await;
                self.victim.over(ended, why).await;
                self.denied_unless_confirmed(GONE);
                Left::Healed
            }
        }
    }

    /// A switch of the power, or a command: seen by the witness alone.
    async fn switch_or_run(&mut self) -> Result<(), String> {
        let victim = Arc::clone(&self.victim);
        let (injected, testimony) = match victim.strike.inject {
            Action::Power(_) => self.switch().await,
            // Both need the one session.
            _ => match self.inject().await {
                Ok(()) => (Ok(()), self.testify().await),
                Err(why) => return Err(why.to_string()),
            },
        };
        self.confirmed = testimony.confirmed;
        victim.reached(Stage::Witnessed, &testimony.evidence).await;
        injected.map_err(|why| why.to_string())?;
        self.is_over = match &victim.strike.then {
            Some(action) if testimony.confirmed => {
                victim.undo(action, &victim.strike.before, self.called_us, None).await.0
            }
            _ => testimony.confirmed && victim.strike.witness == Witness::Rebooted,
        };
        Ok(())
    }

    async fn inject(&self) -> Result<(), ProviderError> {
        if !self.victim.context.sabotage.faults {
            self.victim.act(&self.victim.strike.inject).await?;
        }
        self.victim.reached(Stage::Injected, "").await;
        Ok(())
    }

    /// The witness looks while the provider still tidies up, so that its word is about when the victim was hit. It has its time
    /// once more where that ended before the provider was done.
    async fn switch(&self) -> (Result<(), ProviderError>, WitnessReport) {
        let (mut injecting, mut hearing) = (pin!(self.inject()), pin!(self.hear_witness()));
        let (injected, testimony) = tokio::select! {
            injected = &mut injecting => (injected, hearing.await),
            early = &mut hearing => match (injecting.await, early) {
                (Ok(()), early) if !early.confirmed => (Ok(()), self.hear_witness().await),
                done => done,
            },
        };
        (injected, self.testified(testimony))
    }

    /// It is said now whether the victim is struck.
    fn decided(&mut self) {
        if let Some(undecided) = self.undecided.take() {
            undecided.fetch_sub(1, Ordering::Relaxed);
        }
        self.let_go_on();
    }

    fn decided_unless_impaired(&mut self) {
        if self.confirmed || !self.victim.strike.impairs_its_own_path() {
            self.decided();
        }
        self.let_go_on();
    }

    fn let_go_on(&mut self) {
        if let Some(go_on) = self.go_on.take() {
            // A nemesis that was given up hears nothing.
            let _ = go_on.send(());
        }
    }
}

/// Ends when the strike is lifted, or the nemesis is gone.
async fn lifted(lift: &mut watch::Receiver<bool>) {
    let _ = lift.wait_for(|lifted| *lifted).await;
}
