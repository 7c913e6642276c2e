//! A Compose project of this machine's Docker Engine: its containers are servers that are there already.
//!
//! A run attaches to a project that runs; one that does not run is brought up for the run, and down again after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cloud::lease::undo_if_asked;
use super::reopen::{store, stored};
use super::{Access, Adopted, Capabilities, Closed, Down, Ended, EnterError, Kind, ReopenError, Reopened, Work};
use crate::docker::project::{of_name, running};
use crate::docker::tool::Compose as Tool;
use crate::docker::{Docker, DockerError, Project};
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::Infrastructure;
use crate::instance::Ability;
use crate::inventory::stands_for;
use crate::journal::Place;
use crate::plan::Plan;
use crate::provider::ProviderError;
use crate::settings::{ComposeSettings, Settings};

mod adopt;
mod containers;
mod fleet;
mod names;
mod running;
mod sweep;

use containers::{Borrowed, Containers, POWER, opt_in};
use running::Run;

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

/// Ends a lease, if this program was started for it.
pub fn run_if_asked() -> Option<ExitCode> {
    undo_if_asked(containers::UNDO, async |socket, id, undo| containers::undo(socket, id, undo).await)
}

impl Compose {
    /// The place of the project of this file, as it is found now.
    ///
    /// # Errors
    /// It can't be asked for, or does not run.
    pub fn place(value: &str, settings: &ComposeSettings) -> Result<Place, ReopenError> {
        let file = file(value)?;
        let docker = Docker::of_this_machine().map_err(unasked)?;
        let found = ask(running(&docker, &file, settings.project.as_deref())).map_err(unasked)?;
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
            power: POWER,
            floating_ips: false,
            auto_scaling: false,
        }
    }

    fn adopt(&self, value: &str, declared: Option<&Infrastructure>, settings: &Settings) -> Result<Adopted, Mistakes> {
        let (file, _, project) = found(value, &settings.compose)?;
        let adopted = adopt::adopt(&project, &file, &settings.compose)?;
        if let Some(Err(why)) = declared.map(|declared| stands_for::check(declared, &adopted.infrastructure)) {
            let hint = "change the scenario, or say under `[compose]` of chimp.toml what steps call a service: `words = { app = \"webserver\" }`; \
                        `Given the Compose project in \"FILE\"` takes all its containers as they are";
            let detail = format!("the containers of `{}` are not the servers of the scenario: {why}", project.name);
            return Err(DocumentError::new(detail).with_hint(hint).into());
        }
        Ok(adopted)
    }

    fn opt_in(&self, value: &str, server: &str) -> String {
        file(value).map_or_else(|why| why.to_string(), |file| opt_in(&file, server))
    }

    fn is_up(&self, value: &str, settings: &Settings) -> bool {
        found(value, &settings.compose).is_ok_and(|(_, _, project)| project.runs())
    }

    fn locked_out(&self, _: &str, _: &Access, victims: &BTreeSet<String>) -> Vec<DocumentError> {
        if victims.is_empty() || nix::unistd::geteuid().is_root() {
            return Vec::new();
        }
        let detail = "containers are entered for faults, which needs root on this machine";
        vec![DocumentError::new(detail).with_hint("run it as root")]
    }

    fn lacking(
        &self,
        value: &str,
        settings: &Settings,
        servers: &[String],
        abilities: &BTreeSet<Ability>,
    ) -> Vec<String> {
        let Ok((_, _, project)) = found(value, &settings.compose) else { return Vec::new() };
        let borrowed = Borrowed::of(&project);
        let why = |server: &String| {
            let borrowed = borrowed.get(server)?;
            abilities.iter().find_map(|ability| Some(format!("{server}: {}", borrowed.forbids(ability)?)))
        };
        servers.iter().filter_map(why).collect()
    }

    /// Only services that were opted in are chosen from.
    fn reopen(&self, value: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { socket, file, project, settings } = stored(self, value)?;
        let docker = Docker::at(&socket);
        let found = ask(of_name(&docker, &project)).map_err(unasked)?;
        if found.containers.is_empty() {
            return Err(gone(&project));
        }
        let mut infrastructure = adopt::servers_alone(&found, &file, &settings);
        let allowed = adopt::allowed(&found, &settings);
        let why = |server: &String| (server.clone(), format!("it was not opted in\n  help: {}", opt_in(&file, server)));
        let closed: Closed = infrastructure.servers.keys().filter(|name| !allowed.contains(*name)).map(why).collect();
        infrastructure.servers.retain(|name, _| allowed.contains(name));
        infrastructure.links.retain(|(from, to)| allowed.contains(from) && allowed.contains(to));
        Ok(Reopened {
            place: place(&docker, &file, &found, &settings)?,
            whereabouts: format!("the Compose project {project}"),
            addresses: addresses(&found).into_iter().map(|(name, address)| (name, address.to_string())).collect(),
            provider: Arc::new(Containers::new(&docker, &found, file, allowed)),
            infrastructure,
            ended: Ended::new(),
            closed,
        })
    }

    fn down(&self, value: &str, _: &Access, dry_run: bool) -> Result<Down, ReopenError> {
        let file = file(value)?;
        let docker = Docker::of_this_machine().map_err(unasked)?;
        let Some(project) = ask(running(&docker, &file, None)).map_err(unasked)? else {
            return Ok(Down::Nothing("the Compose project does not run"));
        };
        if let Some(run) = project.brought_up_by().filter(|run| !running::lives(run)) {
            tracing::info!(run, "a run that is over has brought the project up");
            if !dry_run {
                Tool::find(&docker, &file).and_then(|tool| tool.down(&project.name)).map_err(unasked)?;
                ask(running::remove_volumes(&docker, &project.anonymous_volumes())).map_err(unasked)?;
            }
            let (name, verb) = (&project.name, if dry_run { "would be" } else { "was" });
            return Ok(Down::Ended(format!(
                "the Compose project {name}, which a run had brought up, {verb} brought down"
            )));
        }
        Ok(Down::Servers(ask(sweep::each(&docker, &project, dry_run))))
    }

    fn enter(&self, value: &str, _: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        let settings = plan.scenarios.first().map(|scenario| scenario.settings.compose.clone()).unwrap_or_default();
        let (file, docker, project) = found(value, &settings).map_err(|why| EnterError::Described(why.to_string()))?;
        let file = std::path::absolute(&file).map_err(|why| format!("{}: {why}", file.display()))?;
        let place = place(&docker, &file, &project, &settings).map_err(|why| why.to_string())?;
        Ok(work(Arc::new(Run::new(docker, file, project, settings, place))))
    }
}

