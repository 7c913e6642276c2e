//! The servers of a scenario, as Nova lists them: no more often than the API may be asked, and no older than the question.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::marks::Marks;
use crate::clock::{micros, monotonic_us};
use crate::instance::{Between, PowerState};
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::servers::{self, Server, Status};

/// One list at a time. Who asks while another one waits for its answer gets the next.
pub(super) struct Listing {
    client: Arc<Client>,
    marks: Marks,
    every: Duration,
    last: Mutex<Last>,
}

/// A server as it was listed.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub server: Server,
    pub state: PowerState,
    /// When it came into this state; `None` where it was in it when it was first listed.
    pub changed: Option<Between>,
}

#[derive(Default)]
struct Last {
    /// When it was asked for, and answered.
    asked: Option<Between>,
    servers: Arc<[Listed]>,
}

impl Listing {
    /// Of the servers of a scenario.
    pub fn new(client: Arc<Client>, marks: Marks, every: Duration) -> Listing {
        Listing { client, marks, every, last: Mutex::default() }
    }

    /// From one list to the next, at least.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// As Nova lists them when it is asked after this call.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn now(&self) -> Result<Arc<[Listed]>, CloudError> {
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
        let found = servers::list(&self.client).await?.into_iter().filter(|server| self.marks.are_of(server));
        let asked = Between { since_us, by_us: monotonic_us() };
        let before = last.asked;
        let servers = found.map(|server| listed(server, &last.servers, before, asked)).collect();
        *last = Last { asked: Some(asked), servers };
        Ok(Arc::clone(&last.servers))
    }
}

/// A state that is new came between the moment at which the list before was asked for and that of this answer.
fn listed(server: Server, before: &[Listed], asked_before: Option<Between>, asked: Between) -> Listed {
    let state = state(&server);
    let changed = match before.iter().find(|known| known.server.id == server.id) {
        Some(known) if known.state == state => known.changed,
        Some(_) => asked_before.map(|before| Between { since_us: before.since_us, by_us: asked.by_us }),
        None => None,
    };
    Listed { server, state, changed }
}

/// What Nova's words say of the power.
pub(super) fn state(server: &Server) -> PowerState {
    match server.status {
        Status::Paused | Status::Suspended => PowerState::Frozen,
        Status::Deleted | Status::SoftDeleted => PowerState::Terminated,
        Status::Active | Status::Build | Status::Reboot => PowerState::Running,
        Status::Shutoff | Status::Error | Status::HardReboot | Status::Other(_) => PowerState::Stopped,
    }
}

/// The same in words.
pub(super) fn evidence(server: &Server) -> String {
    let task = server.task.as_ref().map(|task| format!(", {task}")).unwrap_or_default();
    let fault = server.fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
    format!("Nova says {}{task}{fault}", server.status)
}
