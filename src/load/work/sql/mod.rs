//! Statements of SQL: each user has one connection, which is made anew after it broke.
//!
//! What can have been done decides how an operation ends. Until a statement is sent nothing can. An error that ended the statement undoes what
//! it did. Of everything else (a broken connection, a time-out, a database that shuts down) it is not known.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::WorkConfig;
use super::answer::Rows;
use crate::provider::secret::Secret;
use crate::workload::{DatabaseSpec, Parameter, Prepared};

#[cfg(feature = "sql")]
mod mysql;
#[cfg(feature = "sql")]
mod postgresql;

/// How a database is reached.
pub(super) struct Access {
    spec: DatabaseSpec,
    /// An address, or the name of a host elsewhere.
    host: String,
    password: Option<Secret>,
    deadline: Duration,
    servers: BTreeMap<String, IpAddr>,
}

impl Access {
    /// That of a workload's database, where it has one.
    pub fn of(config: &WorkConfig) -> Option<Access> {
        let spec = config.workload.database.clone()?;
        let host = config.servers.get(&spec.host).map_or_else(|| spec.host.clone(), ToString::to_string);
        let (password, deadline, servers) = (config.password.clone(), config.deadline, config.servers.clone());
        Some(Access { spec, host, password, deadline, servers })
    }

    fn password(&self) -> Option<&str> {
        self.password.as_ref().map(Secret::reveal)
    }

    /// The server that says this of itself, its name or its address; where none is known by that, the one that was asked for.
    fn server(&self, itself: &str) -> Option<String> {
        let by_address = || self.servers.iter().find(|(_, address)| address.to_string() == itself);
        let known = self.servers.get_key_value(itself).or_else(by_address);
        let asked_for = || self.servers.get_key_value(&self.spec.host);
        let named = known.or_else(asked_for).map(|(name, _)| name.clone());
        named.or_else(|| (!itself.is_empty()).then(|| itself.to_string()))
    }
}

/// Why a statement did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SqlError {
    /// It was not sent: nothing was done.
    #[error("{0}")]
    NotSent(String),
    /// The server does not let this user into this database: nothing was done.
    #[error("{why}")]
    Login { why: String, hint: String },
    /// The database does not know it, or does not execute it with such values: nothing was done.
    #[error("{why}")]
    Statement { why: String, hint: String },
    /// It ended with an error: what it did was undone.
    #[error("{0}")]
    Refused(String),
    /// The server takes no writes: nothing was done. The next connection may lead to one that does.
    #[error("{0}")]
    ReadOnly(String),
    /// It was sent, and how it ended is not known.
    #[error("{0}")]
    Unknown(String),
}

impl SqlError {
    /// Whether it can have changed something.
    pub fn may_have_been_done(&self) -> bool {
        matches!(self, SqlError::Unknown(_))
    }
}

/// A user's session: a connection, once there is one.
#[derive(Default)]
pub(super) struct Session(Option<Connection>);

enum Connection {
    #[cfg(feature = "sql")]
    Postgresql(postgresql::Connection),
    #[cfg(feature = "sql")]
    Mysql(mysql::Connection),
}

impl Session {
    /// Executes a statement once, within the deadline.
    pub async fn execute(
        &mut self,
        access: &Access,
        statement: &Prepared,
        parameters: &[Parameter],
    ) -> Result<Rows, SqlError> {
        let mut is_sent = false;
        let executing = async {
            let connection = self.connected(access).await?;
            connection.prepare(statement).await?;
            is_sent = true;
            connection.execute(statement, parameters).await
        };
        let executed = timeout(access.deadline, executing).await;
        self.after(executed, access, is_sent).await
    }

    /// Has the database prepare a statement; one that reads must have a column.
    pub async fn prepare(&mut self, access: &Access, statement: &Prepared, reads: bool) -> Result<(), SqlError> {
        let preparing = async {
            let connection = self.connected(access).await?;
            connection.prepare(statement).await?;
            connection.check(statement, reads).await
        };
        let prepared = timeout(access.deadline, preparing).await;
        self.after(prepared, access, false).await
    }

    /// The server that its connection leads to.
    pub fn served_by(&self) -> Option<String> {
        self.0.as_ref().and_then(|connection| connection.served_by().cloned())
    }

    async fn connected(&mut self, access: &Access) -> Result<&mut Connection, SqlError> {
        if self.0.as_ref().is_none_or(Connection::is_closed) {
            self.0 = Some(Connection::open(access).await?);
        }
        Ok(self.0.as_mut().expect("it is there now"))
    }

    /// What became of it. A connection of which more than this is in doubt is not used again.
    async fn after<T>(
        &mut self,
        ended: Result<Result<T, SqlError>, tokio::time::error::Elapsed>,
        access: &Access,
        is_sent: bool,
    ) -> Result<T, SqlError> {
        let ended = ended.unwrap_or_else(|_| {
            let why = format!("no answer within {}", humantime::format_duration(access.deadline));
            Err(if is_sent { SqlError::Unknown(why) } else { SqlError::NotSent(why) })
        });
        let is_usable = matches!(ended, Ok(_) | Err(SqlError::Statement { .. } | SqlError::Refused(_)));
        if !is_usable && let Some(connection) = self.0.take() {
            connection.give_up().await;
        }
        ended
    }
}