/// The Compose file that is named, or that of the working directory.
fn file(value: &str) -> Result<PathBuf, DocumentError> {
    if !value.is_empty() {
        let path = PathBuf::from(value);
        let hint = "name a Compose file: `compose=docker-compose.yml`";
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
    let told = |why: DockerError| {
        let text = why.to_string();
        let (detail, hint) = text.split_once("\n  help: ").unwrap_or((&text, ""));
        let error = DocumentError::new(detail);
        if hint.is_empty() { error } else { error.with_hint(hint) }
    };
    let docker = Docker::of_this_machine().map_err(told)?;
    let project = ask(Project::find(&docker, &file, settings.project.as_deref())).map_err(told)?;
    Ok((file, docker, project))
}

/// Blocks, on this very thread: no other may be started before a scenario is entered.
fn ask<T>(question: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime of one thread needs nothing but memory").block_on(question)
}

/// Where each container that runs is, by its server's name.
fn addresses(project: &Project) -> BTreeMap<String, std::net::Ipv4Addr> {
    let one = |container: &crate::docker::Container| {
        let (service, number) = container.of_service()?;
        Some((names::server_name(service, number), container.addresses().into_iter().next()?))
    };
    project.containers.iter().filter_map(one).collect()
}

fn gone(what: &str) -> ReopenError {
    let detail = format!("the Compose project {what} does not run, and every fault in its containers ended with them");
    ReopenError::Gone { detail, help: "start it with `docker-compose up -d`" }
}

fn unasked(why: DockerError) -> ReopenError {
    ReopenError::Provider(ProviderError::Between(why.into()))
}
