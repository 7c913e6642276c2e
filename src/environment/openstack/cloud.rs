//! The servers of one scenario in a cloud, as a provider: booted, listed and switched through Nova, logged in to over SSH.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::sleep;

use super::lease::Leases;
use super::listing::{Listed, Listing, evidence};
use super::made::Made;
use super::marks::{self, Marks};
use super::ports::{OwnPort, Ports};
use super::power;
use super::resolved::Resolved;
use crate::agent::upload::Source;
use crate::infrastructure::Infrastructure;
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerOp, PowerState};
use crate::inventory::HostRemote;
use crate::openstack::actions;
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::servers::Status;
use crate::provider::host_key::HostKey;
use crate::provider::key_pair::KeyPair;
use crate::provider::ssh::{Login, Proof, Route, SshRemote};
use crate::provider::{Provider, ProviderError, Remote};

/// From one attempt to connect to the next, while it boots.
pub(super) const KNOCK_EVERY: Duration = Duration::from_millis(100);
/// Who is logged in as; the document of its role lets the run's key open it.
const USER: &str = "root";
/// Where SSH answers.
pub(super) const SSH: u16 = 22;
/// How many lines of a console are kept.
const CONSOLE: u32 = 1000;

/// The servers of a scenario. An instance's id is Nova's.
pub(super) struct ScenarioCloud {
    /// The cloud, as it was named on the command line.
    pub cloud: String,
    pub client: Arc<Client>,
    pub resolved: Arc<Resolved>,
    pub infrastructure: Infrastructure,
    /// What every server of the scenario carries.
    pub marks: Marks,
    pub listing: Listing,
    pub ports: Mutex<Ports>,
    pub leases: Leases,
    /// Where the console of each server goes: a folder of its name.
    pub logs: PathBuf,
    pub key: Arc<KeyPair>,
    pub source: Arc<Source>,
    pub made: Arc<Made>,
    pub known: Arc<Mutex<Known>>,
}

/// What Nova no longer says.
#[derive(Default)]
pub(super) struct Known {
    /// Servers that were listed once, by id.
    listed: BTreeMap<InstanceId, Instance>,
    /// The way to each, by id.
    remotes: BTreeMap<InstanceId, HostRemote>,
    /// Names for which Nova was asked for a server that it may not list yet.
    pub asked_for: BTreeSet<String>,
}

impl ScenarioCloud {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server of this id as Nova lists it now; `None`: no longer.
    pub(super) async fn find(&self, id: &InstanceId) -> Result<Option<Listed>, ProviderError> {
        let servers = self.listing.now().await.map_err(between)?;
        Ok(servers.iter().find(|listed| listed.server.id == id.0).cloned())
    }

    pub(super) fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn own_port(&self, name: &str) -> Option<OwnPort> {
        self.ports().servers.get(name).cloned()
    }

    /// Deletes it, and waits until Nova lists it no longer.
    pub(super) async fn delete(&self, id: &InstanceId) -> Result<(), ProviderError> {
        actions::delete(&self.client, &id.0).await.map_err(between)?;
        let until = Instant::now() + power::WITHIN;
        while self.find(id).await?.is_some_and(|listed| listed.state != PowerState::Terminated) {
            if Instant::now() >= until {
                return Err(late(id, "delete"));
            }
        }
        self.made.gone(&id.0);
        Ok(())
    }

    /// Waits until nothing is asked for that Nova may not list yet.
    async fn await_none_asked_for(&self) -> Result<(), ProviderError> {
        let until = Instant::now() + power::WITHIN;
        loop {
            let asked_for = self.known().asked_for.clone();
            match asked_for.first() {
                None => return Ok(()),
                Some(name) if Instant::now() >= until => {
                    return Err(not_up(name, "Nova was asked for it, and has not answered".into()));
                }
                Some(_) => sleep(KNOCK_EVERY).await,
            }
        }
    }

    /// Writes what a server's console shows to the logs; a cloud that keeps no consoles has none.
    async fn keep_console(&self, listed: &Listed) {
        let Some(name) = marks::server(&listed.server) else { return };
        let kept = async {
            let text =
                actions::console(&self.client, &listed.server.id, CONSOLE).await.map_err(|why| why.to_string())?;
            let folder = self.logs.join(name);
            fs::create_dir_all(&folder).map_err(|why| why.to_string())?;
            fs::write(folder.join("console.log"), text.unwrap_or_default()).map_err(|why| why.to_string())
        };
        if let Err(why) = kept.await {
            tracing::warn!(name, why, "the console can't be kept");
        }
    }

    fn instance(&self, listed: &Listed) -> Option<Instance> {
        let name = marks::server(&listed.server)?;
        Some(Instance {
            id: InstanceId(listed.server.id.clone()),
            name: name.into(),
            address: self.own_port(name)?.address,
            state: listed.state,
            evidence: evidence(&listed.server),
            first_process: None,
            changed: listed.changed,
        })
    }

