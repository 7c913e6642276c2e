//! A balancer's own view of its servers: HAProxy's `show stat`, polled on its socket. [`statistics`] says which of
//! them get traffic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::instances::{first_process, living};
use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::instance::Instance;
use crate::selector::{BalancerView, ServerView};

mod statistics;

use statistics::{Rotation, ServerRow, Statistics};

/// Answers take well under a millisecond; a balancer that needs this long hangs.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);
/// How often connection counts are recorded, changed or not.
const SESSIONS_EVERY: Duration = Duration::from_secs(1);

/// Polls one balancer's statistics socket every 20 ms through `/proc/<first process>/root`.
pub struct HaproxyObserver {
    balancer: String,
    socket: PathBuf,
    standby_backends: Vec<String>,
    instances: watch::Receiver<Vec<Instance>>,
    /// Backend and server → what was recorded last.
    known: BTreeMap<(String, String), Seen>,
    instance: Option<String>,
    sessions_at: Option<Instant>,
    balancer_view: watch::Sender<BalancerView>,
}

/// What is recorded of a server when it changes.
#[derive(PartialEq, Eq)]
struct Seen {
    status: String,
    check: String,
    rotation: Rotation,
}

impl HaproxyObserver {
    /// `socket` is its path in the instance; backends in which `standby_backends` is as it should be are left out; `balancer_view` is where
    /// its own view is published.
    pub fn new(
        balancer: &str,
        socket: &Path,
        standby_backends: &[String],
        instances: watch::Receiver<Vec<Instance>>,
        balancer_view: watch::Sender<BalancerView>,
    ) -> Self {
        HaproxyObserver {
            balancer: balancer.into(),
            socket: socket.into(),
            standby_backends: standby_backends.to_vec(),
            instances,
            known: BTreeMap::new(),
            instance: None,
            sessions_at: None,
            balancer_view,
        }
    }

    /// Where the socket is now; a replacement starts with a clean view.
    fn socket_now(&mut self) -> Result<PathBuf, ObserverError> {
        let instances = self.instances.borrow();
        let instance = living(&instances, &self.balancer)?;
        let first_process = first_process(instance)?;
        let id = instance.id.to_string();
        drop(instances);
        if self.instance.as_ref() != Some(&id) {
            self.instance = Some(id);
            self.known.clear();
        }
        let inside = self.socket.strip_prefix("/").unwrap_or(&self.socket);
        Ok(Path::new("/proc").join(first_process.to_string()).join("root").join(inside))
    }

    /// Asks for the statistics, wherever the balancer lives now.
    async fn statistics(&mut self) -> Result<Statistics, ObserverError> {
        let socket = self.socket_now()?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, ask(&socket, "show stat\n"))
            .await
            .map_err(|_| ObserverError::Silent(ANSWER_WITHIN))??;
        let mut statistics = statistics::parse(&answer)?;
        statistics.servers.retain(|row| !self.standby_backends.contains(&row.proxy));
        Ok(statistics)
    }

    /// Publishes what is seen of each server; a balancer that does not answer sees nothing.
    fn publish(&self, servers: &[ServerRow]) {
        let mut seen: BTreeMap<String, ServerView> = BTreeMap::new();
        for row in servers {
            let server = seen.entry(row.name.clone()).or_insert(ServerView { usable: true, requests: 0 });
            server.usable &= row.rotation != Rotation::Out;
            server.requests += row.requests;
        }
        self.balancer_view.send_if_modified(|balancer_view| {
            let before = match seen.is_empty() {
                true => balancer_view.by_balancer.remove(&self.balancer),
                false => balancer_view.by_balancer.insert(self.balancer.clone(), seen.clone()),
            };
            before != (!seen.is_empty()).then_some(seen)
        });
    }

    fn record(&mut self, look: &Look<'_>, statistics: &Statistics) {
        for row in &statistics.servers {
            let key = (row.proxy.clone(), row.name.clone());
            let seen = Seen { status: row.status.clone(), check: row.check.clone(), rotation: row.rotation };
            if self.known.get(&key) != Some(&seen) {
                look.changed(self.view(&key, &seen));
                self.known.insert(key, seen);
            }
        }
        self.record_gone(look, &statistics.servers);
        if self.sessions_at.is_none_or(|at| at.elapsed() >= SESSIONS_EVERY) {
            self.sessions_at = Some(Instant::now());
            let current = statistics.sessions;
            look.changed(Event::BalancerSessions { balancer: self.balancer.clone(), current });
        }
    }

    /// A server that a new configuration no longer has is out of rotation, whatever it was before.
    fn record_gone(&mut self, look: &Look<'_>, servers: &[ServerRow]) {
        // A process that is just starting may have nothing to tell yet.
        if servers.is_empty() {
            return;
        }
        let is_there =
            |(proxy, name): &(String, String)| servers.iter().any(|row| row.proxy == *proxy && row.name == *name);
        let gone: Vec<(String, String)> = self.known.keys().filter(|key| !is_there(key)).cloned().collect();
        for key in gone {
            self.known.remove(&key);
            let seen = Seen { status: "removed".into(), check: String::new(), rotation: Rotation::Out };
            look.changed(self.view(&key, &seen));
        }
    }

    fn view(&self, (backend, server): &(String, String), seen: &Seen) -> Event {
        Event::BalancerView {
            balancer: self.balancer.clone(),
            backend: backend.clone(),
            server: server.clone(),
            status: seen.status.clone(),
            check: seen.check.clone(),
            up: seen.rotation == Rotation::In,
            standby: seen.rotation == Rotation::Standby,
        }
    }
}

#[async_trait]
impl Observer for HaproxyObserver {
    fn watches(&self) -> (String, String) {
        ("haproxy".into(), self.balancer.clone())
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(20)
    }

    async fn observe(&mut self, look: &Look<'_>) -> Result<(), ObserverError> {
        let statistics = self.statistics().await;
        self.publish(statistics.as_ref().map_or(&[], |seen| &seen.servers));
        self.record(look, &statistics?);
        Ok(())
    }
}

async fn ask(socket: &Path, command: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(command.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
