//! Histories made by hand, for tests of whatever judges or renders them.
//!
//! A [`Script`] says in a few lines what happened to a website of webservers behind load balancers: what was struck,
//! what was recorded, and which requests were bad or slow; everything else went well. It is data, so that golden
//! histories are small files (`fixtures/histories/`) whose figures can be worked out by hand.
//!
//! Every script begins alike, times in ms: 0 started · 100 booted · 300 ready and in rotation, `lb-1` holds the
//! virtual IP `www` · 500 probing begins · 1,000 the scenario's zero · 6,000 the baseline was found steady.

#![allow(dead_code, reason = "each test uses a part")]

use anarcho_chimp::history::{Event, FinalState, History, Outcome, Record, Request, Work};
use anarcho_chimp::plan::{Act, Expectation, Hypothesis, ScenarioPlan};
use anarcho_chimp::settings::Settings;
use serde::{Deserialize, Serialize};

mod beginning;
mod events;
mod operations;
mod works;

use events::record;

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
    /// What users of a workload did.
    #[serde(default)]
    pub works: Vec<Work>,
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
            works: Vec::new(),
            final_state: FinalState::default(),
        }
    }

    /// With databases behind it.
    pub fn databases(mut self, databases: usize) -> Self {
        self.databases = databases;
        self
    }

    /// The watch ends then.
    pub fn until(mut self, ends_ms: u64) -> Self {
        self.ends_ms = Some(ends_ms);
        self
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
        let (works, final_state) = (self.works.clone(), self.final_state.clone());
        History { plan: self.plan(), probes, users, events, works, final_state }
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
            act_lines: Vec::new(),
            hypotheses: self.hypotheses.clone(),
            settings: self.settings.clone(),
            workload: works::workload(&self.works),
        }
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
