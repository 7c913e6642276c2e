//! Containers as instances: which of them stands for which server, since when, and what it replaced.
//!
//! A container whose process ended and that Docker started again is another instance: its network, its processes and every
//! fault in them are new. Where this run asked for the start, it is the same one, as a server is after a reboot. Swarm starts none again: there, one
//! that has ended is over, and another container in its place is another instance of the same server.
//!
//! A container on this machine is looked at by its first process; of one elsewhere, its daemon is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::agent::process::Identity;
use crate::clock::{boot_ticks_us, monotonic_us};
use crate::docker::{Container, Docker};
use crate::instance::{Between, Instance, InstanceId, PowerState};

/// One life of a container, from a start of it to its end, as every process knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Life {
    /// The container's id.
    pub container: String,
    /// When its first process was started, as Docker writes it.
    pub started_at: String,
}

impl Life {
    /// The present or last one.
    pub fn of(container: &Container) -> Life {
        Life { container: container.id.clone(), started_at: container.state.started_at.clone() }
    }
}

/// What is known of the containers of a place. Moments are microseconds of this machine's `CLOCK_MONOTONIC`.
#[derive(Default)]
pub(super) struct Fleet {
    /// By container id.
    known: BTreeMap<String, Known>,
    /// Those that stand for no server any more.
    ended: Vec<Instance>,
    /// Lives that another process has known, and which instance of its container each was, from 1.
    recalled: Vec<(Life, u32)>,
    /// The ids of containers that have ended and are not started again.
    over: BTreeSet<String>,
    /// Whether a container that has ended is never started again.
    ends_for_good: bool,
    /// How many containers were seen so far.
    count: u64,
    /// When the daemons were asked last.
    pub asked_us: Option<u64>,
}

/// A container as a daemon describes it now.
pub(super) struct Seen {
    /// The server that it stands for.
    pub server: String,
    /// Its daemon; `None`: it can't be asked.
    pub docker: Option<Docker>,
    pub container: Container,
    /// Its first process, if that is on this machine.
    pub first: Option<Identity>,
}

/// A container.
struct Known {
    server: String,
    docker: Option<Docker>,
    container: Container,
    first: Option<Identity>,
    /// Its place in the order in which containers came.
    number: u64,
    /// How many instances it has been, this one included.
    boots: u32,
    /// Whether this run has asked for the start that comes next.
    is_our_start: bool,
    /// Whether it is over once it has ended: this run has ended it, or nothing starts it again.
    is_last: bool,
    /// Whether its first process lived when that was looked at last, and when it was last seen to live.
    lives: bool,
    alive_us: u64,
    changed: Option<Between>,
}

impl Known {
    fn new(seen: Seen, number: u64, is_last: bool) -> Known {
        let Seen { server, docker, container, first } = seen;
        let changed = first.and_then(started);
        let (lives, alive_us) = (first.is_some() || container.runs(), monotonic_us());
        let (boots, is_our_start) = (1, false);
        Known { server, docker, container, first, number, boots, is_our_start, is_last, lives, alive_us, changed }
    }

    /// Looks at its first process, where that is here.
    fn look(&mut self) {
        let lives = match self.first {
            Some(first) => first.find().is_some(),
            None => self.container.runs(),
        };
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
            (false, _) if self.is_last => PowerState::Terminated,
            (false, _) => PowerState::Stopped,
        }
    }

    fn id(&self) -> InstanceId {
        id_of(&self.server, self.container.short_id(), self.boots)
    }

    fn instance(&self) -> Instance {
        let state = self.state();
        Instance {
            id: self.id(),
            name: self.server.clone(),
            address: self.container.addresses().into_iter().next().unwrap_or(Ipv4Addr::UNSPECIFIED),
            state,
            evidence: self.evidence(state),
            first_process: self.first.filter(|_| self.lives).map(|first| first.pid),
            changed: self.changed,
        }
    }

    fn evidence(&self, state: PowerState) -> String {
        let runs = match (self.first, &self.docker) {
            (Some(first), _) => format!("pid {} runs", first.pid),
            (None, Some(_)) => "its daemon says that it runs".into(),
            (None, None) => "Swarm says that it runs".into(),
        };
        match state {
            PowerState::Frozen => "Docker says that it is paused".into(),
            PowerState::Running => match self.container.health() {
                Some(health) => format!("{runs}, and its health check says {health}"),
                None => runs,
            },
            _ if self.container.runs() => format!("pid {} is gone", self.container.state.pid),
            _ => self.container.end(),
        }
    }
}

impl Fleet {
    /// None is known yet.
    pub fn new(ends_for_good: bool) -> Fleet {
        Fleet { ends_for_good, ..Fleet::default() }
    }

    /// Another process, which a journal is of, has called this life so. What has another life by now is another instance.
    pub fn recall(&mut self, id: &InstanceId, life: Life) {
        let boots = id.0.split('.').nth(2).and_then(|boots| boots.parse().ok()).unwrap_or(1);
        if let Some(known) = self.known.get_mut(&life.container) {
            known.boots = boots + u32::from(Life::of(&known.container) != life);
        }
        self.recalled.retain(|(other, _)| other.container != life.container);
        self.recalled.push((life, boots));
    }

    /// Which instance of its container this is, when it is first seen.
    fn boots(&self, container: &Container) -> u32 {
        let recalled = self.recalled.iter().find(|(life, _)| life.container == container.id);
        recalled.map_or(1, |(life, boots)| boots + u32::from(Life::of(container) != *life))
    }

