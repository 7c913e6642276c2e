//! A Compose project of this machine's Docker Engine: its containers are servers that are there already.
//!
//! A run attaches to a project that runs; one that does not run is brought up for the run, and down again after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::containers::adopt::Services;
use super::containers::barriers::Barriers;
use super::containers::names::server_name;
use super::containers::provider::{Containers, Listing, Lists};
use super::containers::{self, Terms, address_of, ask, described, sweep, unasked};
use super::reopen::{store, stored};
use super::{Access, Adopted, Capabilities, Down, EnterError, Kind, ReopenError, Reopened, Work};
use crate::agent::sweep::Swept;
use crate::docker::project::{is_one_off, of_name, running};
use crate::docker::tool::{Compose as Tool, bringing_up};
use crate::docker::{Container, Docker, DockerError, Project, container, labels};
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::Infrastructure;
use crate::instance::{Ability, PowerOp};
use crate::journal::Place;
use crate::plan::Plan;
use crate::provider::ProviderError;
use crate::settings::{ComposeSettings, Settings};

mod running;

use running::Run;

/// What is particular to Compose.
pub(super) const TERMS: Terms = Terms {
    name: super::COMPOSE,
    noun: "project",
    whole: "Compose project",
    given: "Given the Compose project in \"FILE\"",
    empty: "see `docker-compose ps`; a service may be scaled to zero",
    boot: "a project's containers are there already",
    power: &[PowerOp::Terminate, PowerOp::Stop, PowerOp::Start, PowerOp::SoftReboot, PowerOp::Freeze, PowerOp::Thaw],
    otherwise: "`hangs` pauses it, and `loses network` cuts its network",
    ends_for_good: false,
};

/// What Compose itself looks for in a folder, in this order.
pub const FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// The kind.
pub struct Compose;

/// What a journal and an attack's plan store.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// Where the daemon listens.
    socket: PathBuf,
    /// The Compose file, absolute.
    file: PathBuf,
    /// The project's name.
    project: String,
    /// What was said of it.
    #[serde(default)]
    settings: ComposeSettings,
}

impl Compose {
    /// The place of the project of this file, as it is found now.
    ///
    /// # Errors
    /// It can't be asked for, or does not run.
    pub fn place(value: &str, settings: &ComposeSettings) -> Result<Place, ReopenError> {
        let file = file(value)?;
        let docker = Docker::of_this_machine().map_err(mistaken)?;
        let found = ask(running(&docker, &file, settings.project.as_deref())).map_err(mistaken)?;
        let project = found.ok_or_else(|| gone(&file.display().to_string()))?;
        place(&docker, &file, &project, settings)
    }
}

fn place(docker: &Docker, file: &Path, project: &Project, settings: &ComposeSettings) -> Result<Place, ReopenError> {
    let (socket, project, settings) = (docker.socket().into(), project.name.clone(), settings.clone());
    store(&Compose, &Stored { socket, file: file.into(), project, settings })
}

