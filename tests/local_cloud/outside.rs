//! Cases that look at the machine from outside while a sandbox ends, in order or not.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::runner::Case;
use crate::secluded;
use crate::victim::MARK;

type Outcome = Result<(), String>;

pub const CASES: &[Case] = &[
    Case { name: "the_exit_code_of_the_work_comes_back", run: exit_code },
    Case { name: "ctrl_c_lets_the_harness_end_in_order", run: orderly },
    Case { name: "a_second_ctrl_c_kills_a_harness_that_will_not_end", run: stubborn },
    Case { name: "threads_are_refused", run: threads },
    Case { name: "a_killed_launcher_leaves_nothing_at_any_moment", run: || killed(Who::Launcher) },
    Case { name: "a_killed_harness_leaves_nothing_at_any_moment", run: || killed(Who::Harness) },
    Case { name: "a_killed_first_process_leaves_nothing_at_any_moment", run: || killed(Who::Zygote) },
];

/// Seeded moments for each of the three kinds of kill: 51 together.
const MOMENTS: u64 = 17;
/// Within this everything must be gone, on a machine with other things to do; when quiet it takes some tens of milliseconds.
const GONE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Launcher,
    Zygote,
    Harness,
}

/// A running victim, found again by a word in its environment.
struct Victim {
    child: Child,
    stdout: BufReader<ChildStdout>,
    mark: String,
}

impl Victim {
    fn spawn(kind: &str, number: u64) -> Result<Self, String> {
        let mark = format!("{}-{kind}-{number}", std::process::id());
        let mut child = Command::new(std::env::current_exe().map_err(text)?)
            .args(["--victim", kind])
            .env(MARK, &mark)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(text)?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Victim { child, stdout, mark })
    }

    fn wait_for(&mut self, word: &str) -> Outcome {
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(text)?;
        if line.trim() == word { Ok(()) } else { Err(format!("expected `{word}`, the victim said `{line}`")) }
    }

    fn launcher(&self) -> i32 {
        self.child.id() as i32
    }

    fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.launcher()), signal);
    }

    /// The process to be killed; the nearest one above it while it does not exist yet.
    fn find(&self, who: Who) -> i32 {
        let zygote = children(self.launcher()).first().copied();
        match (who, zygote) {
            (Who::Launcher, _) | (_, None) => self.launcher(),
            (Who::Zygote, Some(zygote)) => zygote,
            (Who::Harness, Some(zygote)) => {
                let link = |pid, name| fs::read_link(format!("/proc/{pid}/{name}")).ok();
                let same = |pid: &i32, name| link(*pid, name) == link(zygote, name);
                let harness = children(zygote).into_iter().find(|pid| same(pid, "exe") && same(pid, "ns/pid"));
                harness.unwrap_or(zygote)
            }
        }
    }

    fn ended_within(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        let begun = Instant::now();
        until(limit, || self.child.try_wait().ok().flatten())
            .ok_or_else(|| format!("the launcher lives {:?} later", begun.elapsed()))
    }

    fn processes(&self) -> Vec<i32> {
        let word = format!("{MARK}={}", self.mark);
        let bears = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == word.as_bytes())
        };
        all_processes().filter(bears).collect()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

