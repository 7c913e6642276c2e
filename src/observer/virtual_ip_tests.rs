use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::*;
use crate::agent::stamp::Within;
use crate::clock::Clock;
use crate::history::recorder::Memory;
use crate::history::{Event, Recorder};
use crate::instance::{Between, Instance, InstanceId, PowerState};
use crate::observer::Through;
use crate::observer::streams::Heard;
use crate::observer::watcher::Blindness;

/// An address that this machine does not have.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

fn instance(server: &str, state: PowerState, first_process: Option<i32>) -> Instance {
    let (id, evidence) = (InstanceId(format!("{server}.1")), String::new());
    Instance { id, name: server.into(), address: Ipv4Addr::LOCALHOST, state, evidence, first_process, changed: None }
}

fn own_pid() -> Option<i32> {
    Some(std::process::id() as i32)
}

/// An observer of lb-1 and lb-2, which may hold the address, and what it records.
struct Trial {
    observer: VirtualIpObserver,
    streams: Vec<UnboundedSender<Heard>>,
    instances: watch::Sender<Vec<Instance>>,
    holder: watch::Receiver<Option<String>>,
    recorder: Recorder,
    memory: Memory,
    blindness: Blindness,
    runs: Arc<tokio::runtime::Runtime>,
}

impl Trial {
    fn of(instances: Vec<Instance>) -> Trial {
        let (instances, seen) = watch::channel(instances);
        let (publish, holder) = watch::channel(None);
        let (mut streams, mut sources) = (Vec::new(), Vec::new());
        for server in ["lb-1", "lb-2"] {
            let (out, heard) = unbounded_channel();
            streams.push(out);
            let thing = (server, VirtualIpObserver::thing(NOWHERE));
            sources.push(Source::new(thing, Through::Cheapest, seen.clone(), heard));
        }
        let observer = VirtualIpObserver::new("www", NOWHERE, sources, Some(publish));
        let (recorder, memory) = Recorder::memory(Clock::start());
        let blindness = Blindness::new(recorder.clone(), observer.watches());
        let runs = Arc::new(tokio::runtime::Builder::new_current_thread().build().unwrap());
        Trial { observer, streams, instances, holder, recorder, memory, blindness, runs }
    }

    fn streamed() -> Trial {
        Trial::of(vec![instance("lb-1", PowerState::Running, None), instance("lb-2", PowerState::Running, None)])
    }

    fn now_us(&self) -> u64 {
        self.recorder.clock().now_us()
    }

    fn look(&mut self) -> Result<(), String> {
        let mut look = Look { recorder: &self.recorder, since_us: 0, made_us: None, blindness: &mut self.blindness };
        let seen = self.runs.block_on(self.observer.observe(&mut look));
        seen.map_err(|why| why.to_string())
    }

    /// The watcher on a server saw the address there, or did not, or reports that nothing changed.
    fn says(&self, candidate: usize, at_us: u64, holds: Option<bool>) {
        let at = Within { not_before_us: at_us, by_us: at_us + 10 };
        let held = |holds| if holds { [NOWHERE].into() } else { [].into() };
        let seen = holds.map(|holds| Ok(Sight::Addresses(held(holds))));
        let instance = format!("lb-{}.1", candidate + 1);
        let (since_us, arrived_us) = (at_us.checked_sub(1000), self.now_us());
        self.streams[candidate].send(Heard::Look { instance, at, since_us, seen, arrived_us }).unwrap();
    }

    fn breaks(&self, candidate: usize, why: &str) {
        let instance = format!("lb-{}.1", candidate + 1);
        self.streams[candidate].send(Heard::Broken { instance, why: why.into() }).unwrap();
    }

    /// What was recorded: `lb-1+lb-2 @ 5000`, `blind: why @ 5000`, `sees @ 5000`.
    fn recorded(&self) -> Vec<String> {
        let told = |event: Event| match event {
            Event::VirtualIpHolders { holders, .. } => holders.join("+"),
            Event::ObserverBlind { detail, .. } => format!("blind: {detail}"),
            Event::ObserverSees { .. } => "sees".into(),
            other => panic!("{other:?}"),
        };
        let events = self.memory.take_events().into_iter();
        events.map(|record| format!("{} @ {}", told(record.event), record.at_us)).collect()
    }
}

#[test]
fn an_instance_that_is_gone_holds_nothing() {
    let gone = instance("lb-1", PowerState::Terminated, None);
    let mut trial = Trial::of(vec![gone, instance("lb-2", PowerState::Running, own_pid())]);
    assert_eq!(trial.look(), Ok(()));
    assert_eq!(trial.memory.events().len(), 1, "no holder, as lb-2 was looked at");
}

#[test]
fn where_it_cannot_look_it_says_so_and_names_no_holders() {
    let seen = instance("lb-1", PowerState::Running, own_pid());
    let mut trial = Trial::of(vec![seen, instance("lb-2", PowerState::Running, None)]);
    assert_eq!(trial.look(), Err("lb-2: its watcher has not answered yet".into()));
    let mut unlisted = Trial::of(vec![]);
    assert_eq!(unlisted.look(), Err("there is no list of the instances".into()));
    for trial in [trial, unlisted] {
        assert!(!trial.memory.events().iter().any(|record| matches!(record.event, Event::VirtualIpHolders { .. })));
    }
}

