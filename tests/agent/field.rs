//! A nemesis over bare instances of the local cloud, and what it recorded of its strikes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::recorder::Memory;
use anarcho_chimp::history::{Event, Onset, Record, Recorder};
use anarcho_chimp::infrastructure::{Databases, Entry, Infrastructure, Server};
use anarcho_chimp::instance::{Instance, InstanceSpec, UserData};
use anarcho_chimp::journal::Journal;
use anarcho_chimp::nemesis::{Nemesis, Sabotage, StrikeContext};
use anarcho_chimp::observer::Observations;
use anarcho_chimp::plan::{Act, Choice, Parameters, Schedule, StepText, StrikeOrder, Target};
use anarcho_chimp::provider::Provider;
use anarcho_chimp::provider::local::LocalCloud;
use anarcho_chimp::settings::Safeguards;

use crate::world::{claim, text};

/// Servers to be struck, the nemesis that strikes them, and its record.
pub struct Field {
    pub cloud: Arc<LocalCloud>,
    pub instances: Vec<Instance>,
    pub nemesis: Nemesis,
    /// What was seen to be waited for while it settled.
    pub waits: BTreeSet<String>,
    recorder: Recorder,
    memory: Memory,
    journal: PathBuf,
}

/// What was recorded of the strike on one server; times in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// By every confirmation, the last of which is the most exact.
    pub onsets: Vec<Onset>,
    pub ended: Option<Onset>,
    /// Everything that no strike should lead to.
    pub trouble: Vec<String>,
}

impl Field {
    /// Boots servers of these names.
    pub async fn of(cloud: LocalCloud, names: &[String], sabotage: Sabotage) -> Result<Field, String> {
        let cloud = Arc::new(cloud);
        let spec = |(n, name): (usize, &String)| InstanceSpec {
            name: name.clone(),
            zone: None,
            tags: Vec::new(),
            address: cloud.address(n as u16 + 2),
            user_data: UserData::default(),
            boot_delay: Duration::ZERO,
        };
        let specs: Vec<InstanceSpec> = names.iter().enumerate().map(spec).collect();
        let boots = specs.iter().map(|spec| cloud.boot(spec));
        let instances = futures::future::try_join_all(boots).await.map_err(text)?;
        let (recorder, memory) = Recorder::memory(Clock::start());
        let journal = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-{}", std::process::id()));
        std::fs::create_dir_all(&journal).map_err(text)?;
        let context = StrikeContext {
            provider: cloud.clone(),
            infrastructure: Arc::new(infrastructure(names)),
            recorder: recorder.clone(),
            journal: Arc::new(Journal::open(&journal).map_err(text)?),
            prefix: "table".into(),
            lease: Duration::from_secs(5),
            services: BTreeMap::new(),
            safeguards: Safeguards::default(),
            sabotage,
        };
        Ok(Field {
            cloud,
            instances,
            nemesis: Nemesis::new(context, Observations::none(), 1),
            waits: BTreeSet::new(),
            recorder,
            memory,
            journal,
        })
    }

    /// Strikes one server for a while; returns how long the next strike had to wait for this one.
    pub async fn strike(
        &mut self,
        server: &str,
        fault: &str,
        with: Parameters,
        lasts: Duration,
    ) -> Result<Duration, String> {
        let target = Target::of(Choice::Named(server.into()), "node", format!("node {server:?}"));
        let order = StrikeOrder { fault: fault.into(), with, target, partition: None, step: StepText::default() };
        let begun = Instant::now();
        self.nemesis.begin(&Act::Strike { order, schedule: Schedule::For(lasts) }).await.map_err(text)?;
        Ok(begun.elapsed())
    }

    /// Waits until nothing is to come any more.
    pub async fn settle(&mut self, within: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        while self.nemesis.has_more() {
            claim(begun.elapsed() < within, format!("not over after {within:?}: {:?}", self.memory.events()))?;
            self.nemesis.work_until(tokio::time::Instant::now() + Duration::from_millis(20)).await.map_err(text)?;
            self.waits.extend(self.recorder.awaited().longest(Duration::ZERO));
        }
        Ok(begun.elapsed())
    }

    /// Now, by the clock of what is recorded.
    pub fn now_us(&self) -> u64 {
        self.recorder.clock().now_us()
    }

    /// What was recorded, by server.
    pub fn told(&self) -> BTreeMap<String, Told> {
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        let mut strikes: BTreeMap<u32, String> = BTreeMap::new();
        for record in self.memory.events() {
            note(&record, &mut strikes, &mut told);
        }
        told
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.journal);
    }
}

fn note(record: &Record, strikes: &mut BTreeMap<u32, String>, told: &mut BTreeMap<String, Told>) {
    let Some(strike) = strike_of(&record.event) else { return };
    if let Event::StrikeResolved { targets, .. } = &record.event {
        strikes.insert(strike, targets.join(" "));
    }
    let told = told.entry(strikes.get(&strike).cloned().unwrap_or_default()).or_default();
    match &record.event {
        Event::FaultConfirmed { onset, .. } => told.onsets.push(*onset),
        Event::StrikeHealed { .. } => {
            let not_before_us = record.at_us - record.resolution_us;
            told.ended = Some(Onset { not_before_us, by_us: record.at_us });
        }
        Event::StrikeResolved { .. } => {}
        other => told.trouble.push(format!("{other:?}")),
    }
}

fn strike_of(event: &Event) -> Option<u32> {
    match event {
        Event::StrikeResolved { strike, .. }
        | Event::FaultConfirmed { strike, .. }
        | Event::StrikeHealed { strike, .. }
        | Event::FaultNotConfirmed { strike, .. }
        | Event::InjectionFailed { strike, .. }
        | Event::FaultLapsed { strike, .. }
        | Event::LeaseNotRenewed { strike, .. }
        | Event::HealFailed { strike, .. } => Some(*strike),
        _ => None,
    }
}

impl Told {
    /// The shortest and the longest that it can have lasted.
    pub fn lasted(&self) -> Option<[Duration; 2]> {
        let (onset, ended) = (self.onsets.last()?, self.ended?);
        let shortest = ended.not_before_us.saturating_sub(onset.by_us);
        let longest = ended.by_us.saturating_sub(onset.not_before_us);
        Some([shortest, longest].map(Duration::from_micros))
    }
}

fn infrastructure(names: &[String]) -> Infrastructure {
    let server = |name: &String| Server::new(name, "node");
    Infrastructure {
        servers: names.iter().map(|name| (name.clone(), server(name))).collect(),
        links: Vec::new(),
        virtual_ips: Vec::new(),
        entry: Entry::at(&names[0], 80),
        roles: BTreeMap::new(),
        databases: Databases::default(),
        aliases: BTreeMap::new(),
        source: None,
    }
}
