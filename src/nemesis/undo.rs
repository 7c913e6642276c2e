//! Undoing a strike on one victim, seeing that it is undone, and recording when it ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::victim::{Victim, agent_did};
use super::witness::WitnessReport;
use crate::agent::client::Agent;
use crate::agent::stamp::{Stamps, Within};
use crate::clock;
use crate::fault::{Action, WITNESS_WITHIN, Witness};
use crate::history::{Event, Onset};
use crate::instance::{Instance, Plug, PowerOp, PowerState};
use crate::journal::Stage;
use crate::provider::ProviderError;

/// From one try to heal to the next, while the victim can't be reached.
const TRY_EVERY: Duration = Duration::from_millis(200);
/// A fault is gone this long after its lease at the latest: the promise of the lease.
const LEASE_SLACK: Duration = Duration::from_secs(5);
/// How long healing is tried where the way to the victim is open.
const HEAL_WITHIN: Duration = Duration::from_secs(20);

impl Victim {
    /// Undoes the strike and sees that it is undone; true if so. What ended with its victim has nothing to undo.
    pub async fn heal(&self) -> bool {
        self.heal_known(self.now_us(), None).await.0
    }

    /// [`heal`](Self::heal), where the victim was last seen alive at `alive_us` and the holder said when it ended; with
    /// what the holder says now.
    pub(super) async fn heal_known(&self, alive_us: u64, ended: Option<Within>) -> (bool, Option<Stamps>) {
        let Some((action, back)) = self.strike.undoing() else { return (true, None) };
        if self.refused().is_some() && self.armed().is_none() {
            return (true, None);
        }
        let awaited = self.context.recorder.awaited();
        let _waiting = awaited.begin(format!("{} to be free of strike {}", self.strike.server, self.number));
        self.reached(Stage::Healing, "").await;
        self.undo(action, back, alive_us, ended).await
    }

    /// Acts, sees that the victim is back, and records when and which.
    pub(super) async fn undo(
        &self,
        action: &Action,
        back: &Witness,
        alive_us: u64,
        ended: Option<Within>,
    ) -> (bool, Option<Stamps>) {
        if let Some(why) = self.ended_with_it().await {
            self.over(Onset { not_before_us: alive_us, by_us: self.now_us() }, why).await;
            return (true, None);
        }
        let begun_us = self.now_us();
        let (outcome, stamps) = match self.undo_within(action, self.heal_deadline()).await {
            Ok(stamps) => (self.await_witness(back, WITNESS_WITHIN).await, stamps),
            Err(why) => (self.is_back_all_the_same(action, back, why).await, None),
        };
        if !outcome.confirmed {
            self.not_over(&outcome.evidence).await;
            return (false, stamps);
        }
        let stamped = stamps.as_ref().and_then(|stamps| stamps.ended).or(ended);
        let seen = || Onset { not_before_us: begun_us, by_us: self.now_us() };
        self.over(stamped.map_or_else(seen, |ended| self.on_run_clock(ended)), outcome.evidence).await;
        (true, stamps)
    }

    /// Tries until it is done: where the fault cuts the way to its own heal, the lease must end first.
    async fn undo_within(&self, action: &Action, deadline: Instant) -> Result<Option<Stamps>, String> {
        if self.context.sabotage.heals {
            return Ok(None);
        }
        loop {
            match self.undo_once(action).await {
                Ok(stamps) => return Ok(stamps),
                Err(ProviderError::Unknown(_)) => return Ok(None),
                Err(why @ (ProviderError::Unsupported { .. } | ProviderError::NoCommand { .. })) => {
                    return Err(why.to_string());
                }
                Err(why) if Instant::now() >= deadline => return Err(why.to_string()),
                Err(_) if self.ended_with_it().await.is_some() => return Ok(None),
                Err(why) => {
                    if matches!(why, ProviderError::Remote(_)) {
                        self.connect_anew();
                    }
                    tokio::time::sleep(TRY_EVERY).await;
                }
            }
        }
    }