#[test]
fn a_failover_that_two_watchers_report_is_recorded_with_their_stamps() {
    let mut trial = Trial::streamed();
    trial.says(0, 1000, Some(true));
    trial.says(1, 1000, Some(false));
    assert_eq!(trial.look(), Ok(()));
    assert_eq!(trial.recorded(), ["lb-1 @ 1010"], "no look before was recorded as blind");
    assert_eq!(*trial.holder.borrow(), Some("lb-1".into()));
    // The standby reports first; the other may have let go long before.
    trial.says(1, 300_000, Some(true));
    trial.look().unwrap();
    assert_eq!(trial.recorded(), [] as [&str; 0]);
    trial.says(0, 100_000, Some(false));
    trial.says(0, 310_000, None);
    trial.look().unwrap();
    assert_eq!(trial.recorded(), [" @ 100010", "lb-2 @ 300010"]);
}

#[test]
fn a_watcher_whose_stream_broke_makes_it_blind_since_its_last_look_and_no_server_holds_nothing() {
    let mut trial = Trial::streamed();
    trial.says(0, 1000, Some(true));
    trial.says(1, 1000, Some(false));
    trial.look().unwrap();
    trial.recorded();
    trial.says(0, 5000, None);
    trial.breaks(0, "the connection broke");
    trial.says(1, 9000, Some(true));
    assert_eq!(trial.look(), Err("lb-1: the connection broke".into()));
    assert_eq!(trial.recorded(), ["blind: lb-1: the connection broke @ 5010"]);
    assert_eq!(*trial.holder.borrow(), None);
    trial.says(0, 20_000, Some(false));
    trial.says(1, 20_000, None);
    trial.look().unwrap();
    assert_eq!(trial.recorded()[1..], ["sees @ 20010"], "and who holds it, which is known again");
}

#[test]
fn what_arrives_late_proves_that_it_saw_all_along() {
    let mut trial = Trial::streamed();
    trial.says(0, 1000, Some(true));
    trial.says(1, 1000, Some(false));
    trial.look().unwrap();
    trial.recorded();
    let quiet_us = trial.now_us();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while trial.look().is_ok() && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(trial.now_us() > quiet_us + 200_000);
    let blind = trial.recorded();
    assert_eq!(
        blind,
        ["blind: lb-1, lb-2: the watcher on it has said nothing for 250 ms @ 1010"],
        "since it was seen last"
    );
    for candidate in [0, 1] {
        trial.says(candidate, 2000, None);
    }
    trial.says(0, 120_000, Some(false));
    trial.says(1, 130_000, None);
    trial.look().unwrap();
    assert_eq!(trial.recorded(), [" @ 120010", "sees @ 2010"]);
}

#[test]
fn a_server_that_is_gone_held_the_address_until_its_last_look_at_least() {
    let mut trial = Trial::streamed();
    trial.says(0, 1000, Some(true));
    trial.says(1, 1000, Some(false));
    trial.look().unwrap();
    trial.says(0, 7000, None);
    trial.look().unwrap();
    trial.memory.take_events();
    while trial.now_us() < 10_000 {
        std::thread::yield_now();
    }
    trial.breaks(0, "the connection broke");
    let lb_2 = || instance("lb-2", PowerState::Running, None);
    trial.instances.send_replace(vec![instance("lb-1", PowerState::Terminated, None), lb_2()]);
    let gone_us = trial.now_us() + 50_000;
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while trial.memory.events().is_empty() && std::time::Instant::now() < deadline {
        trial.says(1, trial.now_us(), None);
        trial.look().unwrap();
    }
    let record = &trial.memory.events()[0];
    assert_eq!(record.event, Event::VirtualIpHolders { name: "www".into(), holders: vec![] });
    assert!(record.at_us < gone_us + 1_000_000, "{record:?}");
    assert!((6_990..=7_000).contains(&(record.at_us - record.resolution_us)), "{record:?}");
}

#[test]
fn a_takeover_from_a_server_that_is_gone_is_known_as_of_when_it_went() {
    let mut trial = Trial::streamed();
    trial.says(0, 1000, Some(true));
    trial.says(1, 1000, Some(false));
    trial.look().unwrap();
    trial.says(0, 7000, None);
    trial.look().unwrap();
    trial.recorded();
    while trial.now_us() < 200_000 {
        std::thread::yield_now();
    }
    // It was heard last at 7.2 ms, and left the attempt of 108 ms unanswered.
    let epoch_us = trial.recorder.clock().epoch();
    let changed = Some(Between { since_us: epoch_us + 7_200, by_us: epoch_us + 108_000 });
    let gone = Instance { changed, ..instance("lb-1", PowerState::Terminated, None) };
    trial.instances.send_replace(vec![gone, instance("lb-2", PowerState::Running, None)]);
    trial.says(1, 150_000, Some(true));
    trial.says(1, 190_000, None);
    trial.look().unwrap();
    let known_to: Vec<u64> = trial.memory.events().iter().map(|record| record.resolution_us).collect();
    assert_eq!(trial.recorded(), [" @ 108000", "lb-2 @ 150010"]);
    assert_eq!(known_to, [100_800, 1010]);
    assert_eq!(*trial.holder.borrow(), Some("lb-2".into()));
}
