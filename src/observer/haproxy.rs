//! A balancer's own view of its servers: HAProxy's `show stat`, polled on its socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::instances::living;
use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::provider::Instance;
use crate::selector::{Balanced, BalancerSight};

/// Answers take well under a millisecond; a balancer that needs this long hangs.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);
/// How often connection counts are recorded, changed or not.
const SESSIONS_EVERY: Duration = Duration::from_secs(1);

/// Polls one balancer's statistics socket every 20 ms through `/proc/<first process>/root`.
pub struct HaproxyObserver {
    balancer: String,
    socket: PathBuf,
    instances: watch::Receiver<Vec<Instance>>,
    known: BTreeMap<(String, String), (String, String)>,
    instance: Option<String>,
    sessions_at: Option<Instant>,
    sight: watch::Sender<BalancerSight>,
}

impl HaproxyObserver {
    /// `socket` is its path in the instance; `sight` is where its own view is published.
    pub fn new(
        balancer: &str,
        socket: &Path,
        instances: watch::Receiver<Vec<Instance>>,
        sight: watch::Sender<BalancerSight>,
    ) -> Self {
        HaproxyObserver {
            balancer: balancer.into(),
            socket: socket.into(),
            instances,
            known: BTreeMap::new(),
            instance: None,
            sessions_at: None,
            sight,
        }
    }

    /// Where the socket is now; a replacement starts with a clean view.
    fn socket_now(&mut self) -> Result<PathBuf, ObserverError> {
        let instances = self.instances.borrow();
        let absent = || ObserverError::Absent(self.balancer.clone());
        let instance = living(&instances, &self.balancer).ok_or_else(absent)?;
        let first_process = instance.first_process.ok_or_else(absent)?;
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
    async fn rows(&mut self) -> Result<Vec<Row>, ObserverError> {
        let socket = self.socket_now()?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, ask(&socket, "show stat\n"))
            .await
            .map_err(|_| ObserverError::Silent(ANSWER_WITHIN))??;
        parse(&answer)
    }

    /// Publishes what is seen of each server; a balancer that does not answer sees nothing.
    fn publish(&self, rows: &[Row]) {
        let mut seen: BTreeMap<String, Balanced> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.is_server()) {
            let server = seen.entry(row.name.clone()).or_insert(Balanced { up: true, requests: 0 });
            server.up &= row.is_up();
            server.requests += row.requests;
        }
        self.sight.send_if_modified(|sight| {
            let before = match seen.is_empty() {
                true => sight.by_balancer.remove(&self.balancer),
                false => sight.by_balancer.insert(self.balancer.clone(), seen.clone()),
            };
            before != (!seen.is_empty()).then_some(seen)
        });
    }

    fn record(&mut self, look: &Look<'_>, rows: &[Row]) {
        for row in rows.iter().filter(|row| row.is_server()) {
            let key = (row.proxy.clone(), row.name.clone());
            let seen = (row.status.clone(), row.check.clone());
            if self.known.get(&key) == Some(&seen) {
                continue;
            }
            self.known.insert(key, seen);
            look.changed(Event::BalancerView {
                balancer: self.balancer.clone(),
                backend: row.proxy.clone(),
                server: row.name.clone(),
                status: row.status.clone(),
                check: row.check.clone(),
                up: row.is_up(),
            });
        }
        self.record_gone(look, rows);
        if self.sessions_at.is_none_or(|at| at.elapsed() >= SESSIONS_EVERY) {
            self.sessions_at = Some(Instant::now());
            let current = rows.iter().filter(|row| row.name == "FRONTEND").map(|row| row.sessions).sum();
            look.changed(Event::BalancerSessions { balancer: self.balancer.clone(), current });
        }
    }
}

impl HaproxyObserver {
    /// A server that a new configuration no longer has is out of rotation, whatever it was before.
    fn record_gone(&mut self, look: &Look<'_>, rows: &[Row]) {
        let is_there =
            |(proxy, name): &(String, String)| rows.iter().any(|row| row.proxy == *proxy && row.name == *name);
        let gone: Vec<(String, String)> = self.known.keys().filter(|key| !is_there(key)).cloned().collect();
        for key in gone {
            self.known.remove(&key);
            let (backend, server) = key;
            let (status, check) = ("removed".to_string(), String::new());
            look.changed(Event::BalancerView {
                balancer: self.balancer.clone(),
                backend,
                server,
                status,
                check,
                up: false,
            });
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
        let rows = self.rows().await;
        self.publish(rows.as_deref().unwrap_or_default());
        self.record(look, &rows?);
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

/// One line of `show stat`, the columns that matter.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    proxy: String,
    name: String,
    sessions: u64,
    requests: u64,
    status: String,
    check: String,
}

impl Row {
    fn is_server(&self) -> bool {
        !matches!(self.name.as_str(), "FRONTEND" | "BACKEND")
    }

    fn is_up(&self) -> bool {
        self.status.starts_with("UP") || self.status == "no check"
    }
}

/// Reads HAProxy's CSV by the names of its columns, so that versions with more columns are fine.
fn parse(csv: &str) -> Result<Vec<Row>, ObserverError> {
    let mut lines = csv.lines().filter(|line| !line.is_empty());
    let unexpected = || ObserverError::Unexpected(csv.chars().take(80).collect());
    let header: Vec<&str> =
        lines.next().and_then(|line| line.strip_prefix("# ")).ok_or_else(unexpected)?.split(',').collect();
    let column = |name: &str| header.iter().position(|title| *title == name).ok_or_else(unexpected);
    let (proxy, name, sessions) = (column("pxname")?, column("svname")?, column("scur")?);
    let (requests, status, check) = (column("stot")?, column("status")?, column("check_status")?);
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let field = |at: usize| fields.get(at).map(|text| (*text).to_string()).ok_or_else(unexpected);
            Ok(Row {
                proxy: field(proxy)?,
                name: field(name)?,
                sessions: field(sessions)?.parse().unwrap_or(0),
                requests: field(requests)?.parse().unwrap_or(0),
                status: field(status)?,
                check: field(check)?.trim_start_matches("* ").to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_a_running_check_is_not_a_change() {
        let csv = "# pxname,svname,scur,stot,status,check_status,\nsite,FRONTEND,7,9,OPEN,,\nsite,web-1,1,5,UP 2/3,* L4TOUT,\n";
        let rows = parse(csv).unwrap();
        assert_eq!((rows[0].sessions, rows[0].is_server()), (7, false));
        assert_eq!((rows[1].requests, rows[1].is_up()), (5, true));
        assert_eq!((rows[1].status.as_str(), rows[1].check.as_str()), ("UP 2/3", "L4TOUT"));
    }

    #[test]
    fn something_else_than_statistics_is_an_error() {
        assert!(parse("Unknown command").is_err());
        assert!(parse("").is_err());
    }
}
