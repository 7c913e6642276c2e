//! `run.json`: what a run came to, as data. `docs/run.schema.json` is derived from these types, their docs included.
//!
//! Units and the origin of a time are in a field's name: `*_at_s` counts from the scenario's zero (the start of its
//! steady baseline), `*_after_t0_s` from t0, any other `*_s` is a duration. Null means never, or not observed. Times are
//! whole microseconds. Seeds are text: they are larger than what JavaScript and jq can hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::DeclaredDelay;
use crate::plan::Phase;
use crate::plan::StepText;
use crate::verdict::Verdict;

mod containers;
mod course;
mod data;
mod nginx;
mod seed_text;
mod site;

pub use containers::ContainerRecord;
pub use course::{MilestoneRow, MilestoneState, Milestones, ModelFigures, Of, RelapseRecord, SlownessRecord};
pub use data::DataFigures;
pub use nginx::NginxRecord;
pub use site::{ServerRecord, SinglePointRecord};

/// The version of this schema. Whatever a reader could trip over raises it.
pub const SCHEMA: u32 = 3;

/// The whole of `run.json`: what a run came to.
///
/// Units and the origin of a time are in a field's name: `*_at_s` counts from the scenario's zero, the start of its steady
/// baseline; `*_after_t0_s` counts from t0, the moment at which the first fault may have come into force; any other `*_s`
/// is a duration. Seconds and milliseconds are exact to the microsecond. Null means never, not observed, or not known.
/// Seeds are text, since they are larger than what JavaScript and jq can hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunRecord {
    /// The version of this schema: 3.
    pub schema: u32,
    /// `2026-11-23T08-20-11Z-7`: start and seed.
    pub run_id: String,
    /// The seed of the run: a whole number of 64 bits, as text.
    #[serde(with = "seed_text")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub seed: u64,
    /// Where it ran: the environment's name.
    pub environment: String,
    /// The worst of the scenarios'.
    pub verdict: Verdict,
    /// What the process ended with.
    pub exit_code: u8,
    /// When it started, RFC 3339, in UTC.
    pub started_at: String,
    /// When the last event was recorded, RFC 3339, in UTC; null where it is not known.
    pub ended_at: Option<String>,
    /// From start to end.
    pub duration_s: f64,
    /// The version of anarcho-chimp that recorded it.
    pub chimp_version: String,
    /// The kernel's release.
    pub kernel: String,
    /// How many CPUs the machine has.
    pub cpus: usize,
    /// Program → its own words about its version: haproxy, nginx, keepalived, sshd.
    pub programs: BTreeMap<String, String>,
    /// The command that does the whole run again, seed included.
    pub command: String,
    /// The commit of the working tree it ran in, where there is one.
    pub git_sha: Option<String>,
    /// 1 unless a scenario declared time to run faster: the most that any did. Such a run is no part of a trend.
    pub time_scale: f64,
    /// Why the run ended early, if it did.
    pub interrupted: Option<String>,
    /// SHA-256 of the plan.
    pub plan_sha256: String,
    /// The scenarios, in order.
    pub scenarios: Vec<ScenarioRecord>,
}

impl RunRecord {
    /// Begins [`interrupted`](Self::interrupted) where a signal that could be handled ended the run.
    pub const INTERRUPTED_BY: &'static str = "interrupted by ";

    /// Whether the record stops in the middle: the run was killed, or is still under way.
    pub fn was_cut_off(&self) -> bool {
        self.interrupted.as_ref().is_some_and(|why| !why.starts_with(Self::INTERRUPTED_BY))
    }
}

/// What one scenario came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ScenarioRecord {
    /// Its index in the plan.
    pub index: u32,
    pub name: String,
    pub feature_name: String,
    /// The feature file.
    pub feature: String,
    pub line: usize,
    /// Its tags and its feature's and rule's, without `@`.
    pub tags: Vec<String>,
    /// Its own seed, derived from the run's: a whole number of 64 bits, as text.
    #[serde(with = "seed_text")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub seed: u64,
    /// The command that runs this scenario alone again, with the same seed; null if the run had no such command.
    pub reproduce: Option<String>,
    /// When its last attempt started, RFC 3339, in UTC; null if it never did.
    pub started_at: Option<String>,
    /// Its steps as written, the background's first.
    pub steps: Vec<StepText>,
    /// The servers that were declared.
    pub servers: Vec<ServerRecord>,
    /// The servers without which no request can be served, by the graph of what was declared.
    pub single_points_of_failure: Vec<SinglePointRecord>,
    /// The settings in force, by section and name as in `chimp.toml`.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, serde_json::Value>"))]
    pub settings: serde_json::Value,
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reason: Option<String>,
    /// The verdict in one sentence.
    pub headline: String,
    /// How often it was tried; more than 1 only after `infra` or `invalid`.
    pub attempts: u32,
    /// What each attempt before the last came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discarded: Vec<String>,
    pub duration_s: f64,
    pub hypotheses: Vec<HypothesisRecord>,
    pub strikes: Vec<StrikeOutcome>,
    pub phases: Vec<PhaseRecord>,
    pub milestones: Milestones,
    /// What happened after recovery, in the order of their starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relapses: Vec<RelapseRecord>,
    /// How many requests of the open-loop prober were due, throughout; null without any.
    pub probes_due: Option<u64>,
    /// How many of them were not good.
    pub probes_failed: Option<u64>,
    /// Sum of the downtime windows.
    pub downtime_total_s: Option<f64>,
    /// The longest downtime window.
    pub downtime_longest_s: Option<f64>,
    /// How many downtime windows.
    pub outages: Option<u32>,
    /// How long users waited too long; null without probes.
    #[serde(default)]
    pub slowness: Option<SlownessRecord>,
    /// Good ÷ due, throughout.
    pub availability_pct: Option<f64>,
    /// Of runs that were watched for 200 s after t0 or longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime: Option<UptimeRecord>,
    /// The deadline that availability is quoted with.
    pub deadline_ms: f64,
    /// How many times faster than declared declared waits passed; 1: as declared.
    #[serde(default = "one")]
    pub time_scale: f64,
    /// What was measured, in model time; null unless time was declared to run faster.
    #[serde(default)]
    pub model: Option<ModelFigures>,
    /// The waits that were declared, in the order of their begins.
    #[serde(default)]
    pub declared_waits: Vec<WaitRecord>,
    /// Quantiles over the span from t0 that `stays` is judged over.
    pub worst_second: Option<WorstSecond>,
    /// What became of what users wrote; null where they only browse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataFigures>,
    /// The servers that keep data and were replaced, where no step asks what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked_data: Vec<String>,
    /// What was done after the first strike to bring back what was declared, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub healing: Vec<HealingRecord>,
    /// What Docker reported of the containers that stood for servers, in its order; absent where servers are no containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerRecord>,
    /// What each nginx counted whose `stub_status` was declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nginx: Vec<NginxRecord>,
    /// Faults that were not seen to be lifted, and what was found on the machine after the scenario: none, as it must be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<String>,
    /// How many requests were sent to the API of a cloud for the last attempt; absent where there is no such API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_requests: Option<u64>,
    pub validity: Validity,
}