    fn remote(&self, instance: &Instance) -> HostRemote {
        let mut known = self.known();
        let made = known.remotes.entry(instance.id.clone()).or_insert_with(|| {
            let login = Login {
                name: None,
                address: instance.address,
                port: SSH,
                user: USER.into(),
                proof: Proof::Key(self.key.private.clone()),
                // It was made a moment ago, and has made its key itself.
                host_key: HostKey::Unchecked,
                route: Route::Direct,
            };
            HostRemote::new(&instance.name, SshRemote::new(login), &self.source)
        });
        made.clone()
    }
}

#[async_trait]
impl Provider for ScenarioCloud {
    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        self.boot_server(spec).await
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        let servers = self.listing.now().await.map_err(between)?;
        let there = servers.iter().filter(|listed| listed.server.status != Status::Build);
        let mut instances: Vec<Instance> = there.filter_map(|listed| self.instance(listed)).collect();
        let mut known = self.known();
        let is_listed = |id: &InstanceId| instances.iter().any(|instance| instance.id == *id);
        let gone: Vec<InstanceId> = known.listed.keys().filter(|id| !is_listed(id)).cloned().collect();
        for id in gone {
            let was = known.listed.get_mut(&id).expect("it is one of them");
            if was.state != PowerState::Terminated {
                (was.state, was.changed) = (PowerState::Terminated, None);
                was.evidence = "Nova knows it no longer".into();
            }
            instances.push(was.clone());
        }
        known.listed.extend(instances.iter().map(|instance| (instance.id.clone(), instance.clone())));
        Ok(instances)
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        let servers = self.listing.now().await.map_err(between)?;
        let building = servers.iter().filter(|listed| listed.server.status == Status::Build);
        let building = building.filter_map(|listed| marks::server(&listed.server).map(str::to_string));
        Ok(building.chain(self.known().asked_for.iter().cloned()).collect())
    }

    fn lists_every(&self) -> Option<Duration> {
        Some(self.listing.every())
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let Some(listed) = self.find(id).await? else {
            // One that was terminated stays so.
            return if self.known().listed.contains_key(id) { Ok(()) } else { Err(ProviderError::Unknown(id.clone())) };
        };
        if power::is_done(op, listed.state) {
            return Ok(());
        }
        let Some(action) = power::action(op, &listed.server.status) else { return self.delete(id).await };
        actions::start(&self.client, &id.0, action).await.map_err(between)?;
        let until = Instant::now() + power::WITHIN;
        loop {
            match self.find(id).await? {
                Some(now) if now.state == power::done_in(op) && now.server.task.is_none() => break,
                Some(_) if Instant::now() < until => {}
                Some(_) => return Err(late(id, op.word())),
                None => break,
            }
        }
        // Only now: if it failed, the lease still ends the fault.
        self.leases.call_off(id).await;
        Ok(())
    }

    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.power(id, op).await?;
        let failed =
            |source| ProviderError::System { server: id.0.clone(), action: "starting what ends its lease", source };
        self.leases.begin(&self.cloud, id, op, lease).await.map_err(failed)
    }

    async fn renew(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        self.leases.renew(id).await.map_err(failed)
    }

    /// Removes every server of the scenario, then its ports.
    async fn close(&self) -> Result<(), ProviderError> {
        let remotes: Vec<HostRemote> = std::mem::take(&mut self.known().remotes).into_values().collect();
        // What runs on a server goes with it; only what this process keeps going is ended.
        drop(remotes);
        self.await_none_asked_for().await?;
        let servers = self.listing.now().await.map_err(between)?;
        join_all(servers.iter().map(|listed| self.keep_console(listed))).await;
        let ids: Vec<InstanceId> = servers.iter().map(|listed| InstanceId(listed.server.id.clone())).collect();
        let deleted = join_all(ids.iter().map(|id| self.delete(id))).await;
        ProviderError::of_all(deleted.into_iter().filter_map(Result::err))?;
        let ports = std::mem::take(&mut *self.ports());
        ports.remove(&self.client, &self.made).await
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(self.remote(instance)))
    }
}

/// An error of the API.
pub(super) fn between(why: CloudError) -> ProviderError {
    ProviderError::Between(why.into())
}

pub(super) fn not_up(name: &str, why: String) -> ProviderError {
    ProviderError::Between(format!("{name} did not come up: {why}").into())
}

fn late(id: &InstanceId, what: &str) -> ProviderError {
    let within = crate::units::show_duration(power::WITHIN);
    ProviderError::Between(format!("{id}: Nova did not {what} it within {within}").into())
}
