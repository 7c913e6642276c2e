//! What a scenario asks for, as data: everything that is known before anything boots.
//!
//! Steps only write this. A plan can be printed, hashed, executed and judged without the feature file it came from.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checker::Expectation;
use crate::infrastructure::Infrastructure;
use crate::settings::Settings;
use crate::units::duration;

/// What a whole run will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this file's schema: 1.
    pub schema: u32,
    /// The seed of the run; each scenario's own is derived from it, its feature's path and its name.
    pub seed: u64,
    /// The provider's name: `local`.
    pub provider: String,
    /// The scenarios, in the order of their files and lines.
    pub scenarios: Vec<ScenarioPlan>,
}

/// What one scenario will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioPlan {
    /// Its place in the run, from 0; events and requests name it by this.
    pub index: u32,
    /// Its name in the feature.
    pub name: String,
    /// The feature's name.
    pub feature_name: String,
    /// The feature file, as it was given.
    pub feature: PathBuf,
    /// The line of `Scenario:` (of the row, for an outline).
    pub line: usize,
    /// Its tags and its feature's and rule's, without `@`.
    pub tags: Vec<String>,
    /// Its steps as written, the background's first.
    pub steps: Vec<StepText>,
    /// Derived from the run's seed, the feature's path and the scenario's name.
    pub seed: u64,
    /// What is provisioned.
    pub infrastructure: Infrastructure,
    /// What is done, in order.
    pub acts: Vec<Act>,
    /// What must be true.
    pub hypotheses: Vec<Hypothesis>,
    /// The defaults, `chimp.toml` and the Givens, merged.
    pub settings: Settings,
}

/// One step as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepText {
    /// `Given`, `When`, `Then`, `And`, `But`.
    pub keyword: String,
    /// The text after the keyword.
    pub text: String,
    /// Its line in the feature.
    pub line: usize,
}

/// A `Then`: judged when the watch is over, from what was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// The step's text.
    pub step: String,
    /// Its line in the feature.
    pub line: usize,
    /// What it means.
    pub expectation: Expectation,
}

/// A `When`: one thing that is done.
#[expect(clippy::large_enum_variant, reason = "a scenario has a handful of acts, most of them strikes")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A fault strikes.
    Strike {
        /// The fault, by its name in the table of [`crate::fault`].
        fault: String,
        /// What the fault needs to know beside its targets: the name of a process, say.
        argument: Option<String>,
        /// Whom.
        target: Target,
        /// When.
        schedule: Schedule,
        /// The step's text and line.
        step: StepText,
    },
    /// Nothing is done for this long; the load goes on.
    Pass(#[serde(with = "duration")] Duration),
    /// Wait until service and redundancy are back (or the watch gives up).
    AwaitRecovery,
}

/// When a strike happens and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Once; it is never healed by the nemesis.
    Once,
    /// Once, and healed after this long.
    For(#[serde(with = "duration")] Duration),
    /// Again and again at this interval, the first at once, for this long altogether.
    Every {
        /// From one strike to the next.
        #[serde(with = "duration")]
        interval: Duration,
        /// How long strikes go on.
        #[serde(with = "duration")]
        total: Duration,
    },
}

/// Whom a strike hits: a way to choose, of which servers, and how they are narrowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// How to choose.
    pub choice: Choice,
    /// Among servers called this: `node`, `webserver`, `load balancer`, or a role's name.
    pub role: String,
    /// Only in this zone.
    pub zone: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// As written, for reports: `the highest-degree node`.
    pub text: String,
}

/// How the targets of a strike are chosen; each is one selector in [`crate::selector`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// `node "web-1"`
    Named(String),
    /// `a random webserver`, `2 random webservers`
    Random(usize),
    /// `50% of the webservers`: rounded up, so that it is never nobody.
    Share(f64),
    /// `every webserver`
    Every,
    /// `the highest-degree node`, `the 2 highest-degree nodes`
    HighestDegree(usize),
    /// `the active load balancer`: the holder of the virtual IP, found at the strike.
    Active,
    /// `the standby load balancer`: who could hold the virtual IP and does not, found at the strike.
    Standby,
    /// `the same webserver`: whom the strike before hit.
    Same,
}
