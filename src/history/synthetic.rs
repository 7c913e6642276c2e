//! Histories made by hand, for tests of whatever judges or renders them.
//!
//! A [`Script`] says in a few lines what happened to a website of webservers behind load balancers: what was struck,
//! what was recorded, and which requests were bad or slow; everything else went well. It is data, so that golden
//! histories are small files (`fixtures/histories/`) whose figures can be worked out by hand.
//!
//! Every script begins alike, times in ms: 0 started · 100 booted · 300 ready and in rotation, `lb-1` holds the
//! virtual IP `www` · 500 probing begins · 1,000 the scenario's zero · 6,000 the baseline was found steady.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::final_state::{Content, DatabaseRead, Found};
use crate::history::operation::{Page, Posts, Saw};
use crate::history::{
    DeclaredDelay, Ended, Event, FinalState, History, Onset, Op, Operation, Outcome, Record, Request,
};
use crate::infrastructure::{Entry, Infrastructure, Server, VirtualIp};
use crate::instance::PowerState;
use crate::plan::Expectation;
use crate::plan::{Act, Choice, Hypothesis, Parameters, ScenarioPlan, Schedule, StepText, StrikeOrder, Target};
use crate::role::{Readiness, Role};
use crate::settings::Settings;

/// When probing begins.
pub const PROBING_MS: u64 = 500;
/// The scenario's zero.
pub const ZERO_MS: u64 = 1_000;
/// When the baseline was found steady: strikes may begin.
pub const STEADY_MS: u64 = 6_000;
/// The latency of a request that no stretch says anything of.
pub const LATENCY_US: u32 = 5_000;

/// What happened, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// How many webservers: `web-1` and so on.
    pub webservers: usize,
    /// How many load balancers: `lb-1` and so on; two or more share the virtual IP `www`.
    pub load_balancers: usize,
    /// How many databases: `db-1` and so on; the first takes writes, the others replicate.
    #[serde(default)]
    pub databases: usize,
    /// Which of them are spares, which no balancer knows.
    #[serde(default)]
    pub spares: Vec<String>,
    /// When the watch ended; without it, it did not.
    pub ends_ms: Option<u64>,
    /// As of a scenario.
    #[serde(default)]
    pub settings: Settings,
    /// What was asked for.
    #[serde(default)]
    pub acts: Vec<Act>,
    /// What must be true.
    #[serde(default)]
    pub hypotheses: Vec<Hypothesis>,
    /// What was recorded after the common beginning, in any order.
    #[serde(default)]
    pub events: Vec<Record>,
    /// The probes that were not answered well within 5 ms; of two that overlap, the later in the list counts.
    #[serde(default)]
    pub probes: Vec<Stretch>,
    /// From one request of the users to the next; 0: they sent nothing.
    #[serde(default = "ten")]
    pub users_every_ms: u64,
    /// What users did.
    #[serde(default)]
    pub operations: Vec<Operation>,
    /// What the databases held in the end.
    #[serde(default)]
    pub final_state: FinalState,
}

/// Requests due in a stretch of time, half-open, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    pub from_ms: f64,
    pub to_ms: f64,
    /// `None`: they are not on record at all.
    pub outcome: Option<Outcome>,
    #[serde(default)]
    pub latency_ms: f64,
    /// How much later than due they were sent.
    #[serde(default)]
    pub late_ms: f64,
}

fn ten() -> u64 {
    10
}

impl Script {
    /// A website on which nothing happens, watched for 20 s.
    pub fn website(webservers: usize, load_balancers: usize) -> Self {
        Script {
            webservers,
            load_balancers,
            databases: 0,
            spares: Vec::new(),
            ends_ms: Some(20_000),
            settings: Settings::default(),
            acts: Vec::new(),
            hypotheses: Vec::new(),
            events: Vec::new(),
            probes: Vec::new(),
            users_every_ms: ten(),
            operations: Vec::new(),
            final_state: FinalState::default(),
        }
    }

    /// With databases behind it.
    pub fn databases(mut self, databases: usize) -> Self {
        self.databases = databases;
        self
    }

    /// An operation of a user.
    pub fn operation(mut self, process: &str, op: Op, invoked_ms: u64, ended_ms: u64, outcome: Ended) -> Self {
        let (process, invoked_us, ended_us) = (process.into(), invoked_ms * 1000, ended_ms * 1000);
        self.operations.push(Operation { process, op, invoked_us, ended_us, outcome, detail: None });
        self
    }

    /// A post that was acknowledged after 10 ms.
    pub fn posts(self, process: &str, seq: u32, at_ms: u64) -> Self {
        self.operation(process, Op::Post { seq }, at_ms, at_ms + 10, Ended::Ok)
    }

