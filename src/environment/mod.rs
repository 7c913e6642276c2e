//! Where a scenario runs: an [`Environment`] opens a place for each scenario, in which a provider makes its servers.
//!
//! | name | servers are | used by | after a crash |
//! |---|---|---|---|
//! | [`local`] | Linux namespaces in a sandbox on this machine | scenarios | gone, with every fault |
//! | [`testbed`] | kept by `chimp up`, in a sandbox of its own | attacks | found again by its socket, or gone |
//! | [`inventory`] | there already, reached over SSH | attacks | found again by its file |
//!
//! A run knows this trait and [`Provider`], and nothing of sandboxes. An attack and its heal know what a [`Kind`] can
//! [`reopen`](Kind::reopen). A new environment is a file here and a row in [`ENVIRONMENTS`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::document::error::one_of;
use crate::journal::Place;
use crate::plan::{Plan, ScenarioPlan};
use crate::provider::{Provider, ProviderError};
use crate::render::{Addresses, Secrets};

mod capabilities;
pub mod inventory;
pub mod local;
mod reopen;
pub mod testbed;

pub use capabilities::{Capabilities, Refusal, refusals};
pub use reopen::{ReopenError, Reopened};

/// Every environment, in the order in which they are listed.
pub const ENVIRONMENTS: &[&dyn Kind] = &[&local::Local, &testbed::Testbed, &inventory::Inventory];

/// A kind of environment: what can be asked of it before anything runs there.
pub trait Kind: Sync {
    /// Its name on the command line and in plans.
    fn name(&self) -> &'static str;

    /// What it can do, at most, for servers of which nothing more is known.
    fn capabilities(&self) -> Capabilities;

    /// The same place again, by what a journal or an attack's plan stored of it; servers that the file names a password
    /// for are logged in to with it. Blocks; changes nothing there.
    ///
    /// # Errors
    /// [`ReopenError::Gone`] where the place has ended; else why it can't be reached or read.
    fn reopen(&self, value: &Value, passwords: Option<&Path>) -> Result<Reopened, ReopenError>;

    /// The scenarios that can't run there, by index, each with the reason and the command or setting that changes it.
    /// Touches nothing.
    fn unable(&self, plan: &Plan) -> Vec<(u32, String)> {
        let _ = plan;
        Vec::new()
    }

    /// Makes an environment, does the work in it, and takes it down; returns the work's exit code. Called while the
    /// process has one thread: the work may be done in another process.
    ///
    /// # Errors
    /// When there can be no such environment, or it came to a bad end; in words, with what to do.
    fn enter(&self, work: Box<dyn FnOnce(Arc<dyn Environment>) -> u8 + '_>) -> Result<u8, String> {
        drop(work);
        Err(format!("no scenario runs in the environment `{}`", self.name()))
    }
}

/// An environment that is there.
#[async_trait]
pub trait Environment: Send + Sync {
    /// How its servers are found again after a crash; for the journal.
    fn place(&self) -> Place;

    /// What becomes of faults when the run is over, in words; for the journal.
    fn farewell(&self) -> &'static str;

    /// Opens a place for one scenario; its servers' logs go below `logs`, one folder for each server.
    ///
    /// # Errors
    /// When it can't be made.
    async fn open(&self, scenario: &ScenarioPlan, logs: PathBuf) -> Result<Opened, ProviderError>;
}

/// The place of one scenario.
pub struct Opened {
    /// Makes and lists its servers. [`Provider::close`] ends the place.
    pub provider: Arc<dyn Provider>,
    /// Who will be where.
    pub addresses: Addresses,
    /// The passwords of its servers.
    pub secrets: Secrets,
}

/// The environment of this name.
///
/// # Errors
/// Names those that there are.
pub fn named(name: &str) -> Result<&'static dyn Kind, String> {
    let found = ENVIRONMENTS.iter().copied().find(|kind| kind.name() == name);
    found.ok_or_else(|| {
        let hint = one_of(name, "environments", ENVIRONMENTS.iter().map(|kind| kind.name()));
        format!("there is no environment `{name}`\n  help: {hint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_that_there_is_not_is_refused_with_those_that_there_are() {
        assert_eq!(named("local").map(Kind::name), Ok("local"));
        let why = named("locale").map(Kind::name).unwrap_err();
        assert!(why.starts_with("there is no environment `locale`\n  help: did you mean `local`?"), "{why}");
        assert!(named("mars").map(Kind::name).unwrap_err().contains("known environments: `local`, "));
    }
}
