use std::process::{Child, Command};

use serde_json::json;

use super::*;

/// A first process, which ends with this.
struct First(Child);

impl First {
    fn start() -> First {
        First(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }
}

impl Drop for First {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

const ID: &str = "3f9a1c2b7d5e0000";

fn container(status: &str, pid: i32, started_at: &str) -> Container {
    let value = json!({
        "Id": ID, "Name": "/web_web_1",
        "State": { "Status": status, "Paused": status == "paused", "Pid": pid, "ExitCode": 0, "StartedAt": started_at },
        "HostConfig": { "NetworkMode": "web_default", "RestartPolicy": { "Name": "always" } },
        "NetworkSettings": { "Networks": {} }, "Config": { "Labels": {} }
    });
    serde_json::from_value(value).unwrap()
}

fn seen(fleet: &Fleet) -> Vec<(String, PowerState)> {
    fleet.instances().into_iter().map(|instance| (instance.id.0, instance.state)).collect()
}

fn take_in(fleet: &mut Fleet, container: Container) {
    let docker = Some(Docker::at(std::path::Path::new("/run/docker.sock")));
    let first = Some(container.state.pid).filter(|pid| *pid > 0).and_then(Identity::of);
    fleet.take_in(&[ID.to_string()], vec![Seen { server: "web-1".into(), docker, container, first }]);
}

#[test]
fn a_container_that_docker_starts_again_is_another_instance() {
    let (mut fleet, first) = (Fleet::default(), First::start());
    take_in(&mut fleet, container("running", first.pid(), "1"));
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Running)]);
    assert!(!fleet.look() && !fleet.is_news(ID, "running"));
    drop(first);
    assert!(fleet.look() && fleet.is_news(ID, "running"), "the kernel knows it before Docker does");
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Stopped)]);
    let again = First::start();
    take_in(&mut fleet, container("running", again.pid(), "2"));
    let both = [
        ("web-1.3f9a1c2b7d5e".to_string(), PowerState::Terminated),
        ("web-1.3f9a1c2b7d5e.2".into(), PowerState::Running),
    ];
    assert_eq!(seen(&fleet), both);
    let ended = &fleet.instances()[0].changed.unwrap();
    let began = fleet.instances()[1].changed.unwrap();
    assert!(ended.since_us <= ended.by_us && ended.by_us <= began.since_us, "{ended:?} {began:?}");
}

#[test]
fn one_that_this_run_starts_again_stays_the_same() {
    let (mut fleet, first) = (Fleet::default(), First::start());
    take_in(&mut fleet, container("running", first.pid(), "1"));
    fleet.expect_start(ID);
    drop(first);
    take_in(&mut fleet, container("exited", 0, "1"));
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Stopped)]);
    let again = First::start();
    take_in(&mut fleet, container("running", again.pid(), "2"));
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Running)]);
}

#[test]
fn one_that_was_ended_for_good_is_terminated_and_one_that_is_removed_too() {
    let (mut fleet, first) = (Fleet::default(), First::start());
    take_in(&mut fleet, container("running", first.pid(), "1"));
    fleet.terminate(ID);
    drop(first);
    fleet.look();
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Terminated)]);
    fleet.take_in(&[], Vec::new());
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Terminated)]);
}

#[test]
fn a_pause_is_dated_between_two_answers_of_docker() {
    let (mut fleet, first) = (Fleet::default(), First::start());
    take_in(&mut fleet, container("running", first.pid(), "1"));
    let asked_us = fleet.asked_us.unwrap();
    take_in(&mut fleet, container("paused", first.pid(), "1"));
    let paused = fleet.instances().remove(0);
    assert_eq!((paused.state, paused.changed.unwrap().since_us), (PowerState::Frozen, asked_us));
    assert_eq!(fleet.container(&paused.id).map(|(_, found)| found.short_id()), Some("3f9a1c2b7d5e"));
}

#[test]
fn where_none_is_started_again_one_that_has_ended_is_over_and_another_stands_for_its_server() {
    let (mut fleet, first) = (Fleet::new(true), First::start());
    take_in(&mut fleet, container("running", first.pid(), "1"));
    drop(first);
    assert!(fleet.look());
    assert_eq!(seen(&fleet), [("web-1.3f9a1c2b7d5e".into(), PowerState::Terminated)]);
    take_in(&mut fleet, container("exited", 0, "1"));
    assert!(!fleet.is_news(ID, "exited"), "it is over");
    let ended = fleet.instances().remove(0);
    assert_eq!((ended.state, ended.evidence.as_str()), (PowerState::Terminated, "exited with 0"));
    let (again, other) = (First::start(), ["0aaa00000000", "0bbb00000000"]);
    let with_id = |id: &str, status, pid| Container { id: id.into(), ..container(status, pid, "2") };
    let seen_now = |container: Container| {
        let first = Identity::of(container.state.pid);
        Seen { server: "web-1".into(), docker: None, container, first }
    };
    let there = [ID, other[0], other[1]].map(String::from);
    let both = vec![seen_now(with_id(other[0], "running", again.pid())), seen_now(with_id(other[1], "created", 0))];
    fleet.take_in(&there, both);
    let states = seen(&fleet);
    assert_eq!(states.last(), Some(&("web-1.0aaa00000000".into(), PowerState::Running)), "{states:?}");
    assert_eq!(states.len(), 2, "what does not run yet is no instance: {states:?}");
}

#[test]
fn of_one_elsewhere_its_daemon_is_believed() {
    let mut fleet = Fleet::new(true);
    let seen_now = |status, pid| {
        let (server, docker) = ("web-1".into(), Some(Docker::at(std::path::Path::new("/run/node-2.sock"))));
        vec![Seen { server, docker, container: container(status, pid, "1"), first: None }]
    };
    fleet.take_in(&[ID.into()], seen_now("running", 7));
    assert!(!fleet.look() && fleet.is_news(ID, "running"), "only its daemon can tell");
    let asked_us = fleet.asked_us.unwrap();
    fleet.take_in(&[ID.into()], seen_now("exited", 0));
    let ended = fleet.instances().remove(0);
    assert_eq!((ended.state, ended.changed.unwrap().since_us), (PowerState::Terminated, asked_us));
}

#[test]
fn a_life_of_a_journal_is_the_same_instance_to_who_heals_and_the_next_one_is_not() {
    let first = First::start();
    let struck = InstanceId("web-1.3f9a1c2b7d5e.2".into());
    let life = Life { container: ID.into(), started_at: "2".into() };
    for is_known_before in [false, true] {
        for (started_at, is_it) in [("2", true), ("3", false)] {
            let mut fleet = Fleet::default();
            if is_known_before {
                take_in(&mut fleet, container("running", first.pid(), started_at));
            }
            fleet.recall(&struck, life.clone());
            take_in(&mut fleet, container("paused", first.pid(), started_at));
            assert_eq!(fleet.first_process(&struck).is_some(), is_it, "{started_at}, known: {is_known_before}");
            assert_eq!(fleet.instances()[0].id == struck, is_it);
        }
    }
}
