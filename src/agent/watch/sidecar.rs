//! What a database says of itself: its sidecar's answer to `GET /status`.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use super::Unseen;
use super::http::{self, unexpected};

/// The sidecar says within 400 ms that a database hangs; one that needs longer hangs itself.
const ANSWER_WITHIN: Duration = Duration::from_millis(600);

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSight {
    pub writable: bool,
    /// Whether both threads of every connection to a source run, and there is one.
    pub replicating: bool,
    pub lag_s: Option<u64>,
    /// Where it is in the stream of changes: it moves with every write, so it is no change of the view.
    pub gtid: String,
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

/// One look.
///
/// # Errors
/// When the sidecar does not answer in time, or not with a status.
pub async fn look(at: SocketAddr) -> Result<DatabaseSight, Unseen> {
    let answer = tokio::time::timeout(ANSWER_WITHIN, ask(at)).await;
    let body = answer.map_err(|_| Unseen::Silent(ANSWER_WITHIN))??;
    let status: Status = serde_json::from_slice(&body).map_err(unexpected)?;
    Ok(status.sight())
}

async fn ask(at: SocketAddr) -> Result<Bytes, Unseen> {
    let connection = TcpStream::connect(at).await.map_err(|why| Unseen::Unreadable(format!("{at}: {why}")))?;
    http::get(connection, &at.to_string(), "/status").await
}

impl Status {
    fn sight(self) -> DatabaseSight {
        let runs = |connection: &Connection| connection.io == "Yes" && connection.sql == "Yes";
        DatabaseSight {
            writable: self.writable,
            replicating: !self.connections.is_empty() && self.connections.iter().all(runs),
            lag_s: self.connections.iter().filter_map(|connection| connection.lag_s).max(),
            gtid: self.gtid_binlog_pos,
        }
    }
}

impl DatabaseSight {
    /// What is recorded when it changes.
    pub fn view(&self) -> (bool, bool, Option<u64>) {
        (self.writable, self.replicating, self.lag_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(connections: &str) -> (bool, bool, Option<u64>) {
        let text =
            format!(r#"{{"writable":false,"gtid_binlog_pos":"1-1-4","server_id":3,"connections":[{connections}]}}"#);
        serde_json::from_str::<Status>(&text).unwrap().sight().view()
    }

    #[test]
    fn it_replicates_when_both_threads_of_every_connection_run() {
        let (runs, stopped) =
            (r#"{"io":"Yes","sql":"Yes","lag_s":2}"#, r#"{"io":"Connecting","sql":"Yes","lag_s":null}"#);
        assert_eq!(view(runs), (false, true, Some(2)));
        assert!(!view(stopped).1);
        assert!(!view(&format!("{runs},{stopped}")).1);
        assert!(!view("").1, "one without a source does not replicate");
    }
}
