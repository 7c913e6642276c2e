//! The journal of heals: what is about to be done is on disk before it is done, so that whoever comes after a crash
//! knows what to undo. It is the run's audit too: a line for each action, with its time.
//!
//! One entry a line, `journal.ndjson` in the bundle, each forced to the disk before the next thing happens. What follows
//! the last newline was torn by a crash, and says nothing: what it was to announce had not begun. It is dropped before
//! anything is added.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::StrikeId;
use crate::fault::ServerStrike;
use crate::instance::InstanceId;
use crate::provider::HostProgram;
use crate::text::naming;
use crate::units::duration;

mod place;

pub use place::Place;

/// The journal's name in a bundle.
pub const FILE: &str = "journal.ndjson";

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339, by the wall clock: for people, never for measuring.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub note: Note,
}

/// What is noted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// A run began, or a heal of one.
    Began {
        /// Where its victims are.
        place: Place,
        /// Its seed.
        seed: u64,
        /// The hash of its plan, in hex.
        plan_sha256: String,
    },
    /// A server is about to be struck; nothing was touched yet.
    Planned(Box<PlannedStrike>),
    /// A strike came this far.
    Reached {
        /// Which.
        id: StrikeId,
        /// How far.
        stage: Stage,
        /// What was seen or said.
        detail: String,
    },
    /// The victims are gone, and with them whatever was done to them.
    Gone {
        /// How that is known.
        detail: String,
    },
}

/// One hit on one server, with everything that undoing it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStrike {
    /// Its name.
    pub id: StrikeId,
    /// What is done, how it is seen, how it heals.
    pub strike: ServerStrike,
    /// The instance that stood for the server.
    pub instance: InstanceId,
    /// It ends by itself this long after it was armed or renewed, where it has a lease.
    #[serde(with = "duration")]
    pub lease: Duration,
    /// The program on the server that holds it, where it was put there for this run: it may be of another version than the
    /// one that heals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<HostProgram>,
    /// What only the provider understands, and undoing it takes: of a server in a cloud, the security groups that its ports had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Value>,
}

/// How far a strike came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its heal is on disk.
    Journalled,
    /// Its lease runs on the victim.
    Armed,
    /// It was done.
    Injected,
    /// Its witness has answered.
    Witnessed,
    /// It is about to be undone.
    Healing,
    /// It was seen to be undone.
    Healed,
    /// Undoing it failed, or could not be seen.
    HealFailed,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    file: Mutex<File>,
    die_at: Option<Stage>,
}

impl Journal {
    /// Begins one in a bundle, or goes on with the one that is there, without the line that a crash has torn.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(bundle: &Path) -> io::Result<Journal> {
        let path = bundle.join(FILE);
        let mut file = File::options().create(true).read(true).append(true).open(&path).map_err(naming(&path))?;
        drop_torn_line(&mut file).map_err(naming(&path))?;
        File::open(bundle)?.sync_all()?;
        Ok(Journal { file: Mutex::new(file), die_at: None })
    }

    /// For tests alone: this process kills itself as soon as a strike has come this far.
    pub fn die_at(&mut self, stage: Option<Stage>) {
        self.die_at = stage;
    }

    /// Writes an entry; returns when it is on disk.
    ///
    /// # Errors
    /// Those of the file system: then nothing may be done that it was to announce.
    pub fn note(&self, note: Note) -> io::Result<()> {
        let stage = match &note {
            Note::Planned(_) => Some(Stage::Journalled),
            Note::Reached { stage, .. } => Some(*stage),
            _ => None,
        };
        let mut line = serde_json::to_vec(&Entry { at: jiff::Timestamp::now().to_string(), note })?;
        line.push(b'\n');
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&line)?;
            file.sync_data()?;
        }
        if stage.is_some() && stage == self.die_at {
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
        }
        Ok(())
    }
}

/// Reads a bundle's journal. None there: nothing was ever struck.
///
/// # Errors
/// When it can't be read, or a whole line is not an entry; names the file, and the line.
pub fn read(bundle: &Path) -> io::Result<Vec<Entry>> {
    let path = bundle.join(FILE);
    let bytes = match std::fs::read(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes.map_err(naming(&path))?,
    };
    let lines = bytes[..whole_lines(&bytes)].split_inclusive(|byte| *byte == b'\n');
    let entry = |(index, line)| {
        let malformed = |why| io::Error::other(format!("{}:{}: {why}", path.display(), index + 1));
        serde_json::from_slice(line).map_err(malformed)
    };
    lines.enumerate().map(entry).collect()
}

/// How many bytes the whole lines have.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

fn drop_torn_line(file: &mut File) -> io::Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = whole_lines(&bytes);
    if whole < bytes.len() { file.set_len(whole as u64) } else { Ok(()) }
}

