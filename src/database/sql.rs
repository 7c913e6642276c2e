//! Asking and telling one database, over its own socket: works as well where its network is gone.

use std::time::Duration;

use tokio::time::Instant;

use super::DatabaseError;
use super::gtid::Position;
use super::status::{QUESTION, Seen, SqlRow, Status, rows};
use crate::instance::{Command, Instance, PowerState};
use crate::provider::Remote;
use crate::role::DatabaseRole;
use crate::site::Site;

/// How long a statement may take that waits for nothing.
const STATEMENT: Duration = Duration::from_secs(5);
/// A database that needs this long to say how it is hangs.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks at something that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// `$1`: the socket, `$2`: the file with the password for `@password`, `$3`: the statements. They go by the standard
/// input, since everybody may read the words of a command.
const CLIENT: &str = r#"{ printf "SET @password='%s';\n" "$(cat "$2")"; printf '%s\n' "$3"; } |
exec mariadb --no-defaults --socket="$1" --vertical --connect-timeout=2"#;

/// `$1`: the data, `$2`: the socket, `$3`: the question.
const LOOK: &str = r#"[ -d "$1" ] || { echo empty; exit; }
exec mariadb --no-defaults --socket="$2" --vertical --connect-timeout=2 --execute="$3""#;
/// What is answered where there is no data.
const EMPTY: &str = "empty";

/// One database at connection.
pub(super) struct DatabaseConnection<'a> {
    /// The server.
    pub server: &'a str,
    /// What its role says of it.
    pub role: &'a DatabaseRole,
    /// Its instance.
    pub instance: Instance,
    site: &'a Site,
    remote: Box<dyn Remote>,
}

/// The role of a database.
pub(super) fn role_of<'a>(site: &'a Site, server: &str) -> Result<&'a DatabaseRole, DatabaseError> {
    let declared = site.infrastructure.servers.contains_key(server).then(|| site.role(server));
    declared.and_then(|role| role.database.as_ref()).ok_or_else(|| DatabaseError::NoDatabase(server.into()))
}

