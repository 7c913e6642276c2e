//! Servers as Nova lists them: no more often than the API may be asked, and no older than the question.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::clock::{micros, monotonic_us};
use crate::instance::{Between, PowerState};
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::servers::{self, Server, Status};

/// One list at a time. Who asks while another one waits for its answer gets the next.
pub(super) struct Listing {
    client: Arc<Client>,
    are_meant: Box<dyn Fn(&Server) -> bool + Send + Sync>,
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
    /// Of the servers that are meant.
    pub fn new(
        client: Arc<Client>,
        are_meant: impl Fn(&Server) -> bool + Send + Sync + 'static,
        every: Duration,
    ) -> Listing {
        Listing { client, are_meant: Box::new(are_meant), every, last: Mutex::default() }
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
        let found = servers::list(&self.client).await?.into_iter().filter(|server| (self.are_meant)(server));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::future::join_all;
    use serde_json::json;

    use super::super::marks::Marks;
    use super::*;
    use crate::openstack::test_server::{Asked, Reply, TestCloud, server};

    const LIST: &str = "GET /compute/v2.1/servers/detail";

    /// A cloud with one server of the scenario, ACTIVE until `is_off`, and one of another run.
    async fn cloud(is_off: Arc<AtomicBool>) -> TestCloud {
        TestCloud::start(move |asked: &[Asked]| {
            let asked = asked.last()?;
            if !asked.line.starts_with(LIST) {
                return None;
            }
            let of = |id: &str, run: &str| {
                let status = if is_off.load(Ordering::Relaxed) { "SHUTOFF" } else { "ACTIVE" };
                let mut one = server(id, status, None);
                one["metadata"] = json!({ "chimp_run": run, "chimp_scenario": "0", "chimp_server": "web-1" });
                one
            };
            Some(Reply::Json(json!({ "servers": [of("ours", "7"), of("another's", "8")] })))
        })
        .await
    }

    async fn listing(cloud: &TestCloud, every: Duration) -> Listing {
        let marks = Marks::new("7", 0);
        let client = Arc::new(cloud.log_in("").await.unwrap());
        Listing::new(client, move |server| marks.are_of(server), every)
    }

    fn lists(cloud: &TestCloud) -> usize {
        cloud.asked.lock().unwrap().iter().filter(|asked| asked.line.starts_with(LIST)).count()
    }

    #[tokio::test]
    async fn who_asks_at_once_shares_an_answer_and_none_is_older_than_the_question() {
        let cloud = cloud(Arc::default()).await;
        let listing = listing(&cloud, Duration::from_millis(1)).await;
        let found = join_all((0..20).map(|_| listing.now())).await;
        assert!(
            found.iter().all(|servers| servers.as_ref().unwrap().len() == 1),
            "those of another run are no part of it"
        );
        assert!(lists(&cloud) <= 2, "{} lists for twenty who asked at once", lists(&cloud));
        let before = lists(&cloud);
        listing.now().await.unwrap();
        assert_eq!(lists(&cloud), before + 1, "an answer from before the question");
    }

    #[tokio::test]
    async fn two_lists_are_no_closer_than_is_allowed() {
        let cloud = cloud(Arc::default()).await;
        let every = Duration::from_millis(120);
        let listing = listing(&cloud, every).await;
        let begun = monotonic_us();
        for _ in 0..3 {
            listing.now().await.unwrap();
        }
        assert!(monotonic_us() - begun >= 2 * micros(every));
    }

    #[tokio::test]
    async fn a_change_is_dated_between_two_lists() {
        let is_off = Arc::new(AtomicBool::new(false));
        let cloud = cloud(Arc::clone(&is_off)).await;
        let listing = listing(&cloud, Duration::from_millis(1)).await;
        let first = listing.now().await.unwrap();
        assert_eq!((first[0].state, first[0].changed), (PowerState::Running, None));
        let before_us = monotonic_us();
        is_off.store(true, Ordering::Relaxed);
        let second = listing.now().await.unwrap();
        let changed = second[0].changed.unwrap();
        assert_eq!(second[0].state, PowerState::Stopped);
        assert!(changed.since_us <= before_us && before_us <= changed.by_us, "{changed:?}, {before_us}");
        let third = listing.now().await.unwrap();
        assert_eq!(third[0].changed, Some(changed), "it is still in that state");
    }

    #[test]
    fn what_nova_calls_it_says_what_it_does() {
        let server = |status: Status, task: Option<&str>| Server {
            id: "s".into(),
            name: "web-1".into(),
            status,
            task: task.map(String::from),
            power: crate::openstack::servers::Power::Running,
            zone: None,
            metadata: BTreeMap::new(),
            addresses: Vec::new(),
            fault: None,
            locked: false,
            created: None,
        };
        assert_eq!(evidence(&server(Status::Active, Some("deleting"))), "Nova says ACTIVE, deleting");
        let states = [Status::Suspended, Status::HardReboot, Status::Other("RESCUE".into()), Status::Reboot];
        let states = states.map(|status| state(&server(status, None)));
        assert_eq!(states, [PowerState::Frozen, PowerState::Stopped, PowerState::Stopped, PowerState::Running]);
    }
}
