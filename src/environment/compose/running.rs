//! A Compose project for the scenarios of a run: attached to, or brought up with the first and down after the last.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::{addresses, members, own, server_of, services};
use crate::agent::process::Identity;
use crate::docker::project::of_name;
use crate::docker::tool::Compose as Tool;
use crate::docker::{Container, Docker, DockerError, Project};
use crate::environment::containers::follow::Following;
use crate::environment::containers::{entry_of, placed};
use crate::environment::{Environment, Opened};
use crate::journal::Place;
use crate::plan::ScenarioPlan;
use crate::provider::ProviderError;
use crate::render::Secrets;
use crate::settings::ComposeSettings;

/// How long a project may take until all its health checks pass.
const READY: Duration = Duration::from_secs(120);
/// From one look at them to the next.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A project, for the scenarios of a run.
pub(super) struct Run {
    docker: Docker,
    file: PathBuf,
    name: String,
    settings: ComposeSettings,
    place: Place,
    /// Whether it has to be brought up, is up by this run, or is somebody else's.
    state: Mutex<Up>,
    /// Why it could not be brought up: to try again would find what is there of it by now, and hide the reason.
    failed: OnceLock<String>,
    /// Of the scenario that runs.
    logs: Following,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Up {
    /// Somebody else has brought it up.
    Theirs,
    /// It does not run yet.
    NotYet,
    /// This run has brought it up, or a run before it that was killed.
    Ours,
    /// It is down again.
    Done,
}

impl Run {
    pub fn new(docker: Docker, file: PathBuf, project: Project, settings: ComposeSettings, place: Place) -> Run {
        let state = match project.brought_up_by() {
            _ if !project.runs() => Up::NotYet,
            Some(run) if !lives(run) => Up::Ours,
            _ => Up::Theirs,
        };
        let (state, failed, logs) = (Mutex::new(state), OnceLock::new(), Following::default());
        Run { docker, file, name: project.name, settings, place, state, failed, logs }
    }

    /// The project, up and ready.
    async fn up(&self) -> Result<Project, ProviderError> {
        let mut state = self.state.lock().await;
        if *state == Up::NotYet {
            // From here on it is taken down again, whatever becomes of this.
            *state = Up::Ours;
            if let Err(why) = self.with_compose(|tool, run| tool.up(&tool.declared(Some(run.1))?, &run.0)).await {
                let _ = self.failed.set(format!("the Compose project {} could not be brought up: {why}", self.name));
            }
        }
        if let Some(why) = self.failed.get() {
            return Err(failed(why.clone()));
        }
        let begun = Instant::now();
        loop {
            let project = of_name(&self.docker, &self.name).await.map_err(asked)?;
            match project.containers.iter().find_map(not_ready) {
                None => return Ok(project),
                Some(Waits::Still(why)) if begun.elapsed() >= READY => return Err(failed(why)),
                Some(Waits::Still(_)) => sleep(LOOK_EVERY).await,
                Some(Waits::InVain(why)) => return Err(failed(why)),
            }
        }
    }

    /// Has Compose do something, which blocks.
    async fn with_compose(
        &self,
        work: impl FnOnce(Tool, (String, &str)) -> Result<(), DockerError> + Send + 'static,
    ) -> Result<(), ProviderError> {
        let (docker, file, name) = (self.docker.clone(), self.file.clone(), self.name.clone());
        let done = spawn_blocking(move || work(Tool::find(&docker, &file)?, (mark(), &name))).await;
        done.expect("Compose is called without a panic").map_err(asked)
    }
}

/// Why a container is not ready.
enum Waits {
    /// It may become so.
    Still(String),
    /// It will not.
    InVain(String),
}

/// A container that ended for good while others started is waited for no longer; one that is unhealthy from the start never was well.
fn not_ready(container: &Container) -> Option<Waits> {
    let name = server_of(container)?;
    if container.is_done() {
        return None;
    }
    match container.health() {
        _ if !container.runs() && !container.is_started_again() => Some(Waits::InVain(format!(
            "{name} does not run: {}; `docker logs {}` may say why",
            container.end(),
            container.short_id()
        ))),
        _ if !container.runs() => Some(Waits::Still(format!("{name} does not run: {}", container.end()))),
        Some("unhealthy") => {
            Some(Waits::Still(format!("the health check of {name} fails: {}", container.health_output())))
        }
        Some("starting") => {
            Some(Waits::Still(format!("the health check of {name} has not passed yet: {}", container.health_output())))
        }
        _ => None,
    }
}

/// Tells this run from others, and whether it still lives: its process's number and start.
fn mark() -> String {
    let started = Identity::own().map_or(0, |own| own.started);
    format!("{}-{started}", std::process::id())
}

/// Whether the run with this mark still goes on.
pub(super) fn lives(mark: &str) -> bool {
    let parts = mark.split_once('-').and_then(|(pid, started)| Some((pid.parse().ok()?, started.parse().ok()?)));
    parts.is_some_and(|(pid, started)| Identity { pid, started }.find().is_some())
}

fn asked(why: DockerError) -> ProviderError {
    ProviderError::Between(why.into())
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
        let project = self.up().await?;
        let services = services(&project, &self.file, &self.settings);
        let adopted = services.adopt().map_err(|why| failed(why.to_string()))?;
        let (there, planned) = (&adopted.infrastructure, &scenario.infrastructure);
        if there.servers != planned.servers || there.entry != planned.entry {
            return Err(failed(format!("the project {} has changed since the plan was made", self.name)));
        }
        self.logs.begin(Arc::new(members(&self.docker, &self.name)), logs).await;
        let entry = entry_of(there).await?;
        let (allowed, addresses) = (services.allowed(), addresses(&project));
        Ok(Opened {
            provider: Arc::new(own(&self.docker, &project, &self.file, allowed)),
            addresses: placed(there, &addresses),
            entry,
            secrets: Secrets::of(&self.name),
            attached: true,
            followed: BTreeMap::new(),
        })
    }

    fn told(&self) -> Vec<String> {
        let told = match self.state.try_lock().map(|state| *state) {
            Ok(Up::Done) => "was brought up, and down again",
            Ok(Up::Theirs) => "ran before, and runs on",
            Ok(Up::Ours) => "was brought up, and is still there: `chimp down --on compose=FILE`",
            // It was not opened, or still is.
            Ok(Up::NotYet) | Err(_) => return Vec::new(),
        };
        vec![format!("the Compose project {} {told}", self.name)]
    }

    async fn close(&self) -> Result<(), ProviderError> {
        self.logs.end().await;
        let mut state = self.state.lock().await;
        if *state != Up::Ours {
            return Ok(());
        }
        let volumes = of_name(&self.docker, &self.name).await.map_err(asked)?.anonymous_volumes();
        self.with_compose(|tool, (_, name)| tool.down(name)).await?;
        *state = Up::Done;
        remove_volumes(&self.docker, &volumes).await.map_err(asked)
    }
}

/// Removes volumes that only containers had which are gone.
pub(super) async fn remove_volumes(docker: &Docker, volumes: &[String]) -> Result<(), DockerError> {
    for volume in volumes {
        match docker.delete(&format!("/volumes/{volume}")).await {
            Err(why) if why.is_absent() => {}
            removed => removed?,
        }
    }
    Ok(())
}
