//! The one way to a database: its own `mariadb` client, as root, by the unix socket.

use std::time::Duration;

use super::Database;
use crate::instance::Command;
use crate::provider::RemoteError;

/// Where a database listens whose role does not say otherwise: Debian's default.
pub(super) const SOCKET: &str = "/run/mysqld/mysqld.sock";

/// Why a database did not say what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqlError {
    /// There is no way into its server.
    #[error("{0}")]
    NoWayIn(String),
    /// The way broke.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The client or the database complained.
    #[error("mariadb ended with {status}: {complaint}")]
    Refused { status: String, complaint: String },
    /// It answered something else than a row of what was asked for.
    #[error("unexpected row: `{0}`")]
    Unexpected(String),
}

/// Runs statements in one session; every row of every answer, its columns as text. It is given up after `patience`.
pub(super) async fn rows(
    database: &Database,
    statements: &str,
    patience: Duration,
) -> Result<Vec<Vec<String>>, SqlError> {
    let remote = database.way_in.as_ref().map_err(|why| SqlError::NoWayIn(why.to_string()))?;
    let socket = format!("--socket={}", database.socket.display());
    let argv = ["mariadb", "--no-defaults", &socket, "--batch", "--skip-column-names", "--execute", statements];
    let command = Command { timeout: patience, ..Command::new(argv) };
    let output = remote.exec(&command).await?;
    if output.status != Some(0) {
        let status = output.status.map_or("a signal".into(), |status| status.to_string());
        return Err(SqlError::Refused { status, complaint: output.stderr.trim().to_string() });
    }
    Ok(output.stdout.lines().map(|line| line.split('\t').map(str::to_string).collect()).collect())
}
