//! A stack of a Swarm: its tasks are servers that are there already, on several machines, and Swarm replaces them.
//!
//! The Docker Engine of `DOCKER_HOST` is a manager, and says which tasks there are. What is done to a task is done by the Docker Engine of its node, or by entering
//! its container where that runs on this machine. A run only attaches: who deploys a stack decides what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::containers::adopt::Services;
use super::containers::provider::Containers;
use super::containers::{self, Terms, address_of, ask, described, sweep, unasked};
use super::reopen::{store, stored};
use super::{Access, Adopted, Capabilities, Down, EnterError, Kind, ReopenError, Reopened, Work};
use crate::agent::sweep::Swept;
use crate::docker::{Docker, Project};
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::Infrastructure;
use crate::instance::{Ability, PowerOp};
use crate::journal::Place;
use crate::plan::Plan;
use crate::provider::ProviderError;
use crate::settings::{Settings, SwarmSettings};

mod members;
mod running;
mod stack;

use running::Run;
use stack::{Stack, Unfound, inseparable, share_a_network};

/// What is particular to Swarm. A container that was stopped is replaced at once and never started again, so there is no
/// power to be switched off and on.
const TERMS: Terms = Terms {
    name: super::SWARM,
    noun: "stack",
    whole: "stack",
    given: "Given the stack \"NAME\"",
    empty: "see `docker stack services NAME`; a service may be scaled to zero",
    boot: "Swarm makes the tasks of a stack",
    power: &[PowerOp::Terminate, PowerOp::Freeze, PowerOp::Thaw],
    otherwise: "Swarm replaces a task whose container has ended, and starts that container never again; `dies` ends one, and `hangs` pauses it",
    ends_for_good: true,
};

/// The kind.
pub struct Swarm;

/// What a journal and an attack's plan store.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// Where the manager's daemon listens.
    socket: PathBuf,
    /// The stack's name.
    stack: String,
    /// What was said of it.
    #[serde(default)]
    settings: SwarmSettings,
}

impl Swarm {
    /// The place of a stack.
    ///
    /// # Errors
    /// It can't be asked for, or is not deployed.
    pub fn place(stack: &str, settings: &SwarmSettings) -> Result<Place, ReopenError> {
        let docker = Docker::of_this_machine().map_err(unasked)?;
        found_again(&docker, stack, settings)?;
        place(&docker, stack, settings)
    }
}

fn place(docker: &Docker, stack: &str, settings: &SwarmSettings) -> Result<Place, ReopenError> {
    let (socket, stack, settings) = (docker.socket().into(), stack.into(), settings.clone());
    store(&Swarm, &Stored { socket, stack, settings })
}

