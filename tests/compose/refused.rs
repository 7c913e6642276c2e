//! What can't be attached to: one clear error each, and nothing is touched.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::{Folder, chimp, run};
use crate::{Project, containers, docker, ended, said, settings};

/// A project, the services that may be attacked, a step, and what is complained of.
const WRONG: [(&str, &str, &str, &str); 6] = [
    ("two-ports", "\"shop\"", "node \"shop-1\" hangs for 1 s", "http://127.0.0.1:8080, http://127.0.0.1:8081"),
    ("ephemeral-port", "\"web\"", "node \"web-1\" hangs for 1 s", "another one at each start"),
    ("hostnet", "\"web\"", "node \"web-1\" loses network for 1 s", "it has the machine's network"),
    (
        "host-pid",
        "\"web\"",
        "process \"nginx\" on node \"web-1\" hangs for 1 s",
        "it has the machine's process namespace",
    ),
    ("scaled-to-zero", "\"web\"", "node \"web-1\" hangs for 1 s", "chimp.toml:2: `compose.attack` names `web`"),
    ("web", "\"web\"", "node \"lb-1\" hangs for 1 s", "which may not be attacked"),
];

fn plan(folder: &Folder, project: &Project, attack: &str, step: &str) -> String {
    // Nothing is published of what has the machine's network.
    let more =
        if project.on().contains("hostnet") { "entry = \"http://127.0.0.1:80\"\nentry_at = \"web\"" } else { "" };
    let feature = format!(
        "Feature: Any\n  Scenario: Any\n{}    When {step}\n    Then total downtime is under 60 s\n",
        project.given()
    );
    let feature = folder.write("any.feature", &feature).display().to_string();
    let config = settings(folder, attack, more);
    let output = run(&mut chimp(&["plan", &feature, "--config", &config]));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    said(&output)
}

pub fn what_can_not_be_attached_to_is_one_error_and_nothing_is_touched() {
    for (name, attack, step, complaint) in WRONG {
        let (folder, project) = (Folder::new("compose-wrong"), Project::up(name));
        let before = containers();
        let told = plan(&folder, &project, attack, step);
        assert!(told.contains(complaint), "{name}: {told}");
        assert_eq!(containers(), before, "{name}");
    }
    let (folder, project) = (Folder::new("compose-nowhere"), Project::of("web"));
    let text = format!("Feature: Any\n  Scenario: Any\n{}    Then total downtime is under 60 s\n", project.given());
    let feature = folder.write("any.feature", &text);
    let feature = feature.display().to_string();
    let with_host = |host: &str| run(chimp(&["plan", &feature]).env("DOCKER_HOST", host));
    let absent = said(&with_host("unix:///run/no-such.sock"));
    assert!(absent.contains("no Docker Engine answers at /run/no-such.sock"), "{absent}");
    let elsewhere = said(&with_host("tcp://192.0.2.1:2375"));
    assert!(elsewhere.contains("containers are entered from the machine that runs them"), "{elsewhere}");
    let alone = said(&run(&mut chimp(&["doctor", "--on", "swarm"])));
    assert!(alone.contains("MISSING Swarm") && alone.contains("is in no Swarm: it is inactive"), "{alone}");
    let observed = said(&run(&mut chimp(&["observe", &project.on(), "--for", "1s"])));
    assert!(observed.contains("do not run, and nothing is observed where they would be"), "{observed}");
    let stopped = Project::up("web");
    let config = settings(&folder, "\"web\"", "project = \"wbe\"");
    let other = said(&run(&mut chimp(&["plan", &feature, "--config", &config])));
    assert!(other.contains("chimp.toml:3: ") && other.contains("runs as web, and not as `wbe`"), "{other}");
    stopped.compose(&["stop", "-t", "0"]);
    let before = containers();
    let refused = said(&run(&mut chimp(&["plan", &feature])));
    assert!(refused.contains("the Compose project `web` is stopped"), "{refused}");
    assert_eq!(containers(), before, "what its containers hold is not lost");
    let nothing = said(&run(&mut chimp(&["plan", "features/card.feature", "--on", "compose=no-such.yml"])));
    assert!(nothing.contains("there is no Compose file no-such.yml"), "{nothing}");
}

const TWICE: &str = "  Scenario: One\n    When node \"web-1\" hangs for 1 s\n    Then total downtime is under 60 s\n  Scenario: Two\n    When node \"web-1\" hangs for 1 s\n    Then total downtime is under 60 s\n";

fn is_not_brought_up(folder: &Folder, project: &Project, why: &str) {
    let output = ended(folder, project, "\"web\"", TWICE);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("could not be brought up") && said.contains(why), "{said}");
    assert!(!said.contains("was never started"), "the second scenario has the same reason: {said}");
    assert_eq!(containers(), "", "nothing of it is left");
    assert!(!docker(&["network", "ls", "--format", "{{.Name}}"]).contains("_default"));
}

pub fn a_project_that_can_not_be_brought_up_says_why_and_leaves_nothing() {
    let taken = TcpListener::bind("0.0.0.0:8080").unwrap();
    is_not_brought_up(&Folder::new("compose-taken"), &Project::of("web"), "address already in use");
    drop(taken);
    let folder = Folder::new("compose-no-image");
    let text = "version: \"2.4\"\nservices:\n  web:\n    image: no-such-image:1\n    ports: [\"8080:80\"]\n";
    let project = Project { file: folder.write("docker-compose.yml", text) };
    is_not_brought_up(&folder, &project, "no-such-image");
}

pub fn two_projects_of_one_name_are_refused() {
    let _first = Project::up("web");
    let folder = Folder::new("compose-other");
    let other = folder.path().join("web");
    let copied = run(Command::new("cp").arg("-r").arg("fixtures/docker/projects/web").arg(&other));
    assert!(copied.status.success(), "{}", said(&copied));
    // Compose takes the containers for its own, and makes those anew that differ.
    let second = Project { file: other.join("docker-compose.yml") };
    second.compose(&["up", "-d"]);
    let output = run(&mut chimp(&["observe", &second.on(), "--for", "1s"]));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("two Compose projects are called `web`"), "{}", said(&output));
}

pub fn who_may_not_use_the_socket_is_refused() {
    let project = Project::up("web");
    let mut command = chimp(&["observe", &project.on(), "--for", "1s"]);
    let output = run(command.uid(65534).gid(65534));
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("can't be asked by this user"), "{}", said(&output));
    assert!(said(&output).contains("as a member of the group that owns the socket"), "{}", said(&output));
}
