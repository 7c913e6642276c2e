//! The security groups that a run makes for itself, each when it is first needed.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::nova::between;
use crate::environment::cloud::made::Made;
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::groups::{self, Lets, SecurityGroup};
use crate::openstack::mark::Mark;
use crate::provider::ProviderError;

/// Their names.
const OPEN: &str = "anarcho-chimp";
const EMPTY: &str = "anarcho-chimp-isolated";

/// The id of the group that lets nothing pass and carries this mark, whichever process has made it.
///
/// # Errors
/// Neutron can't be asked.
pub(super) async fn find_empty(client: &Client, mark: &Mark) -> Result<Option<String>, CloudError> {
    let is_it = |group: &SecurityGroup| group.name == EMPTY && group.run.as_deref() == Some(mark.run());
    Ok(groups::ours(client).await?.into_iter().find(is_it).map(|group| group.id))
}

/// Both by their ids.
pub(super) struct RunGroups {
    client: Arc<Client>,
    made: Arc<Made>,
    open: OnceCell<String>,
    empty: OnceCell<String>,
}

impl RunGroups {
    /// None is made yet.
    pub fn new(client: Arc<Client>, made: Arc<Made>) -> RunGroups {
        RunGroups { client, made, open: OnceCell::new(), empty: OnceCell::new() }
    }

    /// The one that lets everything pass: the project's default group would keep the prober out.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn open(&self, mark: &Mark) -> Result<String, ProviderError> {
        self.get(&self.open, OPEN, mark, Lets::EverythingPass).await
    }

    /// The one that lets nothing pass, for servers that are isolated.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn empty(&self, mark: &Mark) -> Result<String, ProviderError> {
        self.get(&self.empty, EMPTY, mark, Lets::NothingPass).await
    }

    /// The same where it is there: this process has made it, or one that was killed.
    ///
    /// # Errors
    /// Neutron can't be asked.
    pub async fn find_empty(&self, mark: &Mark) -> Result<Option<String>, ProviderError> {
        if self.empty.get().is_none()
            && let Some(found) = find_empty(&self.client, mark).await.map_err(between)?
        {
            self.adopt_empty(&found);
        }
        Ok(self.known_empty().cloned())
    }

    /// The same where this process knows of it.
    pub fn known_empty(&self) -> Option<&String> {
        self.empty.get()
    }

    /// Takes the one that another process has made to isolate servers, which is removed with all others.
    pub fn adopt_empty(&self, id: &str) {
        let _ = self.empty.set(id.into());
    }

    async fn get(&self, of: &OnceCell<String>, name: &str, mark: &Mark, lets: Lets) -> Result<String, ProviderError> {
        let make = async || {
            let group = groups::create(&self.client, name, mark, lets).await.map_err(between)?;
            self.made.group(name, &group.id);
            Ok::<_, ProviderError>(group.id)
        };
        of.get_or_try_init(make).await.cloned()
    }

    /// Removes those that were made.
    ///
    /// # Errors
    /// Everything that failed, after both were tried.
    pub async fn remove(&self) -> Result<(), ProviderError> {
        let mut failed = Vec::new();
        for group in [&self.open, &self.empty].into_iter().filter_map(OnceCell::get) {
            match groups::delete(&self.client, group).await {
                Ok(_) => self.made.gone(group),
                Err(why) => failed.push(between(why)),
            }
        }
        ProviderError::of_all(failed)
    }
}
