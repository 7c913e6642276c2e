//! The state of every instance, measured at the instance by the provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::instance::{Instance, InstanceId, PowerState};
use crate::provider::Provider;

/// Lists the instances as often as the provider allows; records each state that changed and publishes the list. While they can't be listed,
/// the published list is empty, so that the other observers know that they do not know.
pub struct InstanceObserver {
    provider: Arc<dyn Provider>,
    publish: watch::Sender<Vec<Instance>>,
    known: BTreeMap<InstanceId, PowerState>,
}

impl InstanceObserver {
    /// Publishes each list it makes.
    pub fn new(provider: Arc<dyn Provider>, publish: watch::Sender<Vec<Instance>>) -> Self {
        InstanceObserver { provider, publish, known: BTreeMap::new() }
    }
}

#[async_trait]
impl Observer for InstanceObserver {
    fn watches(&self) -> (String, String) {
        ("instances".into(), "the provider".into())
    }

    fn interval(&self) -> Duration {
        self.provider.lists_every()
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let instances = match self.provider.list().await {
            Ok(instances) => instances,
            Err(why) => {
                self.publish.send_replace(Vec::new());
                return Err(ObserverError::Unexpected(why.to_string()));
            }
        };
        for instance in &instances {
            if self.known.insert(instance.id.clone(), instance.state) != Some(instance.state) {
                look.changed(Event::InstanceState {
                    server: instance.name.clone(),
                    instance: instance.id.to_string(),
                    state: instance.state,
                    evidence: instance.evidence.clone(),
                });
            }
        }
        self.publish.send_replace(instances);
        Ok(())
    }
}

/// The instance that stands for a server now: the one that runs or is frozen, by its name.
///
/// # Errors
/// [`ObserverError::Absent`] if there is none, which is a fact; [`ObserverError::Unlisted`] if it is not known whether
/// there is one.
pub(super) fn living<'a>(instances: &'a [Instance], server: &str) -> Result<&'a Instance, ObserverError> {
    // A site always has instances: an empty list says that they could not be listed.
    if instances.is_empty() {
        return Err(ObserverError::Unlisted);
    }
    let lives = |instance: &&Instance| matches!(instance.state, PowerState::Running | PowerState::Frozen);
    let mut own = instances.iter().rev().filter(|instance| instance.name == server);
    own.find(lives).ok_or_else(|| ObserverError::Absent(server.into()))
}