/// Something that was done to bring back what was declared, or could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HealingRecord {
    pub at_s: f64,
    pub server: String,
    /// `missing`, `boot`, `replaced`, a step of a database's: `fence`, `salvage`, `promote`, `rebuild`, `wait`…
    pub what: String,
    pub detail: String,
    /// False of what failed or could not be done yet.
    pub done: bool,
}

/// One `Then`, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HypothesisRecord {
    pub step: String,
    pub line: usize,
    pub expected: String,
    pub observed: String,
    pub value: Option<f64>,
    pub unit: String,
    /// Between which two the value truly lies, in the same unit; null where it is exact, or there is none.
    #[serde(default)]
    pub low: Option<f64>,
    #[serde(default)]
    pub high: Option<f64>,
    /// How far the value is inside (positive) or outside (negative) the bound, in percent of the bound.
    pub margin_pct: Option<f64>,
    /// Of an availability: the share of the error budget that was used, in percent.
    #[serde(default)]
    pub budget_used_pct: Option<f64>,
    /// How many samples were judged; null where one event is judged.
    pub n: Option<u64>,
    pub verdict: Verdict,
    pub reason: Option<String>,
}

/// One strike on one target, as it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StrikeOutcome {
    pub strike: u32,
    pub fault: String,
    pub step: String,
    pub line: usize,
    pub target: String,
    /// Why this target: ties and draws.
    pub why: String,
    /// When injecting started.
    pub injected_at_s: Option<f64>,
    /// When it may have come into force, at the earliest; null if no witness confirmed it.
    pub onset_at_s: Option<f64>,
    /// When it surely was in force: its witness saw it there.
    pub witnessed_at_s: Option<f64>,
    /// What the witness saw.
    pub witness: String,
    /// When it was seen to be lifted.
    pub healed_at_s: Option<f64>,
    /// How long after its onset everything was as before: a steady window with redundancy, after its heal if it lasts
    /// for a while. Null where that never came, or it was not confirmed.
    #[serde(default)]
    pub normal_after_onset_s: Option<f64>,
}

/// Availability of a long run from t0 on, with how sure the figure is. See [`crate::measure::uptime`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UptimeRecord {
    /// Good ÷ due, from t0 until the watch ended.
    pub availability_pct: f64,
    /// The lower end of the 95 % confidence interval.
    pub low_pct: f64,
    /// Its upper end.
    pub high_pct: f64,
    /// How many blocks of 10 s it rests on.
    pub blocks: usize,
}

/// One phase, measured by the prober.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PhaseRecord {
    pub phase: Phase,
    pub start_at_s: f64,
    pub end_at_s: f64,
    pub due: u64,
    pub good: u64,
    pub availability_pct: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
    /// The longest latency; what stands where a quantile has too few samples.
    #[serde(default)]
    pub max_ms: Option<f64>,
    pub throughput_rps: f64,
}

/// One declared wait, as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaitRecord {
    pub part: DeclaredDelay,
    pub server: String,
    pub start_at_s: f64,
    /// What was waited.
    pub waited_s: f64,
    /// What that stands for.
    pub model_s: f64,
}

fn one() -> f64 {
    1.0
}

/// The second (by due time, from t0) with the most bad or slow requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorstSecond {
    pub start_at_s: f64,
    pub due: u64,
    pub good: u64,
    pub p99_ms: f64,
}

/// Whether the run can be believed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Validity {
    /// Whether the baseline was steady.
    pub steady_before: bool,
    /// How much later than due probes were sent, at p99.
    pub lateness_p99_ms: Option<f64>,
    /// The highest CPU pressure seen (`some avg10`), where the kernel tells.
    pub cpu_pressure_pct: Option<f64>,
    /// Every strike's witness confirmed.
    pub faults_confirmed: bool,
    /// What the recorder had to drop.
    pub recorder_drops: u64,
    /// Finest difference in time that may be asserted: max(1/rate, lateness p99).
    pub resolution_ms: Option<f64>,
    /// Requests that users made; they never count in a verdict.
    pub user_requests: u64,
    /// Every reason not to believe it.
    pub reasons: Vec<String>,
}
