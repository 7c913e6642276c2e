//! Agents in a container that was entered from outside: they have the container's processes and network, and the machine's files and
//! control groups. What a fault takes there is taken of the container's own share.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The files of the first process.
const FIRST: &str = "/proc/1/root";
/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";
/// More than any machine has: how the first version of control groups says that there is no limit.
const NO_LIMIT: u64 = 1 << 62;

/// Whether this process was entered into a container: its first process has other files.
pub(super) fn is_contained() -> bool {
    static CONTAINED: OnceLock<bool> = OnceLock::new();
    *CONTAINED.get_or_init(|| {
        let place = |path: &str| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
        place(FIRST).is_some_and(|first| Some(first) != place("/"))
    })
}

/// The root folder of the victim.
pub(super) fn root() -> &'static Path {
    Path::new(if is_contained() { FIRST } else { "/" })
}

/// How much memory the victim's control group may have, and how much of it is in use, in bytes; `None` where it has no limit.
pub(super) fn memory() -> Option<(u64, u64)> {
    let group = Group::of("memory")?;
    let (limit, used, stale) = match group.is_first_version {
        true => ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        false => ("memory.max", "memory.current", "inactive_file"),
    };
    let limit = group.number(limit).filter(|limit| *limit < NO_LIMIT)?;
    // What can be given back at once is free, as in `MemAvailable`.
    let stale = group.read("memory.stat").and_then(|text| field(&text, stale)).unwrap_or(0);
    Some((limit, group.number(used)?.saturating_sub(stale)))
}

/// How many CPUs' time the victim's control group may have; `None` where it has no limit.
pub(super) fn cpus() -> Option<f64> {
    let group = Group::of("cpu")?;
    let (quota, period) = match group.is_first_version {
        true => (group.number("cpu.cfs_quota_us")?, group.number("cpu.cfs_period_us")?),
        false => group.read("cpu.max").and_then(|text| {
            let (quota, period) = text.trim().split_once(' ')?;
            Some((quota.parse().ok()?, period.parse().ok()?))
        })?,
    };
    (period > 0).then(|| quota as f64 / period as f64)
}

/// Moves this process into the victim's control groups, so that what it takes is the victim's.
///
/// # Errors
/// Those of the file system. Outside of a container there is nothing to do.
pub(super) fn join_groups() -> io::Result<()> {
    if !is_contained() {
        return Ok(());
    }
    let groups: Vec<Group> = ["cpu", "cpuset", "memory"].into_iter().filter_map(Group::of).collect();
    groups
        .iter()
        .try_for_each(|group| fs::File::options().write(true).open(group.folder.join("cgroup.procs"))?.write_all(b"0"))
}

/// Whether the victim's root is a quota of its own: smaller than the machine's disk that its overlay writes to. What is not known to be one is the
/// machine's disk, which others use.
pub(super) fn has_own_disk() -> bool {
    let mounts = fs::read_to_string("/proc/1/mountinfo").unwrap_or_default();
    is_quota(total(root()), upper_folder(&mounts).and_then(|upper| total(&mount_point(&upper)?)))
}

/// Of two sizes in bytes, where they are known.
fn is_quota(own: Option<u64>, machine: Option<u64>) -> bool {
    own.zip(machine).is_some_and(|(own, machine)| own < machine)
}

/// The size of the file system that a path is on, in bytes. Of a folder with a quota it is the quota.
fn total(path: &Path) -> Option<u64> {
    nix::sys::statvfs::statvfs(path).map(|seen| seen.blocks() * seen.fragment_size()).ok()
}

/// The uppermost folder of the file system that a path is on.
fn mount_point(path: &Path) -> Option<PathBuf> {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    let own = device(path)?;
    path.ancestors().take_while(|folder| device(folder) == Some(own)).last().map(Path::to_path_buf)
}

/// The folder of the machine that an overlay at `/` writes to.
fn upper_folder(mounts: &str) -> Option<PathBuf> {
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"))?;
    let options = root.rsplit(' ').next()?;
    options.split(',').find_map(|option| option.strip_prefix("upperdir=")).map(PathBuf::from)
}

/// A control group of the victim's first process.
struct Group {
    folder: PathBuf,
    is_first_version: bool,
}

impl Group {
    /// That of this controller, in a container; `None` outside of one, where the group is the whole machine's.
    fn of(controller: &str) -> Option<Group> {
        if !is_contained() {
            return None;
        }
        let groups = fs::read_to_string("/proc/1/cgroup").ok()?;
        let (folder, is_first_version) = folder_of(controller, &groups)?;
        Some(Group { folder: Path::new(GROUPS).join(folder), is_first_version }).filter(|group| group.folder.is_dir())
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(file)).ok()
    }

    /// `None`, too, where it says `max` or `-1`.
    fn number(&self, file: &str) -> Option<u64> {
        self.read(file)?.trim().parse().ok()
    }
}

/// The folder of a controller's group below [`GROUPS`], and whether it is one of the first version.
fn folder_of(controller: &str, groups: &str) -> Option<(PathBuf, bool)> {
    let lines = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let first = lines.clone().find(|(names, _)| names.split(',').any(|name| name == controller));
    let below = |path: &str| path.trim_start_matches('/').to_string();
    match first {
        Some((_, path)) => Some((Path::new(controller).join(below(path)), true)),
        None => lines.filter(|(names, _)| names.is_empty()).map(|(_, path)| (below(path).into(), false)).next(),
    }
}

/// A line such as `inactive_file 4096`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_controller_is_found_in_both_versions() {
        let first = "12:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n0::/docker/ab\n";
        assert_eq!(folder_of("cpu", first), Some(("cpu/docker/ab".into(), true)));
        assert_eq!(folder_of("memory", first), Some(("memory/docker/ab".into(), true)));
        let second = "0::/system.slice/docker-ab.scope\n";
        assert_eq!(folder_of("memory", second), Some(("system.slice/docker-ab.scope".into(), false)));
        assert_eq!(folder_of("memory", ""), None);
    }

    #[test]
    fn the_folder_that_an_overlay_writes_to_is_found() {
        let line = "800 700 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/l/a:/l/b,upperdir=/d/u,workdir=/d/w";
        assert_eq!(upper_folder(&format!("799 1 0:4 / /proc rw - proc proc rw\n{line}\n")), Some("/d/u".into()));
        assert_eq!(upper_folder("800 700 8:1 / / rw - ext4 /dev/sda1 rw\n"), None);
    }

    #[test]
    fn only_what_is_known_to_be_a_quota_is_one() {
        assert!(is_quota(Some(10), Some(100)));
        assert!(!is_quota(Some(100), Some(100)), "the machine's disk itself");
        assert!(
            !is_quota(Some(10), None) && !is_quota(None, Some(100)),
            "a folder that is not seen from here tells nothing"
        );
        assert_eq!(mount_point(Path::new("/proc/self/status")), Some("/proc".into()));
        assert_eq!(mount_point(Path::new("/nowhere/at/all")), None);
    }

    #[test]
    fn an_agent_of_a_whole_machine_is_in_no_container() {
        assert!(!is_contained() && root() == Path::new("/") && memory().is_none() && cpus().is_none());
        assert!(join_groups().is_ok());
    }
}