impl Kind for Compose {
    fn name(&self) -> &'static str {
        super::COMPOSE
    }

    fn takes(&self) -> Option<&'static str> {
        Some("FILE")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            boots: false,
            attaches: true,
            logs_in: true,
            power: TERMS.power,
            floating_ips: false,
            auto_scaling: false,
            looks_up_names: true,
        }
    }

    fn adopt(&self, value: &str, declared: Option<&Infrastructure>, settings: &Settings) -> Result<Adopted, Mistakes> {
        let (file, _, project) = found(value, &settings.compose)?;
        services(&project, &file, &settings.compose).adopt_for(declared)
    }

    /// The containers that do not run.
    fn notes(&self, value: &str, settings: &Settings) -> Vec<String> {
        let running = || {
            let docker = Docker::of_this_machine().ok()?;
            ask(running(&docker, &file(value).ok()?, settings.compose.project.as_deref())).ok()?
        };
        let note = |container: &Container| {
            let (service, number) = container.of_service().filter(|_| !container.runs() && !container.is_done())?;
            Some(format!(
                "{} does not run: {}; a run waits for it, and does not begin without it",
                server_name(service, number),
                container.end()
            ))
        };
        running().iter().flat_map(|project| &project.containers).filter_map(note).collect()
    }

    fn opt_in(&self, value: &str, server: &str) -> String {
        file(value).map_or_else(|why| why.to_string(), |file| TERMS.opt_in(&file.display().to_string(), server))
    }

    fn is_up(&self, value: &str, settings: &Settings) -> bool {
        found(value, &settings.compose).is_ok_and(|(_, _, project)| project.runs())
    }

    fn locked_out(&self, _: &str, _: &Access, victims: &BTreeSet<String>) -> Vec<DocumentError> {
        containers::locked_out(victims)
    }

    fn lacking(
        &self,
        value: &str,
        settings: &Settings,
        servers: &[String],
        abilities: &BTreeSet<Ability>,
    ) -> Vec<String> {
        let Ok((_, _, project)) = found(value, &settings.compose) else { return Vec::new() };
        containers::lacking(&Barriers::of(&project), servers, abilities)
    }

    /// Only services that were opted in are chosen from.
    fn reopen(&self, value: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { socket, file, project, settings } = stored(self, value)?;
        let docker = Docker::at(&socket);
        let found = ask(of_name(&docker, &project)).map_err(unasked)?.with_dependencies(&docker, &file);
        if found.containers.is_empty() {
            return Err(gone(&project));
        }
        let services = services(&found, &file, &settings);
        let provider = Arc::new(own(&docker, &found, &file, services.allowed()));
        let place = place(&docker, &file, &found, &settings)?;
        Ok(containers::reopened(&services, &file.display().to_string(), place, addresses(&found), provider))
    }

    fn down(&self, value: &str, _: &Access, settings: &Settings, dry_run: bool) -> Result<Down, ReopenError> {
        let file = file(value)?;
        let docker = Docker::of_this_machine().map_err(mistaken)?;
        let named = settings.compose.project.as_deref();
        let Some(project) = ask(running(&docker, &file, named)).map_err(mistaken)? else {
            return half_up(&docker, &file, named, dry_run);
        };
        if let Some(run) = project.brought_up_by().filter(|run| !running::lives(run)) {
            tracing::info!(run, "a run that is over has brought the project up");
            if !dry_run {
                Tool::find(&docker, &file).and_then(|tool| tool.down(&project.name)).map_err(unasked)?;
                ask(running::remove_volumes(&docker, &project.anonymous_volumes())).map_err(unasked)?;
            }
            remove_marks(&project.name, dry_run)?;
            return Ok(brought_down(&project.name, dry_run));
        }
        Ok(Down::Servers(ask(swept(&docker, &project, dry_run))))
    }

    fn enter(&self, value: &str, _: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        let settings = plan.scenarios.first().map(|scenario| scenario.settings.compose.clone()).unwrap_or_default();
        let (file, docker, project) = found(value, &settings).map_err(|why| EnterError::Described(why.to_string()))?;
        let file = std::path::absolute(&file).map_err(|why| format!("{}: {why}", file.display()))?;
        let place = place(&docker, &file, &project, &settings).map_err(|why| why.to_string())?;
        Ok(work(Arc::new(Run::new(docker, file, project, settings, place))))
    }
}

/// What is there of a project before its first container: networks, where the run that made them was killed meanwhile.
fn half_up(docker: &Docker, file: &Path, named: Option<&str>, dry_run: bool) -> Result<Down, ReopenError> {
    let nothing = Down::Nothing("the Compose project does not run");
    // A project that can't be read was not begun.
    let Ok(tool) = Tool::find(docker, file) else { return Ok(nothing) };
    let Ok(declared) = tool.declared(named) else { return Ok(nothing) };
    if killed_while_bringing_up(&declared.name).is_empty() {
        return Ok(nothing);
    }
    if !dry_run {
        tool.down(&declared.name).map_err(unasked)?;
    }
    remove_marks(&declared.name, dry_run)?;
    Ok(brought_down(&declared.name, dry_run))
}

fn killed_while_bringing_up(project: &str) -> Vec<PathBuf> {
    let killed = bringing_up(project).into_iter().filter(|(run, _)| !running::lives(run));
    killed.map(|(_, file)| file).collect()
}

fn remove_marks(project: &str, dry_run: bool) -> Result<(), ReopenError> {
    for file in killed_while_bringing_up(project).into_iter().filter(|_| !dry_run) {
        std::fs::remove_file(&file).map_err(|why| DocumentError::new(format!("{}: {why}", file.display())))?;
    }
    Ok(())
}

