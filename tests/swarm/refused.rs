//! What can't be attached to: one clear error each, and nothing is touched.

use crate::cluster::{Stack, nodes, swarm};
use crate::support::{Folder, chimp, run};
use crate::{ENTRY, containers, docker, engines, planned, said, settings, until, usual};

fn scenario(step: &str) -> String {
    format!("  Scenario: Any\n    When {step}\n    Then total downtime is under 60 s\n")
}

const HANGS: &str = "node \"web-1\" hangs for 1 s";

pub fn what_can_not_be_attached_to_is_one_error_and_nothing_is_touched() {
    swarm();
    let folder = Folder::new("swarm-refused");
    let all = engines(&["node-2", "node-3"]);
    let config = usual(&folder, "\"web\"");
    let (code, told) = planned(&folder, &config, &scenario(HANGS));
    assert!(code == Some(2) && told.contains("there is no stack `site`"), "{told}");
    assert!(told.contains("docker stack deploy -c FILE NAME"), "{told}");
    let stack = Stack::up("site", "swarm");
    let before = containers();
    let refused = |config: &str, step: &str, complaint: &str| {
        let (code, told) = planned(&folder, config, &scenario(step));
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(complaint), "{complaint}: {told}");
    };
    let cut = "the network between node \"web-1\" and node \"web-2\" is cut for 1 s";
    refused(&config, cut, "web-1 and web-2 have no network in common");
    refused(&config, "node \"lb-1\" hangs for 1 s", "which may not be attacked");
    let with = |engines: &str| settings(&folder, "\"web\"", ENTRY, engines);
    refused(&with("node-9 = \"unix:///run/any.sock\"\n"), HANGS, "the Swarm has no node `node-9`");
    refused(&with("node-2 = \"unix:///run/no-such.sock\"\n"), HANGS, "node-2: no Docker Engine answers");
    refused(&with("node-2 = \"tcp://192.0.2.1:2375\"\n"), HANGS, "a socket of this machine is expected");
    let other = format!("node-2 = \"{}\"\n", nodes()[2].host);
    refused(&with(&other), HANGS, "is that of node-3, not of node-2");
    let unsure = settings(&folder, "\"web\"", "", &all);
    refused(&unsure, HANGS, "publishes several ports, and users may enter at any: http://198.18.4.1:8080");
    refused(&settings(&folder, "\"wbe\"", ENTRY, &all), HANGS, "`swarm.attack` names `wbe`");
    let config = usual(&folder, "\"web\"");
    let off = run(&mut chimp(&[
        "plan",
        &crate::feature(&folder, &scenario("node \"web-1\" loses power for 1 s")),
        "--config",
        &config,
    ]));
    assert!(said(&off).contains("Swarm replaces a task whose container has ended"), "{}", said(&off));
    let near = folder.write(
        "near.feature",
        "Feature: Any\n  Scenario: Any\n    Given the stack \"sit\"\n    Then total downtime is under 60 s\n",
    );
    let near = said(&run(&mut chimp(&["plan", &near.display().to_string(), "--config", &config])));
    assert!(near.contains("there is no stack `sit`") && near.contains("did you mean `site`?"), "{near}");
    let nothing = said(&run(&mut chimp(&["observe", "swarm"])));
    assert!(nothing.contains("nothing says which stack") && nothing.contains("`site`"), "{nothing}");
    assert_eq!(containers(), before);
    docker(&["service", "scale", "-d", "site_web=0"]);
    until("it has no task", || !containers().contains("site_web") || !stack.is_whole());
    until("its tasks are not wanted", || {
        planned(&folder, &config, &scenario(HANGS)).1.contains("the service `site_web` is scaled to zero")
    });
    drop(stack);
    a_worker_is_refused();
}

fn a_worker_is_refused() {
    let last = nodes().pop().unwrap();
    docker(&["node", "demote", &last.name]);
    let checked = || run(chimp(&["doctor", "--on", "swarm"]).env("DOCKER_HOST", &last.host));
    let worker = || {
        let told = run(chimp(&["observe", "swarm=site"]).env("DOCKER_HOST", &last.host));
        said(&told)
    };
    until("it is a worker", || worker().contains("is a worker of its Swarm"));
    assert!(worker().contains("managers: "), "{}", worker());
    let found = checked();
    assert_eq!(found.status.code(), Some(3), "{}", said(&found));
    assert!(said(&found).contains("MISSING Swarm: the Docker Engine at"), "{}", said(&found));
    docker(&["node", "promote", &last.name]);
    until("it is a manager", || !worker().contains("is a worker of its Swarm"));
    let found = checked();
    assert!(found.status.success(), "{}", said(&found));
    assert!(
        said(&found).contains("ok      Swarm: it is a manager; nodes: 3; no stack is deployed"),
        "{}",
        said(&found)
    );
}