    /// A user reads somebody's posts, all of them, and sees these.
    pub fn sees(self, process: &str, author: &str, seqs: &[u32], at_ms: u64) -> Self {
        let posts = Posts([(author.to_string(), seqs.iter().copied().collect())].into());
        let op = Op::Read { page: Page::PostsOf(author.into()), saw: Some(Saw { posts, whole: true }) };
        self.operation(process, op, at_ms, at_ms + 5, Ended::Ok)
    }

    /// What a database held in the end, read a second after the watch ended.
    pub fn holds(mut self, server: &str, content: Content) -> Self {
        let (server, found) = (server.into(), Found::Content(content));
        let at_us = (self.ends_ms.unwrap_or(0) + 1000) * 1000;
        self.final_state.databases.push(DatabaseRead { server, at_us, found });
        self
    }

    /// A database's own view of itself changed.
    pub fn database_view(self, at_ms: u64, server: &str, writable: bool) -> Self {
        self.event(at_ms, database_view(server, writable))
    }

    /// The watch ends then.
    pub fn until(mut self, ends_ms: u64) -> Self {
        self.ends_ms = Some(ends_ms);
        self
    }

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
        let target =
            Target { choice: Choice::Random(1), role: "node".into(), zone: None, tag: None, text: "a node".into() };
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
            script.event(by_ms, Event::FaultConfirmed { strike, target, onset, evidence })
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
        self.event(at_ms, Event::ObserverBlind { observer, of, detail })
    }

    /// An observer sees again what it watches.
    pub fn sees_again(self, at_ms: u64, observer: &str, of: &str) -> Self {
        self.event(at_ms, Event::ObserverSees { observer: observer.into(), of: of.into() })
    }

    /// Probes due in this stretch were bad: refused at once, a 503 within 1 ms, or any other way.
    pub fn bad(self, from_ms: f64, to_ms: f64, outcome: Outcome) -> Self {
        let latency_ms = if outcome == Outcome::Timeout { 5000.0 } else { 1.0 };
        self.stretch(Stretch { from_ms, to_ms, outcome: Some(outcome), latency_ms, late_ms: 0.0 })
    }

    /// Probes due in this stretch were good after `latency_ms`.
    pub fn slow(self, from_ms: f64, to_ms: f64, latency_ms: f64) -> Self {
        self.stretch(Stretch { from_ms, to_ms, outcome: Some(Outcome::Good), latency_ms, late_ms: 0.0 })
    }

    /// Says something of the probes of a stretch.
    pub fn stretch(mut self, stretch: Stretch) -> Self {
        self.probes.push(stretch);
        self
    }

    /// A `Then`.
    pub fn expects(mut self, expectation: Expectation) -> Self {
        let line = 20 + self.hypotheses.len();
        self.hypotheses.push(Hypothesis { step: format!("hypothesis {line}"), line, expectation });
        self
    }

    /// The whole history.
    pub fn history(&self) -> History {
        let mut events = self.beginning();
        events.extend(self.events.iter().cloned());
        events.extend(self.ends_ms.map(|ends| record(ends, Event::WatchEnded)));
        events.sort_by_key(|record| record.at_us);
        let last_ms = events.last().map_or(0, |record| record.at_us / 1000);
        let (probes, users) = (self.requests(last_ms), self.users(last_ms));
        let (operations, final_state) = (self.operations.clone(), self.final_state.clone());
        History { plan: self.plan(), probes, users, events, operations, final_state }
    }

    /// The plan alone.
    pub fn plan(&self) -> ScenarioPlan {
        ScenarioPlan {
            index: 0,
            name: "A synthetic scenario".into(),
            feature_name: "Synthetic".into(),
            feature: "features/synthetic.feature".into(),
            line: 3,
            tags: Vec::new(),
            steps: Vec::new(),
            seed: 7,
            infrastructure: self.infrastructure(),
            acts: self.acts.clone(),
            hypotheses: self.hypotheses.clone(),
            settings: self.settings.clone(),
        }
    }

    fn infrastructure(&self) -> Infrastructure {
        let (web, balancers) = (names("web", self.webservers), names("lb", self.load_balancers));
        let mut servers: BTreeMap<String, Server> = BTreeMap::new();
        servers.extend(web.iter().map(|name| (name.clone(), server(name, "webserver"))));
        servers.extend(balancers.iter().map(|name| (name.clone(), server(name, "webhaproxy"))));
        servers.extend(names("db", self.databases).into_iter().map(|name| (name.clone(), server(&name, "database"))));
        for server in servers.values_mut() {
            server.spare = self.spares.contains(&server.name);
        }
        let placed = || web.iter().filter(|name| !self.spares.contains(name));
        let links = balancers.iter().flat_map(|lb| placed().map(move |web| (lb.clone(), web.clone()))).collect();
        let shared = (balancers.len() > 1).then(|| VirtualIp { name: "www".into(), holders: balancers.clone() });
        let host = shared.as_ref().map_or_else(|| names("lb", 1)[0].clone(), |shared| shared.name.clone());
        let mut roles = vec![role("webserver", "webserver"), role("webhaproxy", "load balancer")];
        roles.extend((self.databases > 0).then(|| role("database", "database")));
        Infrastructure {
            servers,
            links,
            virtual_ips: shared.into_iter().collect(),
            entry: Entry { host, port: 80 },
            databases: Default::default(),
            aliases: BTreeMap::new(),
            roles: roles.into_iter().map(|role| (role.name.clone(), role)).collect(),
            source: None,
        }
    }

    fn beginning(&self) -> Vec<Record> {
        let (web, balancers) = (names("web", self.webservers), names("lb", self.load_balancers));
        let databases = names("db", self.databases);
        let (rate, deadline_ms) = (self.settings.load.rate, self.settings.load.deadline.as_secs_f64() * 1000.0);
        let mut events = vec![record(0, Event::ScenarioStarted { attempt: 1 })];
        events.extend(databases.iter().map(|name| record(300, database_view(name, name == "db-1"))));
        for name in web.iter().chain(&balancers).chain(&databases) {
            events.push(record(100, booted(name, 1)));
            events.push(record(300, Event::ServerReady { server: name.clone(), instance: format!("{name}.1") }));
        }
        for balancer in &balancers {
            let placed = web.iter().filter(|name| !self.spares.contains(name));
            events.extend(placed.map(|server| record(300, view(balancer, server, "UP"))));
        }
        if balancers.len() > 1 {
            let holders = vec![balancers[0].clone()];
            events.push(record(300, Event::VirtualIpHolders { name: "www".into(), holders }));
        }
        events.push(record(PROBING_MS, Event::ProbingStarted { rate, deadline_ms }));
        let steady = !self.events.iter().any(|record| matches!(record.event, Event::BaselineUnsteady { .. }));
        events.extend(steady.then(|| record(STEADY_MS, Event::BaselineSteady { from_us: ZERO_MS * 1000 })));
        events
    }

    fn requests(&self, last_ms: u64) -> Vec<Request> {
        let rate = self.settings.load.rate;
        let dues = (0u64..).map(|k| PROBING_MS * 1000 + (k as f64 * 1e6 / rate).round() as u64);
        dues.take_while(|due| *due < last_ms * 1000).filter_map(|due| self.request(due)).collect()
    }

    fn request(&self, due_us: u64) -> Option<Request> {
        let at_ms = due_us as f64 / 1000.0;
        let micros = |ms: f64| (ms * 1000.0).round() as u32;
        match self.probes.iter().rev().find(|stretch| stretch.from_ms <= at_ms && at_ms < stretch.to_ms) {
            None => Some(Request { due_us, late_us: 0, latency_us: LATENCY_US, outcome: Outcome::Good }),
            Some(stretch) => Some(Request {
                due_us,
                late_us: micros(stretch.late_ms),
                latency_us: micros(stretch.latency_ms),
                outcome: stretch.outcome?,
            }),
        }
    }

    fn users(&self, last_ms: u64) -> Vec<Request> {
        let good = |due_us| Request { due_us, late_us: 0, latency_us: LATENCY_US, outcome: Outcome::Good };
        let ticks = (PROBING_MS..last_ms).filter(|ms| self.users_every_ms > 0 && ms % self.users_every_ms == 0);
        ticks.map(|ms| good(ms * 1000)).collect()
    }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|k| format!("{prefix}-{k}")).collect()
}

