//! A full disk.
//!
//! `When the disk of … is full`. Allocates a file, `/var/tmp/.anarcho-chimp-ID` (or `/.anarcho-chimp-ID` where `/var/tmp`
//! is another disk), until the disk that `/` lies on is as full as asked; at 100 % not one block is free, for root
//! neither. Witness: the file is there, and the file system says that it is that full, within a point. Heal: the file
//! is unlinked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::{FsFlags, statvfs};
use serde_json::Value;

use super::{DriverError, EffectDriver, Trace, percent, unfit};
use crate::agent::{Observation, StrikeId, contained};

/// How a file's name begins.
const PREFIX: &str = ".anarcho-chimp-";
/// The largest piece that is allocated at once; halved where it does not fit.
const PIECE: u64 = 64 << 20;
/// How much less full than asked it may be, in points, to count: files come and go.
const SLACK: f64 = 1.0;

/// How `held` finds files without a record.
pub(super) const TRACE: Trace =
    Trace { find: || Ok(folders().iter().flat_map(|folder| files(folder)).collect()), sweep: unlink };

/// Where a file may lie. In a container only its root, as a link in it would lead elsewhere on this machine.
fn folders() -> Vec<PathBuf> {
    let aside = (!contained::is_contained()).then(|| PathBuf::from("/var/tmp"));
    aside.into_iter().chain([contained::root().into()]).collect()
}

/// See the module.
pub(super) struct Disk {
    id: StrikeId,
    percent: f64,
}

/// How full a disk is.
struct Fullness {
    total: u64,
    free: u64,
    block: u64,
}

impl Disk {
    /// So full.
    pub fn new(id: &StrikeId, percent: f64) -> Self {
        Disk { id: id.clone(), percent }
    }

    /// Bytes to allocate until it is as full as asked.
    fn missing(&self, now: &Fullness) -> u64 {
        let wanted = (now.total as f64 * self.percent / 100.0) as u64;
        wanted.saturating_sub(now.total - now.free)
    }

    fn fill(&self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let now = fullness()?;
        let end = if self.percent >= 100.0 { u64::MAX } else { self.missing(&now) };
        let (mut length, mut piece) = (0, PIECE);
        while length < end && piece >= now.block {
            let next = piece.min(end - length);
            match grow(&file, length, next) {
                Ok(()) => length += next,
                Err(why) if why.kind() == io::ErrorKind::StorageFull => piece = next / 2,
                Err(why) => return Err(why),
            }
        }
        if end != u64::MAX && length + now.block < end { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl EffectDriver for Disk {
    fn arm(&mut self) -> Result<Value, DriverError> {
        percent(self.percent)?;
        let own = "a disk of the victim's own that it can write to";
        if contained::is_contained() && !contained::has_own_disk() {
            return Err(unfit("the disk", "the machine's, which others use", own));
        }
        if is_read_only().map_err(DriverError::at("looking at the disk"))? {
            return Err(unfit("the disk", "read-only", own));
        }
        let now = fullness().map_err(DriverError::at("looking at the disk"))?;
        if self.missing(&now) >= now.block {
            return Ok(Value::Null);
        }
        let expected = format!("less than the {} % that are asked for", self.percent);
        Err(unfit("the disk", &format!("{:.1} % full", now.percent()), &expected))
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        let path = place(&self.id).map_err(DriverError::at("looking for a place on the disk"))?;
        self.fill(&path).map_err(DriverError::at(&format!("filling the disk with {}", path.display())))
    }

    fn heal(&mut self, _memo: &Value) -> Result<(), DriverError> {
        unlink(&self.id)
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, DriverError> {
        let now = fullness().map_err(DriverError::at("looking at the disk"))?.percent();
        let file = paths(&self.id).iter().find_map(|path| path.symlink_metadata().ok());
        let ours =
            file.as_ref().map_or("no file of ours".into(), |file| format!("{} MiB of ours", file.blocks() >> 11));
        let in_force = file.is_some() && now >= self.percent - SLACK;
        Ok(Observation { in_force, evidence: format!("the disk is {now:.1} % full, {ours}") })
    }
}

impl Fullness {
    fn percent(&self) -> f64 {
        (self.total - self.free) as f64 / self.total.max(1) as f64 * 100.0
    }
}

fn fullness() -> io::Result<Fullness> {
    let seen = statvfs(contained::root())?;
    let block = seen.fragment_size().max(1);
    Ok(Fullness { total: seen.blocks() * block, free: seen.blocks_free() * block, block })
}

fn is_read_only() -> io::Result<bool> {
    Ok(statvfs(contained::root())?.flags().contains(FsFlags::ST_RDONLY))
}

/// More of a file that takes real blocks.
fn grow(file: &File, from: u64, length: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), from as i64, length as i64) {
        Err(nix::errno::Errno::EOPNOTSUPP | nix::errno::Errno::ENOSYS) => write_zeros(file, length),
        allocated => Ok(allocated?),
    }
}

/// Where blocks can't be allocated; what did not fit whole is written in part.
fn write_zeros(mut file: &File, length: u64) -> io::Result<()> {
    let zeros = vec![0_u8; 1 << 20];
    let mut left = length;
    while left > 0 {
        let next = left.min(zeros.len() as u64);
        file.write_all(&zeros[..next as usize])?;
        left -= next;
    }
    file.sync_all()
}

/// On the disk of `/`.
fn place(id: &StrikeId) -> io::Result<PathBuf> {
    let disk = fs::metadata(contained::root())?.dev();
    let on_it = |folder: &Path| fs::metadata(folder).is_ok_and(|folder| folder.is_dir() && folder.dev() == disk);
    let found = folders().into_iter().zip(paths(id)).find(|(folder, _)| on_it(folder));
    found.map(|(_, path)| path).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn paths(id: &StrikeId) -> Vec<PathBuf> {
    folders().iter().map(|folder| folder.join(format!("{PREFIX}{}", id.0))).collect()
}

fn unlink(id: &StrikeId) -> Result<(), DriverError> {
    let unlink = |path: &PathBuf| match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(DriverError::at(&path.display().to_string())(why)),
        _ => Ok(()),
    };
    paths(id).iter().map(unlink).fold(Ok(()), Result::and)
}

fn files(folder: &Path) -> Vec<(StrikeId, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let ours = |entry: fs::DirEntry| {
        let id = StrikeId::parse(entry.file_name().to_str()?.strip_prefix(PREFIX)?).ok()?;
        Some((id, format!("the file {}", entry.path().display())))
    };
    entries.flatten().filter_map(ours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_counts_what_is_used_already() {
        let disk = Disk::new(&StrikeId("1".into()), 90.0);
        let at = |free| disk.missing(&Fullness { total: 1000, free, block: 1 });
        assert_eq!([at(1000), at(400), at(100), at(50)], [900, 300, 0, 0]);
    }

    #[test]
    fn a_file_is_found_by_the_strike_it_names_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".anarcho-chimp-1.web-1", ".anarcho-chimp-", ".anarcho-chimp--x", "other"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found: Vec<String> = files(folder.path()).into_iter().map(|(id, _)| id.0).collect();
        assert_eq!(found, ["1.web-1"]);
    }
}
