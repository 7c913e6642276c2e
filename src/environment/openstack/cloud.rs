//! The servers of one scenario in a cloud, as a provider: booted, listed and switched through Nova, logged in to over SSH.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::sleep;

use super::listing::Listed;
use super::made::Made;
use super::marks::{self, Marks};
use super::nova::Nova;
use super::ports::{OwnPort, Ports};
use super::power;
use super::resolved::Resolved;
use crate::agent::upload::Source;
use crate::infrastructure::Infrastructure;
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerOp};
use crate::inventory::HostRemote;
use crate::openstack::actions;
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::servers::{Server, Status};
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
    pub client: Arc<Client>,
    pub resolved: Arc<Resolved>,
    pub infrastructure: Infrastructure,
    /// What every server of the scenario carries.
    pub marks: Marks,
    pub nova: Nova,
    pub ports: Mutex<Ports>,
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
    /// The way to each, by id.
    remotes: BTreeMap<InstanceId, HostRemote>,
    /// Names for which Nova was asked for a server that it may not list yet.
    pub asked_for: BTreeSet<String>,
}

impl ScenarioCloud {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn own_port(&self, name: &str) -> Option<OwnPort> {
        self.ports().servers.get(name).cloned()
    }

    /// Deletes it, and waits until Nova lists it no longer.
    pub(super) async fn delete(&self, id: &InstanceId) -> Result<(), ProviderError> {
        self.nova.delete(id).await?;
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
        let named = |server: &Server| {
            let name = marks::server(server)?;
            Some((name.to_string(), self.own_port(name)?.address))
        };
        self.nova.instances(named).await
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        let servers = self.nova.listing.now().await.map_err(between)?;
        let building = servers.iter().filter(|listed| listed.server.status == Status::Build);
        let building = building.filter_map(|listed| marks::server(&listed.server).map(str::to_string));
        Ok(building.chain(self.known().asked_for.iter().cloned()).collect())
    }

    fn lists_every(&self) -> Option<Duration> {
        Some(self.nova.listing.every())
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        self.nova.power(id, op).await?;
        if op == PowerOp::Terminate {
            self.made.gone(&id.0);
        }
        Ok(())
    }

    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.nova.power_leased(id, op, lease).await
    }

    async fn renew(&self, id: &InstanceId) -> Result<(), ProviderError> {
        self.nova.renew(id).await
    }

    /// Removes every server of the scenario, then its ports.
    fn requests(&self) -> Option<u64> {
        Some(self.client.of_this_part())
    }

    async fn close(&self) -> Result<(), ProviderError> {
        let remotes: Vec<HostRemote> = std::mem::take(&mut self.known().remotes).into_values().collect();
        // What runs on a server goes with it; only what this process keeps going is ended.
        drop(remotes);
        self.await_none_asked_for().await?;
        let servers = self.nova.listing.now().await.map_err(between)?;
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