impl<'a> DatabaseConnection<'a> {
    /// The running instance of a server.
    ///
    /// # Errors
    /// When none runs.
    pub async fn on(site: &'a Site, server: &'a str) -> Result<DatabaseConnection<'a>, DatabaseError> {
        let role = role_of(site, server)?;
        let instances = site.provider.list().await?;
        let running = |instance: &&Instance| instance.name == server && instance.state == PowerState::Running;
        let gone = || DatabaseError::Gone(server.into());
        let instance = instances.iter().rev().find(running).ok_or_else(gone)?.clone();
        let remote = site.provider.connect(&instance).await?;
        Ok(DatabaseConnection { server, role, instance, site, remote })
    }

    /// Those of two servers, by one list of the instances: an API bounds how often it is asked for one.
    ///
    /// # Errors
    /// When one of them has none that runs.
    pub async fn both(
        site: &'a Site,
        server: &'a str,
        other: &'a str,
    ) -> Result<(DatabaseConnection<'a>, DatabaseConnection<'a>), DatabaseError> {
        tokio::try_join!(DatabaseConnection::on(site, server), DatabaseConnection::on(site, other))
    }

    /// Carries statements out, in one session, and returns all rows of their answers.
    ///
    /// # Errors
    /// The first statement that fails, with what the server says of it.
    pub async fn sql(&self, statements: &str) -> Result<Vec<SqlRow>, DatabaseError> {
        self.sql_within(statements, STATEMENT).await
    }

    /// The same for statements that wait.
    pub async fn sql_within(&self, statements: &str, within: Duration) -> Result<Vec<SqlRow>, DatabaseError> {
        let path = |path: &std::path::Path| path.display().to_string();
        let (socket, password) = (path(&self.role.socket), path(&self.role.replication_password));
        let answer = self.run(&["sh", "-c", CLIENT, "sh", &socket, &password, statements], within).await;
        answer.map(|answer| rows(&answer))
    }

    /// Lets it be written to; where that is asked for it acknowledges only what another has, from then on.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn open(&self, semi_sync: bool) -> Result<(), DatabaseError> {
        let waits = if semi_sync { "SET GLOBAL rpl_semi_sync_master_enabled=ON; " } else { "" };
        self.sql(&format!("{waits}SET GLOBAL read_only=0")).await.map(drop)
    }

    /// Keeps it from being written to; it waits for nobody any more.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn close(&self) -> Result<(), DatabaseError> {
        self.sql("SET GLOBAL read_only=1; SET GLOBAL rpl_semi_sync_master_enabled=OFF").await.map(drop)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// When it does not end well within that time, with what it complained.
    pub async fn run(&self, argv: &[&str], timeout: Duration) -> Result<String, DatabaseError> {
        let argv = argv.iter().map(ToString::to_string).collect();
        let output = self.remote.exec(&Command { argv, timeout }).await?;
        match output.status {
            Some(0) => Ok(output.stdout),
            _ => Err(DatabaseError::Refused { server: self.server.into(), detail: output.stderr.trim().into() }),
        }
    }

    /// What it is now.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self) -> Result<Status, DatabaseError> {
        let rows = self.sql_within(QUESTION, ANSWER).await?;
        Ok(Status::read(&rows)?)
    }

    /// Its position in the stream of changes.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn position(&self) -> Result<Position, DatabaseError> {
        Ok(self.status().await?.position)
    }

    /// Looks again and again until `holds`, for as long as `within`. `what` says what is waited for.
    ///
    /// # Errors
    /// When it does not come, with what was seen last; at once where it can't come any more.
    pub async fn until(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&Status) -> bool,
    ) -> Result<Status, DatabaseError> {
        let deadline = Instant::now() + within;
        loop {
            let seen = self.status().await;
            match &seen {
                Ok(status) if holds(status) => return seen,
                Ok(_) => {}
                Err(_) => self.may_still_answer(what).await?,
            }
            if Instant::now() >= deadline {
                let last = seen.map_or_else(|why| why.to_string(), told);
                let (server, what) = (self.server.into(), what.into());
                return Err(DatabaseError::NotInTime { server, what, within, last });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Not one that is gone by now, nor one in whose place another was booted, without data.
    async fn may_still_answer(&self, what: &str) -> Result<(), DatabaseError> {
        let server = self.server.to_string();
        match look(self.site, self.server).await {
            Ok(Seen::Gone) => Err(DatabaseError::Gone(server)),
            Ok(Seen::Empty) => Err(DatabaseError::NotSo { server, expected: what.into(), found: Seen::Empty.told() }),
            Ok(Seen::Silent(_) | Seen::Lives(_)) | Err(_) => Ok(()),
        }
    }
}

fn told(status: Status) -> String {
    let error = status.follows.as_ref().and_then(|follows| follows.error.clone());
    let seen = Seen::Lives(status).told();
    error.map_or(seen.clone(), |error| format!("{seen}; {error}"))
}

/// What a database is, as it is found now.
///
/// # Errors
/// When the provider can't tell which instances there are.
pub(super) async fn look(site: &Site, server: &str) -> Result<Seen, DatabaseError> {
    let connection = match DatabaseConnection::on(site, server).await {
        Ok(connection) => connection,
        Err(DatabaseError::Gone(_)) => return still_there(site, server).await,
        Err(why) => return Err(why),
    };
    let path = |path: &std::path::Path| path.display().to_string();
    let (data, socket) = (path(&connection.role.data), path(&connection.role.socket));
    let answer = connection.run(&["sh", "-c", LOOK, "sh", &data, &socket, QUESTION], ANSWER).await;
    Ok(match answer {
        Ok(answer) if answer.trim() == EMPTY => Seen::Empty,
        Ok(answer) => Seen::Lives(Status::read(&rows(&answer))?),
        Err(why) => Seen::Silent(why.to_string()),
    })
}

/// One that does not run may be frozen, and go on writing later; one without power starts read-only.
async fn still_there(site: &Site, server: &str) -> Result<Seen, DatabaseError> {
    let instances = site.provider.list().await?;
    let frozen =
        instances.iter().rev().find(|instance| instance.name == server && instance.state == PowerState::Frozen);
    Ok(frozen.map_or(Seen::Gone, |instance| Seen::Silent(format!("frozen: {}", instance.evidence))))
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
