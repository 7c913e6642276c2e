//! What the reconciler must not forget when it is killed: one JSON file, replaced as a whole.
//!
//! ```json
//! { "schema": 1,
//!   "of": "testbed 4711",
//!   "servers": { "web-1": { "role": "webserver", "instance": "web-1.2", "host_key": "SHA256:…", "files": { "/etc/hosts": "5f0c…" } } },
//!   "replacements": { "web-2": { "step": "ask", "asks": 1 } },
//!   "promotions": [ { "spare": "web-5", "instead_of": "web-3" } ] }
//! ```
//! A change is written beside the file, forced to the disk, and renamed over it; then the folder is forced to the
//! disk too. So whoever reads it, after a crash at any moment, finds the state before or after a change, whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::spare::Promotion;
use crate::plan::reconciler_step::ReconcilerStep;

/// The version of the file's schema.
const SCHEMA: u32 = 1;

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    schema: u32,
    /// Whose servers these are: the state of others, which have gone since, says nothing.
    #[serde(default)]
    of: String,
    /// What is known of each server.
    #[serde(default)]
    pub servers: BTreeMap<String, Known>,
    /// The replacements under way.
    #[serde(default)]
    pub replacements: BTreeMap<String, Replacement>,
    /// The spares that took a place, in the order in which they did.
    #[serde(default)]
    pub promotions: Vec<Promotion>,
}

/// What is known of a server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What it was booted as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The instance that stands for it, where it was booted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The fingerprint of the host key that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// The files it was last given: path → SHA-256 of content and permissions, in hex.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<PathBuf, String>,
}

/// A replacement under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The step it has come to.
    pub step: ReconcilerStep,
    /// How often the provider was, or was about to be, asked.
    pub asks: u32,
}

/// Why there is no state to work with.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It can't be read or written.
    #[error("{}: {action} the reconciler's state failed: {source}", .path.display())]
    Io { path: PathBuf, action: &'static str, source: io::Error },
    /// It is no state.
    #[error(
        "{}:{line}:{column}: this is not the state of a reconciler: {detail}\n  help: move the file away; without it, the reconciler goes by what the provider lists",
        .path.display()
    )]
    Malformed { path: PathBuf, line: usize, column: usize, detail: String },
    /// Another version wrote it.
    #[error(
        "{}: its schema is {found}, and {SCHEMA} is known\n  help: move the file away; without it, the reconciler goes by what the provider lists",
        .path.display()
    )]
    Schema { path: PathBuf, found: u32 },
}

impl Default for State {
    fn default() -> Self {
        let (of, servers, replacements, promotions) = Default::default();
        State { schema: SCHEMA, of, servers, replacements, promotions }
    }
}

impl State {
    /// The state of these servers: an empty one where this one is of others. Adds what is known of servers that it says
    /// nothing of.
    pub(super) fn take_up(&mut self, of: &str, known: &BTreeMap<String, Known>) {
        if self.of != of {
            *self = State { of: of.into(), ..State::default() };
        }
        for (server, known) in known {
            self.servers.entry(server.clone()).or_insert_with(|| known.clone());
        }
    }
}

/// The state, in memory and on disk. What a change returns from [`change`](Self::change) on is on disk.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    state: Mutex<State>,
}

impl Store {
    /// Reads the file; one that does not exist is an empty state.
    ///
    /// # Errors
    /// When it can't be read, or is no state of this version; says what to do.
    pub fn open(path: &Path) -> Result<Store, StateError> {
        let failed = |source| StateError::Io { path: path.into(), action: "reading", source };
        let state = match fs::read_to_string(path) {
            Ok(text) => parse(path, &text)?,
            Err(why) if why.kind() == io::ErrorKind::NotFound => State::default(),
            Err(why) => return Err(failed(why)),
        };
        Ok(Store { path: path.into(), state: Mutex::new(state) })
    }

