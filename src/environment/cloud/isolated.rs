//! Servers of a fleet that are isolated.

use std::time::Duration;

use super::Api;
use super::fleet::Fleet;
use super::isolation::{Isolates, Isolation};
use crate::instance::{Instance, InstanceId, Plug, PowerState};
use crate::provider::ProviderError;

impl<A: Api> Fleet<A> {
    /// Swaps the groups of a server's ports. The lease runs before anything is made or changed, so that it ends what was half done. A server
    /// that is gone stays so.
    ///
    /// # Errors
    /// There never was such a server, groups mean nothing to it, or the cloud can't be asked.
    pub(super) async fn isolate(
        &self,
        by: &dyn Isolates,
        id: &InstanceId,
        lease: Option<Duration>,
    ) -> Result<(), ProviderError> {
        let server = self.seen().get(id).cloned().ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        if server.state == PowerState::Terminated {
            return Ok(());
        }
        let known = self.isolated.lock().await.get(id).cloned();
        let isolation = match known {
            Some(isolation) => isolation,
            None => self.look_up_isolation(by, &server).await?,
        };
        if let Some(lease) = lease {
            self.lease(id, Plug::Network, by.undo_isolation(&id.0, &isolation), lease).await?;
        }
        isolation.begin(by, &by.empty_group().await?).await
    }

    /// What isolates a server, by the groups that its ports have now; by those that they had before, where they have the empty one
    /// already. `None`: it is gone.
    ///
    /// # Errors
    /// There never was such a server, groups mean nothing to it, or the cloud can't be asked.
    pub async fn isolation(&self, id: &InstanceId) -> Result<Option<Isolation>, ProviderError> {
        let server = self.seen().get(id).cloned().ok_or_else(|| ProviderError::Unknown(id.clone()))?;
        let Some(by) = self.api.isolates().filter(|_| server.state != PowerState::Terminated) else { return Ok(None) };
        let known = self.isolated.lock().await.get(id).cloned();
        match (self.look_up_isolation(by, &server).await, known) {
            (Err(_), Some(known)) => Ok(Some(known)),
            (found, _) => found.map(Some),
        }
    }

    /// Takes an isolation that another process has begun.
    pub async fn recall(&self, id: &InstanceId, isolation: Isolation) {
        self.isolated.lock().await.insert(id.clone(), isolation);
    }

    async fn look_up_isolation(&self, by: &dyn Isolates, server: &Instance) -> Result<Isolation, ProviderError> {
        let found = by.isolation(&server.id.0, &server.name).await?;
        self.isolated.lock().await.insert(server.id.clone(), found.clone());
        Ok(found)
    }

    /// Gives the ports of a server their groups back; nothing to do where it is not isolated.
    ///
    /// # Errors
    /// There never was such a server, or the cloud can't be asked; then its lease still ends it.
    pub(super) async fn rejoin(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let is_known = self.seen().contains_key(id);
        if is_known { self.rejoin_if_isolated(id).await } else { Err(ProviderError::Unknown(id.clone())) }
    }

    /// The same, whether it was ever seen or not.
    pub(super) async fn rejoin_if_isolated(&self, id: &InstanceId) -> Result<(), ProviderError> {
        let isolated = self.isolated.lock().await.get(id).cloned();
        let (Some(isolation), Some(by)) = (isolated, self.api.isolates()) else { return Ok(()) };
        if let Some(empty) = isolation.made(by).await? {
            isolation.end(by, &empty).await?;
        }
        self.isolated.lock().await.remove(id);
        self.leases.call_off(id, Plug::Network).await;
        Ok(())
    }

    /// The ports of servers that are gone get their groups back: the next server may have them.
    ///
    /// # Errors
    /// The cloud can't be asked.
    pub async fn rejoin_those_gone(&self) -> Result<(), ProviderError> {
        let isolated: Vec<InstanceId> = self.isolated.lock().await.keys().cloned().collect();
        for id in isolated {
            if self.find(&id).await?.is_none_or(|listed| listed.state == PowerState::Terminated) {
                self.rejoin_if_isolated(&id).await?;
            }
        }
        Ok(())
    }
}
