//! After any run, however it ended, this machine is as it was: no process, mount, namespace, link, cgroup or file
//! outside the bundle.

#[path = "support/secluded.rs"]
mod secluded;
mod support;

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::{Folder, Needs, chimp, named, run};

/// Where a run could leave files.
const FOLDERS: [&str; 4] = ["/tmp", "/run", "/var/tmp", "/dev/shm"];

fn main() -> ExitCode {
    if nix::unistd::geteuid().is_root() {
        secluded::seclude(&FOLDERS).expect("root may mount");
        secluded::adopt_orphans().expect("every Linux can");
    }
    support::tests(&[(
        Needs::Scenarios,
        named![
            a_run_that_ends_by_itself_leaves_nothing,
            ctrl_c_ends_a_run_in_order_with_a_bundle_and_leaves_nothing,
            sigkill_at_any_moment_leaves_nothing
        ],
    )])
}

/// What other tests' runs have not taken away yet is not this test's to judge: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a run could leave on a machine.
#[derive(Debug, PartialEq)]
struct Machine {
    /// Namespaces other than this process's own, by its descendants that live in them: others' are not ours to judge.
    namespaces: BTreeSet<String>,
    mounts: BTreeSet<String>,
    links: BTreeSet<String>,
    cgroups: BTreeSet<String>,
    files: BTreeSet<String>,
    /// Descendants of this process that run the binary under test.
    harnesses: BTreeSet<String>,
}

/// How long that may take on a machine with other things to do; when quiet it takes some tenths of a second.
const RESTORED: Duration = Duration::from_secs(60);

impl Machine {
    fn now() -> Self {
        let lines = |path: &str| -> BTreeSet<String> {
            std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_string).collect()
        };
        let entries = |folder: &str| -> Vec<String> {
            let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
            read.map(|entry| entry.path().display().to_string()).collect()
        };
        let mut cgroups = BTreeSet::new();
        folders_below(Path::new("/sys/fs/cgroup"), &mut cgroups);
        Machine {
            namespaces: namespaces(),
            mounts: lines("/proc/self/mounts"),
            links: entries("/sys/class/net").into_iter().collect(),
            cgroups,
            files: FOLDERS.into_iter().chain(["/run/lock", "/run/netns"]).flat_map(entries).collect(),
            harnesses: processes_of(env!("CARGO_BIN_EXE_chimp")),
        }
    }

    /// Waits until the machine is as it was; otherwise tells what is left.
    fn assert_restored(before: &Machine, after: &str) {
        let deadline = Instant::now() + RESTORED;
        loop {
            let now = Machine::now();
            if &now == before {
                return;
            }
            assert!(Instant::now() < deadline, "{after}: left behind:\n{}", difference(before, &now));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn difference(before: &Machine, now: &Machine) -> String {
    let sets = [
        ("namespaces", &before.namespaces, &now.namespaces),
        ("mounts", &before.mounts, &now.mounts),
        ("links", &before.links, &now.links),
        ("cgroups", &before.cgroups, &now.cgroups),
        ("files", &before.files, &now.files),
        ("harnesses", &before.harnesses, &now.harnesses),
    ];
    let describe = |(name, before, now): (&str, &BTreeSet<String>, &BTreeSet<String>)| {
        let (more, fewer): (Vec<_>, Vec<_>) = (now.difference(before).collect(), before.difference(now).collect());
        format!("{name}: more {more:?}, fewer {fewer:?}")
    };
    let differ = sets.into_iter().filter(|(_, before, now)| before != now);
    differ.map(describe).collect::<Vec<_>>().join("\n")
}

fn namespaces() -> BTreeSet<String> {
    let of = |pid: &str, kind: &str| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
    let foreign = |pid: String| {
        let kinds = ["net", "mnt", "pid", "uts", "ipc"];
        kinds.into_iter().filter_map(move |kind| {
            let found = of(&pid, kind)?;
            (Some(&found) != of("self", kind).as_ref()).then(|| found.display().to_string())
        })
    };
    secluded::descendants().into_iter().map(|pid| pid.to_string()).flat_map(foreign).collect()
}

/// Among the descendants of this process: the tests in clouds, which run beside this one, start harnesses of their own.
fn processes_of(program: &str) -> BTreeSet<String> {
    let runs = |pid: &String| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == Path::new(program));
    secluded::descendants().into_iter().map(|pid| pid.to_string()).filter(runs).collect()
}

fn folders_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // Those of the Docker Engine of other tests come and go.
        let is_ours = !entry.file_name().to_string_lossy().starts_with("chimp-docker-");
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.insert(entry.path().display().to_string());
            folders_below(&entry.path(), found);
        }
    }
}

