//! What a scenario asks for, as data: everything that is known before anything boots.
//!
//! Steps only write this. A plan can be printed, hashed, executed and judged without the feature file it came from.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::infrastructure::Infrastructure;
use crate::settings::Settings;
use crate::units::{Percent, duration, shown_alike};
use crate::workload::Workload;
use reconciler_step::ReconcilerStep;

mod agent;
pub mod expectation;
mod hash;
mod read;
pub mod reconciler_step;
pub(crate) mod seed_text;

pub use agent::Agent;
pub use expectation::{Expectation, Interval, Phase};
pub use read::{PlanError, bundle_instead, read_plan};

/// The version of a plan's schema. It rises when fields change, and when the same seed draws something else: 2 since
/// every decision has its own generator ([`crate::draw`]), 3 since faults have the field's names, 4 since users of
/// the demonstration site work with a registered workload.
pub const SCHEMA: u32 = 4;

/// What a whole run will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this file's schema: [`SCHEMA`].
    pub schema: u32,
    /// The seed of the run; each scenario's own is derived from it, its feature's path and its name.
    #[serde(with = "seed_text")]
    pub seed: u64,
    /// Where its scenarios run: the environment's name.
    pub environment: String,
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
    #[serde(with = "seed_text")]
    pub seed: u64,
    /// What is provisioned.
    pub infrastructure: Infrastructure,
    /// What is done, in order.
    pub acts: Vec<Act>,
    /// The line of the step that says each act; empty in plans of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub act_lines: Vec<usize>,
    /// What must be true.
    pub hypotheses: Vec<Hypothesis>,
    /// The defaults, `chimp.toml` and the Givens, merged.
    pub settings: Settings,
    /// What users do with the application's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
}

impl ScenarioPlan {
    /// What it is called on the command line: `features/card::The sentence on the card`.
    pub fn address(&self) -> String {
        format!("{}::{}", self.feature.with_extension("").display(), self.name)
    }
}

/// One step as written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Act {
    /// A fault strikes.
    Strike {
        /// What, whom.
        #[serde(flatten)]
        order: StrikeOrder,
        /// When.
        schedule: Schedule,
    },
    /// Faults of this list strike at random: at each moment one of them, all drawn with the seed.
    Random {
        /// The list; all of them have the step's own line.
        orders: Vec<StrikeOrder>,
        /// How probable each is at a moment, in the order of the list; together 1.
        shares: Vec<f64>,
        /// Moments are a Poisson process with this mean time between strikes, of all orders together.
        #[serde(with = "duration")]
        mean: Duration,
        /// For how long strikes go on.
        #[serde(with = "duration")]
        total: Duration,
    },
    /// Each server of the target is struck, one after the other, with a wait for recovery after each.
    InTurn {
        /// What; its target is everybody who is struck.
        #[serde(flatten)]
        order: StrikeOrder,
    },
    /// An agent stops, and stays so until it is started again.
    AgentStops(Agent),
    /// An agent that was stopped starts again.
    AgentStarts(Agent),
    /// The reconciler is killed the next time it comes to this step, and started again by its supervisor.
    ReconcilerDies(ReconcilerStep),
    /// Every fault that is still there is healed.
    LiftAll,
    /// Nothing is done for this long; the load goes on.
    Pass(#[serde(with = "duration")] Duration),
    /// Wait until service and redundancy are back (or the watch gives up).
    AwaitRecovery,
}

impl Act {
    /// Whether anything is struck by it.
    pub(crate) fn strikes(&self) -> bool {
        !self.orders().is_empty()
    }

    /// Its orders.
    pub fn orders(&self) -> &[StrikeOrder] {
        match self {
            Act::Strike { order, .. } | Act::InTurn { order } => std::slice::from_ref(order),
            Act::Random { orders, .. } => orders,
            Act::LiftAll | Act::Pass(_) | Act::AwaitRecovery => &[],
            Act::AgentStops(_) | Act::AgentStarts(_) | Act::ReconcilerDies(_) => &[],
        }
    }
}

/// One fault with everything it needs to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrikeOrder {
    /// The fault, by its name in the table of [`crate::fault`].
    pub fault: String,
    /// What it needs to know beside its targets.
    #[serde(default)]
    pub with: Parameters,
    /// Whom.
    pub target: Target,
    /// Which servers are separated from which, for a partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// The step's text and line.
    pub step: StepText,
}

/// What a fault may need to be told; each says which of these it takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Parameters {
    /// The name of a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Instead of a name: one of the processes that the victim's role declares, drawn at the strike.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub random_process: bool,
    /// The signal that ends a process, without `SIG`; `None`: KILL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// A port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Percent of packets, of the CPU, of the memory, of the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// How long packets wait.
    #[serde(skip_serializing_if = "Option::is_none", with = "duration::optional")]
    pub delay: Option<Duration>,
    /// How far the delay strays to both sides.
    #[serde(skip_serializing_if = "Option::is_none", with = "duration::optional")]
    pub jitter: Option<Duration>,
    /// Bits a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits_per_s: Option<u64>,
    /// How long after it was asked for the fault begins, so that the session that asks can end.
    #[serde(skip_serializing_if = "Option::is_none", with = "duration::optional")]
    pub after: Option<Duration>,
    /// What the step of a registered fault says that fills no other field: the texts of those parameters of its phrase, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
}

