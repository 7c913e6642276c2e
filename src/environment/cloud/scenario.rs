//! The servers of one scenario in a cloud, as a provider: booted, listed and switched through its API, logged in to over SSH.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::sleep;

use super::fleet::Fleet;
use super::listing::Listed;
use super::{Api, CloudServer, Maker, power, unsupported};
use crate::agent::upload::Source;
use crate::environment::Opened;
use crate::infrastructure::Infrastructure;
use crate::instance::{Ability, Activity, Instance, InstanceId, InstanceSpec, Plug, PowerOp, PowerState};
use crate::inventory::HostRemote;
use crate::provider::host_key::HostKey;
use crate::provider::key_pair::KeyPair;
use crate::provider::ssh::{Login, Proof, Route, SshRemote};
use crate::provider::{Provider, ProviderError, Remote};
use crate::render::{Addresses, Secrets};

/// From one attempt to connect to the next, while it boots.
pub(super) const KNOCK_EVERY: Duration = Duration::from_millis(100);
/// Who is logged in as; the document of its role lets the run's key open it.
const USER: &str = "root";
/// Where SSH answers.
pub(super) const SSH: u16 = 22;

/// The servers of a scenario. An instance's id is the cloud's.
pub(in crate::environment) struct ScenarioServers<M: Maker> {
    pub infrastructure: Infrastructure,
    pub maker: Arc<M>,
    pub fleet: Fleet<M::Api>,
    /// Where the console of each server goes: a folder of its name.
    pub logs: PathBuf,
    pub key: Arc<KeyPair>,
    pub source: Arc<Source>,
    pub known: Arc<Mutex<Known>>,
}

/// What the cloud does not say.
#[derive(Default)]
pub(in crate::environment) struct Known {
    /// The host key that each was made with, by id.
    pub(super) host_keys: BTreeMap<InstanceId, HostKey>,
    /// The way to each, by id.
    remotes: BTreeMap<InstanceId, HostRemote>,
    /// Names for which the cloud was asked for a server that it may not list yet.
    pub(super) asked_for: BTreeSet<String>,
    /// Servers that were made and not removed, by id: one that is not listed yet is removed, too.
    pub(super) made: BTreeSet<InstanceId>,
}

impl<M: Maker> ScenarioServers<M> {
    /// The place of a scenario whose servers these are, at these addresses.
    pub fn opened(self, addresses: Addresses) -> Opened {
        let secrets = Secrets::of(self.key.private.reveal());
        Opened { addresses, provider: Arc::new(self), entry: None, secrets, attached: false, followed: BTreeMap::new() }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes it, and waits until it is listed no longer.
    pub(super) async fn delete(&self, id: &InstanceId) -> Result<(), ProviderError> {
        self.fleet.delete(id).await?;
        self.gone(id);
        Ok(())
    }

    /// Those that are there, in whatever state.
    async fn living(&self) -> Result<Vec<Listed<<M::Api as Api>::Server>>, ProviderError> {
        let servers = self.fleet.now().await?;
        Ok(servers.iter().filter(|listed| listed.state != PowerState::Terminated).cloned().collect())
    }

    fn gone(&self, id: &InstanceId) {
        self.known().made.remove(id);
        self.maker.gone(&id.0);
    }

    /// Waits until nothing is asked for that may not be listed yet.
    async fn await_none_asked_for(&self) -> Result<(), ProviderError> {
        let until = Instant::now() + power::WITHIN;
        loop {
            let asked_for = self.known().asked_for.clone();
            match asked_for.first() {
                None => return Ok(()),
                Some(name) if Instant::now() >= until => {
                    return Err(not_up(name, format!("{} was asked for it, and has not answered", M::Api::NAME)));
                }
                Some(_) => sleep(KNOCK_EVERY).await,
            }
        }
    }

    /// Writes what a server's console shows to the logs.
    async fn keep_console(&self, server: &<M::Api as Api>::Server) {
        let Some((name, _)) = self.maker.named(server) else { return };
        let kept = async {
            let text = self.maker.console(server.id()).await.map_err(|why| why.to_string())?;
            let folder = self.logs.join(&name);
            fs::create_dir_all(&folder).map_err(|why| why.to_string())?;
            fs::write(folder.join("console.log"), text).map_err(|why| why.to_string())
        };
        if let Err(why) = kept.await {
            tracing::warn!(name, why, "the console can't be kept");
        }
    }

    fn remote(&self, instance: &Instance) -> HostRemote {
        let mut known = self.known();
        // All that are listed were made here.
        let host_key = known.host_keys.get(&instance.id).cloned().unwrap_or(HostKey::Unchecked);
        let made = known.remotes.entry(instance.id.clone()).or_insert_with(|| {
            let login = Login {
                name: None,
                address: instance.address,
                port: SSH,
                user: USER.into(),
                proof: Proof::Key(self.key.private.clone()),
                host_key,
                route: Route::Direct,
            };
            HostRemote::new(&instance.name, SshRemote::new(login), &self.source)
        });
        made.clone()
    }
}

#[async_trait]
impl<M: Maker> Provider for ScenarioServers<M> {
    fn can(&self, server: &str, abilities: &BTreeSet<Ability>) -> Result<(), ProviderError> {
        let is_unknown = |op: &PowerOp| !M::Api::POWER.contains(op);
        let asked = abilities.iter().filter_map(|ability| match ability {
            Ability::Power(op) => Some(*op),
            Ability::Boot | Ability::LogIn | Ability::Network => None,
        });
        ProviderError::of_all(asked.filter(is_unknown).map(|op| unsupported::<M::Api>(server, op)))
    }

