//! What an nginx counts, as its `stub_status` says it. It speaks of the whole nginx: of no server behind it, and of no status code.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use super::Unseen;
use super::http;
use crate::role::StubStatusUrl;

/// Answers take a millisecond; an nginx that needs this long hangs.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// What one answer says. Counts are since nginx started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StubStatus {
    /// Client connections that are open now, those that wait included, and that of this look.
    pub active: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Those of them that were handled; fewer where a limit such as `worker_connections` was reached.
    pub handled: u64,
    /// Requests of clients.
    pub requests: u64,
    /// Connections of which the request is being read, that are being answered, and that wait for another request.
    pub reading: u64,
    pub writing: u64,
    pub waiting: u64,
}

/// One look, by a server at itself.
///
/// # Errors
/// When it does not answer in time, or not with its status.
pub async fn look(url: &StubStatusUrl) -> Result<StubStatus, Unseen> {
    let connection =
        async { TcpStream::connect(url.at).await.map_err(|why| Unseen::Unreadable(format!("{}: {why}", url.at))) };
    look_over(connection, url).await
}

/// The same over another connection.
///
/// # Errors
/// As [`look`], or when there is no connection.
pub async fn look_over(
    connection: impl Future<Output = Result<TcpStream, Unseen>>,
    url: &StubStatusUrl,
) -> Result<StubStatus, Unseen> {
    let asked = async { http::get(connection.await?, &url.at.to_string(), &url.path).await };
    let answer = tokio::time::timeout(ANSWER_WITHIN, asked).await.map_err(|_| Unseen::Silent(ANSWER_WITHIN))??;
    parse(&String::from_utf8_lossy(&answer))
}

/// ```text
/// Active connections: 291
/// server accepts handled requests
///  16630948 16630948 31070465
/// Reading: 6 Writing: 179 Waiting: 106
/// ```
fn parse(text: &str) -> Result<StubStatus, Unseen> {
    let read = || {
        let mut lines = text.lines();
        let active = lines.next()?.strip_prefix("Active connections:")?.trim().parse().ok()?;
        // A module may add columns, as that of request times does.
        let titles: Vec<&str> = lines.next()?.strip_prefix("server ")?.split_whitespace().collect();
        let counts: Vec<u64> = lines.next()?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let count = |title| counts.get(titles.iter().position(|other| *other == title)?).copied();
        let last: Vec<&str> = lines.next()?.split_whitespace().collect();
        let now = |title| last.get(last.iter().position(|other| *other == title)? + 1)?.parse().ok();
        let (accepted, handled, requests) = (count("accepts")?, count("handled")?, count("requests")?);
        let (reading, writing, waiting) = (now("Reading:")?, now("Writing:")?, now("Waiting:")?);
        Some(StubStatus { active, accepted, handled, requests, reading, writing, waiting })
    };
    read().ok_or_else(|| Unseen::Unexpected(text.chars().take(80).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nginx 1.22 wrote it.
    const SAID: &str =
        "Active connections: 3 \nserver accepts handled requests\n 40 39 812 \nReading: 0 Writing: 1 Waiting: 2 \n";

    #[test]
    fn what_nginx_counts_is_read() {
        let expected =
            StubStatus { active: 3, accepted: 40, handled: 39, requests: 812, reading: 0, writing: 1, waiting: 2 };
        assert_eq!(parse(SAID).unwrap(), expected);
        let more = SAID.replace("requests\n", "requests request_time\n").replace("812 ", "812 99 ");
        assert_eq!(parse(&more).unwrap(), expected, "Tengine has a column more");
    }

    #[test]
    fn something_else_is_an_error() {
        for wrong in ["", "<html>", &SAID.replace("40", "many"), &SAID.replace("Waiting", "Idle"), &SAID[..24]] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
