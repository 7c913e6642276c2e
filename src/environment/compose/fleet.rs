//! The containers of a project as instances: which of them stands for which server, since when, and what it replaced.
//!
//! A container whose process ended and that Docker started again is another instance: its network, its processes and every
//! fault in them are new. Where this run asked for the start, it is the same one, as a server is after a reboot.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::names::server_name;
use crate::agent::process::Identity;
use crate::clock::{boot_ticks_us, monotonic_us};
use crate::docker::Container;
use crate::instance::{Between, Instance, InstanceId, PowerState};

/// What is known of the containers of a project. Moments are microseconds of this machine's `CLOCK_MONOTONIC`.
#[derive(Default)]
pub(super) struct Fleet {
    /// By container id.
    known: BTreeMap<String, Known>,
    /// Those that stand for no server any more.
    ended: Vec<Instance>,
    /// When the daemon was asked last.
    pub asked_us: Option<u64>,
}

/// A container.
struct Known {
    container: Container,
    first: Option<Identity>,
    /// How many instances it has been, this one included.
    boots: u32,
    /// Whether this run has asked for the start that comes next.
    is_our_start: bool,
    /// Whether this run has ended it for good.
    is_terminated: bool,
    /// Whether its first process lived when that was looked at last, and when it was last seen to live.
    lives: bool,
    alive_us: u64,
    changed: Option<Between>,
}

impl Known {
    fn new(container: Container) -> Known {
        let first = first_process(&container);
        let changed = first.and_then(started);
        let (lives, alive_us) = (first.is_some(), monotonic_us());
        Known { container, first, boots: 1, is_our_start: false, is_terminated: false, lives, alive_us, changed }
    }

    /// Looks at its first process.
    fn look(&mut self) {
        let lives = self.first.is_some_and(|first| first.find().is_some());
        let now_us = monotonic_us();
        if self.lives && !lives {
            self.changed = Some(Between { since_us: self.alive_us, by_us: now_us });
        }
        self.alive_us = if lives { now_us } else { self.alive_us };
        self.lives = lives;
    }

    fn state(&self) -> PowerState {
        match (self.lives, self.container.state.paused) {
            (true, false) => PowerState::Running,
            (true, true) => PowerState::Frozen,
            (false, _) if self.is_terminated => PowerState::Terminated,
            (false, _) => PowerState::Stopped,
        }
    }

    fn instance(&self) -> Option<Instance> {
        let (service, number) = self.container.of_service()?;
        let name = server_name(service, number);
        let id = id_of(&name, self.container.short_id(), self.boots);
        let state = self.state();
        let address = self.container.addresses().into_iter().next().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let first_process = self.first.filter(|_| self.lives).map(|first| first.pid);
        Some(Instance {
            id,
            name,
            address,
            state,
            evidence: self.evidence(state),
            first_process,
            changed: self.changed,
        })
    }

    fn evidence(&self, state: PowerState) -> String {
        let pid = self.first.map_or(0, |first| first.pid);
        match state {
            PowerState::Frozen => "Docker says that it is paused".into(),
            PowerState::Running => match self.container.health() {
                Some(health) => format!("pid {pid} runs, and its health check says {health}"),
                None => format!("pid {pid} runs"),
            },
            _ if self.container.runs() => format!("pid {pid} is gone"),
            _ => self.container.end(),
        }
    }
}

impl Fleet {
    /// The container of an instance, whichever of its instances it is.
    pub fn container(&self, id: &InstanceId) -> Option<&Container> {
        let short = id.0.split('.').nth(1)?;
        self.known.values().map(|known| &known.container).find(|container| container.short_id() == short)
    }

    /// The first process of an instance, if it is the present one of its container and lives.
    pub fn first_process(&self, id: &InstanceId) -> Option<Identity> {
        let known = self.known.values().find(|known| known.instance().is_some_and(|found| found.id == *id))?;
        known.first.filter(|_| known.lives)
    }

    /// This run asks Docker to start it.
    pub fn expect_start(&mut self, container: &str) {
        if let Some(known) = self.known.get_mut(container) {
            known.is_our_start = true;
        }
    }

    /// This run ends it for good.
    pub fn terminate(&mut self, container: &str) {
        if let Some(known) = self.known.get_mut(container) {
            known.is_terminated = true;
        }
    }

    /// Looks at the first process of each; whether the daemon must be asked before it is known how things are.
    pub fn look(&mut self) -> bool {
        self.known.values_mut().for_each(Known::look);
        self.asked_us.is_none() || self.known.values().any(|known| known.container.runs() && !known.lives)
    }