    async fn undo_once(&self, action: &Action) -> Result<Option<Stamps>, ProviderError> {
        match action {
            Action::Release => agent_did(Agent::new(&*self.reached_by()).heal(&self.id).await),
            other => self.act(other).await.map(|()| None),
        }
    }

    /// Power that can't be switched back may not be off: the inventory may have no command for either, or it failed both
    /// times. What counts is what is seen of the server.
    async fn is_back_all_the_same(&self, action: &Action, back: &Witness, why: String) -> WitnessReport {
        let seen = match action {
            Action::Power(_) => self.look(back).await.ok().filter(|seen| seen.confirmed),
            _ => None,
        };
        match seen {
            Some(seen) => WitnessReport::new(true, format!("{}, though {why}", seen.evidence)),
            None => WitnessReport::new(false, why),
        }
    }

    /// Until when healing is tried.
    pub(super) fn heal_deadline(&self) -> Instant {
        let lease_over = self.armed().map(|armed| armed + self.lease + LEASE_SLACK);
        (Instant::now() + HEAL_WITHIN).max(lease_over.unwrap_or_else(Instant::now))
    }

    /// Records that it is over, and since when.
    pub(super) async fn over(&self, within: Onset, evidence: String) {
        self.reached(Stage::Healed, &evidence).await;
        let (strike, target) = (self.number, self.strike.server.clone());
        let resolution_us = within.by_us.saturating_sub(within.not_before_us);
        let healed = Event::StrikeHealed { strike, target, evidence: format!("{}: {evidence}", self.strike.server) };
        self.context.recorder.record_at(within.by_us, resolution_us, healed);
    }

    async fn not_over(&self, why: &str) {
        self.reached(Stage::HealFailed, why).await;
        let detail = format!("{}: {why}", self.strike.server);
        self.context.recorder.record(Event::HealFailed { strike: self.number, detail });
    }

    /// The victim as it is now; `None`: its instance is no more.
    pub(super) async fn measured(&self) -> Option<Result<Instance, ProviderError>> {
        match self.context.provider.measured(self.instance()?).await {
            Err(ProviderError::Unknown(_)) => None,
            measured => Some(measured),
        }
    }

    /// Why what was done to the victim went with it; `None`: it may be there still.
    pub(super) async fn ended_with_it(&self) -> Option<String> {
        self.ended_as(self.measured().await.as_ref())
    }

    /// The same, by what was [measured](Self::measured).
    pub(super) fn ended_as(&self, now: Option<&Result<Instance, ProviderError>>) -> Option<String> {
        let gone = || Some("its instance is gone, so there is nothing to undo".into());
        let (Some(found), Some(now)) = (self.found(), now) else { return gone() };
        let now = now.as_ref().ok()?;
        if now.state == PowerState::Terminated {
            return gone();
        }
        if !self.context.provider.shares_kernel() || !self.ends_without_power() {
            return None;
        }
        let rebooted = now.first_process.is_some() && now.first_process != found.first_process;
        let lost = now.state == PowerState::Stopped || (rebooted && found.first_process.is_some());
        lost.then(|| format!("it ended when its victim lost its power: {}", now.evidence))
    }

    /// Whether a victim without power is free of it.
    fn ends_without_power(&self) -> bool {
        match &self.strike.inject {
            Action::Hold(effect) => !effect.outlives_power(),
            Action::Power(operation) => matches!(operation, PowerOp::Freeze | PowerOp::Suspend),
            _ => false,
        }
    }

    /// Whether the instance is no more: what was done to it went with it.
    pub(super) async fn is_gone(&self) -> bool {
        let Some(id) = self.instance() else { return true };
        match self.context.provider.measured(id).await {
            Ok(found) => found.state == PowerState::Terminated,
            Err(why) => matches!(why, ProviderError::Unknown(_)),
        }
    }

    pub(super) fn now_us(&self) -> u64 {
        self.context.recorder.clock().now_us()
    }

