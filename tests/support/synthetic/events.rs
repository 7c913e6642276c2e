//! What was recorded of a website: strikes, repairs, and what observers saw.

use anarcho_chimp::history::{DeclaredDelay, Event, Onset, Record};
use anarcho_chimp::instance::PowerState;
use anarcho_chimp::plan::{Act, Choice, Parameters, Schedule, StepText, StrikeOrder, Target};

use super::Script;

impl Script {
    /// Records an event.
    pub fn event(mut self, at_ms: u64, event: Event) -> Self {
        self.events.push(Record { at_us: at_ms * 1000, scenario: 0, resolution_us: 0, event });
        self
    }

    /// A `When`, without anything that came of it.
    pub fn asks(mut self, fault: &str, schedule: Schedule) -> Self {
        let line = self.acts.len() + 10;
        let text = format!("a node {fault}");
        let step = StepText { keyword: "When".into(), text, line };
        let target = Target::of(Choice::Random(1), "node", "a node");
        let order = StrikeOrder { fault: fault.into(), with: Parameters::default(), target, partition: None, step };
        self.acts.push(Act::Strike { order, schedule });
        self
    }

    /// A strike that begins at `at_ms` and is confirmed 10 ms later at all of its targets: t0 is `at_ms`.
    pub fn strike(self, at_ms: u64, fault: &str, targets: &[&str]) -> Self {
        let number = self.acts.len() as u32;
        self.strike_unconfirmed(at_ms, fault, targets, Schedule::Once).confirm(at_ms + 10, number, targets)
    }

    /// A strike of which the witness has said nothing yet.
    pub fn strike_unconfirmed(self, at_ms: u64, fault: &str, targets: &[&str], schedule: Schedule) -> Self {
        let (strike, line) = (self.acts.len() as u32, self.acts.len() + 10);
        let targets = targets.iter().map(ToString::to_string).collect();
        let (fault, step, why) = (fault.to_string(), format!("a node {fault}"), "drawn".to_string());
        self.asks(&fault.clone(), schedule)
            .event(at_ms, Event::StrikeResolved { strike, fault, step, line, targets, why })
            .event(at_ms, Event::InjectionStarted { strike })
    }

    /// The witness confirms a strike, which may have been in force since injecting began.
    pub fn confirm(self, at_ms: u64, strike: u32, targets: &[&str]) -> Self {
        let not_before_ms = self.injected_ms(strike);
        self.came_into_force(not_before_ms, at_ms, strike, targets)
    }

    /// A strike came into force between two moments; the harness heard of it at the later one.
    pub fn came_into_force(self, not_before_ms: u64, by_ms: u64, strike: u32, targets: &[&str]) -> Self {
        let onset = Onset { not_before_us: not_before_ms * 1000, by_us: by_ms * 1000 };
        targets.iter().fold(self, |script, target| {
            let (target, evidence) = (target.to_string(), "first process gone".into());
            script.event(by_ms, Event::FaultConfirmed { strike, target, onset, alive_us: None, evidence })
        })
    }

    fn injected_ms(&self, number: u32) -> u64 {
        let began = |record: &&Record| matches!(record.event, Event::InjectionStarted { strike } if strike == number);
        self.events.iter().find(began).map_or(0, |record| record.at_us / 1000)
    }

    /// A strike at which a server dies for good, the instance observer seeing it 5 ms later.
    pub fn dies(self, at_ms: u64, server: &str) -> Self {
        self.strike(at_ms, "dies", &[server]).state(at_ms + 5, server, 1, PowerState::Terminated)
    }

    /// All strikes so far were those of one step that strikes in turn.
    pub fn in_turn(mut self) -> Self {
        let Some(Act::Strike { order, .. }) = self.acts.first().cloned() else { return self };
        let first = order.step.line;
        for record in &mut self.events {
            if let Event::StrikeResolved { line, .. } = &mut record.event {
                *line = first;
            }
        }
        self.acts = vec![Act::InTurn { order }];
        self
    }

    /// An instance changed its state; `generation` 1 is the first of a server.
    pub fn state(self, at_ms: u64, server: &str, generation: u32, state: PowerState) -> Self {
        let (server, instance, evidence) = (server.to_string(), format!("{server}.{generation}"), "seen".to_string());
        self.event(at_ms, Event::InstanceState { server, instance, state, evidence })
    }

    /// The reconciler misses a server, then boots its second instance, then that is ready.
    pub fn replaced(self, missing_ms: u64, booted_ms: u64, ready_ms: u64, server: &str) -> Self {
        let name = || server.to_string();
        let instance = format!("{server}.2");
        self.event(missing_ms, Event::ReconcilerMissing { server: name(), found: "terminated".into() })
            .event(booted_ms, booted(server, 2))
            .event(ready_ms, Event::ReconcilerReplaced { server: name(), instance })
    }

    /// A declared wait on a server, `waited_ms` long.
    pub fn waits(self, at_ms: u64, part: DeclaredDelay, server: &str, waited_ms: u64) -> Self {
        let faster = f64::from(self.settings.time.faster);
        let (server, waited_ms) = (server.to_string(), waited_ms as f64);
        self.event(at_ms, Event::DeclaredWait { part, server, declared_ms: waited_ms * faster, waited_ms })
    }

    /// A balancer's view of a server changed.
    pub fn view(self, at_ms: u64, balancer: &str, server: &str, status: &str) -> Self {
        self.event(at_ms, view(balancer, server, status))
    }

    /// The holders of `www` changed.
    pub fn holders(self, at_ms: u64, holders: &[&str]) -> Self {
        let holders = holders.iter().map(ToString::to_string).collect();
        self.event(at_ms, Event::VirtualIpHolders { name: "www".into(), holders })
    }

    /// An observer lost sight of what it watches.
    pub fn blind(self, at_ms: u64, observer: &str, of: &str) -> Self {
        let (observer, of, detail) = (observer.to_string(), of.to_string(), "no answer".to_string());
        self.event(at_ms, Event::ObserverBlind { observer, of, detail, servers: vec![] })
    }

    /// An observer sees again what it watches.
    pub fn sees_again(self, at_ms: u64, observer: &str, of: &str) -> Self {
        self.event(at_ms, Event::ObserverSees { observer: observer.into(), of: of.into() })
    }
}

pub(super) fn record(at_ms: u64, event: Event) -> Record {
    Record { at_us: at_ms * 1000, scenario: 0, resolution_us: 0, event }
}

pub(super) fn booted(server: &str, generation: u32) -> Event {
    let (instance, address) = (format!("{server}.{generation}"), "198.18.0.9".into());
    Event::InstanceBooted { server: server.into(), instance, address }
}

pub(super) fn view(balancer: &str, server: &str, status: &str) -> Event {
    let (up, standby) = (status.starts_with("UP"), status == "standby");
    let check = if up { "L7OK" } else { "L4TOUT" };
    Event::BalancerView {
        balancer: balancer.into(),
        backend: "web".into(),
        server: server.into(),
        status: status.into(),
        check: check.into(),
        up,
        standby,
    }
}

pub(super) fn database_view(server: &str, writable: bool) -> Event {
    let (server, gtid) = (server.to_string(), "0-1-1".to_string());
    Event::DatabaseView { server, writable, gtid, replicating: !writable, lag_ms: (!writable).then_some(0.0) }
}