    async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        self.boot_server(spec).await
    }

    async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
        self.fleet.instances(|server| self.maker.named(server)).await
    }

    async fn booting(&self) -> Result<BTreeSet<String>, ProviderError> {
        let servers = self.fleet.now().await?;
        let building = servers.iter().filter(|listed| listed.server.is_building());
        let building = building.filter_map(|listed| self.maker.named(&listed.server).map(|(name, _)| name));
        Ok(building.chain(self.known().asked_for.iter().cloned()).collect())
    }

    fn lists_every(&self) -> Option<Duration> {
        Some(self.fleet.lists_every())
    }

    async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        self.fleet.power(id, op).await?;
        if op == PowerOp::Terminate {
            self.gone(id);
        }
        Ok(())
    }

    async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.fleet.power_leased(id, op, lease).await
    }

    async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        self.fleet.renew(id, plug).await
    }

    async fn lead(&self, floating_ip: &str, to: &str) -> Result<(), ProviderError> {
        self.maker.lead(floating_ip, to).await
    }

    async fn leads_to(&self, floating_ip: &str) -> Result<Option<String>, ProviderError> {
        self.maker.leads_to(floating_ip).await
    }

    async fn activities(&self) -> Result<Vec<Activity>, ProviderError> {
        self.maker.activities().await
    }

    fn requests(&self) -> Option<u64> {
        Some(self.maker.requests())
    }

    /// Removes every server of the scenario, then what was made beside them.
    async fn close(&self) -> Result<(), ProviderError> {
        let remotes: Vec<HostRemote> = std::mem::take(&mut self.known().remotes).into_values().collect();
        // What runs on a server goes with it; only what this process keeps going is ended.
        drop(remotes);
        self.await_none_asked_for().await?;
        let mut living = self.living().await?;
        join_all(living.iter().map(|listed| self.keep_console(&listed.server))).await;
        // First: what replaces servers would replace those that are deleted.
        if self.maker.stop_replacing().await? {
            living = self.living().await?;
        }
        let mut ids: BTreeSet<InstanceId> = living.iter().map(|listed| InstanceId(listed.server.id().into())).collect();
        ids.extend(self.known().made.iter().cloned());
        let deleted = join_all(ids.iter().map(|id| self.delete(id))).await;
        ProviderError::of_all(deleted.into_iter().filter_map(Result::err))?;
        self.maker.clear().await
    }

    async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
        Ok(Box::new(self.remote(instance)))
    }
}

pub(super) fn not_up(name: &str, why: String) -> ProviderError {
    ProviderError::Between(format!("{name} did not come up: {why}").into())
}
