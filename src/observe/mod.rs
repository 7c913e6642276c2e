//! Observing a site that is there already: probes at a modest rate, without a fault, without rights, and without writing anything.
//!
//! [`watch`] sends the probes and keeps what became of them in memory; [`Findings`] are what they come to: [`Figures`], and objectives
//! that the checkers of scenarios judge; [`page`] is how people read it. [`calibrate`] finds out how well outages are measured on the
//! way to it.

use std::time::Duration;

use serde_json::json;

use crate::checker::{self, Judgement};
use crate::clock::{Clock, micros};
use crate::exit;
use crate::history::{Event, FinalState, History, Record, Recorder, Request, Source};
use crate::infrastructure::{Entry, Infrastructure};
use crate::load::{LiveStats, LoadError, PreparedRequest, Prober, ProberConfig};
use crate::measure::Timeline;
use crate::measure::validity;
use crate::plan::{Hypothesis, ScenarioPlan};
use crate::settings::Settings;
use crate::verdict::Verdict;

pub mod calibrate;
mod figures;
mod live;
mod page;
mod proxy;
mod site;
mod slo;

pub use figures::Figures;
pub use live::Live;
pub use page::page;
pub use site::SiteUrl;
pub use slo::Slo;

/// What is observed, and how.
pub struct Observation {
    /// The site, as its users call it.
    pub url: SiteUrl,
    /// What is sent to it.
    pub request: PreparedRequest,
    /// Settings in force: `[load] deadline`, `[steady]`.
    pub settings: Settings,
    /// Requests a second.
    pub rate: f64,
    /// For how long.
    pub lasts: Duration,
    /// What must be true.
    pub slos: Vec<Slo>,
}

/// What was seen of a site.
pub struct Seen {
    history: History,
    interrupted: Option<&'static str>,
}

/// What an observation comes to.
pub struct Findings {
    /// What the probes say; `None` when there was none.
    pub figures: Option<Figures>,
    /// Why it can't be believed: the prober was starved, or too few probes were sent.
    pub doubts: Vec<String>,
    /// Each objective, judged.
    pub judged: Vec<Judged>,
    /// The signal that ended it early.
    pub interrupted: Option<&'static str>,
}

/// One objective, and how it was judged.
pub struct Judged {
    /// As it was written.
    pub text: String,
    /// What its checker found.
    pub judgement: Judgement,
}

/// Sends the probes, and shows `live` how it goes once a second. Returns when it has lasted as long as it should, or a signal came.
///
/// # Errors
/// When the prober can't be started, or died.
pub async fn watch(
    observation: &Observation,
    mut live: impl FnMut(Duration, LiveStats),
    interrupted: impl Future<Output = &'static str>,
) -> Result<Seen, LoadError> {
    let (recorder, memory) = Recorder::memory(Clock::start());
    let load = &observation.settings.load;
    let config = ProberConfig {
        request: observation.request.clone(),
        rate: observation.rate,
        deadline: load.deadline,
        in_flight: (observation.rate * load.deadline.as_secs_f64()) as usize + 100,
    };
    let prober = Prober::start(config, recorder.clone())?;
    let begun = tokio::time::Instant::now();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let ends = tokio::time::sleep(observation.lasts);
    tokio::pin!(ends, interrupted);
    let signal = loop {
        tokio::select! {
            biased;
            signal = &mut interrupted => break Some(signal),
            () = &mut ends => break None,
            _ = seconds.tick() => live(begun.elapsed(), prober.live()),
        }
    };
    prober.stop().await?;
    let probes = memory.requests(Source::Prober);
    let history = recorded(observation, memory.events(), probes);
    Ok(Seen { history, interrupted: signal })
}

/// The same as a scenario without servers, steps and faults, so that the definitions and checkers of scenarios hold.
fn recorded(observation: &Observation, mut events: Vec<Record>, probes: Vec<Request>) -> History {
    let spacing_us = (1e6 / observation.rate).round() as u64;
    let (from_us, to_us) = match (probes.first(), probes.last()) {
        (Some(first), Some(last)) => (first.due_us, last.due_us + spacing_us),
        _ => (0, 0),
    };
    let at = |at_us, event| Record { at_us, scenario: 0, resolution_us: 0, event };
    events.insert(0, at(0, Event::ScenarioStarted { attempt: 1 }));
    events.push(at(from_us, Event::BaselineSteady { from_us }));
    events.push(at(to_us, Event::WatchEnded));
    let plan = plan(observation);
    History { plan, events, probes, users: Vec::new(), works: Vec::new(), final_state: FinalState::default() }
}

fn plan(observation: &Observation) -> ScenarioPlan {
    let mut settings = observation.settings.clone();
    (settings.load.rate, settings.load.users) = (observation.rate, 0);
    let hypothesis = |slo: &Slo| Hypothesis { step: slo.text.clone(), line: 0, expectation: slo.expectation.clone() };
    ScenarioPlan {
        index: 0,
        name: observation.url.to_string(),
        feature_name: String::new(),
        feature: Default::default(),
        line: 0,
        tags: Vec::new(),
        steps: Vec::new(),
        seed: 0,
        infrastructure: Infrastructure {
            servers: Default::default(),
            links: Vec::new(),
            virtual_ips: Vec::new(),
            entry: Entry::at(observation.url.host(), observation.url.port()),
            roles: Default::default(),
            databases: Default::default(),
            aliases: Default::default(),
            source: None,
        },
        acts: Vec::new(),
        act_lines: Vec::new(),
        hypotheses: observation.slos.iter().map(hypothesis).collect(),
        settings,
        workload: None,
    }
}

impl Seen {
    /// What it comes to.
    pub fn findings(&self) -> Findings {
        let history = &self.history;
        let judged = |hypothesis: &Hypothesis| Judged {
            text: hypothesis.step.clone(),
            judgement: checker::of(&hypothesis.expectation).check(history),
        };
        Findings {
            figures: Figures::of(history),
            doubts: validity::reasons(history, &Timeline::of(history)),
            judged: history.plan.hypotheses.iter().map(judged).collect(),
            interrupted: self.interrupted,
        }
    }
}

impl Findings {
    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        let any = |verdict| self.judged.iter().any(|one| one.judgement.verdict == verdict);
        let is_believed = self.doubts.is_empty();
        let is_answered = self.figures.as_ref().is_some_and(|figures| figures.good > 0);
        match () {
            () if self.interrupted.is_some() => exit::INTERRUPTED,
            () if any(Verdict::Fail) && is_believed => exit::FAIL,
            () if any(Verdict::Invalid) || !is_believed || !is_answered => exit::COULD_NOT_TELL,
            () => exit::PASS,
        }
    }

    /// All of it as JSON: the figures (`null` without a single request), what can't be believed, the objectives, and the exit code.
    pub fn json(&self, url: &SiteUrl) -> String {
        let slo = |one: &Judged| json!({ "text": one.text, "judgement": one.judgement });
        let all = json!({
            "schema": 1,
            "url": url.to_string(),
            "interrupted": self.interrupted,
            "figures": self.figures,
            "doubts": self.doubts,
            "slos": self.judged.iter().map(slo).collect::<Vec<_>>(),
            "exit_code": self.exit_code(),
        });
        serde_json::to_string_pretty(&all).expect("figures are plain data")
    }
}

/// How many probes there will be, at most.
pub fn planned(rate: f64, lasts: Duration) -> u64 {
    (rate * (micros(lasts) as f64 / 1e6)).floor() as u64
}