    /// The lease runs from now again, where the fault leaves a way to say so.
    pub(super) async fn renew(&self, within: Duration) -> Result<(), String> {
        match self.strike.inject {
            Action::Hold(_) => {
                Agent::new(&*self.reached_by()).within(within).renew(&self.id).await.map_err(|why| why.to_string())
            }
            Action::Power(operation) if operation.undone_by().is_some() => match self.instance() {
                Some(instance) => {
                    self.context.provider.renew(instance, operation.plug()).await.map_err(|why| why.to_string())
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Records it where what was switched off runs again, and this run has not switched it on. That a server is started which has lost its power
    /// until further notice is no lapse: whatever starts it heals the site.
    pub(super) async fn see_that_it_is_off(&self, now: &Instance) {
        let is_to_stay_off = match &self.strike.inject {
            Action::Power(PowerOp::Freeze | PowerOp::Suspend) => true,
            Action::Power(PowerOp::Stop) => self.lasts.is_some(),
            _ => false,
        };
        // What was never seen to be off can't have been switched on.
        if !is_to_stay_off || !self.confirmed.load(Ordering::Relaxed) || now.state != PowerState::Running {
            return;
        }
        // Another look: one of them may be late.
        if let Ok(seen) = self.look(&self.strike.witness).await
            && !seen.confirmed
        {
            self.lapsed(format!("it was switched on by something else: {}", seen.evidence));
        }
    }

    /// Records it where what an agent was to hold, or a provider to keep from the network or without power, is no longer in force: what was measured since
    /// counts for nothing. Who can't be asked, being off, frozen, replaced or cut off, is not asked; what has a planned end is stamped.
    pub async fn see_that_it_lasted(&self) {
        if self.refused().is_some() {
            return;
        }
        if let (Action::Power(_), Some(Ok(now))) = (&self.strike.inject, self.measured().await) {
            self.see_that_it_is_off(&now).await;
        }
        let is_asked = match &self.strike.inject {
            Action::Hold(_) => !self.strike.impairs_its_own_path(),
            Action::Power(operation) => operation.plug() == Plug::Network,
            Action::Exec(_) | Action::Release => false,
        };
        if !is_asked || self.lasts.is_some() || self.state().await != Some(PowerState::Running) {
            return;
        }
        match self.look(&self.strike.witness).await {
            Ok(seen) if seen.confirmed => {}
            Ok(seen) => self.lapsed(seen.evidence),
            Err(why) => self.lapsed(why.to_string()),
        }
    }

    /// Records that it was over before its time, if that is not on record already.
    pub(super) fn lapsed(&self, evidence: String) {
        if !self.lapsed.swap(true, Ordering::Relaxed) {
            let (strike, target) = (self.number, self.strike.server.clone());
            self.context.recorder.record(Event::FaultLapsed { strike, target, evidence });
        }
    }

    pub(super) async fn state(&self) -> Option<PowerState> {
        Some(self.context.provider.measured(self.instance()?).await.ok()?.state)
    }
}

/// Whether a fault that is stamped so ended before its time by more than may be the holder's own pace.
pub(super) fn ended_early(stamps: &Stamps, lasts: Duration) -> Option<Duration> {
    let (onset, ended) = (stamps.onset?, stamps.ended?);
    let lasted = Duration::from_micros(ended.not_before_us.saturating_sub(onset.by_us));
    (clock::micros(lasted) + EARLY_US < clock::micros(lasts)).then_some(lasted)
}

/// A holder looks at the clock to a millisecond.
const EARLY_US: u64 = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_before_its_time_is_told_from_what_ended_on_time() {
        let at = |us| Some(Within { not_before_us: us, by_us: us + 1_000 });
        let stamps = |ended| Stamps { onset: at(1_000_000), ended: at(ended), trouble: None };
        let six = Duration::from_secs(6);
        assert_eq!(ended_early(&stamps(7_001_000), six), None);
        assert_eq!(ended_early(&stamps(7_300_000), six), None);
        assert_eq!(ended_early(&stamps(4_001_000), six), Some(Duration::from_secs(3)));
        assert_eq!(ended_early(&Stamps { ended: None, ..stamps(1) }, six), None);
    }
}
