//! Loads the guest kernel's modules, without any program for it.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Where Debian's package keeps them, in a folder for its version.
const MODULES: &str = "/usr/lib/uml/modules";

/// Loads a module after all that it depends on; one that is there already is fine.
pub fn load(name: &str) -> Result<(), String> {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").map_err(|why| why.to_string())?;
    let folder = Path::new(MODULES).join(version.trim());
    let dependencies = fs::read_to_string(folder.join("modules.dep")).map_err(|why| format!("{folder:?}: {why}"))?;
    let line = dependencies.lines().find(|line| stem(line.split(':').next().unwrap_or_default()) == name);
    let (module, needs) = line.and_then(|line| line.split_once(':')).ok_or(format!("there is no module {name}"))?;
    // Each stands before what it depends on.
    let needs: Vec<_> = needs.split_whitespace().collect();
    needs.iter().rev().chain([&module]).try_for_each(|path| insert(&folder.join(path)))
}

fn stem(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default().trim_end_matches(".ko")
}

fn insert(path: &PathBuf) -> Result<(), String> {
    let file = File::open(path).map_err(|why| format!("{}: {why}", path.display()))?;
    // SAFETY: an open descriptor, an empty string of parameters, no flags.
    let loaded = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) };
    let why = std::io::Error::last_os_error();
    match loaded {
        0 => Ok(()),
        _ if why.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        _ => Err(format!("{}: {why}", path.display())),
    }
}
