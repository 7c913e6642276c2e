//! What a victim keeps of each strike, on its disk, before anything is touched: enough to heal it without its holder.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::process::Identity;
use super::stamp::Stamps;
use super::{Order, STATE, StrikeId};
use crate::text::naming;

/// One strike's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub order: Order,
    pub stage: Stage,
    /// What its driver must know to heal; null until it is armed.
    pub undo_state: Value,
    /// Who holds it; `None` until there is somebody.
    pub holder: Option<Identity>,
    /// When it came into force and ended.
    #[serde(default)]
    pub stamps: Stamps,
}

/// How far a strike has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// Its holder starts.
    Arming,
    /// The way is clear and healing is prepared; nothing was touched.
    Armed,
    /// Something may have been touched.
    Injecting,
    /// It came to its planned end and was seen to be undone: only its stamps are kept, for a while.
    Ended,
}

/// The folder of one strike.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Where it is, whether it is there or not. The id must be a checked one.
    pub fn of(id: &StrikeId) -> Folder {
        Folder::within(Path::new(STATE), id)
    }

    fn within(state: &Path, id: &StrikeId) -> Folder {
        Folder(state.join(&id.0))
    }

    /// Where its holder listens.
    pub fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    /// Where `arm` waits for the holder's word.
    pub fn arming(&self) -> PathBuf {
        self.0.join("arming")
    }

    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Makes it, for root's eyes alone.
    ///
    /// # Errors
    /// `AlreadyExists` when it is there.
    pub fn create(&self) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(&self.0)
    }

    /// Writes the record so that it is there, whole, whatever happens next: beside, renamed, and all of it synced.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let (path, beside) = (self.0.join("record.json"), self.0.join("record.json.new"));
        let mut file = File::create(&beside)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&self.0)?.sync_all()?;
        self.0.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }

    /// The record.
    ///
    /// # Errors
    /// `NotFound` when there is none, `InvalidData` when it can't be read.
    pub fn read(&self) -> io::Result<Record> {
        let path = self.0.join("record.json");
        let bytes = fs::read(&path).map_err(naming(&path))?;
        serde_json::from_slice(&bytes).map_err(|why| naming(&path)(why.into()))
    }

    /// Removes it, and the folder of all strikes with the last one. Nothing to do where it is gone.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self) -> io::Result<()> {
        self.clear()?;
        self.remove_folder_of_all();
        Ok(())
    }

    /// Removes it alone, as who holds the lock must.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
            _ => Ok(()),
        }
    }

    /// Removes the folder of all strikes, if it is empty and nobody arms in it.
    pub fn remove_folder_of_all(&self) {
        if let Some(Ok(state)) = self.0.parent().map(File::open)
            && let Ok(_lock) = Flock::lock(state, FlockArg::LockExclusiveNonblock)
        {
            // Only an empty one goes.
            let _ = self.0.parent().map(fs::remove_dir);
        }
    }
}

/// Makes the folder of all strikes and keeps others from arming there until this is dropped.
///
/// # Errors
/// Those of the file system.
pub(super) fn lock() -> io::Result<Flock<File>> {
    loop {
        DirBuilder::new().mode(0o700).recursive(true).create(STATE)?;
        let folder = match File::open(STATE) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let locked = Flock::lock(folder, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
        // Whoever removed the last strike meanwhile has removed this folder too.
        if fs::metadata(STATE).is_ok_and(|now| locked.metadata().is_ok_and(|ours| ours.ino() == now.ino())) {
            return Ok(locked);
        }
    }
}

/// Every strike that has a folder.
pub(super) fn all() -> Vec<StrikeId> {
    let Ok(entries) = fs::read_dir(STATE) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| StrikeId::parse(entry.file_name().to_str()?).ok());
    let mut ids: Vec<StrikeId> = names.collect();
    ids.sort();
    ids
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::agent::effect::Effect;
    use crate::agent::stamp::Within;

    fn record(process: String, undo_state: Vec<(i32, u64)>) -> Record {
        let order = Order {
            id: StrikeId("1.web-1".into()),
            effect: Effect::StopProcess { process },
            lease: Duration::from_millis(12_345),
            lasts: Some(Duration::from_secs(6)),
            address: Ipv4Addr::new(198, 18, 0, 2),
            heals_nothing: false,
            ends_early: false,
        };
        Record {
            order,
            stage: Stage::Armed,
            undo_state: serde_json::json!(undo_state),
            holder: Some(Identity { pid: 7, started: 9 }),
            stamps: Stamps { onset: Some(Within { not_before_us: 1, by_us: 2 }), ..Stamps::default() },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn a_record_is_read_as_it_was_written(name in "\\PC{0,15}|[\n'\"$`;-]{1,5}", undo_state in prop::collection::vec(any::<(i32, u64)>(), 0..4)) {
            let state = tempfile::tempdir().unwrap();
            let folder = Folder::within(state.path(), &StrikeId("1.web-1".into()));
            folder.create().unwrap();
            let mut record = record(name, undo_state);
            folder.write(&record).unwrap();
            prop_assert_eq!(&folder.read().unwrap(), &record);
            record.stage = Stage::Injecting;
            folder.write(&record).unwrap();
            prop_assert_eq!(folder.read().unwrap(), record);
            folder.remove().unwrap();
            folder.remove().unwrap();
            prop_assert!(!state.path().exists(), "the last strike takes the folder of all with it");
        }
    }

    #[test]
    fn a_folder_that_is_there_is_told_and_a_second_strike_keeps_the_folder_of_all() {
        let state = tempfile::tempdir().unwrap();
        let [one, two] = ["1", "2"].map(|id| Folder::within(state.path(), &StrikeId(id.into())));
        one.create().unwrap();
        two.create().unwrap();
        assert_eq!(one.create().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(one.read().unwrap_err().kind(), io::ErrorKind::NotFound);
        one.remove().unwrap();
        assert!(two.exists() && !one.exists());
    }
}
