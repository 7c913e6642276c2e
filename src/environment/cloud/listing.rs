//! Servers as a cloud lists them: no more often than the API may be asked, and no older than the question.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::{Api, CloudServer};
use crate::clock::{micros, monotonic_us};
use crate::instance::{Between, PowerState};
use crate::provider::ProviderError;

/// One list at a time. Who asks while another one waits for its answer gets the next.
pub(in crate::environment) struct Listing<S> {
    every: Duration,
    last: Mutex<Last<S>>,
}

/// A server as it was listed.
#[derive(Debug, Clone)]
pub(in crate::environment) struct Listed<S> {
    pub server: S,
    pub state: PowerState,
    /// When it came into this state; `None` where it was in it when it was first listed.
    pub changed: Option<Between>,
}

struct Last<S> {
    /// When it was asked for, and answered.
    asked: Option<Between>,
    servers: Arc<[Listed<S>]>,
}

impl<S: CloudServer> Listing<S> {
    /// Nothing is listed yet.
    pub fn new(every: Duration) -> Self {
        Listing { every, last: Mutex::new(Last { asked: None, servers: Arc::default() }) }
    }

    /// From one list to the next, at least.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// As they are listed when the cloud is asked after this call.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn now(&self, api: &impl Api<Server = S>) -> Result<Arc<[Listed<S>]>, ProviderError> {
        let called_us = monotonic_us();
        let mut last = self.last.lock().await;
        if let Some(asked) = last.asked {
            if asked.since_us >= called_us {
                return Ok(Arc::clone(&last.servers));
            }
            let due_us = asked.since_us + micros(self.every);
            sleep(Duration::from_micros(due_us.saturating_sub(monotonic_us()))).await;
        }
        let since_us = monotonic_us();
        let found = api.list().await?;
        let asked = Between { since_us, by_us: monotonic_us() };
        let before = last.asked;
        let servers = found.into_iter().map(|server| listed(server, &last.servers, before, asked)).collect();
        *last = Last { asked: Some(asked), servers };
        Ok(Arc::clone(&last.servers))
    }
}

/// A state that is new came between the moment at which the list before was asked for and that of this answer.
fn listed<S: CloudServer>(server: S, before: &[Listed<S>], asked_before: Option<Between>, asked: Between) -> Listed<S> {
    let state = server.state();
    let changed = match before.iter().find(|known| known.server.id() == server.id()) {
        Some(known) if known.state == state => known.changed,
        Some(_) => asked_before.map(|before| Between { since_us: before.since_us, by_us: asked.by_us }),
        None => None,
    };
    Listed { server, state, changed }
}
