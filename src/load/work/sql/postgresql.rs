//! PostgreSQL, by tokio-postgres.
//!
//! Parameters are sent in PostgreSQL's text format, so that the server converts them to the types that it infers: a number, a text, a UUID.

use std::collections::HashMap;
use std::error::Error as _;

use bytes::BytesMut;
use futures::TryStreamExt;
use tokio::task::JoinHandle;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage, Statement};

use super::super::answer::Rows;
use super::{Access, SqlError, WRONG, columnless, logins, misplaced, unfit};
use crate::workload::{Parameter, Prepared};

/// A session with a server.
pub(super) struct Connection {
    client: Client,
    /// What moves bytes; without it nothing is left of the connection.
    task: JoinHandle<()>,
    /// By their texts.
    prepared: HashMap<String, Statement>,
    pub served_by: Option<String>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    pub async fn open(access: &Access) -> Result<Connection, SqlError> {
        let mut config = Config::new();
        config.host(&access.host).port(access.spec.port).user(&access.spec.user).dbname(&access.spec.name);
        config.application_name("anarcho-chimp").connect_timeout(access.deadline);
        if let Some(password) = access.password() {
            config.password(password);
        }
        let (client, connection) = config.connect(NoTls).await.map_err(|why| unopened(&why))?;
        let task = tokio::spawn(async {
            // How it ended is what its statements meet.
            let _ = connection.await;
        });
        let mut opened = Connection { client, task, prepared: HashMap::new(), served_by: None };
        let asked =
            opened.client.simple_query("SELECT host(inet_server_addr())").await.map_err(|why| unopened(&why))?;
        let itself = asked.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        opened.served_by = access.server(itself.unwrap_or_default());
        Ok(opened)
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub async fn prepare(&mut self, statement: &Prepared) -> Result<(), SqlError> {
        if self.prepared.contains_key(&statement.text) {
            return Ok(());
        }
        let prepared = self.client.prepare(&statement.text).await.map_err(|why| unprepared(&why))?;
        if let Some(why) = misplaced(statement, prepared.params().len()) {
            return Err(why);
        }
        self.prepared.insert(statement.text.clone(), prepared);
        Ok(())
    }

    /// Whether what it shows can be read.
    pub fn check(&self, statement: &Prepared, reads: bool) -> Result<(), SqlError> {
        let Some(column) = self.prepared[&statement.text].columns().first() else {
            return if reads { Err(columnless()) } else { Ok(()) };
        };
        if reads && !<Shown as FromSql>::accepts(column.type_()) {
            let name = column.name();
            let why = format!("its first column, `{name}`, is a {}, neither a text nor a whole number", column.type_());
            return Err(SqlError::Statement { why, hint: format!("convert it: `{name}::text`, or `{name}::bigint`") });
        }
        Ok(())
    }

    pub async fn execute(&mut self, statement: &Prepared, parameters: &[Parameter]) -> Result<Rows, SqlError> {
        let prepared = &self.prepared[&statement.text];
        let rows = self.client.query_raw(prepared, parameters.iter().map(Bound)).await.map_err(|why| met(&why))?;
        let mut rows = std::pin::pin!(rows);
        let mut texts = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(|why| met(&why))? {
            // What a change returns is not read.
            if let Ok(Some(Shown(text))) = row.try_get::<_, Option<Shown>>(0) {
                texts.push(text);
            }
        }
        let changed = statement.counts_rows.then(|| rows.rows_affected().unwrap_or_default());
        Ok(Rows { texts, changed })
    }
}

/// A parameter on its way: a text, whatever type the server takes it for.
#[derive(Debug)]
struct Bound<'p>(&'p Parameter);

impl ToSql for Bound<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Parameter::Text(text) => out.extend_from_slice(text.as_bytes()),
            Parameter::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// What the first column of a row shows.
struct Shown(String);

impl<'r> FromSql<'r> for Shown {
    fn from_sql(is: &Type, raw: &'r [u8]) -> Result<Shown, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Shown(match *is {
            Type::INT2 => i16::from_sql(is, raw)?.to_string(),
            Type::INT4 => i32::from_sql(is, raw)?.to_string(),
            Type::INT8 => i64::from_sql(is, raw)?.to_string(),
            // Its blanks are not part of the value.
            Type::BPCHAR => std::str::from_utf8(raw)?.trim_end().to_string(),
            _ => std::str::from_utf8(raw)?.to_string(),
        }))
    }

    fn accepts(is: &Type) -> bool {
        let is_number = matches!(*is, Type::INT2 | Type::INT4 | Type::INT8);
        is_number || <&str as FromSql>::accepts(is) || matches!(is.kind(), Kind::Enum(_))
    }
}

/// Errors that say of the user, the password or the database that they are wrong (PostgreSQL's appendix A); 57P03, it is starting, is none.
fn unopened(why: &Error) -> SqlError {
    let said = in_words(why);
    let login = match why.code().map(|code| code.code()) {
        Some("28P01") => Some(logins::PASSWORD),
        Some("28000") if said.contains("no encryption") || said.contains("SSL off") => Some(logins::TLS),
        Some("28000" | "42501") => Some(logins::NOT_LET_IN),
        Some("3D000") => Some(logins::DATABASE),
        Some(_) => None,
        // The client's own: it was asked for a password, and has none.
        None => said.contains("password missing").then_some(logins::PASSWORD),
    };
    super::unopened(said, login)
}

/// Errors that say of the statement itself that it is wrong: SQLSTATE's class 42, but for what may come yet.
fn unprepared(why: &Error) -> SqlError {
    match why.as_db_error() {
        Some(said) if said.code().code().starts_with("42") => {
            SqlError::Statement { why: said_in_words(said), hint: WRONG.into() }
        }
        _ => SqlError::NotSent(in_words(why)),
    }
}

/// What an error leaves of a statement that was sent.
fn met(why: &Error) -> SqlError {
    match why.as_db_error() {
        Some(said) => ended(said.parsed_severity(), said.code().code())(said_in_words(said)),
        None => SqlError::Unknown(in_words(why)),
    }
}

/// An error that ended its statement alone undid it. One that ended the session, or came from between, says nothing of that.
pub(super) fn ended(severity: Option<Severity>, code: &str) -> fn(String) -> SqlError {
    const FROM_BETWEEN: [&str; 5] = ["08", "57P", "58", "XX", "40003"];
    // Values that do not fit, constraints, and what class 42 is of a statement.
    const UNFIT: [&str; 3] = ["22", "23", "42"];
    match code {
        _ if severity != Some(Severity::Error) => SqlError::Unknown,
        _ if FROM_BETWEEN.iter().any(|class| code.starts_with(class)) => SqlError::Unknown,
        "25006" => SqlError::ReadOnly,
        _ if UNFIT.iter().any(|class| code.starts_with(class)) => unfit,
        _ => SqlError::Refused,
    }
}

fn said_in_words(said: &DbError) -> String {
    format!("{} (SQLSTATE {})", said.message(), said.code().code())
}

fn in_words(why: &Error) -> String {
    match (why.as_db_error(), why.source()) {
        (Some(said), _) => said_in_words(said),
        (None, Some(cause)) => format!("{why}: {cause}"),
        (None, None) => why.to_string(),
    }
}
