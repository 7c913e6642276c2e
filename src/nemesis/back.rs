//! Whether a process that a strike killed runs again: whoever supervises it does not say so, and a balancer that asks
//! every other second may never have missed it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Nemesis;
use super::agenda::Job;
use super::victim::Victim;
use crate::clock;
use crate::fault::Witness;
use crate::history::Event;

/// From one look to the next: as finely is known when it was back.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A victim that does not answer is asked again at the next look.
const ANSWER: Duration = Duration::from_millis(500);

/// Whether a process that a strike killed runs again.
enum Back {
    /// It does: to be recorded.
    Runs(Event),
    /// It may yet.
    NotYet,
    /// Its instance is no more.
    Never,
}

impl Nemesis {
    /// Looks from now on whether the processes that these victims lost are back.
    pub(super) fn await_processes(&mut self, number: u32, victims: Vec<Arc<Victim>>) {
        let victims: Vec<Arc<Victim>> = victims.into_iter().filter(|victim| victim.lost_a_process()).collect();
        if !victims.is_empty() {
            self.without_process.insert(number, victims);
            self.agenda.note(Instant::now() + LOOK_EVERY, Job::LookBack(number));
        }
    }

    pub(super) async fn look_back(&mut self, number: u32) {
        let mut without = Vec::new();
        for victim in self.without_process.remove(&number).unwrap_or_default() {
            match timeout(ANSWER, victim.process_is_back()).await.unwrap_or(Back::NotYet) {
                Back::NotYet => without.push(victim),
                Back::Never => {}
                Back::Runs(event) => {
                    let recorder = &self.context.recorder;
                    recorder.record_at(recorder.clock().now_us(), clock::micros(LOOK_EVERY), event);
                    if self.struck.get(victim.server()) == victim.instance() {
                        self.struck.remove(victim.server());
                    }
                }
            }
        }
        if !without.is_empty() {
            self.without_process.insert(number, without);
            self.agenda.note(Instant::now() + LOOK_EVERY, Job::LookBack(number));
        }
    }
}

impl Victim {
    /// Whether the strike left it without a process that somebody else may start again.
    fn lost_a_process(&self) -> bool {
        self.refused().is_none() && self.strike.heal.is_none() && self.lost().is_some()
    }

    fn lost(&self) -> Option<Witness> {
        match &self.strike.witness {
            Witness::NoProcess(pattern) | Witness::ProcessRestarted(pattern) => {
                Some(Witness::ProcessRuns(pattern.clone()))
            }
            _ => None,
        }
    }

    /// Looks whether the process that it lost runs again.
    async fn process_is_back(&self) -> Back {
        let Some(witness) = self.lost() else { return Back::Never };
        match self.look(&witness).await {
            Ok(seen) if seen.confirmed => {
                let (strike, target, evidence) = (self.number, self.server().to_string(), seen.evidence);
                Back::Runs(Event::ProcessBack { strike, target, evidence })
            }
            _ if self.is_gone().await => Back::Never,
            _ => Back::NotYet,
        }
    }
}