fn record(at_ms: u64, event: Event) -> Record {
    Record { at_us: at_ms * 1000, scenario: 0, resolution_us: 0, event }
}

fn booted(server: &str, generation: u32) -> Event {
    let (instance, address) = (format!("{server}.{generation}"), "198.18.0.9".into());
    Event::InstanceBooted { server: server.into(), instance, address }
}

fn view(balancer: &str, server: &str, status: &str) -> Event {
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

fn database_view(server: &str, writable: bool) -> Event {
    let (server, gtid) = (server.to_string(), "0-1-1".to_string());
    Event::DatabaseView { server, writable, gtid, replicating: !writable, lag_ms: (!writable).then_some(0.0) }
}

fn server(name: &str, role: &str) -> Server {
    let (tags, zone, boot_delay, install_delay, configure_delay, spare) = Default::default();
    let (name, role) = (name.into(), role.into());
    Server { name, role, tags, zone, boot_delay, install_delay, configure_delay, spare }
}

fn role(name: &str, word: &str) -> Role {
    Role {
        name: name.into(),
        noun: word.into(),
        files: Vec::new(),
        run: Vec::new(),
        services: Vec::new(),
        readiness: Readiness { http: None, tcp: true, port: None, within: Duration::from_secs(10) },
        reload: None,
        port: 80,
        programs: Vec::new(),
        packages: Vec::new(),
        monit: false,
        stats_socket: None,
        standby_backends: Vec::new(),
        database: None,
        source: None,
    }
}