impl Parameters {
    /// For people, after a space: ` (delay: 100 ms, percent: 20)`; nothing where there is nothing to be told.
    pub(crate) fn shown(&self) -> String {
        let fields = serde_json::to_value(self).expect("parameters are plain data");
        let shown = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
            Some(text) => format!("{name}: {}", shown_alike(text).unwrap_or_else(|| text.into())),
            None => format!("{name}: {value}"),
        };
        let all: Vec<String> = fields.as_object().into_iter().flatten().map(shown).collect();
        if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
    }
}

/// Which servers no longer hear which others, where the target of an order is one side of a partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Partition {
    /// The target and these hear nothing of each other. Who is on both sides is left with the target; a side that is
    /// drawn by chance is drawn from the servers that are not on the other ([`crate::selector::sides()`]).
    Between(Target),
    /// The target no longer hears these; they still hear the target. Drawn as for `Between`.
    From(Target),
    /// The target falls into two halves, drawn with the seed, that hear nothing of each other.
    Halves,
    /// Each of the target hears a majority, and no two the same one: the ring that Jepsen calls majorities-ring.
    MajoritiesRing,
}

/// When a strike happens and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// Once; it is never healed by the nemesis before the scenario ends.
    Once,
    /// Once, and healed after this long.
    For(#[serde(with = "duration")] Duration),
    /// Once, this long after the step's own moment; the next step does not wait for it.
    After {
        /// How much later.
        #[serde(with = "duration")]
        wait: Duration,
        /// How long it lasts; `None`: to the end.
        #[serde(with = "duration::optional")]
        lasts: Option<Duration>,
    },
    /// Again and again at this interval, the first at once, for this long altogether.
    Every {
        /// From one strike to the next.
        #[serde(with = "duration")]
        interval: Duration,
        /// How long strikes go on.
        #[serde(with = "duration")]
        total: Duration,
    },
    /// A Poisson process, drawn with the seed: as `Every`, at times that nobody can foresee.
    Poisson {
        /// The mean time between strikes.
        #[serde(with = "duration")]
        mean: Duration,
        /// How long strikes go on.
        #[serde(with = "duration")]
        total: Duration,
    },
}

/// Whom a strike hits: a way to choose, of which servers, and how they are narrowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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

impl Target {
    /// Chosen like this among all servers called `role`, in every zone and with any tag; `text` is what reports show.
    pub fn of(choice: Choice, role: impl Into<String>, text: impl Into<String>) -> Target {
        Target { choice, role: role.into(), zone: None, tag: None, text: text.into() }
    }
}

/// How the targets of a strike are chosen; each is one selector in [`crate::selector`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Choice {
    /// `node "web-1"`
    Named(String),
    /// These, by name; an attack's plan has chosen them before. No step says this.
    Listed(Vec<String>),
    /// `a random webserver`, `2 random webservers`
    Random(usize),
    /// `50% of the webservers`: rounded up, so that it is never nobody.
    Share(f64),
    /// `every webserver`
    Every,
    /// `the highest-degree node`, `the 2 highest-degree nodes`
    HighestDegree(usize),
    /// `the most central node`, `the 2 most central nodes`: by betweenness.
    MostCentral(usize),
    /// `every critical node`: each alone would tear the site's graph apart (an articulation point).
    Critical,
    /// `every other webserver`: the first, the third, … in natural order of the names.
    EveryOther,
    /// `the busiest webserver`: by the requests that balancers have counted, found at the strike.
    Busiest(usize),
    /// `the idlest webserver`: as `Busiest`, from the other end.
    Idlest(usize),
    /// `every unhealthy webserver`: whom a living balancer has out of rotation, found at the strike.
    Unhealthy,
    /// `the primary database`: the one that is tagged `primary`.
    Primary,
    /// `the active load balancer`: the holder of the virtual IP, found at the strike.
    Active,
    /// `the standby load balancer`: who could hold the virtual IP and does not, found at the strike.
    Standby,
    /// `the same webserver`: whom the strike before hit.
    Same,
    /// By the selector that another crate registered under this name.
    Registered(String),
}

impl Choice {
    /// Whether only a running site can tell who is meant: a plan marks such targets as resolved at the strike.
    pub(crate) fn is_live(&self) -> bool {
        match self {
            Choice::Named(_)
            | Choice::Listed(_)
            | Choice::Random(_)
            | Choice::Share(_)
            | Choice::Every
            | Choice::EveryOther => false,
            Choice::Primary | Choice::Critical => false,
            Choice::HighestDegree(_) | Choice::MostCentral(_) => true,
            Choice::Busiest(_) | Choice::Idlest(_) | Choice::Unhealthy => true,
            Choice::Active | Choice::Standby | Choice::Same | Choice::Registered(_) => true,
        }
    }

    /// Whether chance says who is meant: with the seed the same, whenever it is asked.
    pub(crate) fn is_drawn(&self) -> bool {
        matches!(self, Choice::Random(_) | Choice::Share(_))
    }

    /// How many are asked for, where a number says it.
    pub(crate) fn count(&self) -> Option<usize> {
        match *self {
            Choice::Random(count) | Choice::HighestDegree(count) | Choice::MostCentral(count) => Some(count),
            Choice::Busiest(count) | Choice::Idlest(count) => Some(count),
            _ => None,
        }
    }
}
