//! A stack for the scenarios of a run: attached to, as it runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::stack::{Stack, Unfound};
use super::{addresses, own, services};
use crate::docker::Docker;
use crate::environment::containers::follow::Following;
use crate::environment::containers::{entry_of, placed};
use crate::environment::{Environment, Opened};
use crate::infrastructure::{Infrastructure, Server};
use crate::journal::Place;
use crate::plan::{Act, ScenarioPlan};
use crate::provider::ProviderError;
use crate::render::Secrets;
use crate::selector;
use crate::settings::SwarmSettings;

/// How long a stack may take until all its tasks run.
const READY: Duration = Duration::from_secs(120);
/// From one look at them to the next.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A stack, for the scenarios of a run.
pub(super) struct Run {
    docker: Docker,
    stack: String,
    settings: SwarmSettings,
    place: Place,
    /// Of the scenario that runs.
    logs: Following,
}

impl Run {
    pub fn new(docker: Docker, stack: &str, settings: SwarmSettings, place: Place) -> Run {
        Run { docker, stack: stack.into(), settings, place, logs: Following::default() }
    }

    /// The stack, once all its tasks run: Swarm says so of one that has a health check when that passes.
    async fn ready(&self) -> Result<Stack, ProviderError> {
        let begun = Instant::now();
        loop {
            let found = Stack::find(&self.docker, &self.stack, &self.settings).await;
            let stack = found.map_err(|why: Unfound| failed(why.described().to_string()))?;
            match stack.waiting.iter().next() {
                None => return Ok(stack),
                Some((server, how)) if begun.elapsed() >= READY => {
                    let hint = format!("see `docker stack ps --no-trunc {}`", self.stack);
                    return Err(failed(format!("{server} does not run: {how}\n  help: {hint}")));
                }
                Some(_) => sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// What of a plan is not so any more, in words. Which node a task is on only matters where a step names one.
fn changed(there: &Infrastructure, planned: &Infrastructure, names_zones: bool) -> Option<String> {
    if there.entry != planned.entry {
        return Some("users enter elsewhere now".into());
    }
    let nowhere = |server: &Server| Server { zone: None, ..server.clone() };
    let differs = |name: &&String| there.servers.get(*name).map(nowhere) != planned.servers.get(*name).map(nowhere);
    if let Some(name) = there.servers.keys().chain(planned.servers.keys()).find(differs) {
        return Some(match there.servers.contains_key(name) {
            true => format!("{name} is another server now"),
            false => format!("{name} is not there any more"),
        });
    }
    let zone = |servers: &BTreeMap<String, Server>, name: &String| servers.get(name).and_then(|one| one.zone.clone());
    let moved = |name: &&String| zone(&there.servers, name) != zone(&planned.servers, name);
    let name = there.servers.keys().filter(|_| names_zones).find(moved)?;
    let [now, then] = [&there.servers, &planned.servers].map(|servers| zone(servers, name).unwrap_or_default());
    Some(format!("{name} is on {now}, and was on {then}"))
}

/// Whether a step of a scenario names nodes.
fn names_zones(scenario: &ScenarioPlan) -> bool {
    let targets = scenario.acts.iter().flat_map(Act::orders).flat_map(selector::struck);
    targets.into_iter().any(|target| target.zone.is_some())
}

fn failed(why: String) -> ProviderError {
    ProviderError::Between(why.into())
}

#[async_trait]
impl Environment for Run {
    fn place(&self, _: &str) -> Place {
        self.place.clone()
    }

    fn farewell(&self) -> Option<&'static str> {
        None
    }

    async fn open(&self, _: &str, scenario: &ScenarioPlan, logs: PathBuf) -> Result<Opened, ProviderError> {
        let stack = self.ready().await?;
        let services = services(&stack.project, &self.settings);
        let there = services.adopt().map_err(|why| failed(why.to_string()))?.infrastructure;
        if let Some(how) = changed(&there, &scenario.infrastructure, names_zones(scenario)) {
            let why = format!("the stack {} has changed since the plan was made: {how}", self.stack);
            return Err(failed(format!("{why}\n  help: run it again")));
        }
        self.logs.begin(Arc::new(stack.members.clone()), logs).await;
        let (entry, allowed, addresses) = (entry_of(&there).await?, services.allowed(), addresses(&stack));
        Ok(Opened {
            provider: Arc::new(own(&stack, allowed)),
            addresses: placed(&there, &addresses),
            entry,
            secrets: Secrets::of(&self.stack),
            attached: true,
            followed: BTreeMap::new(),
        })
    }

    fn told(&self) -> Vec<String> {
        vec![format!("the stack {} ran before, and runs on", self.stack)]
    }

    async fn close(&self) -> Result<(), ProviderError> {
        self.logs.end().await;
        Ok(())
    }
}