    /// The same state, of which nothing is ever written: a look at what would be done.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn consult(path: &Path, add: impl FnOnce(&mut State)) -> Result<Store, StateError> {
        let Store { path, state } = Store::open(path)?;
        let mut state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        add(&mut state);
        Ok(Store { path, state: Mutex::new(state) })
    }

    /// What is remembered now.
    pub fn now(&self) -> State {
        self.lock().clone()
    }

    /// Changes it, on disk first.
    ///
    /// # Errors
    /// When it can't be written: then nothing has changed.
    pub fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), StateError> {
        let mut state = self.lock();
        let mut changed = state.clone();
        change(&mut changed);
        if changed == *state {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&changed).expect("a state is plain data");
        unhurried(|| replace(&self.path, text.as_bytes())).map_err(|source| StateError::Io {
            path: self.path.clone(),
            action: "writing",
            source,
        })?;
        *state = changed;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(path: &Path, text: &str) -> Result<State, StateError> {
    let malformed = |why: serde_json::Error| {
        let shown = why.to_string();
        let detail = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(detail, _)| detail).to_string();
        StateError::Malformed { path: path.into(), line: why.line(), column: why.column(), detail }
    };
    let schema = serde_json::from_str::<serde_json::Value>(text).map_err(malformed)?["schema"].as_u64();
    match schema {
        Some(found) if found != u64::from(SCHEMA) => {
            Err(StateError::Schema { path: path.into(), found: u32::try_from(found).unwrap_or(u32::MAX) })
        }
        _ => serde_json::from_str(text).map_err(malformed),
    }
}

/// The disk may take its time; the tasks that share this thread go on elsewhere meanwhile, where there is one.
fn unhurried<T>(write: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(write),
        _ => write(),
    }
}

/// Replaces a file by another content, at once: a reader finds the one or the other.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn what_was_changed_is_there_for_the_next_life() {
        let folder = folder();
        let path = folder.path().join("deep/state.json");
        let store = Store::open(&path).unwrap();
        assert_eq!(store.now(), State::default());
        let change = |state: &mut State| {
            state.replacements.insert("web-2".into(), Replacement { step: ReconcilerStep::Ask, asks: 1 });
            let known = state.servers.entry("web-1".into()).or_default();
            known.instance = Some("web-1.2".into());
            known.files.insert("/etc/hosts".into(), "5f0c".into());
            state.promotions.push(Promotion { spare: "web-5".into(), instead_of: "web-3".into() });
        };
        store.change(change).unwrap();
        let again = Store::open(&path).unwrap();
        assert_eq!(again.now(), store.now());
        assert_eq!(again.now().replacements["web-2"].step, ReconcilerStep::Ask);
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn the_state_of_servers_that_are_gone_says_nothing_of_others() {
        let provisioned = BTreeMap::from([("web-1".to_string(), Known::default())]);
        let mut state = State::default();
        state.take_up("testbed 1", &provisioned);
        state.promotions.push(Promotion { spare: "web-5".into(), instead_of: "web-1".into() });
        let before = state.clone();
        state.take_up("testbed 1", &BTreeMap::new());
        assert_eq!(state, before);
        state.take_up("testbed 2", &provisioned);
        assert_eq!((state.promotions.len(), state.servers.len(), state.of.as_str()), (0, 1, "testbed 2"));
    }

    #[test]
    fn a_torn_write_beside_it_does_not_matter() {
        let folder = folder();
        let path = folder.path().join("state.json");
        let store = Store::open(&path).unwrap();
        store.change(|state| drop(state.servers.insert("web-1".into(), Known::default()))).unwrap();
        fs::write(path.with_extension("new"), "{ \"schema\": 1, \"serv").unwrap();
        assert_eq!(Store::open(&path).unwrap().now(), store.now());
    }

    #[test]
    fn what_cannot_be_written_has_not_changed() {
        let folder = folder();
        let path = folder.path().join("state.json");
        let store = Store::open(&path).unwrap();
        fs::create_dir(path.with_extension("new")).unwrap();
        let why = store.change(|state| drop(state.servers.insert("web-1".into(), Known::default()))).unwrap_err();
        assert!(why.to_string().contains("state.json: writing the reconciler's state failed"), "{why}");
        assert_eq!(store.now(), State::default());
    }

    #[test]
    fn what_is_no_state_is_refused_with_its_place_and_what_to_do() {
        let folder = folder();
        let path = folder.path().join("state.json");
        let told = |text: &str| {
            fs::write(&path, text).unwrap();
            Store::open(&path).unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "")
        };
        insta::assert_snapshot!(
            [
                told("{ \"schema\": 1,\n  \"servers\": {},\n}"),
                told("{ \"schema\": 1,\n  \"server\": {} }"),
                told("{ \"schema\": 2 }"),
                told(""),
            ]
            .join("\n\n")
        );
    }
}
