//! A boot through Nova: what stands in its way, the server itself, and the wait until it answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::cloud::{KNOCK_EVERY, Known, SSH, ScenarioCloud, between, not_up};
use super::listing::evidence;
use super::marks;
use super::ports::OwnPort;
use crate::instance::{Instance, InstanceId, InstanceSpec, PowerState, UserData};
use crate::openstack::error::CloudError;
use crate::openstack::ports::{self, NewPort};
use crate::openstack::servers::{self, NewServer, Status};
use crate::provider::secret::Secret;
use crate::provider::{Provider, ProviderError};
use crate::render::cloud_config;

/// How long a server may take from the moment at which Nova is asked for it to the one at which its SSH port answers.
const BOOT: Duration = Duration::from_secs(600);
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

impl ScenarioCloud {
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
    /// disk, so that its port is free.
    async fn make_way(&self, name: &str) -> Result<(), ProviderError> {
        let servers = self.nova.listing.now().await.map_err(between)?;
        for listed in servers.iter().filter(|listed| marks::server(&listed.server) == Some(name)) {
            match listed.state {
                PowerState::Running | PowerState::Frozen => return Err(taken(name)),
                PowerState::Terminated => {}
                PowerState::Stopped => self.delete(&InstanceId(listed.server.id.clone())).await?,
            }
        }
        Ok(())
    }

    /// The packages of a server's role; none where it is no declared one.
    fn packages(&self, name: &str) -> &[String] {
        let declared = self.infrastructure.servers.get(name);
        let role = declared.and_then(|server| self.infrastructure.roles.get(&server.role));
        role.map_or(&[], |role| &role.packages)
    }

    /// The port of a server: the one that was made for it, else a new one at its address.
    async fn port_for(&self, spec: &InstanceSpec) -> Result<OwnPort, ProviderError> {
        if let Some(own) = self.own_port(&spec.name) {
            return Ok(own);
        }
        let new = NewPort {
            name: &spec.name,
            network: &self.resolved.network,
            mark: &self.marks.run,
            security_groups: self.resolved.security_groups.as_deref(),
            fixed_ip: Some(spec.address),
            allowed_address_pairs: &[],
        };
        let port = ports::create(&self.client, &new).await.map_err(between)?;
        self.made.port(&spec.name, &port.id);
        let own = OwnPort { id: port.id, address: spec.address };
        self.ports().servers.insert(spec.name.clone(), own.clone());
        Ok(own)
    }

    /// Has Nova make it. That goes on to its end though its caller gives up: what was asked for is known, then, and removed with
    /// the scenario.
    async fn create(&self, spec: &InstanceSpec, asked: AskedFor) -> Result<(InstanceId, AskedFor), ProviderError> {
        let port = self.port_for(spec).await?.id;
        let packages = self.packages(&spec.name);
        // Where a config agent will give it its role, it has none of it yet.
        let unconfigured = UserData { unconfigured: true, ..UserData::default() };
        let data = if spec.user_data.unconfigured { &unconfigured } else { &spec.user_data };
        let user_data = cloud_config::document(&spec.name, packages, data, Some(&self.key.public))
            .map_err(|why| ProviderError::Between(why.into()))?;
        let (name, zone) = (spec.name.clone(), spec.zone.as_deref().map(|zone| self.resolved.zone(zone).to_string()));
        let metadata = self.marks.of_server(&spec.name, self.infrastructure.servers.get(&spec.name));
        let (mark, user_data) = (self.marks.run.clone(), Secret::new(user_data));
        let (client, resolved, made) = (Arc::clone(&self.client), Arc::clone(&self.resolved), Arc::clone(&self.made));
        let created = tokio::spawn(async move {
            let new = NewServer {
                name: &name,
                image: &resolved.image,
                flavor: &resolved.flavor,
                key_name: None,
                zone: zone.as_deref(),
                port: &port,
                mark: &mark,
                metadata,
                user_data: &user_data,
            };
            let id = servers::create(&client, &new).await.map_err(between)?;
            made.server(&name, &id);
            Ok((InstanceId(id), asked))
        });
        created.await.expect("making a server does not panic, and is not cancelled")
    }

    /// Waits until it is ACTIVE and its SSH port accepts connections.
    async fn await_up(&self, name: &str, id: &InstanceId) -> Result<Instance, ProviderError> {
        let until = Instant::now() + BOOT;
        loop {
            match self.nova.find(id).await? {
                Some(listed) if listed.server.status == Status::Active => break,
                Some(listed) if listed.server.status == Status::Error => {
                    self.delete(id).await?;
                    let message = listed.server.fault.unwrap_or_else(|| "Nova does not say why".into());
                    return Err(between(CloudError::Fault { server: name.into(), message }));
                }
                Some(_) if Instant::now() < until => {}
                Some(listed) => return Err(not_up(name, evidence(&listed.server))),
                None => return Err(not_up(name, "Nova lists it no longer".into())),
            }
        }
        let port = self.own_port(name).ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        let at = SocketAddr::from((port.address, SSH));
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
