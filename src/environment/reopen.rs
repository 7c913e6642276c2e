//! A place that a journal or an attack's plan stored, found again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Kind;
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::Infrastructure;
use crate::journal::Place;
use crate::provider::passwords::Passwords;
use crate::provider::{Provider, ProviderError};

/// A place that is still there.
pub struct Reopened {
    /// This very place, for a journal: what was asked for may lead to another one some day.
    pub place: Place,
    /// The same for people: `the inventory /srv/staging.yaml`.
    pub whereabouts: String,
    /// The address of each server, as it is known without asking for it.
    pub addresses: BTreeMap<String, String>,
    /// Its servers.
    pub provider: Arc<dyn Provider>,
    /// What is known of them.
    pub infrastructure: Infrastructure,
    /// Those that have ended for good and were not replaced, each with how that is known. None where only a connection
    /// could tell: what does not answer may come back.
    pub ended: Ended,
    /// The servers that are there and may not be attacked, each with the reason and what to do; they are no part of
    /// `infrastructure`.
    pub closed: Closed,
}

/// Servers that may not be attacked, by name, each with why: `it was not opted in`, and what to do.
pub type Closed = BTreeMap<String, String>;

/// Servers that have ended for good, by name, each with how that is known.
pub type Ended = BTreeMap<String, String>;

const WHICH_RUNS: &str = "give `--run RUN` for one run, by the name of its folder in `reports`, or `--all --older-than 2h`; `--dry-run` only lists";

/// Why a place was not found again. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum ReopenError {
    /// It has ended, and with it its servers and every fault on them: nothing is left to undo, or to attack.
    #[error("{detail}\n  help: {help}")]
    Gone {
        /// What has ended.
        detail: String,
        /// What to do for a new one.
        help: &'static str,
    },
    /// Nothing says which place.
    #[error("nothing says which one of the environment `{environment}`\n  help: write `{environment}={value}`")]
    Unnamed {
        /// The environment's name.
        environment: &'static str,
        /// What is missing.
        value: &'static str,
    },
    /// Nothing says of which runs.
    #[error("nothing says which runs are meant in the environment `{environment}`\n  help: {WHICH_RUNS}")]
    WhichRuns {
        /// The environment's name.
        environment: &'static str,
    },
    /// Runs leave nothing there that carries a mark.
    #[error(
        "nothing in the environment `{environment}` carries the mark of a run\n  help: leave out `--run`, `--all` and `--older-than`"
    )]
    NoRuns {
        /// The environment's name.
        environment: &'static str,
    },
    /// What was stored is not what this environment stores.
    #[error("what was stored of the environment `{environment}` can't be read: {source}")]
    Stored {
        /// The environment's name.
        environment: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Its name of a file can't be written down.
    #[error("the environment `{environment}` can't be written to a journal: {source}")]
    Unstorable {
        /// The environment's name.
        environment: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The passwords have a mistake.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The inventory has mistakes.
    #[error(transparent)]
    Inventory(#[from] Mistakes),
    /// It may be there, but can't be reached.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

/// A place of this kind.
pub(super) fn store(kind: &dyn Kind, value: &impl Serialize) -> Result<Place, ReopenError> {
    let unstorable = |source| ReopenError::Unstorable { environment: kind.name(), source };
    let value = serde_json::to_value(value).map_err(unstorable)?;
    Ok(Place { environment: kind.name().into(), value })
}

/// What this kind stored.
pub(super) fn stored<T: DeserializeOwned>(kind: &dyn Kind, value: &Value) -> Result<T, ReopenError> {
    let unreadable = |source| ReopenError::Stored { environment: kind.name(), source };
    serde_json::from_value(value.clone()).map_err(unreadable)
}

/// The passwords in this file, if one was named.
pub(super) fn passwords_of(file: Option<&Path>, infrastructure: &Infrastructure) -> Result<Passwords, ReopenError> {
    let Some(file) = file else { return Ok(Passwords::default()) };
    let servers = infrastructure.servers.keys().cloned().collect();
    Ok(Passwords::read(file, &servers)?)
}
