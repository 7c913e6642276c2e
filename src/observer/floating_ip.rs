//! Which server a floating IP leads to, as the provider says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::provider::Provider;

/// How often a provider is asked that does not bound how often it may be.
const EVERY: Duration = Duration::from_millis(20);

/// Asks the provider: no server knows of its floating IP. Where requests are bounded, it asks half as often as instances are listed.
pub struct FloatingIpObserver {
    name: String,
    provider: Arc<dyn Provider>,
    /// Gets the holder of the site's own address.
    publish: watch::Sender<Option<String>>,
    known: Option<Vec<String>>,
}

impl FloatingIpObserver {
    pub(super) fn new(name: &str, provider: Arc<dyn Provider>, publish: watch::Sender<Option<String>>) -> Self {
        FloatingIpObserver { name: name.into(), provider, publish, known: None }
    }

    fn publish(&self, holder: Option<String>) {
        self.publish.send_if_modified(|before| std::mem::replace(before, holder.clone()) != holder);
    }
}

#[async_trait]
impl Observer for FloatingIpObserver {
    fn watches(&self) -> (String, String) {
        ("virtual ip".into(), self.name.clone())
    }

    fn interval(&self) -> Duration {
        self.provider.lists_every().map_or(EVERY, |every| 2 * every)
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let leads_to = match self.provider.leads_to(&self.name).await {
            Ok(leads_to) => leads_to,
            Err(why) => {
                self.publish(None);
                // What is seen next is news.
                self.known = None;
                return Err(ObserverError::Unreadable(why.to_string()));
            }
        };
        let holders: Vec<String> = leads_to.into_iter().collect();
        self.publish(holders.first().cloned());
        if self.known.as_ref() != Some(&holders) {
            look.changed(Event::VirtualIpHolders { name: self.name.clone(), holders: holders.clone() });
            self.known = Some(holders);
        }
        Ok(())
    }
}
