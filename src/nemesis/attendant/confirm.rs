//! Injecting what an agent holds, and confirming that it is in force.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};

use super::{ASK_EVERY, ASKING, Attendant, Reported, lifted};
use crate::agent::client::Agent;
use crate::agent::stamp::{Account, Within};
use crate::clock;
use crate::history::Onset;
use crate::instance::Between;
use crate::journal::Stage;
use crate::nemesis::victim::agent_did;
use crate::nemesis::witness::WitnessReport;
use crate::provider::ProviderError;

/// How long the answer to injecting may take where the fault impairs its path: then it may come, or not.
const INJECTING: Duration = Duration::from_secs(3);

impl Attendant {
    /// Waits for the witness and records its word.
    pub(super) async fn testify(&self) -> WitnessReport {
        self.testified(self.hear_witness().await)
    }

    /// A no is recorded; a yes is already.
    pub(super) fn testified(&self, testimony: WitnessReport) -> WitnessReport {
        if !testimony.confirmed {
            self.victim.not_confirmed(testimony.evidence.clone());
        }
        testimony
    }

    /// What the witness says; a yes is recorded: the fault came into force after it was called for and before it was seen. What a
    /// witness can date is known more exactly.
    pub(super) async fn hear_witness(&self) -> WitnessReport {
        let strike = &self.victim.strike;
        let testimony = self.victim.await_witness(&strike.witness, self.victim.witness_within()).await;
        if testimony.confirmed {
            let not_before_us = self.called_us + clock::micros(strike.waits());
            let seen = Onset { not_before_us, by_us: self.victim.now_us() };
            let came = testimony.came.map(|came| came.on(self.victim.context.recorder.clock()));
            let (onset, alive_us) = came.map_or((seen, None), |came| dated(seen, came));
            self.victim.confirmed_alive_at(onset, alive_us, testimony.evidence.clone());
        }
        testimony
    }

    /// Has the holder inject, and confirms it where that can be done at once.
    pub(super) async fn begin_to_hold(&mut self) -> Result<(), String> {
        let strike = &self.victim.strike;
        let (cuts, impairs) = (strike.cuts_its_own_path(), strike.impairs_its_own_path());
        match timeout(if impairs { INJECTING } else { Duration::MAX }, self.inject()).await {
            Ok(Err(ProviderError::Remote(_))) | Err(_) if impairs => {
                self.victim.reached(Stage::Injected, "no answer came in time").await;
            }
            Ok(Err(why)) => return Err(why.to_string()),
            Ok(Ok(())) | Err(_) => {}
        }
        let seen_from_outside = cuts || self.victim.context.sabotage.witnesses;
        if impairs && !seen_from_outside {
            return Ok(());
        }
        let mut lift = self.lift.clone();
        tokio::select! {
            () = lifted(&mut lift) => {}
            () = self.confirm(seen_from_outside) => {}
        }
        Ok(())
    }

    async fn confirm(&mut self, seen_from_outside: bool) {
        if seen_from_outside {
            // A new connection that does not come about is seen from here, before any stamp can be read.
            let testimony = self.hear_witness().await;
            self.confirmed = testimony.confirmed;
            if testimony.confirmed {
                return self.victim.reached(Stage::Witnessed, &testimony.evidence).await;
            }
        }
        let until =
            Instant::now() + if seen_from_outside { Duration::ZERO } else { self.victim.strike.witness_within() };
        loop {
            let answer = self.ask(ASKING).await;
            if self.is_confirmed_by(&answer).await {
                return;
            }
            if Instant::now() >= until {
                return self.deny(&answer).await;
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// What the victim knows of the strike now.
    pub(super) fn ask(&self, within: Duration) -> BoxFuture<'static, Reported> {
        let victim = Arc::clone(&self.victim);
        async move {
            let order = victim.order().expect("what an agent holds has an order");
            agent_did(Agent::new(&*victim.reached_by()).within(within).report(&order).await)
        }
        .boxed()
    }

    /// Confirms the fault by the stamps of its holder and a look of another process, if both say so. What was confirmed
    /// from outside is confirmed once more: now it is known more exactly.
    pub(super) async fn is_confirmed_by(&mut self, answer: &Reported) -> bool {
        let Ok(Account { stamps: Some(stamps), seen, .. }) = answer else { return false };
        let Some(onset) = stamps.onset.filter(|_| seen.in_force || stamps.ended.is_some()) else { return false };
        let evidence = match seen.in_force {
            true => seen.evidence.clone(),
            false => "its holder on the victim saw it in force, and ended it".to_string(),
        };
        self.stamped(onset, evidence).await;
        true
    }

    pub(super) async fn stamped(&mut self, onset: Within, evidence: String) {
        if self.onset.replace(onset).is_none() {
            self.victim.confirmed(self.victim.on_run_clock(onset), evidence.clone());
        }
        if !std::mem::replace(&mut self.confirmed, true) {
            self.victim.reached(Stage::Witnessed, &evidence).await;
        }
        self.decided();
    }

    pub(super) async fn deny(&mut self, answer: &Reported) {
        let evidence = match answer {
            Err(why) => why.to_string(),
            Ok(account) => match account.stamps.as_ref().and_then(|stamps| stamps.trouble.as_ref()) {
                Some(trouble) => format!("{}; its holder: {trouble}", account.seen.evidence),
                None => account.seen.evidence.clone(),
            },
        };
        self.victim.reached(Stage::Witnessed, &evidence).await;
        self.denied_unless_confirmed(&evidence);
    }

    pub(super) fn denied_unless_confirmed(&mut self, why: &str) {
        if !self.confirmed && self.undecided.is_some() && self.victim.is_held() {
            self.victim.not_confirmed(why.into());
        }
        self.decided();
    }
}

/// From the call until it was seen, when the fault came into force, where its witness dates that; and the last moment after the call
/// at which the victim surely was alive. What a witness dates before the call was not done by it.
fn dated(seen: Onset, came: Between) -> (Onset, Option<u64>) {
    if came.by_us < seen.not_before_us {
        return (seen, None);
    }
    let onset = Onset { by_us: came.by_us.min(seen.by_us), ..seen };
    (onset, Some(came.since_us).filter(|alive_us| (seen.not_before_us..=onset.by_us).contains(alive_us)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Onset = Onset { not_before_us: 5_000_000, by_us: 7_400_000 };

    fn came(since_us: u64, by_us: u64) -> (Onset, Option<u64>) {
        dated(SEEN, Between { since_us, by_us })
    }

    #[test]
    fn a_sign_of_life_after_the_call_is_told_with_the_first_attempt_that_was_not_answered() {
        assert_eq!(came(5_290_000, 5_400_000), (Onset { by_us: 5_400_000, ..SEEN }, Some(5_290_000)));
    }

    #[test]
    fn a_sign_of_life_before_the_call_is_none() {
        assert_eq!(came(4_980_000, 5_090_000), (Onset { by_us: 5_090_000, ..SEEN }, None));
    }

    #[test]
    fn what_came_before_the_call_was_not_done_by_it() {
        assert_eq!(came(4_700_000, 4_999_999), (SEEN, None));
    }
}
