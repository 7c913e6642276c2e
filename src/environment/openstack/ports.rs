//! The ports of a scenario: where its servers and virtual IPs are plugged into the network.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures::future::join_all;

use super::nova::between;
use crate::environment::cloud::made::Made;
use crate::openstack::client::Client;
use crate::openstack::ports;
use crate::provider::ProviderError;

/// The ports of a scenario, by name.
#[derive(Default)]
pub(super) struct Ports {
    /// That of each server, which a replacement takes over.
    pub servers: BTreeMap<String, OwnPort>,
    /// Those of the virtual IPs, which keep their addresses.
    pub shared: BTreeMap<String, OwnPort>,
}

impl Ports {
    /// Removes all of them.
    ///
    /// # Errors
    /// Everything that failed, after all were tried.
    pub async fn remove(&self, client: &Client, made: &Made) -> Result<(), ProviderError> {
        let removed = join_all(self.servers.values().chain(self.shared.values()).map(async |port| {
            ports::delete(client, &port.id).await.map_err(between)?;
            made.gone(&port.id);
            Ok(())
        }))
        .await;
        ProviderError::of_all(removed.into_iter().filter_map(Result::err))
    }
}

/// A port that was made for the scenario.
#[derive(Clone)]
pub(super) struct OwnPort {
    pub id: String,
    pub address: Ipv4Addr,
}
