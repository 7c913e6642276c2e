//! The state of every instance, measured at the instance by the provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::provider::{Instance, InstanceId, PowerState, Provider};

/// Lists the instances every 50 ms; records each state that changed and tells the others what lives.
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
        Duration::from_millis(50)
    }

    async fn observe(&mut self, look: &Look<'_>) -> Result<(), ObserverError> {
        let instances = self.provider.list().await.map_err(|why| ObserverError::Unexpected(why.to_string()))?;
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
pub(super) fn living<'a>(instances: &'a [Instance], server: &str) -> Option<&'a Instance> {
    instances
        .iter()
        .rev()
        .find(|instance| instance.name == server && matches!(instance.state, PowerState::Running | PowerState::Frozen))
}