    /// Whether a container has to be inspected again, of which the daemon's list says this.
    pub fn is_news(&self, id: &str, status: &str) -> bool {
        let known = self.known.get(id);
        known.is_none_or(|known| known.container.state.status != status || (known.container.runs() && !known.lives))
    }

    /// Takes in what the daemon says: the ids of all containers there are, and those of them that were inspected.
    pub fn take_in(&mut self, there: &[String], inspected: Vec<Container>) {
        self.known.values_mut().for_each(Known::look);
        let now_us = monotonic_us();
        let asked_us = self.asked_us.replace(now_us).unwrap_or(now_us);
        for container in inspected {
            self.take_in_one(container, Between { since_us: asked_us, by_us: now_us });
        }
        let gone: Vec<String> = self.known.keys().filter(|id| !there.contains(id)).cloned().collect();
        for id in gone {
            if let Some(known) = self.known.remove(&id) {
                self.end(&known, Between { since_us: known.alive_us, by_us: now_us }, "Docker has removed it");
            }
        }
    }

    fn take_in_one(&mut self, container: Container, asked: Between) {
        let Some(mut known) = self.known.remove(&container.id) else {
            // What did its work and ended before anybody looked is no server.
            if !container.is_done() {
                self.known.insert(container.id.clone(), Known::new(container));
            }
            return;
        };
        let is_another_start = container.runs() && container.state.started_at != known.container.state.started_at;
        if is_another_start {
            let since = first_process(&container).and_then(started);
            let by_us = since.map_or(asked.by_us, |since| since.since_us);
            if known.is_our_start {
                known = Known { changed: since, boots: known.boots, ..Known::new(container) };
            } else {
                self.end(&known, Between { since_us: known.alive_us.min(by_us), by_us }, "Docker has started it again");
                known = Known { boots: known.boots + 1, ..Known::new(container) };
            }
        } else {
            if container.state.paused != known.container.state.paused {
                known.changed = Some(asked);
            }
            known.container = container;
        }
        self.known.insert(known.container.id.clone(), known);
    }

    fn end(&mut self, known: &Known, when: Between, evidence: &str) {
        if let Some(last) = known.instance() {
            let (evidence, changed) = (evidence.to_string(), Some(when));
            self.ended.push(Instance { state: PowerState::Terminated, first_process: None, evidence, changed, ..last });
        }
    }

    /// All instances, those that have ended first.
    pub fn instances(&self) -> Vec<Instance> {
        self.ended.iter().cloned().chain(self.known.values().filter_map(Known::instance)).collect()
    }
}

/// An instance's id: the server's name, the container's short id, and which start of it this is, from the second on.
fn id_of(name: &str, short_id: &str, boots: u32) -> InstanceId {
    InstanceId(if boots == 1 { format!("{name}.{short_id}") } else { format!("{name}.{short_id}.{boots}") })
}

fn first_process(container: &Container) -> Option<Identity> {
    Some(container.state.pid).filter(|pid| *pid > 0).and_then(Identity::of)
}

/// When a process was started, as the kernel counts it: by ticks of its clock since the boot.
fn started(first: Identity) -> Option<Between> {
    let (since_us, by_us) = boot_ticks_us(first.started)?;
    Some(Between { since_us, by_us })
}

#[cfg(test)]
mod tests {
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
        let labels = json!({ "com.docker.compose.service": "web", "com.docker.compose.container-number": "1" });
        let value = json!({
            "Id": ID, "Name": "/web_web_1",
            "State": { "Status": status, "Paused": status == "paused", "Pid": pid, "ExitCode": 0, "StartedAt": started_at },
            "HostConfig": { "NetworkMode": "web_default", "RestartPolicy": { "Name": "always" } },
            "NetworkSettings": { "Networks": {} }, "Config": { "Labels": labels }
        });
        serde_json::from_value(value).unwrap()
    }

    fn seen(fleet: &Fleet) -> Vec<(String, PowerState)> {
        fleet.instances().into_iter().map(|instance| (instance.id.0, instance.state)).collect()
    }

    fn take_in(fleet: &mut Fleet, container: Container) {
        fleet.take_in(&[ID.to_string()], vec![container]);
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
        assert_eq!(fleet.container(&paused.id).map(Container::short_id), Some("3f9a1c2b7d5e"));
    }
}
