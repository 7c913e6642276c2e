//! What a database says of itself, read from its own tables of state.

use std::collections::BTreeMap;

use super::gtid::{NoPosition, Position};

/// A database as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// No instance of it runs.
    Gone,
    /// It runs, and has no data yet: a replacement.
    Empty,
    /// It runs, and does not answer.
    Silent(String),
    /// It answers.
    Lives(Status),
}

/// What one that answers says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it may be written to.
    pub writable: bool,
    /// The last changes in its binary log, its own and others'.
    pub position: Position,
    /// The greatest number of a server or domain that it ever heard of, its own among them.
    pub greatest_id: u32,
    /// Whom it follows, if it was ever told to follow anybody.
    pub follows: Option<Follows>,
}

/// How it follows its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Follows {
    /// The source's address.
    pub source: String,
    /// Whether it is connected and receives.
    pub receives: bool,
    /// Whether it applies what it received.
    pub applies: bool,
    /// Whether it does not even try.
    pub stopped: bool,
    /// The last change it received; more may be here than is in its binary log.
    pub received: Position,
    /// What went wrong last, if anything did.
    pub error: Option<String>,
}

/// What is asked, for [`Status::read`].
pub(super) const QUESTION: &str =
    "SELECT @@read_only, @@server_id, @@gtid_binlog_pos, @@gtid_binlog_state, @@gtid_slave_pos; SHOW ALL SLAVES STATUS";

/// One row of an answer, by the names of its columns.
pub(super) type SqlRow = BTreeMap<String, String>;

/// Reads the vertical form of `mariadb --vertical`: rows of `name: value`.
pub(super) fn rows(answer: &str) -> Vec<SqlRow> {
    let mut rows: Vec<SqlRow> = Vec::new();
    for line in answer.lines() {
        if line.starts_with("****") {
            rows.push(SqlRow::new());
        } else if let (Some(row), Some((name, value))) = (rows.last_mut(), line.split_once(':')) {
            row.insert(name.trim().into(), value.trim().into());
        }
    }
    rows
}

impl Status {
    /// Reads the rows of the answer to [`QUESTION`].
    pub(super) fn read(rows: &[SqlRow]) -> Result<Status, NoPosition> {
        let empty = SqlRow::new();
        let own = rows.first().unwrap_or(&empty);
        let field = |row: &SqlRow, name: &str| row.get(name).cloned().unwrap_or_default();
        let position: Position = field(own, "@@gtid_binlog_pos").parse()?;
        let state: Position = field(own, "@@gtid_binlog_state").parse()?;
        let applied: Position = field(own, "@@gtid_slave_pos").parse()?;
        let id = field(own, "@@server_id").parse().unwrap_or(0);
        let greatest_id = [&position, &state, &applied].map(Position::greatest_id).into_iter().fold(id, u32::max);
        let follows = rows.iter().find(|row| row.contains_key("Master_Host")).map(Follows::read).transpose()?;
        Ok(Status { writable: field(own, "@@read_only") == "0", position, greatest_id, follows })
    }

    /// Whether it follows somebody, and nothing is in the way.
    pub fn replicates(&self) -> bool {
        self.follows.as_ref().is_some_and(|follows| follows.receives && follows.applies)
    }

    /// Whether it was told to follow somebody and does nothing about it: it was started again, or stopped.
    pub fn has_stopped(&self) -> bool {
        self.follows.as_ref().is_some_and(|follows| follows.stopped)
    }

    /// Whether it has applied all that it received.
    pub fn is_drained(&self) -> bool {
        self.follows.as_ref().is_none_or(|follows| self.position.contains(&follows.received))
    }
}

impl Follows {
    fn read(row: &SqlRow) -> Result<Follows, NoPosition> {
        let field = |name: &str| row.get(name).cloned().unwrap_or_default();
        let errors = ["Last_IO_Error", "Last_SQL_Error"].map(field);
        Ok(Follows {
            source: field("Master_Host"),
            receives: field("Slave_IO_Running") == "Yes",
            applies: field("Slave_SQL_Running") == "Yes",
            stopped: field("Slave_IO_Running") == "No" && field("Slave_SQL_Running") == "No",
            received: field("Gtid_IO_Pos").parse()?,
            error: errors.into_iter().find(|error| !error.is_empty()),
        })
    }
}

impl Seen {
    /// What it says, if it answers.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Seen::Lives(status) => Some(status),
            _ => None,
        }
    }

    /// In words.
    pub fn told(&self) -> String {
        match self {
            Seen::Gone => "gone".into(),
            Seen::Empty => "without data".into(),
            Seen::Silent(why) => format!("silent ({why})"),
            Seen::Lives(status) => {
                format!("{} at `{}`", if status.writable { "writable" } else { "read-only" }, status.position)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "\
*************************** 1. row ***************************
        @@read_only: 1
        @@server_id: 12
  @@gtid_binlog_pos: 1-1-40,2-2-7
@@gtid_binlog_state: 1-1-40,2-2-7
   @@gtid_slave_pos: 1-1-40,2-2-7
*************************** 1. row ***************************
               Connection_name: 
                   Master_Host: 198.18.0.10
              Slave_IO_Running: Connecting
             Slave_SQL_Running: Yes
                 Last_IO_Error: error connecting to master 'replication@198.18.0.10:3306'
                Last_SQL_Error: 
                   Gtid_IO_Pos: 1-1-44,2-2-7
";

    #[test]
    fn a_status_is_read_from_what_the_client_prints() {
        let status = Status::read(&rows(ANSWER)).unwrap();
        assert!(!status.writable && !status.replicates() && !status.is_drained());
        assert_eq!((status.greatest_id, status.position.to_string()), (12, "1-1-40,2-2-7".into()));
        let follows = status.follows.unwrap();
        assert_eq!(follows.source, "198.18.0.10");
        assert_eq!(follows.error.unwrap(), "error connecting to master 'replication@198.18.0.10:3306'");
    }

    #[test]
    fn one_that_follows_nobody_has_nothing_to_apply() {
        let status = Status::read(&rows(ANSWER)[..1]).unwrap();
        assert!(status.follows.is_none() && status.is_drained() && !status.replicates());
    }
}