fn all_processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn children(pid: i32) -> Vec<i32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn until<T>(limit: Duration, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        match found() {
            Some(found) => return Some(found),
            None if begun.elapsed() > limit => return None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Every namespace in use, by kind and number.
fn namespaces(processes: impl Iterator<Item = i32>) -> BTreeSet<String> {
    let kinds = ["net", "mnt", "pid", "uts", "ipc"];
    let link = |pid, kind| fs::read_link(format!("/proc/{pid}/ns/{kind}"));
    let of = |pid| kinds.into_iter().filter_map(move |kind| Some(link(pid, kind).ok()?.display().to_string()));
    processes.flat_map(of).collect()
}

/// What a sandbox must not change on the machine: mounts, links, and the folder of sockets and pid files.
fn surroundings() -> BTreeSet<String> {
    let lines = |path| fs::read_to_string(path).unwrap_or_default();
    let mounts = lines("/proc/self/mountinfo");
    let links = lines("/proc/net/dev");
    let names = links.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| format!("link {name}"));
    let run = fs::read_dir("/run").into_iter().flatten().flatten().map(|entry| entry.path().display().to_string());
    mounts.lines().map(|line| format!("mount {line}")).chain(names).chain(run).collect()
}

fn expect_code(victim: &mut Victim, expected: i32) -> Outcome {
    let status = victim.ended_within(GONE)?;
    match status.code() == Some(expected) {
        true => Ok(()),
        false => Err(format!("expected exit code {expected}, found {status}")),
    }
}

fn exit_code() -> Outcome {
    expect_code(&mut Victim::spawn("seven", 0)?, 7)
}

fn orderly() -> Outcome {
    for (number, signal) in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().enumerate() {
        let mut victim = Victim::spawn("orderly", number as u64)?;
        victim.wait_for("ready")?;
        victim.signal(signal);
        expect_code(&mut victim, 42)?;
    }
    Ok(())
}

fn stubborn() -> Outcome {
    let mut victim = Victim::spawn("stubborn", 0)?;
    victim.wait_for("ready")?;
    // Until its first processes are gone: a signal after that would find an ordinary program.
    let ended = until(GONE, || {
        if victim.find(Who::Zygote) != victim.launcher() {
            victim.signal(Signal::SIGINT);
        }
        victim.child.try_wait().ok().flatten()
    });
    match ended.and_then(|status| status.code()) {
        Some(crate::victim::CUT_SHORT) => Ok(()),
        other => Err(format!("expected to be cut short, found {other:?}")),
    }
}

fn threads() -> Outcome {
    expect_code(&mut Victim::spawn("threads", 0)?, 0)
}

fn killed(who: Who) -> Outcome {
    // What a dead launcher leaves is reaped by whoever comes next above it: here, by this process. A number of a namespace
    // may be another's later, so only descendants are asked for theirs.
    secluded::adopt_orphans().map_err(text)?;
    secluded::seclude(&["/run"]).map_err(text)?;
    let before = surroundings();
    let mut slowest = Duration::ZERO;
    for seed in 0..MOMENTS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut victim = Victim::spawn("churn", seed + MOMENTS * who as u64)?;
        // The moment is the point: set-up takes some 30 ms, a round of boots and deaths some 300 ms.
        std::thread::sleep(Duration::from_millis(random.random_range(0..700_u64)));
        let own = namespaces(std::iter::once(std::process::id() as i32));
        let made: BTreeSet<String> = namespaces(victim.processes().into_iter()).difference(&own).cloned().collect();
        let target = victim.find(who);
        let begun = Instant::now();
        kill(Pid::from_raw(target), Signal::SIGKILL).map_err(text)?;
        let status = victim.ended_within(GONE)?;
        let left = || -> Vec<String> {
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status != WaitStatus::StillAlive) {}
            let processes = victim.processes().into_iter().map(|pid| format!("process {pid}"));
            let kept = namespaces(secluded::descendants().into_iter()).intersection(&made).cloned().collect::<Vec<_>>();
            let changed = surroundings().difference(&before).cloned().collect::<Vec<_>>();
            processes.chain(kept).chain(changed).collect()
        };
        let Some(gone) = until(GONE, || left().is_empty().then(|| begun.elapsed())) else {
            return Err(format!("seed {seed}: left behind: {}", left().join(", ")));
        };
        slowest = slowest.max(gone);
        if target != victim.launcher() && status.signal().is_some() {
            return Err(format!("seed {seed}: the launcher was ended by {status}"));
        }
    }
    println!("  all was gone within {} ms", slowest.as_millis());
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("local-cloud-victims");
    let _ = fs::remove_dir_all(logs);
    Ok(())
}