impl Kind for Swarm {
    fn name(&self) -> &'static str {
        TERMS.name
    }

    fn takes(&self) -> Option<&'static str> {
        Some("STACK")
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

    fn instead(&self, ability: Ability) -> Option<&'static str> {
        let is_power = matches!(ability, Ability::Power(op) if op != PowerOp::Isolate);
        is_power.then_some(TERMS.otherwise)
    }

    fn adopt(&self, value: &str, declared: Option<&Infrastructure>, settings: &Settings) -> Result<Adopted, Mistakes> {
        let (_, stack) = found(value, &settings.swarm)?;
        services(&stack.project, &settings.swarm).adopt_for(declared)
    }

    fn opt_in(&self, value: &str, server: &str) -> String {
        TERMS.opt_in(&shown(value), server)
    }

    fn is_up(&self, value: &str, settings: &Settings) -> bool {
        found(value, &settings.swarm).is_ok()
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
        let Ok((_, stack)) = found(value, &settings.swarm) else { return Vec::new() };
        containers::lacking(&stack.barriers, servers, abilities)
    }

    fn inseparable(&self, value: &str, settings: &Settings, near: &[String], far: &[String]) -> Option<String> {
        let (_, stack) = found(value, &settings.swarm).ok()?;
        let both = |one: &String, other: &String| stack.containers.get(one).zip(stack.containers.get(other));
        let pairs = near.iter().flat_map(|one| far.iter().map(move |other| (one, other)));
        let apart = |(one, other): &(&String, &String)| {
            one != other && both(one, other).is_some_and(|(one, other)| !share_a_network(one, other))
        };
        pairs.into_iter().find(apart).map(|(one, other)| inseparable(one, other))
    }

    /// Only services that were opted in are chosen from.
    fn reopen(&self, value: &Value, _: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { socket, stack: name, settings } = stored(self, value)?;
        let docker = Docker::at(&socket);
        let stack = found_again(&docker, &name, &settings)?;
        let services = services(&stack.project, &settings);
        let provider = Arc::new(own(&stack, services.allowed()));
        let place = place(&docker, &name, &settings)?;
        Ok(containers::reopened(&services, &shown(&name), place, addresses(&stack), provider))
    }

    fn down(&self, value: &str, _: &Access, settings: &Settings, dry_run: bool) -> Result<Down, ReopenError> {
        let docker = Docker::of_this_machine().map_err(unasked)?;
        let stack = match ask(Stack::find(&docker, value, &settings.swarm)) {
            Ok(stack) => stack,
            Err(Unfound::Gone(_)) if !value.is_empty() => return Ok(Down::Nothing("the stack is not deployed")),
            Err(why) => return Err(why.described().into()),
        };
        Ok(Down::Servers(ask(swept(&stack, dry_run))))
    }

    fn enter(&self, value: &str, _: &Access, plan: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        let settings = plan.scenarios.first().map(|scenario| scenario.settings.swarm.clone()).unwrap_or_default();
        let (docker, _) = found(value, &settings).map_err(|why| EnterError::Described(why.to_string()))?;
        let place = place(&docker, value, &settings).map_err(|why| why.to_string())?;
        Ok(work(Arc::new(Run::new(docker, value, settings, place))))
    }
}

/// A stack, for people.
fn shown(name: &str) -> String {
    format!("the stack {name}")
}

/// The stack of this name, as the Docker Engine of this machine knows it.
fn found(name: &str, settings: &SwarmSettings) -> Result<(Docker, Stack), DocumentError> {
    let docker = Docker::of_this_machine().map_err(described)?;
    let stack = ask(Stack::find(&docker, name, settings)).map_err(Unfound::described)?;
    Ok((docker, stack))
}

/// The same, for what was stored of it.
fn found_again(docker: &Docker, name: &str, settings: &SwarmSettings) -> Result<Stack, ReopenError> {
    ask(Stack::find(docker, name, settings)).map_err(|why| match why {
        Unfound::Gone(why) => {
            let detail = format!("{}, and every fault in its containers ended with them", why.detail);
            ReopenError::Gone { detail, help: "deploy it with `docker stack deploy -c FILE NAME`" }
        }
        Unfound::Wrong(why) => why.into(),
    })
}

/// The services of a stack, and what is said of them.
fn services<'s>(project: &'s Project, settings: &'s SwarmSettings) -> Services<'s> {
    Services { project, settings: settings.services(), terms: &TERMS, file: None }
}

/// The containers of a stack as a provider.
fn own(stack: &Stack, allowed: BTreeSet<String>) -> Containers {
    let (members, barriers) = (Arc::new(stack.members.clone()), stack.barriers.clone());
    Containers::new(members, &TERMS, shown(&stack.project.name), allowed, barriers)
}

/// Where each container that runs is, by its server's name.
fn addresses(stack: &Stack) -> BTreeMap<String, Ipv4Addr> {
    let one = |(server, container): (&String, _)| Some((server.clone(), address_of(container)?));
    stack.containers.iter().filter_map(one).collect()
}

/// What of ours was found on each container and in it, and taken away.
async fn swept(stack: &Stack, dry_run: bool) -> BTreeMap<String, Result<Swept, ProviderError>> {
    let mut swept = BTreeMap::new();
    for (server, container) in &stack.containers {
        let Some(engine) = stack.members.engine(container) else { continue };
        if let Some(found) = sweep::one(engine, server, container, dry_run).await {
            swept.insert(server.clone(), found);
        }
    }
    swept
}