fn short(out: &Folder, seed: u64) -> Command {
    let mut command = chimp(&["run", "tests/features/short.feature", "--retries", "0", "--seed", &seed.to_string()]);
    command.args(["--config", "tests/features/short.toml", "--out"]).arg(out.path());
    command
}

/// Starts in a process group of its own, as a shell does.
fn start(out: &Folder, seed: u64) -> Child {
    short(out, seed).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap()
}

fn a_run_that_ends_by_itself_leaves_nothing() {
    let _alone = alone();
    let (out, before) = (Folder::new("ends"), Machine::now());
    let output = run(&mut short(&out, 7));
    assert_eq!(output.status.code(), Some(0));
    Machine::assert_restored(&before, "a whole run");
}

fn ctrl_c_ends_a_run_in_order_with_a_bundle_and_leaves_nothing() {
    let _alone = alone();
    let (out, before) = (Folder::new("ctrl-c"), Machine::now());
    let mut child = start(&out, 7);
    wait_for_event(&out, "instance_booted");
    kill(Pid::from_raw(-(child.id() as i32)), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    Machine::assert_restored(&before, "Ctrl-C");
    assert_eq!(out.record()["exit_code"], 130);
}

/// Waits until the run under way has recorded an event of this kind.
fn wait_for_event(out: &Folder, kind: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let wanted = format!("\"event\":\"{kind}\"");
    let recorded = || {
        let bundles = std::fs::read_dir(out.path()).into_iter().flatten().flatten();
        bundles
            .map(|entry| entry.path().join("scenarios/00/events.ndjson"))
            .any(|events| std::fs::read_to_string(events).is_ok_and(|text| text.contains(&wanted)))
    };
    while !recorded() {
        assert!(Instant::now() < deadline, "no event `{kind}`");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How many runs are under way at once, to be killed one after the other.
const SIDE_BY_SIDE: usize = 3;

/// Moments to kill at; `CHIMP_KILLS` asks for more.
fn kills() -> usize {
    std::env::var("CHIMP_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(50)
}

fn sigkill_at_any_moment_leaves_nothing() {
    let _alone = alone();
    let (out, before) = (Folder::new("kills"), Machine::now());
    let begun = Instant::now();
    // How it ends does not matter here, only how long it takes.
    assert!(short(&out, 0).output().unwrap().status.code().is_some());
    let whole = begun.elapsed().min(Duration::from_secs(6));
    let mut rng = StdRng::seed_from_u64(4);
    let moments: Vec<Duration> = (0..kills()).map(|_| whole.mul_f64(rng.random_range(0.0..1.0))).collect();
    for (batch, moments) in moments.chunks(SIDE_BY_SIDE).enumerate() {
        let seed = |nth| (batch * SIDE_BY_SIDE + nth) as u64;
        let runs = moments.iter().enumerate().map(|(nth, moment)| (*moment, start(&out, seed(nth))));
        kill_each(Instant::now(), runs.collect());
        let after = format!("SIGKILL from number {} on, after {moments:?}", seed(0));
        Machine::assert_restored(&before, &after);
    }
}

fn kill_each(begun: Instant, mut runs: Vec<(Duration, Child)>) {
    runs.sort_by_key(|(moment, _)| *moment);
    for (moment, mut child) in runs {
        std::thread::sleep(moment.saturating_sub(begun.elapsed()));
        kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).unwrap();
        child.wait().unwrap();
    }
}
