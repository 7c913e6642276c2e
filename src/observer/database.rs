//! A database's own view of itself: its sidecar's `/status`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::watch;

use super::instances::living;
use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::instance::Instance;

/// The sidecar says within 400 ms that a database hangs; one that needs longer hangs itself.
const ANSWER_WITHIN: Duration = Duration::from_millis(600);

/// Asks one database's sidecar every 100 ms.
pub struct DatabaseObserver {
    server: String,
    url: String,
    client: reqwest::Client,
    instances: watch::Receiver<Vec<Instance>>,
    known: Option<View>,
    instance: Option<String>,
}

/// What is recorded when it changes. Where it is in the stream of changes is not a change of the view.
#[derive(Debug, Clone, Copy, PartialEq)]
struct View {
    writable: bool,
    replicating: bool,
    lag_s: Option<u64>,
}

/// The sidecar's answer; what is not needed here is left out.
#[derive(Debug, Deserialize)]
struct Status {
    writable: bool,
    gtid_binlog_pos: String,
    connections: Vec<Connection>,
}

/// How it follows one source.
#[derive(Debug, Deserialize)]
struct Connection {
    io: String,
    sql: String,
    lag_s: Option<u64>,
}

impl DatabaseObserver {
    /// `port` is where the sidecar of `server` answers.
    pub fn new(server: &str, address: Ipv4Addr, port: u16, instances: watch::Receiver<Vec<Instance>>) -> Self {
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy().build();
        DatabaseObserver {
            server: server.into(),
            url: format!("http://{}/status", SocketAddr::from((address, port))),
            client: client.expect("a client without files or addresses of its own can be made"),
            instances,
            known: None,
            instance: None,
        }
    }

    /// A replacement begins with a clean view.
    fn see_instance(&mut self) -> Result<(), ObserverError> {
        let instances = self.instances.borrow();
        let id = living(&instances, &self.server)?.id.to_string();
        drop(instances);
        if self.instance.as_ref() != Some(&id) {
            self.instance = Some(id);
            self.known = None;
        }
        Ok(())
    }

    async fn ask(&self) -> Result<Status, ObserverError> {
        let unexpected = |why: reqwest::Error| match why.is_timeout() {
            true => ObserverError::Silent(ANSWER_WITHIN),
            false => ObserverError::Unexpected(why.to_string()),
        };
        let answer = self.client.get(&self.url).send().await.map_err(unexpected)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unexpected)?;
        if !status.is_success() {
            let told = String::from_utf8_lossy(&body).trim().to_string();
            return Err(ObserverError::Unexpected(format!("{status}: {told}")));
        }
        serde_json::from_slice(&body).map_err(|why| ObserverError::Unexpected(why.to_string()))
    }
}

#[async_trait]
impl Observer for DatabaseObserver {
    fn watches(&self) -> (String, String) {
        ("database".into(), self.server.clone())
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(100)
    }

    async fn observe(&mut self, look: &Look<'_>) -> Result<(), ObserverError> {
        self.see_instance()?;
        let status = self.ask().await;
        let Ok(status) = status else {
            // Whatever it says next is news.
            self.known = None;
            return status.map(drop);
        };
        let view = status.view();
        if self.known.replace(view) != Some(view) {
            look.changed(Event::DatabaseView {
                server: self.server.clone(),
                writable: view.writable,
                gtid: status.gtid_binlog_pos,
                replicating: view.replicating,
                lag_ms: view.lag_s.map(|lag| lag as f64 * 1000.0),
            });
        }
        Ok(())
    }
}

impl Status {
    fn view(&self) -> View {
        let runs = |connection: &Connection| connection.io == "Yes" && connection.sql == "Yes";
        View {
            writable: self.writable,
            replicating: !self.connections.is_empty() && self.connections.iter().all(runs),
            lag_s: self.connections.iter().filter_map(|connection| connection.lag_s).max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(connections: &str) -> View {
        let text =
            format!(r#"{{"writable":false,"gtid_binlog_pos":"1-1-4","server_id":3,"connections":[{connections}]}}"#);
        serde_json::from_str::<Status>(&text).unwrap().view()
    }

    #[test]
    fn it_replicates_when_both_threads_of_every_connection_run() {
        let (runs, stopped) =
            (r#"{"io":"Yes","sql":"Yes","lag_s":2}"#, r#"{"io":"Connecting","sql":"Yes","lag_s":null}"#);
        assert_eq!(view(runs), View { writable: false, replicating: true, lag_s: Some(2) });
        assert!(!view(stopped).replicating);
        assert!(!view(&format!("{runs},{stopped}")).replicating);
        assert!(!view("").replicating, "one that follows nobody does not replicate");
    }
}
