//! The ports of a scenario: where its servers and virtual IPs are plugged into the network, or come in from outside.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures::future::join_all;

use super::nova::between;
use crate::environment::cloud::made::Made;
use crate::openstack::client::Client;
use crate::openstack::{floating_ips, ports};
use crate::provider::ProviderError;

/// The ports of a scenario, by name.
#[derive(Default)]
pub(super) struct Ports {
    /// That of each server, which a replacement takes over.
    pub servers: BTreeMap<String, OwnPort>,
    /// Those of the virtual IPs, which keep their addresses.
    pub shared: BTreeMap<String, OwnPort>,
    /// Its floating IPs, each with its own address.
    pub floating: BTreeMap<String, OwnPort>,
}

impl Ports {
    /// Removes all of them.
    ///
    /// # Errors
    /// Everything that failed, after all were tried.
    pub async fn remove(&self, client: &Client, made: &Made) -> Result<(), ProviderError> {
        let led = join_all(self.floating.values().map(async |ip| {
            floating_ips::delete(client, &ip.id).await.map_err(between)?;
            made.gone(&ip.id);
            Ok(())
        }))
        .await;
        let removed = join_all(self.servers.values().chain(self.shared.values()).map(async |port| {
            ports::delete(client, &port.id).await.map_err(between)?;
            made.gone(&port.id);
            Ok(())
        }))
        .await;
        ProviderError::of_all(led.into_iter().chain(removed).filter_map(Result::err))
    }
}

/// A port that was made for the scenario, or a floating IP.
#[derive(Clone)]
pub(super) struct OwnPort {
    pub id: String,
    pub address: Ipv4Addr,
}
