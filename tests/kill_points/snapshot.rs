//! Canonical text of everything that a fault could leave on a victim, taken from outside: nothing runs in the victim
//! but what was there, and nothing of it depends on the network that is cut, or on processes that are stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

use crate::network;
use crate::proc::{self, Process};

/// How far the bytes used on a disk may differ: directories grow, and do not shrink.
const DISK_SLACK: u64 = 512 << 10;
/// The services whose descriptors, environment, cgroups and folder are compared.
const SERVICES: [&str; 3] = ["steady", "standing", "sh"];
/// Sessions end when the kernel has told the other side: a cut path delays that, and it is no fault.
pub const SESSIONS: &str = "sessions";
/// What is not the effect of a fault, but our own keeping of it.
pub const NOT_THE_FAULT: [&str; 3] = ["holders", "state of strikes", SESSIONS];
/// Where a sandbox keeps the disks of its instances.
const DISKS: &str = "proc/fs/disks";

/// One look at a victim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    sections: BTreeMap<&'static str, String>,
    disk_used: u64,
    /// Which processes they are: another boot, another start of the same program.
    identity: String,
    pub took: Duration,
}

impl Snapshot {
    /// Of the instance whose first process this is; `None`: it is off, or gone.
    pub fn take(first: Option<i32>, server: &str, harness: i32) -> Snapshot {
        let begun = Instant::now();
        let mut sections = BTreeMap::new();
        sections.insert("disk", written(harness, server));
        let Some(first) = first else {
            sections.insert("instance", "off".into());
            return Snapshot { sections, disk_used: 0, identity: "off".into(), took: begun.elapsed() };
        };
        let processes = proc::tree(first);
        sections.insert("port of the bridge", network::port(first, harness));
        for (name, text) in network::sections(Some(first)) {
            sections.insert(name, text);
        }
        // Whether an overlay's identity is new or kept is the kernel's to say, from one mount of it to the next.
        sections.insert("mounts", proc::text(format!("/proc/{first}/mounts")).replace(",uuid=on", ""));
        sections.insert("hosts", proc::text(format!("/proc/{first}/root/etc/hosts")));
        sections.insert("resolv.conf", proc::text(format!("/proc/{first}/root/etc/resolv.conf")));
        sections.insert("files in memory", in_memory(first));
        sections.insert("state of strikes", listing(&format!("/proc/{first}/root/run/anarcho-chimp")));
        sections.insert("queues", queues(first));
        sections.insert("listening", listening(first));
        sections.insert("services", services(&processes));
        sections.insert("namespaces", namespaces(first, &processes));
        for name in ["processes", "holders", SESSIONS] {
            sections.insert(name, named(&processes, name));
        }
        let disk_used = statvfs(format!("/proc/{first}/root").as_str())
            .map_or(0, |disk| (disk.blocks() - disk.blocks_free()) * disk.fragment_size());
        Snapshot { sections, disk_used, identity: identity(first, &processes), took: begun.elapsed() }
    }

    /// What differs between this, which came first, and a later one; `None`: nothing but what is left out.
    pub fn differs(&self, later: &Snapshot, but: &[&str]) -> Option<String> {
        let off = |of: &Snapshot| of.sections.contains_key("instance");
        if off(self) != off(later) {
            return Some(format!("its instance is {}\n", if off(later) { "off" } else { "on" }));
        }
        let mut told = String::new();
        let names: std::collections::BTreeSet<_> = self.sections.keys().chain(later.sections.keys()).collect();
        for name in names.into_iter().filter(|name| !but.contains(name)) {
            let text = |of: &Snapshot| of.sections.get(name).cloned().unwrap_or_default();
            if text(self) != text(later) {
                told.push_str(&format!("{name}:\n{}", diff(&text(self), &text(later))));
            }
        }
        if self.disk_used.abs_diff(later.disk_used) > DISK_SLACK {
            told.push_str(&format!("bytes used on the disk: {} before, {} after\n", self.disk_used, later.disk_used));
        }
        (!told.is_empty()).then_some(told)
    }

    /// Whether a fault changed anything, whatever we do to keep it.
    pub fn is_changed(&self, later: &Snapshot) -> bool {
        self.identity != later.identity || self.differs(later, &NOT_THE_FAULT).is_some()
    }

    /// Whether what somebody else put there beforehand has been put there.
    pub fn is_ready(&self) -> bool {
        self.sections.get("files in memory").is_some_and(|files| files.contains("foreign-is-ready"))
            && self.sections.get("processes").is_some_and(|names| names.contains("supervised"))
    }
}

/// Lines that only one of them has, with what they are near.
fn diff(before: &str, after: &str) -> String {
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    let (mut gone, mut new) = (lines(before), lines(after));
    gone.retain(|line| match new.iter().position(|other| other == line) {
        Some(at) => {
            new.remove(at);
            false
        }
        None => true,
    });
    let mut told: String = gone.iter().map(|line| format!("  - {line}\n")).collect();
    told.extend(new.iter().map(|line| format!("  + {line}\n")));
    if told.is_empty() { "  the same lines in another order\n".into() } else { told }
}

/// The names of processes of one kind, sorted, those that stand and those that are dead marked.
fn named(processes: &[Process], kind: &str) -> String {
    let is_of = |process: &&Process| {
        let holds = process.arguments.get(1..3).is_some_and(|words| words == ["__agent", "hold"]);
        let found = match () {
            () if process.in_session => SESSIONS,
            () if holds => "holders",
            () => "processes",
        };
        // It is started and killed by the matrix itself.
        found == kind && process.name != "disposable"
    };
    let shown = |process: &Process| {
        let state =
            if matches!(process.state, 'T' | 't' | 'Z') { format!(" {}", process.state) } else { String::new() };
        let role = process.arguments.get(1..4).filter(|words| words[0] == "__agent").map(|words| words.join(" "));
        format!("{}{state} {}\n", process.name, role.unwrap_or_default())
    };
    let mut names: Vec<String> = processes.iter().filter(is_of).map(shown).collect();
    names.sort();
    names.concat()
}

