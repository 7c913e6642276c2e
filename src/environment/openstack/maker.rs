//! What makes the servers of a scenario through Nova, at ports of Neutron that were made before.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::marks::{self, Marks};
use super::nova::{Nova, between};
use super::ports::{OwnPort, Ports};
use super::resolved::Resolved;
use crate::environment::cloud::Maker;
use crate::environment::cloud::made::Made;
use crate::infrastructure::Infrastructure;
use crate::instance::InstanceSpec;
use crate::openstack::actions;
use crate::openstack::client::Client;
use crate::openstack::ports::{self, NewPort};
use crate::openstack::servers::{self, NewServer, Server};
use crate::provider::ProviderError;
use crate::provider::secret::Secret;

/// How many lines of a console are kept.
const CONSOLE: u32 = 1000;

/// What a scenario's servers are made of.
pub(super) struct ServerMaker {
    pub client: Arc<Client>,
    pub resolved: Arc<Resolved>,
    pub infrastructure: Infrastructure,
    /// What every server of the scenario carries.
    pub marks: Marks,
    pub ports: Mutex<Ports>,
    pub made: Arc<Made>,
}

impl ServerMaker {
    pub(super) fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn own_port(&self, name: &str) -> Option<OwnPort> {
        self.ports().servers.get(name).cloned()
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
}

#[async_trait]
impl Maker for ServerMaker {
    type Api = Nova;

    fn named(&self, server: &Server) -> Option<(String, Ipv4Addr)> {
        let name = marks::server(server)?;
        Some((name.to_string(), self.own_port(name)?.address))
    }

    async fn create(&self, spec: &InstanceSpec, user_data: &Secret) -> Result<String, ProviderError> {
        let port = self.port_for(spec).await?.id;
        let new = NewServer {
            name: &spec.name,
            image: &self.resolved.image,
            flavor: &self.resolved.flavor,
            zone: spec.zone.as_deref().map(|zone| self.resolved.zone(zone)),
            port: &port,
            mark: &self.marks.run,
            metadata: self.marks.of_server(&spec.name, self.infrastructure.servers.get(&spec.name)),
            user_data,
        };
        let id = servers::create(&self.client, &new).await.map_err(between)?;
        self.made.server(&spec.name, &id);
        Ok(id)
    }

    async fn console(&self, id: &str) -> Result<String, ProviderError> {
        Ok(actions::console(&self.client, id, CONSOLE).await.map_err(between)?.unwrap_or_default())
    }

    async fn lead(&self, floating_ip: &str, to: &str) -> Result<(), ProviderError> {
        self.lead_floating_ip(floating_ip, to).await
    }

    async fn leads_to(&self, floating_ip: &str) -> Result<Option<String>, ProviderError> {
        self.floating_ip_leads_to(floating_ip).await
    }

    fn requests(&self) -> u64 {
        self.client.of_this_part()
    }

    fn gone(&self, id: &str) {
        self.made.gone(id);
    }

    async fn clear(&self) -> Result<(), ProviderError> {
        let ports = std::mem::take(&mut *self.ports());
        ports.remove(&self.client, &self.made).await
    }
}
