//! The state of every instance, measured at the instance by the provider.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Look, Observer, ObserverError};
use crate::agent::watch::LastHeard;
use crate::clock;
use crate::history::Event;
use crate::instance::{Instance, InstanceId, PowerState};
use crate::provider::Provider;

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A server whose watcher was heard so lately runs. It speaks every 50 ms.
const SILENT: Duration = Duration::from_millis(300);
/// How often servers are listed that no watcher speaks for, while nothing else is amiss.
const UNHEARD_EVERY: Duration = Duration::from_secs(5);

/// Looks every 50 ms; records each state that changed and publishes the list. While the instances can't be listed, the
/// published list is empty, so that the other observers know that they do not know.
///
/// To list servers on another kernel is to connect to each of them. They are listed only while the watcher of one of
/// them is silent, or one is not running.
pub struct InstanceObserver {
    provider: Arc<dyn Provider>,
    publish: watch::Sender<Vec<Instance>>,
    last_heard: LastHeard,
    listed: Option<(Instant, Vec<Instance>)>,
    known: BTreeMap<InstanceId, PowerState>,
}

impl InstanceObserver {
    /// Publishes each list it makes.
    pub fn new(provider: Arc<dyn Provider>, publish: watch::Sender<Vec<Instance>>, last_heard: LastHeard) -> Self {
        InstanceObserver { provider, publish, last_heard, listed: None, known: BTreeMap::new() }
    }

    /// Whether all are known to be as they were listed, by their watchers.
    fn are_heard(&self) -> bool {
        let Some((at, instances)) = self.listed.as_ref().filter(|_| !self.provider.shares_kernel()) else {
            return false;
        };
        let is_heard = |instance: &Instance| match self.last_heard.ago(&instance.name) {
            Some(ago) => ago < SILENT,
            None => at.elapsed() < UNHEARD_EVERY,
        };
        instances.iter().all(|instance| instance.state == PowerState::Running && is_heard(instance))
    }

    /// How much earlier a change may have been than the look before the one that sees it.
    fn lag_us(&self) -> u64 {
        if self.provider.shares_kernel() { 0 } else { clock::micros(SILENT) }
    }
}

#[async_trait]
impl Observer for InstanceObserver {
    fn watches(&self) -> (String, String) {
        ("instances".into(), "the provider".into())
    }

    fn interval(&self) -> Duration {
        LOOK_EVERY
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        if self.are_heard() {
            return Ok(());
        }
        let instances = match self.provider.list().await {
            Ok(instances) => instances,
            Err(why) => {
                self.listed = None;
                self.publish.send_replace(Vec::new());
                return Err(ObserverError::Unexpected(why.to_string()));
            }
        };
        for instance in &instances {
            if self.known.insert(instance.id.clone(), instance.state) != Some(instance.state) {
                look.changed_within(
                    self.lag_us(),
                    Event::InstanceState {
                        server: instance.name.clone(),
                        instance: instance.id.to_string(),
                        state: instance.state,
                        evidence: instance.evidence.clone(),
                    },
                );
            }
        }
        self.listed = Some((Instant::now(), instances.clone()));
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
