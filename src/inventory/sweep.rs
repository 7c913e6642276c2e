//! Everything of ours taken off the servers of an inventory, side by side; one that can't be reached keeps no other from it.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::InventoryCloud;
use crate::agent::client::AgentError;
use crate::agent::sweep::{Swept, sweep};
use crate::instance::InstanceId;
use crate::provider::ProviderError;

impl InventoryCloud {
    /// What was found on each server that may be attacked, and taken away; with `dry_run`, only looked for.
    pub async fn sweep_each(&self, dry_run: bool) -> BTreeMap<String, Result<Swept, ProviderError>> {
        let servers = self.inventory().allowed().into_iter().map(str::to_string);
        let swept = servers.map(async |server| {
            let swept = self.sweep_one(&server, dry_run).await;
            (server, swept)
        });
        join_all(swept).await.into_iter().collect()
    }

    async fn sweep_one(&self, server: &str, dry_run: bool) -> Result<Swept, ProviderError> {
        let host = self.allowed(&InstanceId(server.into()))?;
        self.ways.can_log_in(server, host)?;
        let way = self.ways.to(server, host).await?;
        let remote = way.remote.as_ref().expect("something proves its user");
        let swept = sweep(remote, dry_run).await.map_err(|why| match why {
            AgentError::Remote(why) => self.ways.failed(server, host, why),
            refused => self.ways.unreached(server, host, refused.to_string()),
        })?;
        // One that was put there only to look.
        remote.leave().await.map_err(|why| self.ways.unreached(server, host, why.to_string()))?;
        Ok(swept)
    }
}
