//! Containers that end before their fault or in the middle of it, and faults that something else ends.

use std::fs;
use std::process::{Child, Output, Stdio};

use crate::support::{Folder, stdout};
use crate::{Project, await_clean, await_run, containers, docker, run_on};

const LONG: &str =
    "  Scenario: Long\n    When node \"web-1\" loses network for 20 s\n    Then total downtime is under 60 s\n";

fn start(folder: &Folder, project: &Project, scenario: &str) -> Child {
    // Another try would find what was done to the first one undone.
    run_on(folder, project, "\"web\"", scenario).args(["--retries", "0"]).stdout(Stdio::piped()).spawn().unwrap()
}

/// A file of the bundle that is being written, where it is there.
fn written(folder: &Folder, name: &str) -> Option<String> {
    let mut bundles = fs::read_dir(folder.path().join("out")).ok()?.flatten();
    bundles.find_map(|bundle| fs::read_to_string(bundle.path().join(name)).ok())
}

fn events(folder: &Folder) -> String {
    written(folder, "scenarios/00/events.ndjson").unwrap_or_default()
}

pub fn a_container_that_ends_in_the_middle_of_its_fault_takes_the_fault_along() {
    let (folder, project) = (Folder::new("compose-ended-within"), Project::up("web"));
    let mut child = start(&folder, &project, LONG);
    await_run(&mut child, "it is struck", || events(&folder).contains("\"fault_confirmed\""));
    docker(&["kill", "web_web_1"]);
    child.wait_with_output().unwrap();
    let seen = events(&folder);
    let healed = seen.lines().find(|line| line.contains("\"strike_healed\""));
    assert!(healed.is_some_and(|line| line.contains("ended when its victim lost its power")), "{seen}");
    await_clean();
}

/// What it printed, whose lines are broken anywhere.
fn told(output: &Output) -> String {
    stdout(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

const LATE: &str = "  Scenario: Late\n    When 10 s pass\n    And node \"web-1\" loses network for 2 s\n    Then total downtime is under 60 s\n";

pub fn a_container_that_ends_before_its_fault_makes_the_scenario_invalid_and_is_named() {
    let project = Project::up("web");
    // Before the baseline is steady, and after that.
    for (since, complaint) in
        [("\"instance_state\"", "is stopped"), ("\"baseline_steady\"", "nothing to break: web-1 is")]
    {
        let folder = Folder::new("compose-ended-before");
        let mut child = start(&folder, &project, LATE);
        await_run(&mut child, "it is attached to", || events(&folder).contains(since));
        docker(&["kill", "web_web_1"]);
        let output = child.wait_with_output().unwrap();
        let told = told(&output);
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains("web-1") && told.contains(complaint), "{complaint}: {told}");
        assert!(containers().contains("web_web_1 exited"), "it is left as it was found: {}", containers());
        await_clean();
        docker(&["start", "web_web_1"]);
    }
}

const HANGS: &str =
    "  Scenario: Hangs\n    When node \"web-1\" hangs for 10 s\n    Then total downtime is under 60 s\n";

pub fn a_pause_that_something_else_ends_makes_the_scenario_invalid() {
    let (folder, project) = (Folder::new("compose-unpaused"), Project::up("web"));
    let mut child = start(&folder, &project, HANGS);
    await_run(&mut child, "it is struck", || events(&folder).contains("\"fault_confirmed\""));
    docker(&["unpause", "web_web_1"]);
    let output = child.wait_with_output().unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("the fault at web-1 was over before it was to be lifted"), "{told}");
    await_clean();
}
