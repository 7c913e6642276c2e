//! Attackers that are killed at each stage of each fault on a container, and runs that are killed while they bring a project up, use it
//! and take it down: no fault outlives its lease, and nothing is left.
//!
//! `DOCKER_POINTS` says how many points there are of each; by default a few. Every second attacker's fault is undone by `chimp heal`, the others
//! end by their leases.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Folder, chimp, run};
use crate::{Project, containers, docker, is_clean, run_on, said, settings, until};

const HELD: &[&str] = &["witnessed", "armed", "injected", "healing", "journalled", "healed"];
const POWER: &[&str] = &["witnessed", "injected", "healing", "journalled", "healed"];
const REBOOT: &[&str] = &["injected", "journalled", "witnessed", "healed"];
const ONCE: &[&str] = &["injected", "journalled", "witnessed"];

/// A fault, its parameters, and where its attacker can die. The first ones are those of the short set.
const CASES: [(&str, &str, &[&str]); 13] = [
    ("hangs", "{}", POWER),
    ("loses-network", r#"{"after": "100ms"}"#, HELD),
    ("dies", "{}", ONCE),
    ("gains-delay", r#"{"delay": "80ms"}"#, HELD),
    ("process-stops", r#"{"process": "nginx"}"#, HELD),
    ("power-off", "{}", POWER),
    ("reboots", "{}", REBOOT),
    ("partition", "{}", HELD),
    ("loses-packets", r#"{"percent": 1}"#, HELD),
    ("bandwidth-limit", r#"{"bits_per_s": 50000000}"#, HELD),
    ("port-rejected", r#"{"port": 9998}"#, HELD),
    ("cpu-taken", r#"{"percent": 4}"#, HELD),
    ("process-dies", r#"{"process": "sleep"}"#, ONCE),
];

/// How many points there are, where nothing else is said.
const ATTACKERS: usize = 6;
const RUNS: usize = 3;

fn asked(usual: usize) -> usize {
    std::env::var("DOCKER_POINTS").map_or(usual, |count| count.parse().expect("a number"))
}

/// Every fault once with its first stage, then with its second, and so on.
fn points() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of =
        |round: usize| CASES.iter().filter_map(move |(fault, with, stages)| Some((*fault, *with, *stages.get(round)?)));
    (0..HELD.len()).flat_map(of)
}

fn attack(folder: &Folder, project: &Project, out: &str, (fault, with, stage): (&str, &str, &str)) -> Output {
    let config = settings(folder, "\"web\", \"lb\"", "");
    let on = project.on();
    let mut words =
        vec!["attack", "fault", fault, "--with", with, "--server", "web-1", "--on", &on, "--config", &config];
    words.extend(["--out", out, "--lease", "3s", "--die-at", stage]);
    if fault == "partition" {
        words.extend(["--from", "lb-1"]);
    }
    if [HELD, POWER].iter().any(|stages| CASES.iter().any(|case| case.0 == fault && case.2 == *stages)) {
        words.extend(["--for", "4s"]);
    }
    run(chimp(&words).current_dir(folder.path()))
}

/// Whether the project is as it was: every container runs, and none is paused.
fn is_as_it_was() -> Result<(), String> {
    is_clean()?;
    let seen = containers();
    let running = seen.lines().filter(|line| line.ends_with(" running")).count();
    if running == 3 && seen.lines().count() == 3 { Ok(()) } else { Err(seen) }
}

fn await_as_it_was(point: &str) {
    let begun = Instant::now();
    until(&format!("{point}: everything is as it was"), || {
        let seen = is_as_it_was();
        assert!(begun.elapsed() < Duration::from_secs(60), "{point}: {seen:?}");
        seen.is_ok()
    });
}

pub fn an_attacker_that_is_killed_at_any_stage_of_any_fault_leaves_nothing() {
    let project = Project::up("web");
    await_as_it_was("before");
    for (n, point) in points().take(asked(ATTACKERS)).enumerate() {
        let told = format!("point {n}: {} at {}", point.0, point.2);
        if point.0 == "process-dies" {
            docker(&["exec", "-d", "web_web_1", "sleep", "1000"]);
        }
        let folder = Folder::new("compose-point");
        let out = folder.path().join("out").display().to_string();
        let killed = attack(&folder, &project, &out, point);
        assert_eq!(killed.status.signal(), Some(9), "{told}: {}", said(&killed));
        let heal = || run(&mut chimp(&["heal", "--out", &out]));
        if n % 2 == 0 {
            let healed = heal();
            assert_eq!(healed.status.code(), Some(0), "{told}: {}", said(&healed));
        }
        await_as_it_was(&told);
        for again in [heal(), heal()] {
            assert_eq!(again.status.code(), Some(0), "{told}: {}", said(&again));
        }
        let down = run(&mut chimp(&["down", "--on", &project.on()]));
        assert!(down.status.success(), "{told}: {}", said(&down));
        assert!(!said(&down).contains("undone") && !said(&down).contains("removed"), "{told}: {}", said(&down));
        println!("{told}: ok");
    }
}

const STRUCK: &str = "  Scenario: Any\n    When node \"web-1\" hangs for 2 s\n    Then total downtime is under 60 s\n";

/// What is in a folder for what only lives as long as a run: the file by which Compose is told what to mark.
fn left(temporary: &Path) -> Vec<String> {
    let names = fs::read_dir(temporary).unwrap().flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

pub fn a_run_that_is_killed_at_any_moment_leaves_nothing_of_what_it_brought_up() {
    let project = Project::of("web");
    let temporary = Folder::new("compose-moments");
    let (begun, temporary) = (Instant::now(), temporary.path());
    let whole = {
        let folder = Folder::new("compose-whole");
        let output = run(run_on(&folder, &project, "\"web\"", STRUCK).env("TMPDIR", temporary));
        assert!(output.status.success(), "{}", said(&output));
        begun.elapsed()
    };
    assert_eq!((containers(), left(temporary)), (String::new(), Vec::new()));
    let count = asked(RUNS);
    for n in 0..count {
        let folder = Folder::new("compose-moment");
        let moment = whole * (2 * n as u32 + 1) / (2 * count as u32);
        let mut killed = run_on(&folder, &project, "\"web\"", STRUCK);
        killed.env("TMPDIR", temporary).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = killed.spawn().unwrap();
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        let down = || run(chimp(&["down", "--on", &project.on()]).env("TMPDIR", temporary));
        let told = format!("killed after {moment:?} of {whole:?}");
        let first = down();
        assert_eq!(first.status.code(), Some(0), "{told}: {}", said(&first));
        assert_eq!((containers(), left(temporary)), (String::new(), Vec::new()), "{told}: {}", said(&first));
        let networks = docker(&["network", "ls", "--format", "{{.Name}}"]);
        assert!(!networks.lines().any(|name| name.starts_with("web_")), "{told}: {networks}: {}", said(&first));
        assert!(said(&down()).contains("does not run"), "{told}");
        until(&format!("{told}: no lease runs"), || is_clean().is_ok());
        println!("{told}: ok");
    }
}
