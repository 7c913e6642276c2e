//! Scenarios on a stack: what Swarm heals, and what every family of faults does to tasks of every node.

use std::path::Path;

use serde_json::Value;

use crate::cluster::Stack;
use crate::support::{Folder, chimp, run};
use crate::{await_clean, containers, docker, ended, events, is_clean, place_of, said, until};

const DIES: &str = "  Scenario: Any\n    When node \"web-2\" dies\n    Then recovery takes under 60 s\n    And total downtime is under 60 s\n";

pub fn a_task_that_dies_is_replaced_by_swarm_and_stays_dead_without_a_policy() {
    let (folder, stack) = (Folder::new("swarm-dies"), Stack::up("site", "swarm"));
    let before = containers();
    let output = ended(&folder, "\"web\"", DIES);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("the stack site ran before, and runs on"), "{}", said(&output));
    let seen: Vec<Value> = events(&folder, 0).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let instances = |event: &str| -> Vec<String> {
        let of_it = seen.iter().filter(|one| one["event"] == event && one["server"] == "web-2");
        of_it.map(|one| one["instance"].as_str().unwrap().to_string()).collect()
    };
    for event in ["instance_found", "server_ready"] {
        let found = instances(event);
        assert!(found.len() == 2 && found[0] != found[1], "another task is another instance: {event}: {found:?}");
        assert!(found.iter().all(|id| id.starts_with("web-2.")), "{found:?}");
    }
    let again = containers();
    assert_eq!(again.matches("site_web.2.").count(), before.matches("site_web.2.").count() + 1, "{again}");
    let log = folder.path().join("out/latest/nodes/00/web-2/container.log");
    assert!(std::fs::read_to_string(&log).is_ok_and(|log| log.contains("GET / ")), "{}", log.display());
    assert!(is_clean().is_ok(), "{:?}", is_clean());
    // Until all of its tasks are other ones, one after the other.
    docker(&["service", "update", "-q", "--restart-condition", "none", "site_web"]);
    until("the service is another one", || stack.is_whole() && containers().matches("site_web.2.").count() > 2);
    let alone = Folder::new("swarm-stays-dead");
    let output = ended(&alone, "\"web\"", &DIES.replace("under 60 s", "under 5 s"));
    assert_eq!(output.status.code(), Some(1), "nothing replaces it: {}", said(&output));
}

const FAMILIES: [&str; 8] = [
    "node \"web-2\" hangs for 2 s",
    "process \"nginx\" on node \"web-3\" hangs for 2 s",
    "node \"web-2\" loses network for 2 s",
    "node \"web-3\" loses network for 2 s",
    "the network of node \"web-3\" gains 50 ms of delay for 2 s",
    "the network between node \"lb-1\" and node \"agent-1\" is cut for 2 s",
    "5% of the CPU of node \"web-1\" is taken for 2 s",
    "every \"web\" node in zone \"node-3\" hangs for 2 s",
];

pub fn every_family_of_faults_strikes_tasks_of_every_node_and_leaves_nothing() {
    let (folder, stack) = (Folder::new("swarm-families"), Stack::up("site", "swarm"));
    let scenario = |(n, step): (usize, &&str)| {
        format!("  Scenario: Number {n}\n    When {step}\n    Then total downtime is under 60 s\n")
    };
    let scenarios: String = FAMILIES.iter().enumerate().map(scenario).collect();
    let output = ended(&folder, "\"web\", \"lb\", \"agent\"", &scenarios);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for (n, step) in FAMILIES.iter().enumerate() {
        let seen = events(&folder, n as u32);
        assert!(seen.contains("\"fault_confirmed\""), "{step}: {seen}");
    }
    let struck = events(&folder, FAMILIES.len() as u32 - 1);
    let on_third: Vec<String> = (1..=3)
        .filter(|slot| place_of(&stack, "web", *slot).is_some_and(|(node, _)| node.name == "node-3"))
        .map(|slot| format!("\"web-{slot}\""))
        .collect();
    let confirmed: Vec<&str> = struck.lines().filter(|line| line.contains("\"fault_confirmed\"")).collect();
    assert_eq!((on_third.len(), confirmed.len()), (1, 1), "a zone is a node: {confirmed:?}");
    assert!(confirmed[0].contains(&on_third[0]), "{confirmed:?} and not {on_third:?}");
    await_clean();
}

/// The feature beside the stack, with its own settings.
pub fn the_example_passes() {
    let (folder, _stack) = (Folder::new("swarm-example"), Stack::up("site", "swarm"));
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/docker/projects/swarm");
    let out = folder.path().join("out").display().to_string();
    let output = run(chimp(&["run", "features", "--out", &out, "--seed", "7"]).current_dir(&example));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("2 passed") || said(&output).contains("2 scenarios"), "{}", said(&output));
    await_clean();
}