    /// The container of an instance, whichever of its instances it is, with its daemon.
    pub fn container(&self, id: &InstanceId) -> Option<(Option<&Docker>, &Container)> {
        let short = id.0.split('.').nth(1)?;
        let known = self.known.values().find(|known| known.container.short_id() == short)?;
        Some((known.docker.as_ref(), &known.container))
    }

    /// The first process of an instance, if it is the present one of its container, is on this machine, and lives.
    pub fn first_process(&self, id: &InstanceId) -> Option<Identity> {
        let known = self.known.values().find(|known| known.id() == *id)?;
        known.first.filter(|_| known.lives)
    }

    /// Whether an instance has ended, and nothing of it comes back.
    pub fn has_ended(&self, id: &InstanceId) -> bool {
        self.ended.iter().any(|instance| instance.id == *id)
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
            known.is_last = true;
        }
    }

    /// Looks at the first process of each; whether the daemons must be asked before it is known how things are.
    pub fn look(&mut self) -> bool {
        self.known.values_mut().for_each(Known::look);
        self.asked_us.is_none() || self.known.values().any(|known| known.container.runs() && !known.lives)
    }

    /// Whether a container has to be inspected again, of which the daemon's list says this. One elsewhere always has to be.
    pub fn is_news(&self, id: &str, status: &str) -> bool {
        let is_news = |known: &Known| {
            known.container.state.status != status
                || (known.container.runs() && (!known.lives || known.first.is_none()))
        };
        !self.over.contains(id) && self.known.get(id).is_none_or(is_news)
    }

    /// The ids of all containers of a daemon that are known.
    pub fn of(&self, docker: &Docker) -> impl Iterator<Item = &String> {
        self.known.iter().filter(|(_, known)| known.docker.as_ref() == Some(docker)).map(|(id, _)| id)
    }

    /// Takes in what the daemons say: the ids of all containers there are, and those of them that were inspected.
    pub fn take_in(&mut self, there: &[String], inspected: Vec<Seen>) {
        self.known.values_mut().for_each(Known::look);
        let now_us = monotonic_us();
        let asked_us = self.asked_us.replace(now_us).unwrap_or(now_us);
        for seen in inspected {
            self.take_in_one(seen, Between { since_us: asked_us, by_us: now_us });
        }
        let gone: Vec<String> = self.known.keys().filter(|id| !there.contains(id)).cloned().collect();
        for id in gone {
            if let Some(known) = self.known.remove(&id) {
                self.end(&known, Between { since_us: known.alive_us, by_us: now_us }, "Docker has removed it");
            }
        }
        self.over.retain(|id| there.contains(id));
    }

    fn take_in_one(&mut self, seen: Seen, asked: Between) {
        let is_over = self.ends_for_good && !seen.container.runs();
        let Some(mut known) = self.known.remove(&seen.container.id) else {
            // What did its work and ended before anybody looked is no server, and neither is what does not run yet and may never do.
            if !seen.container.is_done() && !is_over {
                let boots = self.boots(&seen.container);
                let known = Known { boots, ..self.begin(seen) };
                self.known.insert(known.container.id.clone(), known);
            }
            return;
        };
        let is_another_start =
            seen.container.runs() && seen.container.state.started_at != known.container.state.started_at;
        if is_over {
            known.look();
            let when = known.changed.filter(|_| known.first.is_some()).unwrap_or(asked);
            self.end(&known, when, &seen.container.end());
            self.over.insert(seen.container.id);
            return;
        }
        if is_another_start {
            let since = seen.first.and_then(started);
            let by_us = since.map_or(asked.by_us, |since| since.since_us);
            if known.is_our_start {
                known = Known { changed: since, boots: known.boots, ..self.begin(seen) };
            } else {
                self.end(&known, Between { since_us: known.alive_us.min(by_us), by_us }, "Docker has started it again");
                known = Known { boots: known.boots + 1, ..self.begin(seen) };
            }
        } else {
            if seen.container.state.paused != known.container.state.paused {
                known.changed = Some(asked);
            }
            known.container = seen.container;
        }
        self.known.insert(known.container.id.clone(), known);
    }

    fn begin(&mut self, seen: Seen) -> Known {
        self.count += 1;
        Known::new(seen, self.count, self.ends_for_good)
    }

    fn end(&mut self, known: &Known, when: Between, evidence: &str) {
        let (evidence, changed) = (evidence.to_string(), Some(when));
        let state = PowerState::Terminated;
        self.ended.push(Instance { state, first_process: None, evidence, changed, ..known.instance() });
    }

    /// All instances, those that have ended first; of the others, those that came first.
    pub fn instances(&self) -> Vec<Instance> {
        let mut known: Vec<&Known> = self.known.values().collect();
        known.sort_by_key(|known| known.number);
        self.ended.iter().cloned().chain(known.into_iter().map(Known::instance)).collect()
    }
}

/// An instance's id: the server's name, the container's short id, and which start of it this is, from the second on.
fn id_of(name: &str, short_id: &str, boots: u32) -> InstanceId {
    InstanceId(if boots == 1 { format!("{name}.{short_id}") } else { format!("{name}.{short_id}.{boots}") })
}

/// When a process was started, as the kernel counts it: by ticks of its clock since the boot.
fn started(first: Identity) -> Option<Between> {
    let (since_us, by_us) = boot_ticks_us(first.started)?;
    Some(Between { since_us, by_us })
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
