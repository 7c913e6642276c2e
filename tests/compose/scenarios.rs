//! Scenarios on a project: what Docker's policies heal, what every family of faults does, and a project that is only up for the run.

use crate::support::{Folder, run};
use crate::{Project, await_clean, containers, docker, ended, events, is_clean, run_with, said};

const DIES: &str = "  Scenario: Any\n    When node \"web-1\" dies\n    Then recovery takes under 60 s\n    And total downtime is under 60 s\n";

pub fn a_container_that_dies_is_started_again_by_its_policy_and_stays_dead_without_one() {
    let (folder, project) = (Folder::new("compose-dies"), Project::up("web"));
    let output = ended(&folder, &project, "\"web\"", DIES);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let id = docker(&["ps", "-q", "--no-trunc", "--filter", "name=web_web_1"]);
    let (first, again) = (format!("\"web-1.{}\"", &id[..12]), format!("\"web-1.{}.2\"", &id[..12]));
    let seen = events(&folder, 0);
    let state = |instance: &str, state: &str| {
        let is_it = |line: &&str| line.contains(instance) && line.contains(&format!("\"{state}\""));
        seen.lines().any(|line| is_it(&line))
    };
    assert!(state(&first, "terminated") && state(&again, "running"), "Docker's start is another instance: {seen}");
    let log = folder.path().join("out/latest/nodes/00/web-1/container.log");
    assert!(std::fs::read_to_string(&log).is_ok_and(|log| log.contains("GET / ")), "{}", log.display());
    assert!(said(&output).contains("ran before, and runs on"), "{}", said(&output));
    assert!(is_clean().is_ok(), "{:?}", is_clean());
    for id in docker(&["ps", "-q", "--filter", "name=web_web"]).lines() {
        docker(&["update", "--restart", "no", id]);
    }
    let alone = Folder::new("compose-stays-dead");
    let output = ended(&alone, &project, "\"web\"", &DIES.replace("under 60 s", "under 5 s"));
    assert_eq!(output.status.code(), Some(1), "nothing starts it again: {}", said(&output));
    assert!(containers().contains("web_web_1 exited"), "{}", containers());
}

const FAMILIES: [&str; 11] = [
    "process \"sleep\" on node \"web-1\" dies",
    "node \"web-1\" hangs for 2 s",
    "node \"web-1\" loses power for 2 s",
    "node \"web-1\" reboots",
    "node \"web-1\" reboots gracefully",
    "process \"nginx\" on node \"web-1\" hangs for 2 s",
    "node \"web-1\" loses network for 2 s",
    "the network of node \"web-1\" gains 50 ms of delay for 2 s",
    "the network of node \"web-1\" is limited to 5 Mbit/s for 2 s",
    "the network between node \"web-1\" and node \"lb-1\" is cut for 2 s",
    "5% of the CPU of node \"web-1\" is taken for 2 s",
];

pub fn every_family_of_faults_strikes_containers_and_leaves_nothing() {
    let (folder, project) = (Folder::new("compose-families"), Project::up("web"));
    // One that is not the first process of its container.
    docker(&["exec", "-d", "web_web_1", "sleep", "1000"]);
    let scenario = |(n, step): (usize, &&str)| {
        format!("  Scenario: Number {n}\n    When {step}\n    Then total downtime is under 60 s\n")
    };
    let scenarios: String = FAMILIES.iter().enumerate().map(scenario).collect();
    let output = ended(&folder, &project, "\"web\", \"lb\"", &scenarios);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for n in 0..FAMILIES.len() as u32 {
        let seen = events(&folder, n);
        assert!(seen.contains("\"fault_confirmed\""), "{}: {seen}", FAMILIES[n as usize]);
    }
    await_clean();
}

pub fn a_project_that_does_not_run_is_brought_up_and_down_again() {
    let (folder, project) = (Folder::new("compose-up"), Project::of("web"));
    assert_eq!(containers(), "");
    let output = ended(
        &folder,
        &project,
        "\"web\"",
        "  Scenario: Any\n    When node \"web-2\" hangs for 1 s\n    Then total downtime is under 60 s\n",
    );
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("the Compose project web was brought up, and down again"), "{}", said(&output));
    assert_eq!(containers(), "", "nothing of it is left");
    assert!(!docker(&["network", "ls"]).contains("web_"), "{}", docker(&["network", "ls"]));
}

pub fn a_balancer_s_view_is_of_the_container_that_has_the_address_whatever_it_is_called() {
    let (folder, project) = (Folder::new("compose-misnamed"), Project::up("misnamed"));
    let socket = "stats_sockets = { lb = \"/var/lib/haproxy/admin.sock\" }";
    // What depends on what is known though docker-compose 1 writes it beside no container.
    let hangs =
        "  Scenario: Any\n    When node \"web-1\" hangs for 3 s\n    Then removal from rotation takes under 3 s\n";
    let output = run(&mut run_with(&folder, &project, ("\"web\"", socket), hangs));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let seen = events(&folder, 0);
    let down = |server: &str| {
        let of_it =
            |line: &&str| line.contains("\"balancer_view\"") && line.contains(&format!("\"server\":\"{server}\""));
        seen.lines().filter(of_it).any(|line| line.contains("\"up\":false"))
    };
    assert!(down("web-1") && !down("web-2"), "HAProxy calls web-1 web-2: {seen}");
}
