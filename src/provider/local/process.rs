//! Processes of an instance, as the harness sees them in `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::launch::ASKED;

/// How long a freeze or thaw may take until every process has followed.
const SETTLE: Duration = Duration::from_secs(5);

/// A process and what it is doing, by the letter of `/proc/<pid>/stat`: `S` sleeps, `R` runs, `T` stopped, `Z` dead; and
/// `X` for one that is about to be: it runs no line of its program any more, whatever its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: i32,
    pub parent: i32,
    pub state: char,
}

/// The process namespace of a process, by its number; `None` when the process is gone.
pub(super) fn namespace_of(pid: i32) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/pid")).ok()?;
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

/// One process; `None` when it is gone.
pub(super) fn find(pid: i32) -> Option<Process> {
    let (state, parent) = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    Some(Process { pid, parent, state })
}

/// The kernel's flag of a process that ends.
const PF_EXITING: u64 = 4;

/// State and parent. The name is in brackets and may hold anything, brackets too: both follow the last one.
fn parse_stat(stat: &str) -> Option<(char, i32)> {
    let (state, rest) = stat.rsplit_once(") ")?.1.split_once(' ')?;
    let mut fields = rest.split(' ');
    let parent = fields.next()?.parse().ok()?;
    // The ninth field; the parent is the fourth.
    let flags: u64 = fields.nth(4)?.parse().ok()?;
    let state = state.chars().next()?;
    Some((if state != 'Z' && flags & PF_EXITING != 0 { 'X' } else { state }, parent))
}

/// Every living process of a process namespace.
pub(super) fn members(namespace: u64) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| namespace_of(*pid) == Some(namespace))
        .filter_map(find)
        .filter(|process| !matches!(process.state, 'Z' | 'X'))
        .collect()
}

/// The members that a freeze stops: all but those that hold a strike, with what they run. Their leases must be over in
/// time though the server hangs, as a timer in its hardware would be; they serve nobody, so the hang is whole without.
pub(super) fn freezable(namespace: u64) -> Vec<Process> {
    let all = members(namespace);
    let holders: Vec<i32> = all.iter().map(|process| process.pid).filter(|pid| holds(*pid)).collect();
    let free = |process: &Process| holders.contains(&process.pid) || holders.contains(&process.parent);
    let burns = |process: &Process| agent_role(process.pid).is_some_and(|role| role == "burn");
    // One that ends has no words left that say what it was, so it is asked last whether it does.
    let ends = |process: &Process| find(process.pid).is_none_or(|now| matches!(now.state, 'Z' | 'X'));
    all.into_iter().filter(|process| (!free(process) || burns(process)) && !ends(process)).collect()
}

/// Whether this process holds a strike, or is a spare of one that does.
fn holds(pid: i32) -> bool {
    agent_role(pid).is_some_and(|role| role == "hold")
}

/// What an agent does, by the second word that follows its program.
fn agent_role(pid: i32) -> Option<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let mut words = line.split(|byte| *byte == 0).skip(1);
    (words.next()? == ASKED.as_bytes()).then(|| String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned())
}

/// Stops every process of a namespace but [the holders of strikes](freezable), those that are forked meanwhile too.
///
/// # Errors
/// `TimedOut` with the processes that would not stop.
pub(super) async fn freeze(namespace: u64) -> io::Result<()> {
    drive(namespace, Signal::SIGSTOP, &BTreeSet::new(), |state| state == 'T').await
}

/// The processes of a namespace that stand already: somebody stopped them, and a thaw must not let them go on.
pub(super) fn standing(namespace: u64) -> BTreeSet<i32> {
    freezable(namespace).into_iter().filter(|process| process.state == 'T').map(|process| process.pid).collect()
}

/// Lets every process of a namespace go on but those in `stood`, which were stopped before it was frozen.
///
/// # Errors
/// `TimedOut` with the processes that are stopped still.
pub(super) async fn thaw(namespace: u64, stood: &BTreeSet<i32>) -> io::Result<()> {
    drive(namespace, Signal::SIGCONT, stood, |state| state != 'T').await
}

async fn drive(namespace: u64, signal: Signal, but: &BTreeSet<i32>, done: fn(char) -> bool) -> io::Result<()> {
    let is_pending = |process: &Process| !done(process.state) && !but.contains(&process.pid);
    let deadline = tokio::time::Instant::now() + SETTLE;
    for round in 1_u32.. {
        let all = freezable(namespace);
        let pending: Vec<Process> = all.iter().copied().filter(is_pending).collect();
        if pending.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            break;
        }
        for process in &pending {
            // One that ended meanwhile needs no signal.
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
        if round.is_multiple_of(10) {
            release_vforks(&all, &pending);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let pending = freezable(namespace).into_iter().filter(is_pending).collect::<Vec<_>>();
    let why = format!("{} processes did not follow {signal} within 5 s: {pending:?}", pending.len());
    Err(io::Error::new(io::ErrorKind::TimedOut, why))
}

/// A process inside `vfork` cannot stop (`D`) before its child has called `exec`, and the child was stopped before it
/// could: lets such children go on for a moment.
fn release_vforks(all: &[Process], pending: &[Process]) {
    for child in all.iter().filter(|process| process.state == 'T') {
        if pending.iter().any(|parent| parent.state == 'D' && parent.pid == child.parent) {
            let _ = kill(Pid::from_raw(child.pid), Signal::SIGCONT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_hide_the_state() {
        assert_eq!(parse_stat("12 (a) R 5 (b)) T 1 2 3 0 -1 4194560 9"), Some(('T', 1)));
        assert_eq!(parse_stat("12 (nginx) S 7 2 3 0 -1 4194304 9"), Some(('S', 7)));
        assert_eq!(parse_stat(""), None);
    }

    /// A holder whose lease was over while its server hung counted as a process that went on.
    #[test]
    fn a_process_that_ends_is_told_from_one_that_runs() {
        assert_eq!(parse_stat("12 (agent) R 1 12 12 0 -1 4194308 9"), Some(('X', 1)));
        assert_eq!(parse_stat("12 (agent) Z 1 12 12 0 -1 4194316 9"), Some(('Z', 1)));
    }

    #[test]
    fn this_process_is_a_living_member_of_its_namespace() {
        let own = std::process::id() as i32;
        let namespace = namespace_of(own).expect("own namespace");
        assert!(members(namespace).iter().any(|process| process.pid == own));
        assert_eq!(namespace_of(i32::MAX), None);
    }
}
