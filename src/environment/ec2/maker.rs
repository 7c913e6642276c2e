//! What makes the servers of a scenario through EC2, at network interfaces that were made before.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;

use super::compute::{Compute, between};
use super::resolved::Resolved;
use super::scaling::ScalingGroups;
use crate::ec2::elastic_ips::ElasticIp;
use crate::ec2::instances::{Instance, Order};
use crate::ec2::interfaces::{Interface, NewInterface};
use crate::ec2::query::Api;
use crate::ec2::tags;
use crate::environment::cloud::Maker;
use crate::environment::cloud::made::Made;
use crate::environment::cloud::marks::{self, SERVER};
use crate::infrastructure::Infrastructure;
use crate::instance::{Activity, InstanceSpec};
use crate::provider::ProviderError;
use crate::provider::secret::Secret;

/// The most that EC2 takes of user data, in bytes. cloud-init unpacks what is gzip.
const USER_DATA: usize = 16 << 10;

/// What a scenario's servers are made of.
pub(super) struct ServerMaker {
    pub api: Api,
    pub run: String,
    /// By its index, with the attempt at it.
    pub scenario: String,
    pub resolved: Resolved,
    /// Ids of the security groups of every server.
    pub groups: Vec<String>,
    pub infrastructure: Infrastructure,
    /// By server; a replacement takes its interface over.
    pub interfaces: Mutex<BTreeMap<String, Interface>>,
    /// By the name of the floating IP.
    pub elastic_ips: Mutex<BTreeMap<String, ElasticIp>>,
    pub made: Arc<Made>,
    /// Those of the servers that Auto Scaling replaces.
    pub scaling: ScalingGroups,
}

impl ServerMaker {
    pub(super) fn interfaces(&self) -> MutexGuard<'_, BTreeMap<String, Interface>> {
        self.interfaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn elastic_ips(&self) -> MutexGuard<'_, BTreeMap<String, ElasticIp>> {
        self.elastic_ips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of servers, by name, then those of floating IPs.
    pub fn addresses(&self) -> [BTreeMap<String, Ipv4Addr>; 2] {
        let servers = self.interfaces().iter().map(|(name, interface)| (name.clone(), interface.address)).collect();
        [servers, self.elastic_ips().iter().map(|(name, ip)| (name.clone(), ip.address)).collect()]
    }

    /// Makes an interface for every server, and an Elastic IP for every floating IP, so that all addresses are known before anything
    /// boots.
    ///
    /// # Errors
    /// One can't be made; then none is left.
    pub async fn make_addresses(&self) -> Result<(), ProviderError> {
        let made = async {
            self.make_interfaces().await?;
            self.make_elastic_ips().await
        };
        match made.await {
            Ok(()) => Ok(()),
            Err(why) => ProviderError::of_all([why].into_iter().chain(self.clear().await.err())),
        }
    }

    async fn make_interfaces(&self) -> Result<(), ProviderError> {
        let servers = self.infrastructure.in_order();
        let made =
            join_all(servers.iter().map(|server| self.interface(&server.name, server.zone.as_deref(), None))).await;
        ProviderError::of_all(made.into_iter().filter_map(Result::err))
    }

    /// The interface of a server: the one that was made for it, else a new one.
    async fn interface(
        &self,
        server: &str,
        zone: Option<&str>,
        address: Option<Ipv4Addr>,
    ) -> Result<Interface, ProviderError> {
        if let Some(own) = self.interfaces().get(server).cloned() {
            return Ok(own);
        }
        let new = NewInterface {
            token: token(),
            subnet: self.resolved.subnet(zone).id.clone(),
            groups: self.groups.clone(),
            address,
            tags: self.tags(server),
        };
        let made = self.api.create_interface(&new).await.map_err(|why| between(&self.api, &why))?;
        self.made.interface(server, &made.id);
        self.interfaces().insert(server.into(), made.clone());
        Ok(made)
    }

    fn tags(&self, server: &str) -> tags::Tags {
        let declared = self.infrastructure.servers.get(server);
        tags::of_run(&self.run, server, marks::of_server(&self.scenario, server, declared))
    }
}

