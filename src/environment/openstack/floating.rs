//! The floating IPs of a scenario: made before anything boots, and led to servers through Neutron.

use super::maker::ServerMaker;
use super::marks::Marks;
use super::nova::between;
use super::ports::{OwnPort, Ports};
use crate::environment::cloud::made::Made;
use crate::infrastructure::Infrastructure;
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::floating_ips;
use crate::provider::ProviderError;

/// Makes them in this external network, each led to the port of the first server that may hold it; so it is known before the
/// first boot that a router connects the two.
///
/// # Errors
/// One can't be made or led there; those that were made are among the ports.
pub(super) async fn make(
    (client, made): (&Client, &Made),
    ports: &mut Ports,
    external: &str,
    marks: &Marks,
    infrastructure: &Infrastructure,
) -> Result<(), CloudError> {
    for ip in infrastructure.virtual_ips.iter().filter(|ip| ip.floating_ip) {
        let new = floating_ips::create(client, external, &marks.run).await?;
        made.floating_ip(&ip.name, &new.id);
        ports.floating.insert(ip.name.clone(), OwnPort { id: new.id.clone(), address: new.address });
        floating_ips::lead_to(client, &new.id, Some(&ports.servers[&ip.holders[0]].id)).await?;
    }
    Ok(())
}

impl ServerMaker {
    /// Leads a floating IP to a server's port; a replacement has the port of its predecessor.
    ///
    /// # Errors
    /// There is no such thing, or Neutron can't be asked.
    pub(super) async fn lead_floating_ip(&self, name: &str, to: &str) -> Result<(), ProviderError> {
        let (floating_ip, port) = (self.floating_ip(name)?, self.own_port(to).ok_or_else(|| unknown(to))?);
        floating_ips::lead_to(&self.client, &floating_ip.id, Some(&port.id)).await.map(drop).map_err(between)
    }

    /// The server to which it leads; `None`: to none of the scenario's.
    ///
    /// # Errors
    /// There is no such floating IP, or Neutron can't be asked.
    pub(super) async fn floating_ip_leads_to(&self, name: &str) -> Result<Option<String>, ProviderError> {
        let now = floating_ips::get(&self.client, &self.floating_ip(name)?.id).await.map_err(between)?;
        let ports = self.ports();
        let server =
            |port: &String| ports.servers.iter().find(|(_, own)| own.id == *port).map(|(name, _)| name.clone());
        Ok(now.port.as_ref().and_then(server))
    }

    fn floating_ip(&self, name: &str) -> Result<OwnPort, ProviderError> {
        self.ports().floating.get(name).cloned().ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> ProviderError {
    ProviderError::Between(format!("the scenario has made nothing for {name} in the cloud").into())
}
