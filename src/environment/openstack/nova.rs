//! Servers as Nova lists them, and their power: those of a scenario, and those that an attack may strike.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cloud::between;
use super::lease::Leases;
use super::listing::{Listed, Listing, evidence};
use super::power;
use crate::instance::{Instance, InstanceId, PowerOp, PowerState};
use crate::openstack::actions;
use crate::openstack::client::Client;
use crate::openstack::servers::{Server, Status};
use crate::provider::ProviderError;

/// Some of a project's servers. An instance's id is Nova's.
pub(super) struct Nova {
    /// The cloud, as it was named on the command line.
    cloud: String,
    client: Arc<Client>,
    pub listing: Listing,
    leases: Leases,
    /// Servers that were listed once, by id: Nova says nothing of what was deleted.
    seen: Mutex<BTreeMap<InstanceId, Instance>>,
}

impl Nova {
    /// Nothing is listed yet.
    pub fn new(cloud: &str, client: &Arc<Client>, listing: Listing) -> Nova {
        let (leases, seen) = (Leases::default(), Mutex::default());
        Nova { cloud: cloud.into(), client: Arc::clone(client), listing, leases, seen }
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Instance>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server of this id as Nova lists it now; `None`: no longer.
    pub async fn find(&self, id: &InstanceId) -> Result<Option<Listed>, ProviderError> {
        let servers = self.listing.now().await.map_err(between)?;
        Ok(servers.iter().find(|listed| listed.server.id == id.0).cloned())
    }

    /// Those that are there and that were, by the name and the address that `known` gives them. One that is being built is
    /// none yet.
    pub async fn instances(
        &self,
        known: impl Fn(&Server) -> Option<(String, Ipv4Addr)>,
    ) -> Result<Vec<Instance>, ProviderError> {
        let servers = self.listing.now().await.map_err(between)?;
        let there = servers.iter().filter(|listed| listed.server.status != Status::Build);
        let mut instances: Vec<Instance> =
            there.filter_map(|listed| Some(instance(listed, known(&listed.server)?))).collect();
        let mut seen = self.seen();
        let is_listed = |id: &InstanceId| instances.iter().any(|instance| instance.id == *id);
        let gone: Vec<InstanceId> = seen.keys().filter(|id| !is_listed(id)).cloned().collect();
        for id in gone {
            let was = seen.get_mut(&id).expect("it is one of them");
            if was.state != PowerState::Terminated {
                (was.state, was.changed) = (PowerState::Terminated, None);
                was.evidence = "Nova knows it no longer".into();
            }
            instances.push(was.clone());
        }
        seen.extend(instances.iter().map(|instance| (instance.id.clone(), instance.clone())));
        Ok(instances)
    }

    /// Deletes it, and waits until Nova lists it no longer.
    pub async fn delete(&self, id: &InstanceId) -> Result<(), ProviderError> {
        actions::delete(&self.client, &id.0).await.map_err(between)?;
        let until = Instant::now() + power::WITHIN;
        while self.find(id).await?.is_some_and(|listed| listed.state != PowerState::Terminated) {
            if Instant::now() >= until {
                return Err(late(id, "delete"));
            }
        }
        Ok(())
    }

    /// As [`Provider::power`](crate::provider::Provider::power).
    pub async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let Some(listed) = self.find(id).await? else {
            // One that was terminated stays so.
            return if self.seen().contains_key(id) { Ok(()) } else { Err(ProviderError::Unknown(id.clone())) };
        };
        if power::is_done(op, listed.state) {
            return Ok(());
        }
        let Some(action) = power::action(op, &listed.server.status) else { return self.delete(id).await };
        actions::start(&self.client, &id.0, action).await.map_err(between)?;
        let until = Instant::now() + power::WITHIN;
        loop {
            match self.find(id).await? {
                Some(now) if now.state == power::done_in(op) && now.server.task.is_none() => break,
                Some(_) if Instant::now() < until => {}
                Some(_) => return Err(late(id, op.word())),
                None => break,
            }
        }
        // Only now: if it failed, the lease still ends the fault.
        self.leases.call_off(id).await;
        Ok(())
    }

    /// As [`Provider::power_leased`](crate::provider::Provider::power_leased).
    pub async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        self.power(id, op).await?;
        let failed =
            |source| ProviderError::System { server: id.0.clone(), action: "starting what ends its lease", source };
        self.leases.begin(&self.cloud, id, op, lease).await.map_err(failed)
    }

    /// As [`Provider::renew`](crate::provider::Provider::renew).
    pub async fn renew(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        self.leases.renew(id).await.map_err(failed)
    }
}

fn instance(listed: &Listed, (name, address): (String, Ipv4Addr)) -> Instance {
    Instance {
        id: InstanceId(listed.server.id.clone()),
        name,
        address,
        state: listed.state,
        evidence: evidence(&listed.server),
        first_process: None,
        changed: listed.changed,
    }
}

fn late(id: &InstanceId, what: &str) -> ProviderError {
    let within = crate::units::show_duration(power::WITHIN);
    ProviderError::Between(format!("{id}: Nova did not {what} it within {within}").into())
}
