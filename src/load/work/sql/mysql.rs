//! MySQL and MariaDB, by mysql_async.
//!
//! Values and keys are bound as texts, which the server converts to the types of columns; how much a counter is raised is bound as a number.

use std::collections::HashMap;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder, Params, Row, ServerError, Statement, Value};
use tokio::time::timeout;

use super::super::answer::Rows;
use super::{Access, SqlError, WRONG, columnless, logins, misplaced, unfit};
use crate::workload::{Parameter, Prepared};

/// A connection that is thrown away has so long to say goodbye.
const GOODBYE: Duration = Duration::from_millis(100);
/// A connection without an answer is asked after so long whether the server is there still.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A session with a server.
pub(super) struct Connection {
    conn: Conn,
    /// By their texts.
    prepared: HashMap<String, Statement>,
    pub served_by: Option<String>,
}

impl Connection {
    pub async fn open(access: &Access) -> Result<Connection, SqlError> {
        let options = OptsBuilder::default()
            .ip_or_hostname(&access.host)
            .tcp_port(access.spec.port)
            .user(Some(&access.spec.user))
            .pass(access.password())
            .db_name(Some(&access.spec.name))
            .tcp_keepalive(Some(KEEPALIVE))
            // A local server would be asked by its socket.
            .prefer_socket(false)
            // An UPDATE counts the rows that it found, as PostgreSQL's does.
            .client_found_rows(true)
            .stmt_cache_size(0);
        let mut conn = Conn::new(options).await.map_err(|why| unopened(&why))?;
        let itself: Option<String> = conn.query_first("SELECT @@hostname").await.map_err(|why| unopened(&why))?;
        let served_by = access.server(&itself.unwrap_or_default());
        Ok(Connection { conn, prepared: HashMap::new(), served_by })
    }

    pub async fn prepare(&mut self, statement: &Prepared) -> Result<(), SqlError> {
        if self.prepared.contains_key(&statement.text) {
            return Ok(());
        }
        let prepared = self.conn.prep(&statement.text).await.map_err(|why| unprepared(&why))?;
        if let Some(why) = misplaced(statement, prepared.num_params().into()) {
            return Err(why);
        }
        self.prepared.insert(statement.text.clone(), prepared);
        Ok(())
    }

    /// Whether it shows something. What RETURNING shows is not known before it is executed.
    pub fn check(&self, statement: &Prepared, reads: bool) -> Result<(), SqlError> {
        let has_columns = self.prepared[&statement.text].num_columns() > 0;
        let returns = statement.text.to_ascii_uppercase().contains("RETURNING") || !statement.counts_rows;
        if reads && !has_columns && !returns { Err(columnless()) } else { Ok(()) }
    }

    pub async fn execute(&mut self, statement: &Prepared, parameters: &[Parameter]) -> Result<Rows, SqlError> {
        let prepared = &self.prepared[&statement.text];
        let bound = parameters.iter().map(|parameter| match parameter {
            Parameter::Text(text) => Value::from(text),
            Parameter::Number(number) => Value::from(number),
        });
        let bound = if parameters.is_empty() { Params::Empty } else { Params::Positional(bound.collect()) };
        let mut result = self.conn.exec_iter(prepared, bound).await.map_err(|why| met(&why))?;
        let rows: Vec<Row> = result.collect().await.map_err(|why| met(&why))?;
        let changed = statement.counts_rows.then(|| result.affected_rows());
        result.drop_result().await.map_err(|why| met(&why))?;
        let texts = rows.into_iter().filter_map(|mut row| row.take::<Value, _>(0)).filter_map(text).collect();
        Ok(Rows { texts, changed })
    }

    /// What is left open would be waited for by the client itself.
    pub async fn give_up(self) {
        let _ = timeout(GOODBYE, self.conn.disconnect()).await;
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        other => Some(other.as_sql(true)),
    }
}

/// Errors that say of the user, the password or the database that they are wrong (the Error Reference of MySQL and of MariaDB).
fn unopened(why: &Error) -> SqlError {
    let Error::Server(said) = why else { return super::unopened(in_words(why), None) };
    let login = match said.code {
        1045 | 1698 | 1862 => Some(logins::PASSWORD),
        1130 | 3118 | 4151 => Some(logins::NOT_LET_IN),
        // 1044: whether it is there is not said to a user that may not enter it.
        1044 | 1049 => Some(logins::DATABASE),
        3159 => Some(logins::TLS),
        _ => None,
    };
    super::unopened(said_in_words(said), login)
}

/// Errors that say of the statement itself that it is wrong: SQLSTATE's class 42.
fn unprepared(why: &Error) -> SqlError {
    match why {
        Error::Server(said) if said.state.starts_with("42") => {
            SqlError::Statement { why: said_in_words(said), hint: WRONG.into() }
        }
        _ => SqlError::NotSent(in_words(why)),
    }
}

/// What an error leaves of a statement that was sent.
fn met(why: &Error) -> SqlError {
    match why {
        Error::Server(said) => ended(said.code, &said.state)(said_in_words(said)),
        _ => SqlError::Unknown(in_words(why)),
    }
}

/// An error that ended its statement alone undid it: not one of the connection (class 08, as of a server that shuts down), of a statement that
/// was killed (70100), of the storage engine, or of a commit.
pub(super) fn ended(code: u16, state: &str) -> fn(String) -> SqlError {
    match code {
        _ if state.starts_with("08") || state == "70100" => SqlError::Unknown,
        1023 | 1026 | 1030 | 1105 | 1180 | 3024 => SqlError::Unknown,
        1290 | 1792 | 1836 => SqlError::ReadOnly,
        // No default, an incorrect value; values that do not fit, constraints, and what class 42 is of a statement.
        1364 | 1366 => unfit,
        _ if ["22", "23", "42"].iter().any(|class| state.starts_with(class)) => unfit,
        _ => SqlError::Refused,
    }
}

fn said_in_words(said: &ServerError) -> String {
    format!("{} (error {}, SQLSTATE {})", said.message, said.code, said.state)
}

fn in_words(why: &Error) -> String {
    match why {
        Error::Server(said) => said_in_words(said),
        other => other.to_string(),
    }
}
