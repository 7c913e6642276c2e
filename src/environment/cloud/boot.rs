//! A boot in a cloud: what stands in its way, the server itself, and the wait until it answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::scenario::{KNOCK_EVERY, Known, SSH, ScenarioServers, not_up};
use super::{Api, CloudServer, Maker};
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerState, UserData};
use crate::provider::host_key::HostKey;
use crate::provider::key_pair::KeyPair;
use crate::provider::secret::Secret;
use crate::provider::{Provider, ProviderError};
use crate::render::cloud_config::{self, SshKeys};

/// How long a server may take from the moment at which the cloud is asked for it to the one at which its SSH port answers.
const BOOT: Duration = Duration::from_secs(600);
/// How long a cloud may take to list what it made: some are consistent in the end only.
const LISTED: Duration = Duration::from_secs(60);
/// One attempt to connect to it is given up after this.
const KNOCK: Duration = Duration::from_secs(1);

/// A name that is being booted, until this is dropped.
pub(super) struct AskedFor {
    known: Arc<Mutex<Known>>,
    name: String,
}

impl Drop for AskedFor {
    fn drop(&mut self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).asked_for.remove(&self.name);
    }
}

impl<M: Maker> ScenarioServers<M> {
    /// Boots a server; returns once its SSH port answers.
    ///
    /// # Errors
    /// One of its name is there or is being booted, it can't be made, or it does not come up.
    pub(super) async fn boot_server(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
        let asked = self.ask_for(&spec.name)?;
        sleep(spec.boot_delay).await;
        self.make_way(&spec.name).await?;
        let (id, _asked) = self.create(spec, asked).await?;
        self.await_up(&spec.name, &id).await
    }

    /// Takes a name for a boot.
    ///
    /// # Errors
    /// A server of this name is being booted.
    fn ask_for(&self, name: &str) -> Result<AskedFor, ProviderError> {
        if !self.known().asked_for.insert(name.into()) {
            return Err(taken(name));
        }
        Ok(AskedFor { known: Arc::clone(&self.known), name: name.into() })
    }

    /// What stands in the way of another server of this name: one that lives is an error, one that does not goes, with its
    /// disk, so that its place in the network is free.
    async fn make_way(&self, name: &str) -> Result<(), ProviderError> {
        self.fleet.rejoin_those_gone().await?;
        let servers = self.fleet.now().await?;
        for listed in servers.iter().filter(|listed| self.is_of(&listed.server, name)) {
            match listed.state {
                PowerState::Running | PowerState::Frozen => return Err(taken(name)),
                PowerState::Terminated => {}
                PowerState::Stopped => self.delete(&InstanceId(listed.server.id().into())).await?,
            }
        }
        Ok(())
    }

    fn is_of(&self, server: &<M::Api as Api>::Server, name: &str) -> bool {
        self.maker.named(server).is_some_and(|(found, _)| found == name)
    }

    /// The packages of a server's role; none where it is no declared one.
    fn packages(&self, name: &str) -> &[String] {
        let declared = self.infrastructure.servers.get(name);
        let role = declared.and_then(|server| self.infrastructure.roles.get(&server.role));
        role.map_or(&[], |role| &role.packages)
    }

    /// Has the cloud make it. That goes on to its end though its caller gives up: what was asked for is known, then, and removed with
    /// the scenario.
    async fn create(&self, spec: &InstanceSpec, asked: AskedFor) -> Result<(InstanceId, AskedFor), ProviderError> {
        let packages = self.packages(&spec.name);
        // Where a config agent will give it its role, it has none of it yet.
        let unconfigured = UserData { unconfigured: true, ..UserData::default() };
        let data = if spec.user_data.unconfigured { &unconfigured } else { &spec.user_data };
        let failed =
            |source| ProviderError::System { server: spec.name.clone(), action: "making its host key", source };
        let host = tokio::task::spawn_blocking(KeyPair::make).await.expect("making a key does not panic");
        let host = host.map_err(failed)?;
        let ssh = SshKeys { user: &self.key.public, host: &host };
        let user_data = cloud_config::document(&spec.name, packages, data, Some(ssh))
            .map_err(|why| ProviderError::Between(why.into()))?;
        let host_key = HostKey::Given(host.public_bytes().into());
        let (maker, spec, user_data) = (Arc::clone(&self.maker), spec.clone(), Secret::new(user_data));
        let known = Arc::clone(&self.known);
        let created = tokio::spawn(async move {
            let id = InstanceId(maker.create(&spec, &user_data).await?);
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.made.insert(id.clone());
            known.host_keys.insert(id.clone(), host_key);
            Ok((id, asked))
        });
        created.await.expect("making a server does not panic, and is not cancelled")
    }

    /// Waits until the cloud says that it runs, and its SSH port accepts connections.
    async fn await_up(&self, name: &str, id: &InstanceId) -> Result<Instance, ProviderError> {
        let (until, mut was_listed) = (Instant::now() + BOOT, false);
        let listed_until = Instant::now() + LISTED;
        let address = loop {
            let Some(listed) = self.fleet.find(id).await? else {
                if was_listed || Instant::now() >= listed_until {
                    return Err(not_up(name, format!("{} does not list it", M::Api::NAME)));
                }
                continue;
            };
            was_listed = true;
            if let Some(why) = listed.server.failure() {
                self.delete(id).await?;
                return Err(why);
            }
            let is_up = listed.state == PowerState::Running && !listed.server.is_building();
            match self.maker.named(&listed.server) {
                Some((_, address)) if is_up => break address,
                _ if Instant::now() < until => {}
                _ => return Err(not_up(name, listed.server.evidence())),
            }
        };
        let at = SocketAddr::from((address, SSH));
        while !matches!(timeout(KNOCK, TcpStream::connect(at)).await, Ok(Ok(_))) {
            if Instant::now() >= until {
                return Err(not_up(name, format!("{at} accepts no connection")));
            }
            sleep(KNOCK_EVERY).await;
        }
        let up = self.list().await?.into_iter().find(|instance| instance.id == *id);
        up.ok_or_else(|| ProviderError::Unknown(id.clone()))
    }
}

fn taken(name: &str) -> ProviderError {
    let why = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "a server of this name is there already");
    ProviderError::System { server: name.into(), action: "booting", source: why }
}
