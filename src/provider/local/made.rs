//! What commands make, once a sandbox: the first instance that needs it makes it in its own root and leaves a copy in the
//! sandbox's memory; every other waits for that, and copies it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::{image, instance};

/// Makes the folder that holds what was made.
///
/// # Errors
/// Those of the file system.
pub(super) fn make_store() -> io::Result<()> {
    fs::create_dir(folder())
}

fn folder() -> PathBuf {
    Path::new(image::MEMORY).join("made")
}

/// The place of one thing in the sandbox's memory, opened while that can still be seen.
pub(super) struct Store {
    folder: OwnedFd,
    lock: File,
    key: String,
}

impl Store {
    /// Opens the place of what has this key.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(key: &str) -> io::Result<Store> {
        let lock = folder().join(format!("{key}.lock"));
        let lock = File::options().create(true).truncate(false).write(true).open(lock)?;
        Ok(Store { folder: File::open(folder())?.into(), lock, key: key.into() })
    }

    /// Puts it to `path`: a copy where somebody made it, else `command` makes it there. Who comes while it is being made
    /// waits; if its maker dies, the next one makes it.
    ///
    /// # Errors
    /// When the command fails, with what it complained; else those of the file system.
    pub fn put(self, path: &Path, command: &[String]) -> io::Result<()> {
        let _lock = Flock::lock(self.lock, FlockArg::LockExclusive).map_err(|(_, errno)| io::Error::from(errno))?;
        // The folder is no longer below the root, but what is open can be reached through its descriptor.
        let folder = Path::new("/proc/self/fd").join(self.folder.as_raw_fd().to_string());
        let (kept, unfinished) = (folder.join(&self.key), folder.join(format!("{}.new", self.key)));
        if kept.exists() {
            return copy(&kept, path);
        }
        instance::make(command)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        copy(path, &unfinished)?;
        fs::rename(unfinished, kept)
    }
}

/// Copies a file or a folder with owners and permissions.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        fs::set_permissions(to, found.permissions())?;
    } else if found.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else {
        fs::copy(from, to)?;
    }
    lchown(to, Some(found.uid()), Some(found.gid()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_has_what_the_original_has() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/file"), "x").unwrap();
        fs::set_permissions(from.join("deep/file"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("deep/file", from.join("link")).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("link")).unwrap(), "x");
        assert_eq!(fs::metadata(to.join("deep/file")).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
