//! What strangers do on this machine meanwhile must not be taken for what a test left: folders that everybody writes to
//! are seen by this process and its children alone, and so are its processes told from others'.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Lays a file system of this process's own over folders: what is made there is made by it or its children. The folders of
/// the package and of what was built stay where they are. Call it before any thread starts.
///
/// # Errors
/// When the kernel refuses: it needs root.
pub fn seclude(folders: &[&str]) -> io::Result<()> {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder in a folder");
    let needed = [Path::new(env!("CARGO_MANIFEST_DIR")), built];
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    // Opened now, since only what belongs to this namespace can be mounted again in it.
    let opened: Vec<_> = needed.into_iter().map(|path| Ok((path, File::open(path)?))).collect::<io::Result<_>>()?;
    for folder in folders.iter().filter(|folder| Path::new(folder).is_dir()) {
        mount(Some("none"), *folder, Some("tmpfs"), MsFlags::empty(), Some("mode=1777"))?;
    }
    for (path, file) in &opened {
        if folders.iter().any(|folder| path.starts_with(folder)) {
            fs::create_dir_all(path)?;
            let source = format!("/proc/self/fd/{}", file.as_raw_fd());
            mount(Some(source.as_str()), *path, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
        }
    }
    // By its path, since the folder that it stood in may lie below another one now.
    std::env::set_current_dir(std::env::current_dir()?)
}

/// From now on every process that descends from this one is found below it, though those between have ended.
///
/// # Errors
/// When the kernel refuses.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// Every living process that descends from this one, which has adopted orphans.
pub fn descendants() -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parents: Vec<(i32, i32)> = all.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = BTreeSet::from([std::process::id() as i32]);
    loop {
        let before = found.len();
        found.extend(
            parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
        );
        if found.len() == before {
            break;
        }
    }
    found.remove(&(std::process::id() as i32));
    found
}

/// The parent of a process, if that has not ended: who has only to be reaped holds nothing. The name is in brackets and may
/// hold anything, brackets too; after them come the state and the parent.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let mut words = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if words.next()? == "Z" { None } else { words.next()?.parse().ok() }
}
