//! Takes over a site that is there already: sees that its servers run and are clean, and that its entry answers. Nothing
//! is booted, and nothing is changed but that our program is put on the servers that may be struck.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::agent::client::{Agent, AgentError};
use crate::history::Event;
use crate::instance::{Ability, Instance, PowerState};
use crate::nemesis;
use crate::provider::ProviderError;
use crate::provision::{ProvisionError, await_entry};
use crate::site::Site;

/// Why a site could not be taken over. Nothing was struck.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// A server is not there.
    #[error("{server} is not there: {evidence}")]
    NotRunning { server: String, evidence: String },
    /// An earlier strike is still in force.
    #[error("{server} is not clean: {evidence} (strike {strike})\n  help: undo it with `chimp heal`")]
    NotClean { server: String, evidence: String, strike: String },
    /// Our program can't be put on a server.
    #[error("{server}: {source}")]
    Agent { server: String, source: AgentError },
    /// A server can't be asked.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The entry does not answer.
    #[error(transparent)]
    Entry(#[from] ProvisionError),
}

/// Takes it over; returns when it can be loaded and struck.
///
/// # Errors
/// The first thing that is not as it should be.
pub async fn attach(site: &Site) -> Result<(), AttachError> {
    let begun = Instant::now();
    let waiting = site.recorder.awaited().begin("the servers to be found");
    let instances = site.provider.list().await?;
    let found = |server: &String| instances.iter().find(|instance| instance.name == *server);
    let servers: Vec<&Instance> = site.infrastructure.servers.keys().filter_map(found).collect();
    if let Some(server) = site.infrastructure.servers.keys().find(|server| found(server).is_none()) {
        let evidence = "the provider does not list it".into();
        return Err(AttachError::NotRunning { server: server.clone(), evidence });
    }
    if let Some(other) = servers.iter().find(|instance| instance.state != PowerState::Running) {
        return Err(AttachError::NotRunning { server: other.name.clone(), evidence: other.evidence.clone() });
    }
    waiting.now("the servers to be logged in to");
    try_join_all(servers.iter().map(|instance| take_over(site, instance))).await?;
    drop(waiting);
    let _waiting = site.recorder.awaited().begin("the site's entry to accept a connection");
    await_entry(site).await?;
    site.recorder.record(Event::SiteReady { took_ms: begun.elapsed().as_secs_f64() * 1000.0 });
    Ok(())
}

/// Brings the agent's program to servers that were booted without it, so that they can be looked at and struck at once.
///
/// # Errors
/// The first one that it can't be brought to.
pub async fn bring_agents(site: &Site) -> Result<(), AttachError> {
    let _waiting = site.recorder.awaited().begin("the agent's program to be on every server");
    let instances = site.provider.list().await?;
    let running = instances.iter().filter(|instance| instance.state == PowerState::Running);
    try_join_all(running.map(|instance| bring_agent(site, instance))).await?;
    Ok(())
}

async fn bring_agent(site: &Site, instance: &Instance) -> Result<(), AttachError> {
    let remote = site.provider.connect(instance).await?;
    let deployed = Agent::new(&*remote).deploy(site.settings.nemesis.lease).await;
    deployed.map(drop).map_err(|source| AttachError::Agent { server: instance.name.clone(), source })
}

async fn take_over(site: &Site, instance: &Instance) -> Result<(), AttachError> {
    let (server, id) = (instance.name.clone(), instance.id.to_string());
    let lease = site.settings.nemesis.lease;
    if site.provider.can(&server, &BTreeSet::from([Ability::LogIn])).is_ok() {
        if let Some(held) = nemesis::leftover(&*site.provider, instance, Some(lease)).await? {
            return Err(AttachError::NotClean { server, evidence: held.evidence, strike: held.id.0 });
        }
        bring_agent(site, instance).await?;
    }
    let address = instance.address.to_string();
    site.recorder.record(Event::InstanceFound { server: server.clone(), instance: id.clone(), address });
    site.recorder.record(Event::ServerReady { server, instance: id });
    Ok(())
}
