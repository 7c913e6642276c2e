//! Processes of the victim: those of this process's own process namespace, so no container's on it.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::launch::ASKED;

/// The kernel keeps so many bytes of a name.
pub(super) const NAME_BYTES: usize = 15;
/// So many names are worth reading.
const NAMED: usize = 10;

/// The very process, though its number may be another's later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub pid: i32,
    /// Clock ticks from the boot of the machine to its start.
    pub started: u64,
}

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub identity: Identity,
    /// As the kernel keeps it: 15 bytes at most, and they may be any.
    pub name: Vec<u8>,
    /// `S` sleeps, `R` runs, `T` stopped, `Z` dead.
    pub state: char,
}

impl Identity {
    /// The process that has this number now.
    pub fn of(pid: i32) -> Option<Identity> {
        find(pid).map(|process| process.identity)
    }

    /// This process.
    pub fn own() -> Option<Identity> {
        Identity::of(std::process::id() as i32)
    }

    /// The process, if it still lives.
    pub fn find(self) -> Option<Process> {
        find(self.pid).filter(|process| process.identity == self && process.state != 'Z')
    }

    /// Sends a signal to this very process; says whether it was there.
    ///
    /// # Errors
    /// Those of `pidfd_open(2)` and `pidfd_send_signal(2)` but `ESRCH`.
    pub fn signal(self, signal: Signal) -> io::Result<bool> {
        // SAFETY: takes numbers only; the descriptor is new.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, self.pid, 0) };
        if opened == -1 {
            return absent(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it for us.
        let pidfd = unsafe { OwnedFd::from_raw_fd(opened as c_int) };
        // From here on the number can't become another's unseen: what is found now is what the descriptor holds.
        if self.find().is_none() {
            return Ok(false);
        }
        // SAFETY: a null siginfo is what kill(2) would send.
        let sent =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal as c_int, 0_usize, 0) };
        if sent == -1 { absent(io::Error::last_os_error()) } else { Ok(true) }
    }
}

fn absent(why: io::Error) -> io::Result<bool> {
    if why.raw_os_error() == Some(libc::ESRCH) { Ok(false) } else { Err(why) }
}

/// Every living process of this process namespace.
pub(super) fn all() -> Vec<Process> {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let own = namespace("self");
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let members = pids.filter(|pid| own.is_some() && namespace(&pid.to_string()) == own);
    members.filter_map(find).filter(|process| process.state != 'Z').collect()
}

/// Those that are an agent: `PROGRAM __agent ROLE …`, with what follows [`ASKED`].
pub(super) fn agents() -> Vec<(Identity, Vec<String>)> {
    let words = |process: Process| {
        let mut words = words(process.identity.pid).into_iter().skip(1);
        (words.next()? == ASKED).then(|| (process.identity, words.collect()))
    };
    all().into_iter().filter_map(words).collect()
}

/// The names of those that run a program, other than this one: no agents, and no threads of the kernel.
pub(super) fn names() -> Vec<String> {
    let others = all().into_iter().filter(|process| runs_another(process.identity.pid));
    others.map(|process| String::from_utf8_lossy(&process.name).into_owned()).collect()
}

/// Whether a process runs a program that is not this one.
fn runs_another(pid: i32) -> bool {
    let program = |process: &str| fs::metadata(format!("/proc/{process}/exe")).map(|file| (file.dev(), file.ino()));
    program(&pid.to_string()).is_ok_and(|of| program("self").is_ok_and(|own| of != own))
}

/// `: there are nginx, cron and 3 more`, for processes that were looked for by a name and are not among those that run. Each name once, the
/// nearest first; an empty text where there is none.
pub(crate) fn instead(wanted: &str, running: impl IntoIterator<Item = String>) -> String {
    let wanted: String = wanted.chars().take(NAME_BYTES).collect();
    let distance =
        |name: &String| strsim::damerau_levenshtein(&wanted, &name.chars().take(NAME_BYTES).collect::<String>());
    let each: BTreeSet<(usize, String)> = running.into_iter().map(|name| (distance(&name), name)).collect();
    let named: Vec<&str> = each.iter().take(NAMED).map(|(_, name)| name.as_str()).collect();
    match (named.as_slice(), each.len().saturating_sub(NAMED)) {
        ([], _) => String::new(),
        ([one], 0) => format!(": there is {one}"),
        ([all @ .., last], 0) => format!(": there are {} and {last}", all.join(", ")),
        (names, more) => format!(": there are {} and {more} more", names.join(", ")),
    }
}

fn find(pid: i32) -> Option<Process> {
    parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The name is in brackets and may hold anything, brackets too: the rest follows the last one.
fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let begin = stat.iter().position(|byte| *byte == b'(')?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut rest = str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace();
    let state = rest.next()?.chars().next()?;
    // The 22nd field; the state is the third.
    let started = rest.nth(18)?.parse().ok()?;
    Some(Process { identity: Identity { pid, started }, name: stat.get(begin + 1..end)?.to_vec(), state })
}

fn words(pid: i32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = |word: &[u8]| std::ffi::OsStr::from_bytes(word).to_string_lossy().into_owned();
    line.split(|byte| *byte == 0).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_hides_nothing() {
        let stat = b"12 (a) R 5 (b)) T 1 12 12 0 -1 4194304 1 0 0 0 3 4 0 0 20 0 1 0 8765 1000 2\n";
        let process = parse(12, stat).unwrap();
        assert_eq!((process.state, process.identity.started), ('T', 8765));
        assert_eq!(process.name, b"a) R 5 (b)");
        assert_eq!(parse(12, b""), None);
    }

    #[test]
    fn a_signal_reaches_the_very_process_alone() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let identity = find(child.id() as i32).unwrap().identity;
        let other = Identity { started: identity.started + 1, ..identity };
        assert!(!other.signal(Signal::SIGKILL).unwrap() && identity.find().is_some());
        assert!(identity.signal(Signal::SIGKILL).unwrap());
        child.wait().unwrap();
        assert!(!identity.signal(Signal::SIGKILL).unwrap() && identity.find().is_none());
    }

    #[test]
    fn what_runs_is_listed_with_the_nearest_name_first() {
        let instead = |names: &[&str]| instead("pyton3", names.iter().map(ToString::to_string));
        assert_eq!(instead(&[]), "");
        assert_eq!(instead(&["sshd", "sshd"]), ": there is sshd");
        assert_eq!(instead(&["cron", "python3", "nginx", "nginx"]), ": there are python3, cron and nginx");
        let many: Vec<String> = (10..30).map(|nth| format!("worker-{nth}")).chain(["python3".into()]).collect();
        let listed = instead(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(listed.starts_with(": there are python3, ") && listed.ends_with(" and 11 more"), "{listed}");
        assert_eq!(listed.matches("worker-").count(), NAMED - 1);
    }

    #[test]
    fn names_are_those_of_other_programs() {
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let (names, runs_another_one) = (names(), runs_another(child.id() as i32));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(runs_another_one && names.iter().any(|name| name == "sleep"), "{names:?}");
        assert!(!runs_another(std::process::id() as i32) && !names.iter().any(|name| name == "kthreadd"), "{names:?}");
    }

    #[test]
    fn this_process_is_among_all() {
        let own = Identity::own().unwrap();
        assert!(all().iter().any(|process| process.identity == own));
        assert!(agents().iter().all(|(identity, _)| *identity != own));
    }
}
