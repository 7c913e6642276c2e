//! The security groups of a run's own: one that lets everything pass, and one that lets nothing pass, each made when it is first needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::compute::between;
use crate::ec2::query::Api;
use crate::ec2::tags::{self, Tags};
use crate::environment::cloud::made::Made;
use crate::provider::ProviderError;

/// What a group lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lets {
    EverythingPass,
    NothingPass,
}

impl Lets {
    /// How the name of such a group begins.
    fn name(self) -> &'static str {
        match self {
            Lets::EverythingPass => "anarcho-chimp",
            Lets::NothingPass => "anarcho-chimp isolated",
        }
    }
}

/// Their ids, by VPC and what they let pass.
pub(super) struct OwnGroups {
    api: Api,
    made: Arc<Made>,
    ids: Mutex<BTreeMap<(String, Lets), String>>,
}

impl OwnGroups {
    /// None is made yet.
    pub fn new(api: &Api, made: &Arc<Made>) -> OwnGroups {
        OwnGroups { api: api.clone(), made: Arc::clone(made), ids: Mutex::default() }
    }

    /// The id of the one in a VPC.
    ///
    /// # Errors
    /// It can't be made.
    pub async fn get(&self, run: &str, vpc: &str, lets: Lets) -> Result<String, ProviderError> {
        let mut ids = self.ids.lock().await;
        let key = (vpc.to_owned(), lets);
        if let Some(own) = ids.get(&key) {
            return Ok(own.clone());
        }
        let name = format!("{} {run}", lets.name());
        let tags = tags::of_run(run, &name, Tags::new());
        let made = match lets {
            Lets::EverythingPass => self.api.create_open_group(&name, vpc, &tags).await,
            Lets::NothingPass => self.api.create_closed_group(&name, vpc, &tags).await,
        };
        let id = made.map_err(|why| between(&self.api, &why))?;
        self.made.group(&name, &id);
        ids.insert(key, id.clone());
        Ok(id)
    }

    /// Removes them. No server uses one any more.
    ///
    /// # Errors
    /// Everything that failed, after all were tried.
    pub async fn remove(&self) -> Result<(), ProviderError> {
        let mut failed = Vec::new();
        for id in std::mem::take(&mut *self.ids.lock().await).into_values() {
            match self.api.delete_group(&id).await {
                Ok(()) => self.made.gone(&id),
                Err(why) => failed.push(between(&self.api, &why)),
            }
        }
        ProviderError::of_all(failed)
    }
}