/// What is still to be undone, the last strike first.
pub fn open_strikes(entries: &[Entry]) -> Vec<&PlannedStrike> {
    let mut open: Vec<&PlannedStrike> = Vec::new();
    for Entry { note, .. } in entries {
        match note {
            Note::Planned(planned) if planned.strike.undoing().is_some() => open.push(planned),
            Note::Reached { id, stage: Stage::Healed, .. } => open.retain(|planned| planned.id != *id),
            Note::Gone { .. } => open.clear(),
            _ => {}
        }
    }
    open.reverse();
    open
}

/// Where the victims of a journal are.
pub fn place(entries: &[Entry]) -> Option<&Place> {
    entries.iter().find_map(|entry| match &entry.note {
        Note::Began { place, .. } => Some(place),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::effect::Effect;

    fn planned(number: u32) -> Note {
        let strike = ServerStrike::held("web-1", Effect::DropFrom { peers: Vec::new() });
        let id = StrikeId(format!("run.{number}"));
        let instance = InstanceId("web-1.1".into());
        let (lease, program, undo) = (Duration::from_secs(30), None, None);
        Note::Planned(Box::new(PlannedStrike { id, strike, instance, lease, program, undo }))
    }

    fn reached(number: u32, stage: Stage) -> Note {
        Note::Reached { id: StrikeId(format!("run.{number}")), stage, detail: String::new() }
    }

    fn ids(bundle: &Path) -> Vec<String> {
        let entries = read(bundle).unwrap();
        open_strikes(&entries).iter().map(|planned| planned.id.0.clone()).collect()
    }

    #[test]
    fn what_was_planned_and_not_healed_is_open_the_last_first() {
        let bundle = tempfile::tempdir().unwrap();
        let journal = Journal::open(bundle.path()).unwrap();
        for note in [planned(1), planned(2), reached(1, Stage::Injected), planned(3), reached(2, Stage::Healed)] {
            journal.note(note).unwrap();
        }
        assert_eq!(ids(bundle.path()), ["run.3", "run.1"]);
    }

    #[test]
    fn a_heal_that_failed_stays_open() {
        let bundle = tempfile::tempdir().unwrap();
        let journal = Journal::open(bundle.path()).unwrap();
        for note in [planned(1), reached(1, Stage::Healing), reached(1, Stage::HealFailed)] {
            journal.note(note).unwrap();
        }
        assert_eq!(ids(bundle.path()), ["run.1"]);
    }

    #[test]
    fn a_torn_last_line_says_nothing_and_a_torn_earlier_one_is_an_error() {
        let bundle = tempfile::tempdir().unwrap();
        let journal = Journal::open(bundle.path()).unwrap();
        journal.note(planned(1)).unwrap();
        let path = bundle.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..40])).unwrap();
        assert_eq!(ids(bundle.path()), ["run.1"]);
        std::fs::write(&path, format!("{}\n{whole}", &whole[..40])).unwrap();
        assert!(read(bundle.path()).unwrap_err().to_string().contains("journal.ndjson:1"));
    }

    #[test]
    fn a_line_that_was_torn_in_the_middle_of_a_character_says_nothing_either() {
        let bundle = tempfile::tempdir().unwrap();
        Journal::open(bundle.path()).unwrap().note(planned(1)).unwrap();
        let path = bundle.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"at\":\"\xe2\x80"].concat()).unwrap();
        assert_eq!(ids(bundle.path()), ["run.1"]);
    }

    #[test]
    fn what_is_noted_after_a_torn_line_is_read() {
        let bundle = tempfile::tempdir().unwrap();
        Journal::open(bundle.path()).unwrap().note(planned(1)).unwrap();
        let path = bundle.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..40])).unwrap();
        let again = Journal::open(bundle.path()).unwrap();
        for note in [planned(2), reached(1, Stage::Healed)] {
            again.note(note).unwrap();
        }
        assert_eq!(ids(bundle.path()), ["run.2"]);
    }

    #[test]
    fn a_whole_line_that_is_damaged_is_an_error_with_its_file_and_line_though_it_is_the_last() {
        let bundle = tempfile::tempdir().unwrap();
        let path = bundle.path().join(FILE);
        for damaged in [&b"{\"at\": 1}\n"[..], b"\xff\xfe\n"] {
            std::fs::write(&path, damaged).unwrap();
            let why = read(bundle.path()).unwrap_err().to_string();
            assert!(why.contains("journal.ndjson:1: "), "{why}");
        }
    }

    #[test]
    fn a_run_that_struck_nothing_has_nothing_open() {
        let bundle = tempfile::tempdir().unwrap();
        assert!(ids(bundle.path()).is_empty());
    }
}
