//! What all strikes of one scenario, or of one attack, stand on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::agent::StrikeId;
use crate::history::{Event, Recorder};
use crate::infrastructure::Infrastructure;
use crate::instance::ServiceSpec;
use crate::journal::{Journal, Note, Stage};
use crate::provider::Provider;
use crate::settings::Safeguards;

/// Where strikes happen and where they are written down.
pub struct StrikeContext {
    /// Where the victims live.
    pub provider: Arc<dyn Provider>,
    /// What should be.
    pub infrastructure: Arc<Infrastructure>,
    /// The history.
    pub recorder: Recorder,
    /// What is to be undone, on disk before it is done.
    pub journal: Arc<Journal>,
    /// Begins the id of each strike: the run's, and within it the scenario's.
    pub prefix: String,
    /// How long a fault stays in force after this process was killed; then the victim heals itself.
    pub lease: Duration,
    /// What each server's role runs, where that is known.
    pub services: BTreeMap<String, Vec<ServiceSpec>>,
    /// What may not be struck.
    pub safeguards: Safeguards,
    /// Lies, for tests of the harness alone.
    pub sabotage: Sabotage,
}

/// Lies that the nemesis tells for tests of the harness: a run with any of them must never pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// Strikes claim to inject and do nothing.
    pub faults: bool,
    /// Heals claim to undo and do nothing.
    pub heals: bool,
    /// Witnesses say what is wanted, and look at nothing.
    pub witnesses: bool,
    /// Holders end a fault after half of its time, and stamp that it lasted the whole.
    pub stamps: bool,
}

impl StrikeContext {
    /// The id of the hit on the `n`-th victim of a strike.
    pub(super) fn id(&self, strike: u32, n: usize) -> StrikeId {
        StrikeId(format!("{}.{strike}.{n}", self.prefix))
    }

    /// Writes to the journal, on a thread that may block.
    ///
    /// # Errors
    /// When it is not on disk: then what it was to announce must not happen.
    pub(super) async fn note(&self, note: Note) -> Result<(), String> {
        let journal = Arc::clone(&self.journal);
        let noted = tokio::task::spawn_blocking(move || journal.note(note)).await;
        match noted {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(format!("the journal could not be written: {why}")),
            Err(why) => Err(format!("the journal could not be written: {why}")),
        }
    }

    /// Notes how far a strike came. What was done is done: a journal that fails here is told in the history.
    pub(super) async fn reached(&self, strike: u32, id: &StrikeId, stage: Stage, detail: &str) {
        let note = Note::Reached { id: id.clone(), stage, detail: detail.into() };
        if let Err(detail) = self.note(note).await {
            self.recorder.record(Event::HealFailed { strike, detail });
        }
    }
}