fn brought_down(project: &str, dry_run: bool) -> Down {
    let verb = if dry_run { "would be" } else { "was" };
    Down::Ended(format!("the Compose project {project}, which a run had brought up, {verb} brought down"))
}

/// The Compose file that is named, or that of the working directory.
fn file(value: &str) -> Result<PathBuf, DocumentError> {
    if !value.is_empty() {
        let path = PathBuf::from(value);
        let hint = "a path in a step is relative to the feature, and one after `compose=` to this folder";
        return match path.is_file() {
            true => Ok(path),
            false => Err(DocumentError::new(format!("there is no Compose file {value}")).with_hint(hint)),
        };
    }
    let found = FILES.iter().map(PathBuf::from).find(|path| path.is_file());
    found.ok_or_else(|| {
        let detail = format!("there is no Compose file in this folder: {}", FILES.join(", "));
        DocumentError::new(detail).with_hint("name it: `compose=FILE`")
    })
}

/// The project of a Compose file, as it runs or is declared.
fn found(value: &str, settings: &ComposeSettings) -> Result<(PathBuf, Docker, Project), DocumentError> {
    let file = file(value)?;
    let docker = Docker::of_this_machine().map_err(described)?;
    let project = ask(Project::find(&docker, &file, settings.project.as_deref())).map_err(described)?;
    Ok((file, docker, project))
}

/// The services of a project, and what is said of them.
fn services<'s>(project: &'s Project, file: &'s Path, settings: &'s ComposeSettings) -> Services<'s> {
    Services { project, settings: settings.services(), terms: &TERMS, file: Some(file) }
}

/// The containers of a project as a provider.
fn own(docker: &Docker, project: &Project, file: &Path, allowed: BTreeSet<String>) -> Containers {
    Containers::new(
        Arc::new(members(docker, &project.name)),
        &TERMS,
        file.display().to_string(),
        allowed,
        Barriers::of(project),
    )
}

fn members(docker: &Docker, project: &str) -> Members {
    Members { docker: docker.clone(), project: project.into() }
}

/// The containers of a project, as this machine's daemon lists them.
struct Members {
    docker: Docker,
    project: String,
}

impl Members {
    fn label(&self) -> String {
        format!("{}={}", labels::PROJECT, self.project)
    }
}

#[async_trait]
impl Lists for Members {
    async fn list(&self) -> Result<Listing, DockerError> {
        let all = container::list(&self.docker, &self.label()).await?;
        let own = all.into_iter().filter(|one| !is_one_off(one));
        Ok(Listing { lines: own.map(|line| (self.docker.clone(), line)).collect(), ..Listing::default() })
    }

    fn server_of(&self, of_container: &BTreeMap<String, String>) -> Option<String> {
        let label = |name: &str| of_container.get(name);
        if label(labels::ONE_OFF).is_some_and(|one_off| one_off.eq_ignore_ascii_case("true")) {
            return None;
        }
        Some(server_name(label(labels::SERVICE)?, label(labels::NUMBER)?.parse().ok()?))
    }

    fn reporters(&self) -> (Vec<Docker>, String) {
        (vec![self.docker.clone()], self.label())
    }
}

fn server_of(container: &Container) -> Option<String> {
    container.of_service().map(|(service, number)| server_name(service, number))
}

/// What of ours was found on each container and in it, and taken away.
async fn swept(docker: &Docker, project: &Project, dry_run: bool) -> BTreeMap<String, Result<Swept, ProviderError>> {
    let mut swept = BTreeMap::new();
    for container in &project.containers {
        let Some(server) = server_of(container) else { continue };
        if let Some(found) = sweep::one(docker, &server, container, dry_run).await {
            swept.insert(server, found);
        }
    }
    swept
}

/// Where each container that runs is, by its server's name.
fn addresses(project: &Project) -> BTreeMap<String, std::net::Ipv4Addr> {
    let one = |container: &Container| Some((server_of(container)?, address_of(container)?));
    project.containers.iter().filter_map(one).collect()
}

fn gone(what: &str) -> ReopenError {
    let detail = format!("the Compose project {what} does not run, and every fault in its containers ended with them");
    ReopenError::Gone { detail, help: "start it with `docker-compose up -d`" }
}

/// What a command was given, or what it finds, is to be corrected by who gave it.
fn mistaken(why: DockerError) -> ReopenError {
    ReopenError::Document(described(why))
}
