//! Programs of the machine in instances: the running one itself, where every instance finds it as its agent, and those
//! that a role asks for.
//!
//! They are bound, not copied: a debug build has hundreds of megabytes, and the sandbox lives in memory. What is bound once,
//! when the sandbox is made, stays the same though the file may be built anew meanwhile. Linux refuses to bind a file that has
//! lost its name in this way, so an instance gets the folder in which it is bound already.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::image;
use crate::launch::PROGRAM;

const NONE: Option<&str> = None;

/// Where the sandbox keeps it: alone in a folder.
fn kept() -> PathBuf {
    Path::new(image::MEMORY).join("program")
}

/// The folder for it below an instance's root, or the common layer.
fn folder_below(root: &Path) -> PathBuf {
    let folder = Path::new(PROGRAM).parent().unwrap_or(Path::new("/"));
    root.join(folder.strip_prefix("/").unwrap_or(folder))
}

/// Binds the running program, read-only, where the sandbox keeps it.
///
/// # Errors
/// `NotFound` when its file was deleted or replaced since it was started: what runs has no name any more then.
pub(super) fn keep() -> io::Result<()> {
    let path = fs::read_link("/proc/self/exe")?;
    let running = fs::metadata("/proc/self/exe")?;
    let same = |found: fs::Metadata| (found.dev(), found.ino()) == (running.dev(), running.ino());
    if !fs::metadata(&path).is_ok_and(same) {
        let why = format!("{} was deleted or replaced since it was started: start it again", path.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let place = kept().join(Path::new(PROGRAM).file_name().unwrap_or_default());
    fs::create_dir(kept())?;
    File::create_new(&place)?;
    bind(&path, &place)
}

/// Shows a program of the machine, read-only, at a path below the root of an instance; to be called while the machine's
/// own files can be seen.
///
/// # Errors
/// Those of the file system and of `mount(2)`.
pub(super) fn share(program: &Path, root: &Path, path: &Path) -> io::Result<()> {
    let place = root.join(path.strip_prefix("/").unwrap_or(path));
    fs::create_dir_all(place.parent().unwrap_or(root))?;
    File::options().create(true).append(true).open(&place)?;
    bind(program, &place)
}

fn bind(program: &Path, place: &Path) -> io::Result<()> {
    mount(Some(program), place, NONE, MsFlags::MS_BIND, NONE)?;
    make_read_only(place)
}

fn make_read_only(place: &Path) -> io::Result<()> {
    let read_only =
        MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(NONE, place, NONE, read_only, NONE)?)
}

/// Makes the empty folder of the common layer that it is mounted on.
///
/// # Errors
/// Those of the file system.
pub(super) fn make_place(layer: &Path) -> io::Result<()> {
    let place = folder_below(layer);
    fs::create_dir_all(&place)?;
    fs::set_permissions(place, Permissions::from_mode(0o755))
}

/// Mounts it below an instance's root; to be called while the sandbox's mounts can be seen.
///
/// # Errors
/// Those of `mount(2)`.
pub(super) fn mount_below(root: &Path) -> io::Result<()> {
    let place = folder_below(root);
    mount(Some(&kept()), &place, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?;
    make_read_only(&place)
}