#[cfg(feature = "sql")]
impl Connection {
    async fn open(access: &Access) -> Result<Connection, SqlError> {
        Ok(match access.spec.kind {
            crate::workload::DatabaseKind::Postgresql => {
                Connection::Postgresql(postgresql::Connection::open(access).await?)
            }
            crate::workload::DatabaseKind::Mysql => Connection::Mysql(mysql::Connection::open(access).await?),
        })
    }

    fn is_closed(&self) -> bool {
        match self {
            Connection::Postgresql(connection) => connection.is_closed(),
            // It is seen when it is used.
            Connection::Mysql(_) => false,
        }
    }

    async fn prepare(&mut self, statement: &Prepared) -> Result<(), SqlError> {
        match self {
            Connection::Postgresql(connection) => connection.prepare(statement).await,
            Connection::Mysql(connection) => connection.prepare(statement).await,
        }
    }

    async fn check(&mut self, statement: &Prepared, reads: bool) -> Result<(), SqlError> {
        match self {
            Connection::Postgresql(connection) => connection.check(statement, reads),
            Connection::Mysql(connection) => connection.check(statement, reads),
        }
    }

    async fn execute(&mut self, statement: &Prepared, parameters: &[Parameter]) -> Result<Rows, SqlError> {
        match self {
            Connection::Postgresql(connection) => connection.execute(statement, parameters).await,
            Connection::Mysql(connection) => connection.execute(statement, parameters).await,
        }
    }

    fn served_by(&self) -> Option<&String> {
        match self {
            Connection::Postgresql(connection) => connection.served_by.as_ref(),
            Connection::Mysql(connection) => connection.served_by.as_ref(),
        }
    }

    async fn give_up(self) {
        match self {
            Connection::Postgresql(_) => {}
            Connection::Mysql(connection) => connection.give_up().await,
        }
    }
}

/// A build without SQL refuses files with statements, so that none is ever sent.
#[cfg(not(feature = "sql"))]
impl Connection {
    async fn open(access: &Access) -> Result<Connection, SqlError> {
        let (_, _) = (access.password(), access.server(&access.host));
        Err(SqlError::NotSent("this build sends no statements of SQL".into()))
    }

    fn is_closed(&self) -> bool {
        match *self {}
    }

    async fn prepare(&mut self, _: &Prepared) -> Result<(), SqlError> {
        match *self {}
    }

    async fn check(&mut self, _: &Prepared, _: bool) -> Result<(), SqlError> {
        match *self {}
    }

    async fn execute(&mut self, _: &Prepared, _: &[Parameter]) -> Result<Rows, SqlError> {
        match *self {}
    }

    fn served_by(&self) -> Option<&String> {
        match *self {}
    }

    async fn give_up(self) {
        match self {}
    }
}

/// What is wrong with a statement that has another number of places than parameters.
#[cfg(feature = "sql")]
fn misplaced(statement: &Prepared, there: usize) -> Option<SqlError> {
    (there != statement.parameters).then(|| SqlError::Statement {
        why: format!("the database sees {there} parameters in the statement, and {} are bound", statement.parameters),
        hint: "a parameter stands for a whole value: not within quotes, not as a part of a name".into(),
    })
}

/// What is wrong with a statement that reads and has no column.
#[cfg(feature = "sql")]
fn columnless() -> SqlError {
    SqlError::Statement {
        why: "the statement shows no column, so that nothing can be read from it".into(),
        hint: "write a SELECT, or end it with RETURNING where the database has that".into(),
    }
}

/// What to do about a statement that the database does not know.
#[cfg(feature = "sql")]
const WRONG: &str = "try it with the database's own shell; tables must be there before users come";

/// A statement that ended with an error of a kind that waiting does not take away.
#[cfg(feature = "sql")]
fn unfit(why: String) -> SqlError {
    let hint =
        "try it with the database's own shell, with the value `1`: tables, rows and rights must be such that it works";
    SqlError::Statement { why, hint: hint.into() }
}

/// What to do about a login that fails. None shows the password.
#[cfg(feature = "sql")]
mod logins {
    pub const PASSWORD: &str = "look at the user and the password of `database`, and at where the password comes from: `${NAME}`, or `{{ secrets.NAME }}` as in the role";
    pub const DATABASE: &str =
        "look at the name after the host in `database`: it must be there before users come, and let this user in";
    pub const HOST: &str = "write the name of a server of the scenario, or another host's full name or address";
    pub const TLS: &str = "the connection has no TLS: let the database take this user from here without it";
    pub const NOT_LET_IN: &str = "look at the user of `database`, and let the database take its connections from here: pg_hba.conf, or the user's host";
}

/// A session that could not be opened; `login` says what to do where the server did not let the user in.
#[cfg(feature = "sql")]
fn unopened(why: String, login: Option<&str>) -> SqlError {
    // The resolver's words, of glibc and of musl: the standard library passes on nothing else.
    let is_unknown_host = why.contains("failed to lookup address information")
        && !["Temporary failure", "Try again"].iter().any(|passes| why.contains(passes));
    match login.or(is_unknown_host.then_some(logins::HOST)) {
        Some(hint) => SqlError::Login { why, hint: hint.into() },
        None => SqlError::NotSent(why),
    }
}

#[cfg(all(test, feature = "sql"))]
#[path = "tests.rs"]
mod tests;
