//! Runs that are killed: no fault outlives its lease, and what they have brought up is known by its mark.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Folder, chimp, run, stdout};
use crate::{Project, await_clean, await_run, containers, docker, run_on, said, settings, until, watchdogs};

const LONG: &str =
    "  Scenario: Long\n    When node \"web-1\" loses network for 60 s\n    Then total downtime is under 60 s\n";
const HANGS: &str = "  Scenario: Long\n    When node \"web-1\" hangs for 60 s\n    Then total downtime is under 60 s\n";

pub fn a_killed_run_leaves_no_fault_after_its_lease() {
    let project = Project::up("web");
    let is_paused = || containers().contains("web_web_1 paused");
    let is_cut = || {
        let pid = docker(&["inspect", "-f", "{{.State.Pid}}", "web_web_1"]);
        stdout(&run(Command::new("nsenter").args(["-t", &pid, "-n", "iptables-save", "-t", "filter"])))
            .contains(" DROP [")
    };
    for (name, scenario) in [("compose-killed-cut", LONG), ("compose-killed-hang", HANGS)] {
        let folder = Folder::new(name);
        let mut child = run_on(&folder, &project, "\"web\"", scenario).stderr(Stdio::null()).spawn().unwrap();
        await_run(&mut child, "it is struck", || is_paused() || is_cut());
        child.kill().unwrap();
        child.wait().unwrap();
        until("it goes on", || !is_paused() && !is_cut());
        await_clean();
    }
}

/// From the last pause of the first web server to the unpause after it.
fn last_pause(since: &str) -> Duration {
    let now = docker(&["info", "-f", "{{.SystemTime}}"]);
    let said = docker(&[
        "events",
        "--since",
        since,
        "--until",
        &now,
        "--filter",
        "container=web_web_1",
        "--format",
        "{{.Action}} {{.TimeNano}}",
    ]);
    let moment = |action: &str| {
        let last = said.lines().rev().find_map(|line| line.strip_prefix(action)?.trim().parse().ok());
        last.unwrap_or_else(|| panic!("no {action}: {said}"))
    };
    let (begun, after): (u64, u64) = (moment("pause"), moment("unpause"));
    Duration::from_nanos(after.saturating_sub(begun))
}

pub fn the_lease_of_a_killed_attack_ends_no_later_fault() {
    let (folder, project) = (Folder::new("compose-killed-lease"), Project::up("web"));
    let since = docker(&["info", "-f", "{{.SystemTime}}"]);
    let (config, out) = (settings(&folder, "\"web\"", ""), folder.path().join("out").display().to_string());
    let attack = |more: &[&str]| {
        let fixed = ["attack", "fault", "hangs", "--server", "web-1", "--on", &project.on(), "--config", &config];
        run(chimp(&[&fixed[..], &["--out", &out], more].concat()).current_dir(folder.path()))
    };
    let killed = attack(&["--for", "60s", "--lease", "8s", "--die-at", "witnessed"]);
    assert!(containers().contains("web_web_1 paused"), "{}", said(&killed));
    assert_eq!(watchdogs().len(), 1);
    let healed = run(&mut chimp(&["heal", "--out", &out]));
    assert!(healed.status.success() && !containers().contains("paused"), "{}", said(&healed));
    assert_eq!(watchdogs(), [""; 0], "the lease ends with what it was on");
    let struck = attack(&["--for", "12s"]);
    assert!(struck.status.success(), "{}", said(&struck));
    assert!(last_pause(&since) > Duration::from_secs(10), "it was ended early: {:?}", last_pause(&since));
    await_clean();
}

pub fn what_a_killed_run_has_brought_up_goes_down_by_its_mark() {
    let (folder, project) = (Folder::new("compose-killed-up"), Project::of("web"));
    let mut child = run_on(&folder, &project, "\"web\"", LONG).stderr(Stdio::null()).spawn().unwrap();
    await_run(&mut child, "it is up", || containers().matches("running").count() == 3);
    let refused = run(&mut chimp(&["down", "--on", &project.on()]));
    assert!(
        !said(&refused).contains("brought down") && containers().contains("web_web_1"),
        "its run lives: {}",
        said(&refused)
    );
    child.kill().unwrap();
    child.wait().unwrap();
    let looked = run(&mut chimp(&["down", "--on", &project.on(), "--dry-run"]));
    assert!(said(&looked).contains("would be brought down") && !containers().is_empty(), "{}", said(&looked));
    let output = run(&mut chimp(&["down", "--on", &project.on()]));
    assert!(said(&output).contains("was brought down"), "{}", said(&output));
    assert_eq!(containers(), "");
}
