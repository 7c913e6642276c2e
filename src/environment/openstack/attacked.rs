//! The place of an attack: a cloud, how its servers are logged in to, and once it is open, which servers these are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::groups::{self, RunGroups};
use super::nova::{Nova, RunsOwn};
use super::opted_in::{Found, OptedIn, TAG, opt_in};
use super::outside::SSH;
use super::{OpenStack, account, named, refused};
use crate::document::DocumentError;
use crate::environment::cloud::block_on;
use crate::environment::cloud::fleet::Fleet;
use crate::environment::cloud::made::Made;
use crate::environment::reopen::{passwords_of, store};
use crate::environment::{Ended, ReopenError, Reopened};
use crate::infrastructure::Infrastructure;
use crate::inventory::InventoryCloud;
use crate::inventory::login::{self, Login};
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::mark::Mark;
use crate::openstack::servers::{self, Server};
use crate::provider::ssh::Route;
use crate::settings::OpenStackSettings;

/// What a journal and a plan store of it. No secret is a part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attacked {
    /// The cloud's name in `clouds.yaml`; empty: the one that the variables `OS_*` mean.
    pub cloud: String,
    pub settings: OpenStackSettings,
    /// The file of the settings, absolute: other files are named relative to it.
    pub file: Option<PathBuf>,
    /// The servers that were open to the attack, by name, each with Nova's id: a heal goes to these and to no others,
    /// whatever is said of them by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<BTreeMap<String, String>>,
    /// What carries the mark of this attack in the cloud, as if it were a run of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

impl Attacked {
    /// Its servers. Logs in to the cloud, and to none of them.
    ///
    /// # Errors
    /// The cloud can't be asked, none of its servers may be attacked, or what the login names can't be used.
    pub fn open(self, passwords: Option<&Path>) -> Result<Reopened, ReopenError> {
        let (client, found, is_isolated) = self.ask()?;
        if found.open.is_empty() && !is_isolated {
            return Err(self.none_open(&found));
        }
        let servers = found.servers();
        let known = found.open.values().zip(&servers);
        let known =
            known.map(|(server, (known, address))| (server.id.clone(), (known.name.clone(), *address))).collect();
        let addresses = servers.iter().map(|(server, address)| (server.name.clone(), address.to_string())).collect();
        let (infrastructure, hosts) = self.hosts(&found, passwords)?;
        let (client, ids) = (Arc::new(client), found.open.values().map(|server| server.id.clone()).collect());
        let made = Arc::<Made>::default();
        let groups = Arc::new(RunGroups::new(Arc::clone(&client), Arc::clone(&made)));
        let mark = self.mark.clone().unwrap_or_else(|| format!("attack-{:016x}", rand::random::<u64>()));
        let isolates = self.settings.profile.is_full();
        let own = RunsOwn { groups: Arc::clone(&groups), mark: Mark::new(&mark), outlived: true };
        let fleet = self.fleet(&client, Some(own).filter(|_| isolates), ids);
        let whereabouts = named(&self.cloud);
        let ids = found.open.iter().map(|(name, server)| (name.clone(), server.id.clone())).collect();
        Ok(Reopened {
            place: store(&OpenStack, &Attacked { servers: Some(ids), mark: Some(mark), ..self })?,
            whereabouts,
            addresses,
            provider: Arc::new(OptedIn { client, fleet, known, ssh: SSH, hosts, isolates, groups, made }),
            infrastructure,
            ended: Ended::new(),
            closed: found.closed,
        })
    }

    /// The client, the servers, and whether ports may still be isolated though none of the servers is left.
    fn ask(&self) -> Result<(Client, Found, bool), ReopenError> {
        block_on(async {
            let asked = async {
                let client = account::log_in(&self.cloud, self.settings.requests_per_minute).await?;
                let found = self.find(&client).await?;
                let is_isolated = found.open.is_empty() && self.has_a_group(&client).await?;
                Ok((client, found, is_isolated))
            };
            asked.await.map_err(refused)
        })
    }

    async fn find(&self, client: &Client) -> Result<Found, CloudError> {
        let all = servers::list(client).await?;
        Ok(match &self.servers {
            None => Found::among(all),
            Some(ids) => Found::of_ids(all, ids),
        })
    }

    /// Whether the empty group of this attack is there: a port that outlived its server may have it.
    pub(super) async fn has_a_group(&self, client: &Client) -> Result<bool, CloudError> {
        match &self.mark {
            Some(mark) if self.settings.profile.is_full() => {
                Ok(groups::find_empty(client, &Mark::new(mark)).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    fn fleet(&self, client: &Arc<Client>, own: Option<RunsOwn>, ids: BTreeSet<String>) -> Fleet<Nova> {
        let are_meant = move |server: &Server| ids.contains(&server.id);
        Fleet::new(Nova::new(&self.cloud, client, own, are_meant), self.settings.list_every)
    }

    /// Them as an infrastructure, and as hosts that can be logged in to.
    fn hosts(
        &self,
        found: &Found,
        passwords: Option<&Path>,
    ) -> Result<(Infrastructure, Option<InventoryCloud>), ReopenError> {
        let login = self.settings.login.as_ref().filter(|_| !found.open.is_empty());
        let (Some(how), Some(file)) = (login, &self.file) else {
            return Ok((login::infrastructure(found.servers(), found.links(), None), None));
        };
        let inventory = Login::new(how, file).inventory(found.servers(), found.links())?;
        let passwords = passwords_of(passwords, &inventory.infrastructure)?;
        let infrastructure = inventory.infrastructure.clone();
        Ok((infrastructure, Some(InventoryCloud::new(inventory, passwords, Route::Direct))))
    }

    fn none_open(&self, found: &Found) -> ReopenError {
        let on = named(&self.cloud);
        if self.servers.is_some() {
            let detail = format!("none of the servers that were attacked is left on {on}, and no fault on one");
            return ReopenError::Gone { detail, help: "attack others: those that carry the tag `chimp:attack`" };
        }
        let detail = match found.closed.iter().find(|(_, why)| !why.contains(TAG)) {
            Some((server, why)) => {
                format!("no server on {on} may be attacked; of those that were opted in {server} may not be: {why}")
            }
            None => format!("no server on {on} may be attacked: none carries the tag `{TAG}`"),
        };
        DocumentError::new(detail).with_hint(format!("opt one in: {}", opt_in("SERVER"))).into()
    }
}
