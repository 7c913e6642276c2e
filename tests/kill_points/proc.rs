//! What the machine's own `/proc` tells of processes in sandboxes: nothing runs in a victim to look at it.

use std::fs;
use std::path::Path;

/// A living process.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: i32,
    pub name: String,
    pub state: char,
    /// Clock ticks from the boot of the machine to its start.
    pub started: u64,
    pub arguments: Vec<String>,
    /// Whether it belongs to a session of SSH.
    pub in_session: bool,
}

/// A process and everything below it.
pub fn tree(root: i32) -> Vec<Process> {
    let mut all: Vec<Process> = find(root, false).into_iter().collect();
    let mut next = 0;
    while let Some(parent) = all.get(next) {
        let in_session = parent.in_session;
        let children = children(parent.pid);
        all.extend(children.into_iter().filter_map(|child| find(child, in_session)));
        next += 1;
    }
    all
}

/// The children of all threads of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let lists: Vec<String> = threads.flatten().map(of).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| pid.parse().ok()).collect()
}

fn find(pid: i32, in_session: bool) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, rest) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_string();
    let mut words = rest.split_whitespace();
    let state = words.next()?.chars().next()?;
    let started = words.nth(18)?.parse().ok()?;
    let arguments = list(&format!("/proc/{pid}/cmdline"));
    Some(Process { pid, in_session: in_session || name == "sshd", name, state, started, arguments })
}

/// A list whose entries end in zero bytes.
pub fn list(path: &str) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).map(lossy).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a file of the kernel's says; empty where it is gone.
pub fn text(path: impl AsRef<Path>) -> String {
    fs::read(path).map(|bytes| lossy(&bytes)).unwrap_or_default()
}

/// Where a link of the kernel's points.
pub fn link(path: impl AsRef<Path>) -> String {
    fs::read_link(path).map(|target| target.display().to_string()).unwrap_or_default()
}

/// Every process of the machine whose environment has this entry: `NAME=value`.
pub fn with_environment(entry: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let has = |pid: &i32| list(&format!("/proc/{pid}/environ")).iter().any(|found| found == entry);
    pids.filter(has).map(|pid| format!("{pid} {}", list(&format!("/proc/{pid}/cmdline")).join(" "))).collect()
}
