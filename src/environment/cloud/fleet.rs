//! Servers as a cloud lists them, and their power: those of a scenario, and those that an attack may strike.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::isolation::Isolation;
use super::lease::Leases;
use super::listing::{Listed, Listing};
use super::{Api, CloudServer, power};
use crate::instance::{Instance, InstanceId, Plug, PowerOp, PowerState};
use crate::provider::ProviderError;

/// Some of an account's servers. An instance's id is the cloud's.
pub(in crate::environment) struct Fleet<A: Api> {
    pub api: A,
    listing: Listing<A::Server>,
    pub(super) leases: Leases,
    /// What ends the isolation of each server that is isolated, by its id.
    pub(super) isolated: tokio::sync::Mutex<BTreeMap<InstanceId, Isolation>>,
    /// Servers that were listed once, by id: a cloud says nothing of what was deleted.
    seen: Mutex<BTreeMap<InstanceId, Instance>>,
}

impl<A: Api> Fleet<A> {
    /// Nothing is listed yet; two lists come no closer than this.
    pub fn new(api: A, list_every: Duration) -> Self {
        let (leases, isolated, seen) = (Leases::new(A::NAME), Default::default(), Mutex::default());
        Fleet { api, listing: Listing::new(list_every), leases, isolated, seen }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Instance>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From one list to the next, at least.
    pub fn lists_every(&self) -> Duration {
        self.listing.every()
    }

    /// As they are listed when the cloud is asked after this call.
    pub async fn now(&self) -> Result<Arc<[Listed<A::Server>]>, ProviderError> {
        self.listing.now(&self.api).await
    }

    /// The server of this id as it is listed now; `None`: no longer.
    pub async fn find(&self, id: &InstanceId) -> Result<Option<Listed<A::Server>>, ProviderError> {
        Ok(self.now().await?.iter().find(|listed| listed.server.id() == id.0).cloned())
    }

    /// Those that are there and that were, by the name and the address that `known` gives them. One that is being built is
    /// none yet.
    pub async fn instances(
        &self,
        known: impl Fn(&A::Server) -> Option<(String, Ipv4Addr)>,
    ) -> Result<Vec<Instance>, ProviderError> {
        let servers = self.now().await?;
        let there = servers.iter().filter(|listed| !listed.server.is_building());
        let mut instances: Vec<Instance> =
            there.filter_map(|listed| Some(instance(listed, known(&listed.server)?))).collect();
        let mut seen = self.seen();
        let is_listed = |id: &InstanceId| instances.iter().any(|instance| instance.id == *id);
        let gone: Vec<InstanceId> = seen.keys().filter(|id| !is_listed(id)).cloned().collect();
        for id in gone {
            let was = seen.get_mut(&id).expect("it is one of them");
            if was.state != PowerState::Terminated {
                (was.state, was.changed) = (PowerState::Terminated, None);
                was.evidence = format!("{} knows it no longer", A::NAME);
            }
            instances.push(was.clone());
        }
        seen.extend(instances.iter().map(|instance| (instance.id.clone(), instance.clone())));
        Ok(instances)
    }

    /// Deletes it, and waits until it is listed no longer.
    pub async fn delete(&self, id: &InstanceId) -> Result<(), ProviderError> {
        self.api.delete(&id.0).await?;
        let until = Instant::now() + power::WITHIN;
        while self.find(id).await?.is_some_and(|listed| listed.state != PowerState::Terminated) {
            if Instant::now() >= until {
                return Err(Self::late(id, "delete", power::WITHIN));
            }
        }
        self.rejoin_if_isolated(id).await
    }

    /// As [`Provider::power`](crate::provider::Provider::power).
    pub async fn power(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        match (op, self.api.isolates()) {
            (PowerOp::Isolate, Some(by)) => return self.isolate(by, id, None).await,
            (PowerOp::Rejoin, Some(_)) => return self.rejoin(id).await,
            _ => self.switch(id, op).await?,
        }
        // Only now: if it failed, the lease still ends the fault.
        self.leases.call_off(id, op.plug()).await;
        Ok(())
    }

    /// Has it switched, and waits until it is done.
    async fn switch(&self, id: &InstanceId, op: PowerOp) -> Result<(), ProviderError> {
        let Some(listed) = self.find(id).await? else {
            // One that was terminated stays so.
            return if self.seen().contains_key(id) { Ok(()) } else { Err(ProviderError::Unknown(id.clone())) };
        };
        if power::is_done(op, listed.state) {
            return Ok(());
        }
        if op == PowerOp::Terminate {
            return self.delete(id).await;
        }
        self.api.switch(&listed.server, op).await?;
        let until = Instant::now() + power::within(op);
        loop {
            match self.find(id).await? {
                Some(now) if now.state == power::done_in(op) && !now.server.is_busy() => break,
                Some(_) if Instant::now() < until => {}
                Some(_) => return Err(Self::late(id, &op.verb(), power::within(op))),
                None => break,
            }
        }
        Ok(())
    }

    /// As [`Provider::power_leased`](crate::provider::Provider::power_leased).
    pub async fn power_leased(&self, id: &InstanceId, op: PowerOp, lease: Duration) -> Result<(), ProviderError> {
        if let (PowerOp::Isolate, Some(by)) = (op, self.api.isolates()) {
            return self.isolate(by, id, Some(lease)).await;
        }
        let Some(undo) = self.api.undo(&id.0, op) else { return self.power(id, op).await };
        // Before anything is asked for: who is killed meanwhile leaves no fault without a lease.
        self.lease(id, op.plug(), undo, lease).await?;
        self.switch(id, op).await?;
        self.renew(id, op.plug()).await
    }

    /// Begins a lease.
    pub(super) async fn lease(
        &self,
        id: &InstanceId,
        plug: Plug,
        undo: Vec<String>,
        lease: Duration,
    ) -> Result<(), ProviderError> {
        let failed =
            |source| ProviderError::System { server: id.0.clone(), action: "starting what ends its lease", source };
        self.leases.begin(id, plug, undo, lease).await.map_err(failed)
    }

    /// As [`Provider::renew`](crate::provider::Provider::renew).
    pub async fn renew(&self, id: &InstanceId, plug: Plug) -> Result<(), ProviderError> {
        let failed = |source| ProviderError::System { server: id.0.clone(), action: "renewing its lease", source };
        self.leases.renew(id, plug).await.map_err(failed)
    }

    fn late(id: &InstanceId, what: &str, within: Duration) -> ProviderError {
        let within = crate::units::show_duration(within);
        ProviderError::Between(format!("{id}: {} did not {what} it within {within}", A::NAME).into())
    }
}

fn instance<S: CloudServer>(listed: &Listed<S>, (name, address): (String, Ipv4Addr)) -> Instance {
    Instance {
        id: InstanceId(listed.server.id().into()),
        name,
        address,
        state: listed.state,
        evidence: listed.server.evidence(),
        first_process: None,
        changed: listed.changed,
    }
}