#[async_trait]
impl Maker for ServerMaker {
    type Api = Compute;

    fn named(&self, server: &Instance) -> Option<(String, Ipv4Addr)> {
        let name = server.tags.get(SERVER)?;
        let address = self.interfaces().get(name)?.address;
        Some((name.clone(), address))
    }

    async fn create(&self, spec: &InstanceSpec, user_data: &Secret) -> Result<String, ProviderError> {
        let interface = self.interface(&spec.name, spec.zone.as_deref(), Some(spec.address)).await?;
        let order = Order {
            token: token(),
            image: self.resolved.image.clone(),
            kind: self.resolved.kind.clone(),
            interface: interface.id,
            user_data: fitting(&spec.name, user_data)?,
            tags: self.tags(&spec.name),
        };
        if self.scaling.has(&spec.name) {
            let zone = &self.resolved.subnet(spec.zone.as_deref()).zone;
            return self.scaling.launch(&spec.name, zone, &order).await;
        }
        let id = self.api.run(&order).await.map_err(|why| between(&self.api, &why))?.id;
        self.made.server(&spec.name, &id);
        Ok(id)
    }

    async fn console(&self, id: &str) -> Result<String, ProviderError> {
        self.api.console(id).await.map_err(|why| between(&self.api, &why))
    }

    async fn lead(&self, floating_ip: &str, to: &str) -> Result<(), ProviderError> {
        self.lead_elastic_ip(floating_ip, to).await
    }

    async fn leads_to(&self, floating_ip: &str) -> Result<Option<String>, ProviderError> {
        self.elastic_ip_leads_to(floating_ip).await
    }

    async fn activities(&self) -> Result<Vec<Activity>, ProviderError> {
        self.scaling.activities().await
    }

    async fn stop_replacing(&self) -> Result<bool, ProviderError> {
        self.scaling.remove().await
    }

    fn requests(&self) -> u64 {
        self.api.of_this_part()
    }

    fn gone(&self, id: &str) {
        self.made.gone(id);
    }

    async fn clear(&self) -> Result<(), ProviderError> {
        let released = self.release_elastic_ips().await;
        let templates = self.scaling.clear().await;
        let interfaces = std::mem::take(&mut *self.interfaces());
        let removed = join_all(interfaces.values().map(async |interface| {
            self.api.delete_interface(&interface.id).await.map_err(|why| between(&self.api, &why))?;
            self.made.gone(&interface.id);
            Ok(())
        }))
        .await;
        let others = [released, templates];
        ProviderError::of_all(removed.into_iter().chain(others).filter_map(Result::err))
    }
}

/// No other order has it.
fn token() -> String {
    format!("anarcho-chimp-{:032x}", rand::random::<u128>())
}

/// User data as it is, or packed where it is too long.
///
/// # Errors
/// It is too long packed, too.
fn fitting(server: &str, user_data: &Secret) -> Result<Vec<u8>, ProviderError> {
    let plain = user_data.reveal().as_bytes();
    if plain.len() <= USER_DATA {
        return Ok(plain.to_vec());
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packed.write_all(plain).and_then(|()| packed.finish());
    let failed = |source| ProviderError::System { server: server.into(), action: "packing its user data", source };
    let packed = packed.map_err(failed)?;
    if packed.len() <= USER_DATA {
        return Ok(packed);
    }
    let detail = format!(
        "{server}: its role is {} bytes of user data, packed, and EC2 takes {USER_DATA}\n  help: put large files into the image",
        packed.len()
    );
    Err(ProviderError::Between(detail.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_is_packed_only_where_it_must_be_and_refused_where_that_does_not_help() {
        let of = |text: String| fitting("web-1", &Secret::new(text));
        assert_eq!(of("#cloud-config\n".into()).unwrap(), b"#cloud-config\n");
        let packed = of("a line\n".repeat(10_000)).unwrap();
        assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < USER_DATA);
        let noise: String = (0..40_000).map(|_| char::from(rand::random_range(b' '..=b'~'))).collect();
        assert!(of(noise).unwrap_err().to_string().contains("help: put large files into the image"));
    }
}
