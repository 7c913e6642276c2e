//! Comparing the tables of two databases while others write: both are looked at in the very same state.
//!
//! One stops applying; the other, once it is as far, is locked for the moment of its checksums; then the first goes on to
//! exactly the position that these stand for.

use std::time::Duration;

use super::DatabaseError;
use super::execute::{CATCH_UP, CONNECT};
use super::gtid::Position;
use super::sql::DatabaseConnection;
use super::status::{SqlRow, Status};
use crate::site::Site;

/// How long checksums may take.
const CHECKSUMS: Duration = Duration::from_secs(120);

/// Compares `server`, which must follow, with another that has all it has.
///
/// # Errors
/// When they differ, with the tables; when they can't be brought to one state.
pub(super) async fn compare(site: &Site, server: &str, with: &str) -> Result<String, DatabaseError> {
    let (connection, other) = DatabaseConnection::both(site, server, with).await?;
    let tables = tables(&connection).await?;
    if tables.is_empty() {
        return Ok("there are no tables".into());
    }
    connection.sql("STOP SLAVE").await?;
    let compared = in_one_state(&connection, &other, &tables).await;
    // It goes on following, whatever came out.
    connection.sql("START SLAVE").await?;
    let differing = compared?;
    connection.until("to follow again", CONNECT, Status::replicates).await?;
    if differing.is_empty() {
        return Ok(format!("{} tables are equal", tables.len()));
    }
    let expected = format!("to have the tables of {with}");
    Err(DatabaseError::NotSo { server: server.into(), expected, found: format!("{} differ", differing.join(", ")) })
}

async fn in_one_state(
    connection: &DatabaseConnection<'_>,
    other: &DatabaseConnection<'_>,
    tables: &[String],
) -> Result<Vec<String>, DatabaseError> {
    let here = connection.position().await?;
    other
        .until("to be as far as the database that is compared with it", CATCH_UP, |status| {
            status.position.contains(&here)
        })
        .await?;
    let checksum = format!("CHECKSUM TABLE {}", tables.join(", "));
    let locked =
        format!("FLUSH TABLES WITH READ LOCK; SELECT @@gtid_binlog_pos AS position; {checksum}; UNLOCK TABLES");
    let theirs = other.sql_within(&locked, CHECKSUMS).await?;
    let there = theirs.first().and_then(|row| row.get("position")).map_or("", String::as_str).parse::<Position>()?;
    if !here.contains(&there) {
        connection.sql(&format!("START SLAVE UNTIL master_gtid_pos='{there}'")).await?;
        let arrived = |status: &Status| status.position == there && !status.replicates();
        connection.until("to be exactly as far", CATCH_UP, arrived).await?;
    }
    let ours = connection.sql_within(&checksum, CHECKSUMS).await?;
    Ok(differing(&ours, &theirs))
}

async fn tables(connection: &DatabaseConnection<'_>) -> Result<Vec<String>, DatabaseError> {
    let name = &connection.role.name;
    let question = format!(
        "SELECT CONCAT('`', table_schema, '`.`', table_name, '`') AS name FROM information_schema.tables \
         WHERE table_schema='{name}' AND table_type='BASE TABLE' ORDER BY table_name"
    );
    let rows = connection.sql(&question).await?;
    Ok(rows.into_iter().filter_map(|mut row| row.remove("name")).collect())
}

/// The tables whose checksums differ, or that one of the two does not have.
fn differing(ours: &[SqlRow], theirs: &[SqlRow]) -> Vec<String> {
    let sums = |rows: &[SqlRow]| -> Vec<(String, String)> {
        rows.iter().filter_map(|row| Some((row.get("Table")?.clone(), row.get("Checksum")?.clone()))).collect()
    };
    let (ours, theirs) = (sums(ours), sums(theirs));
    let differs = |(table, sum): &&(String, String)| sum == "NULL" || !theirs.contains(&(table.clone(), sum.clone()));
    ours.iter().filter(differs).map(|(table, _)| table.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::status::rows;
    use super::*;

    #[test]
    fn tables_differ_by_their_checksums() {
        let ours =
            rows("*** 1. row\n   Table: site.posts\nChecksum: 7\n*** 2. row\n   Table: site.users\nChecksum: 8\n");
        let theirs = rows(
            "*** 1. row\nposition: 1-1-2\n**** 1. row\n   Table: site.posts\nChecksum: 7\n**** 2. row\n   Table: site.users\nChecksum: 9\n",
        );
        assert_eq!(differing(&rows("**** 1\nTable: site.users\nChecksum: 8\n"), &theirs), ["site.users"]);
        assert_eq!(differing(&rows("**** 1\nTable: site.users\nChecksum: 9\n"), &theirs), Vec::<String>::new());
        assert_eq!(differing(&rows("**** 1\nTable: site.gone\nChecksum: NULL\n"), &theirs), ["site.gone"]);
        assert!(differing(&ours, &theirs).is_empty(), "`***` begins no row");
    }
}
