//! A HAProxy's answer to `show stat`, asked on its statistics socket.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::Unseen;
use super::statistics::{self, Statistics};

/// Answers take well under a millisecond; a balancer that needs this long hangs.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// One look.
///
/// # Errors
/// When it does not answer in time, or not with its statistics.
pub async fn look(socket: &Path) -> Result<Statistics, Unseen> {
    let answer = tokio::time::timeout(ANSWER_WITHIN, ask(socket, "show stat\n")).await;
    statistics::parse(&answer.map_err(|_| Unseen::Silent(ANSWER_WITHIN))??)
}

async fn ask(socket: &Path, command: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(command.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
