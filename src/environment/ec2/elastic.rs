//! The Elastic IPs of a scenario: allocated before anything boots, and led to the network interfaces of its servers.

use futures::future::join_all;

use super::compute::between;
use super::maker::ServerMaker;
use crate::ec2::elastic_ips::ElasticIp;
use crate::ec2::tags::{self, Tags};
use crate::environment::cloud::marks::SCENARIO;
use crate::provider::ProviderError;

impl ServerMaker {
    /// Allocates one for each floating IP, and leads it to the interface of the first server that may hold it; so it is known before the
    /// first boot that the quota has room, and that an internet gateway leads in.
    ///
    /// # Errors
    /// One can't be allocated or led there. What was made is removed by [`clear`](crate::environment::cloud::Maker::clear).
    pub(super) async fn make_elastic_ips(&self) -> Result<(), ProviderError> {
        for ip in self.infrastructure.virtual_ips.iter().filter(|ip| ip.floating_ip) {
            let scenario = Tags::from([(SCENARIO.into(), self.scenario.clone())]);
            let tags = tags::of_run(&self.run, &ip.name, scenario);
            let new = self.api.allocate_elastic_ip(&tags).await.map_err(|why| between(&self.api, &why))?;
            self.made.elastic_ip(&ip.name, &new.id);
            self.elastic_ips().insert(ip.name.clone(), new);
            self.lead_elastic_ip(&ip.name, &ip.holders[0]).await?;
        }
        Ok(())
    }

    /// Leads one to a server's interface; a replacement has that of its predecessor.
    ///
    /// # Errors
    /// There is no such thing, or EC2 refuses.
    pub(super) async fn lead_elastic_ip(&self, name: &str, to: &str) -> Result<(), ProviderError> {
        let interface = self.interfaces().get(to).map(|interface| interface.id.clone()).ok_or_else(|| unknown(to))?;
        let led = self.api.lead_elastic_ip(&self.elastic_ip(name)?.id, &interface).await;
        led.map_err(|why| between(&self.api, &why))
    }

    /// The server to whose interface it leads; `None`: to none of the scenario's.
    ///
    /// # Errors
    /// There is no such Elastic IP, or EC2 refuses.
    pub(super) async fn elastic_ip_leads_to(&self, name: &str) -> Result<Option<String>, ProviderError> {
        let interface = self.api.elastic_ip_leads_to(&self.elastic_ip(name)?.id).await;
        let interface = interface.map_err(|why| between(&self.api, &why))?;
        let interfaces = self.interfaces();
        let mut servers = interfaces.iter().filter(|(_, own)| interface.as_ref() == Some(&own.id));
        Ok(servers.next().map(|(server, _)| server.clone()))
    }

    /// Releases all that the scenario has, those among them whose allocation was answered too late.
    ///
    /// # Errors
    /// Everything that failed, after all were tried.
    pub(super) async fn release_elastic_ips(&self) -> Result<(), ProviderError> {
        if !self.infrastructure.virtual_ips.iter().any(|ip| ip.floating_ip) {
            return Ok(());
        }
        let mut known = std::mem::take(&mut *self.elastic_ips());
        let tagged = self.api.elastic_ips(&[(tags::RUN, &self.run), (SCENARIO, &self.scenario)]).await;
        let failed = tagged.as_ref().err().map(|why| between(&self.api, why));
        known.extend(tagged.unwrap_or_default().into_iter().map(|one| (one.id.clone(), one)));
        let ids: std::collections::BTreeSet<String> = known.into_values().map(|one| one.id).collect();
        let released = join_all(ids.iter().map(async |id| {
            self.api.release_elastic_ip(id).await.map_err(|why| between(&self.api, &why))?;
            self.made.gone(id);
            Ok(())
        }))
        .await;
        ProviderError::of_all(released.into_iter().filter_map(Result::err).chain(failed))
    }

    fn elastic_ip(&self, name: &str) -> Result<ElasticIp, ProviderError> {
        self.elastic_ips().get(name).cloned().ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> ProviderError {
    ProviderError::Between(format!("the scenario has made nothing for {name} in the cloud").into())
}