fn identity(first: i32, processes: &[Process]) -> String {
    let known =
        |process: &&Process| process.pid == first || matches!(process.name.as_str(), "supervised" | "disposable");
    let mut shown: Vec<String> =
        processes.iter().filter(known).map(|process| format!("{} {}", process.pid, process.started)).collect();
    shown.sort();
    shown.join(", ")
}

fn services(processes: &[Process]) -> String {
    let is_service = |process: &&Process| SERVICES.contains(&process.name.as_str()) && !process.in_session;
    let mut shown: Vec<String> = processes.iter().filter(is_service).map(service).collect();
    shown.sort();
    shown.concat()
}

fn service(process: &Process) -> String {
    let at = format!("/proc/{}", process.pid);
    let mut descriptors: Vec<String> = fs::read_dir(format!("{at}/fd")).map_or(Vec::new(), |entries| {
        let shown = |entry: fs::DirEntry| {
            let target = proc::link(entry.path());
            // The number behind a socket or a pipe is another one after each boot.
            let target = target.split_once(":[").map_or(target.clone(), |(kind, _)| kind.to_string());
            format!("{} {target}", entry.file_name().display())
        };
        entries.flatten().map(shown).collect()
    });
    descriptors.sort();
    let environment = proc::list(&format!("{at}/environ")).join(" ");
    let folder = proc::link(format!("{at}/cwd"));
    format!(
        "{}: descriptors {}; environment {environment}; folder {folder}; cgroups {}\n",
        process.name,
        descriptors.join(", "),
        proc::text(format!("{at}/cgroup")).replace('\n', " "),
    )
}

/// Which namespaces are the instance's own, and which of its processes are in others. A process that has ended since it
/// was listed has no namespaces to read.
fn namespaces(first: i32, processes: &[Process]) -> String {
    const KINDS: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
    let of = |pid: i32, kind: &str| proc::link(format!("/proc/{pid}/ns/{kind}"));
    let own = std::process::id() as i32;
    let mut shown: String = KINDS
        .iter()
        .map(|kind| format!("{kind}: {}\n", if of(first, kind) == of(own, kind) { "the machine's" } else { "its own" }))
        .collect();
    for process in processes.iter().filter(|process| process.state != 'Z' && !process.in_session) {
        let strays = KINDS.iter().filter(|kind| {
            let found = of(process.pid, kind);
            !found.is_empty() && found != of(first, kind)
        });
        shown.extend(strays.map(|kind| format!("{}: another {kind}\n", process.name)));
    }
    shown
}

/// Queues of packets that somebody listens to.
fn queues(first: i32) -> String {
    let listened = proc::text(format!("/proc/{first}/net/netfilter/nfnetlink_queue"));
    listened.lines().map(|_| "a queue is listened to\n").collect()
}

fn listening(first: i32) -> String {
    let mut ports = String::new();
    for table in ["tcp", "tcp6", "udp"] {
        let text = proc::text(format!("/proc/{first}/net/{table}"));
        let rows = text.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
        let listens = rows.filter(|row| row.get(3).is_some_and(|state| *state == "0A" || table == "udp"));
        let mut rows: Vec<String> = listens.map(|row| format!("{table} {}\n", row[1])).collect();
        rows.sort();
        ports.extend(rows);
    }
    ports
}

fn in_memory(first: i32) -> String {
    let folders = ["run", "tmp", "dev"].map(|folder| format!("/proc/{first}/root/{folder}"));
    let all: String = folders.iter().map(|folder| listing(folder)).collect();
    let foreign = |line: &&str| !line.contains("/run/anarcho-chimp") && !line.contains("/dev/pts/");
    let root = format!("/proc/{first}/root");
    all.lines().filter(foreign).map(|line| format!("{}\n", line.replace(&root, ""))).collect()
}

/// Everything that was ever written to the disk of a server: the upper layer of its root. A folder of the machine's own
/// is there as soon as a file was in it.
fn written(harness: i32, server: &str) -> String {
    let disks = format!("/proc/{harness}/root/{DISKS}");
    let Ok(entries) = fs::read_dir(&disks) else { return String::new() };
    let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().contains(&format!("-{server}."));
    let uppers = entries.flatten().filter(named).map(|disk| disk.path().join("upper"));
    let all: String =
        uppers.map(|upper| listing(&upper.to_string_lossy()).replace(&*upper.to_string_lossy(), "")).collect();
    let is_new = |line: &&str| line.split(' ').next().is_none_or(|path| !Path::new(path).is_dir());
    all.lines().filter(is_new).map(|line| format!("{line}\n")).collect()
}

/// Path, size and mode of everything below a folder.
fn listing(folder: &str) -> String {
    let mut lines = Vec::new();
    list_into(Path::new(folder), &mut lines);
    lines.sort();
    lines.concat()
}

fn list_into(folder: &Path, lines: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(found) = path.symlink_metadata() else { continue };
        let size = if found.is_dir() { 0 } else { found.len() };
        lines.push(format!("{} {size} {:o}\n", path.display(), found.permissions().mode()));
        if found.is_dir() {
            list_into(&path, lines);
        }
    }
}
