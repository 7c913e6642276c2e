//! The reconciler: compares what should be with what is, and boots what is missing.
//!
//! Every N seconds it lists the instances; a declared server without one (terminated; one that only lost its power
//! is still listed, as on any cloud) gets a replacement of the same name, role and place. When that is ready, the
//! other servers' files are rendered again and those that changed are written and taken in. Several replacements
//! go side by side; what fails is tried again at the next comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::history::{Event, Part};
use crate::provider::{Command, FileSpec, Instance, PowerState, ProviderError};
use crate::site::{BootDelay, ProvisionError, Site};
use crate::wait::Tick;

/// A reconciler at work; dropping it stops it.
pub struct Ventriloquist {
    task: JoinHandle<()>,
}

impl Ventriloquist {
    /// Starts to compare, every `every`.
    pub fn start(site: Site, every: Duration) -> Self {
        Ventriloquist { task: tokio::spawn(reconcile(site, every)) }
    }

    /// Stops it where it is: a boot under way is left to the provider.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Ventriloquist {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the reconciler remembers from one comparison to the next.
struct Memory {
    /// Servers whose replacement is under way.
    replacing: BTreeSet<String>,
    /// The files that each server was last given.
    written: BTreeMap<String, Vec<FileSpec>>,
}

async fn reconcile(site: Site, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut memory = Memory { replacing: BTreeSet::new(), written: rendered(&site) };
    let mut replacements: JoinSet<(String, bool)> = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => compare(&site, &mut memory, &mut replacements).await,
            Some(Ok((server, replaced))) = replacements.join_next() => {
                memory.replacing.remove(&server);
                if replaced {
                    refresh(&site, &mut memory).await;
                }
            }
        }
    }
}

fn rendered(site: &Site) -> BTreeMap<String, Vec<FileSpec>> {
    let servers = site.infrastructure.servers.keys();
    servers.filter_map(|server| Some((server.clone(), site.user_data(server).ok()?.files))).collect()
}

/// Finds what is missing and begins to replace it.
async fn compare(site: &Site, memory: &mut Memory, replacements: &mut JoinSet<(String, bool)>) {
    let instances = match site.provider.list().await {
        Ok(instances) => instances,
        Err(why) => {
            let (server, detail) = ("(all)".into(), why.to_string());
            return site.recorder.record(Event::ReconcilerFailed { server, detail });
        }
    };
    for server in missing(site, &instances) {
        if memory.replacing.insert(server.clone()) {
            let found = found(&instances, &server);
            let every = site.settings.time.waited(site.settings.reconciler.every);
            site.record_tick(Part::Reconciler, &server, Tick::now(site.recorder.clock(), every));
            site.recorder.record(Event::ReconcilerMissing { server: server.clone(), found });
            replacements.spawn(replace(site.clone(), server));
        }
    }
}

/// The declared servers without an instance, in the order of their names.
fn missing(site: &Site, instances: &[Instance]) -> Vec<String> {
    let exists = |server: &&String| {
        !instances.iter().any(|instance| &instance.name == *server && instance.state != PowerState::Terminated)
    };
    site.infrastructure.servers.keys().filter(exists).cloned().collect()
}

fn found(instances: &[Instance], server: &str) -> String {
    match instances.iter().rev().find(|instance| instance.name == server) {
        Some(instance) => format!("{} {}: {}", instance.id, instance.state, instance.evidence),
        None => "no such instance".into(),
    }
}

/// Boots a replacement and waits until it serves; says whether it does.
async fn replace(site: Site, server: String) -> (String, bool) {
    site.recorder.record(Event::ReconcilerBoots { server: server.clone() });
    let outcome = site.boot(&server, BootDelay::Waited).await;
    let replaced = outcome.is_ok();
    if replaced && site.settings.config_agent.enabled {
        // It is bare: the config agent makes it what its role says, and records when it is.
        return (server, false);
    }
    site.recorder.record(match outcome {
        Ok(instance) => Event::ReconcilerReplaced { server: server.clone(), instance: instance.id.to_string() },
        Err(why) => Event::ReconcilerFailed { server: server.clone(), detail: why.to_string() },
    });
    (server, replaced)
}

/// Writes each server's files that are no longer what they should be, and lets its services take them in.
async fn refresh(site: &Site, memory: &mut Memory) {
    for (server, files) in rendered(site) {
        let before = memory.written.get(&server).cloned().unwrap_or_default();
        let changed: Vec<FileSpec> = files.iter().filter(|file| !before.contains(file)).cloned().collect();
        if changed.is_empty() {
            continue;
        }
        let paths = changed.iter().map(|file| file.path.display().to_string()).collect();
        match write(site, &server, &changed).await {
            Ok(()) => {
                memory.written.insert(server.clone(), files);
                site.recorder.record(Event::ReconcilerRefreshed { server, files: paths });
            }
            Err(why) => site.recorder.record(Event::ReconcilerFailed { server, detail: why.to_string() }),
        }
    }
}

async fn write(site: &Site, server: &str, files: &[FileSpec]) -> Result<(), ProvisionError> {
    let instances = site.provider.list().await?;
    let living = |instance: &&Instance| instance.name == server && instance.state == PowerState::Running;
    let Some(instance) = instances.iter().rev().find(living) else { return Ok(()) };
    let remote = site.provider.connect(instance).await?;
    for file in files {
        remote.upload(file).await.map_err(ProviderError::from)?;
    }
    if let Some(reload) = &site.role(server).reload {
        remote.exec(&Command::new(reload.iter().cloned())).await.map_err(ProviderError::from)?;
    }
    Ok(())
}
