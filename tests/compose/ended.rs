//! Containers that end in the middle of their fault.

use std::fs;
use std::process::{Child, Stdio};

use crate::support::Folder;
use crate::{Project, await_clean, await_run, docker, run_on};

const LONG: &str =
    "  Scenario: Long\n    When node \"web-1\" loses network for 20 s\n    Then total downtime is under 60 s\n";

fn start(folder: &Folder, project: &Project, scenario: &str) -> Child {
    run_on(folder, project, "\"web\"", scenario).stdout(Stdio::null()).spawn().unwrap()
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
    child.wait().unwrap();
    let seen = events(&folder);
    let healed = seen.lines().find(|line| line.contains("\"strike_healed\""));
    assert!(healed.is_some_and(|line| line.contains("ended when its victim lost its power")), "{seen}");
    await_clean();
}
