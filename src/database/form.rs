//! Making a tier of databases out of empty ones: the ring, its slaves, and one that is written to.

use std::time::Duration;

use futures::future::try_join_all;

use super::DatabaseError;
use super::execute::{CONNECT, point, record};
use super::sql::DatabaseConnection;
use super::status::Status;
use crate::infrastructure::databases::Database;
use crate::settings::WriteTo;
use crate::site::Site;

/// How long a database may take to start.
const START: Duration = Duration::from_secs(30);
/// How long what is quick may take.
const QUICK: Duration = Duration::from_secs(10);

/// Forms the tier of databases that were booted and have no data yet.
///
/// # Errors
/// The first that did not start, or does not follow its source.
pub(super) async fn form(site: &Site) -> Result<(), DatabaseError> {
    let all: Vec<&Database> = site.infrastructure.databases.all().collect();
    try_join_all(all.iter().map(|database| start(site, &database.server))).await?;
    try_join_all(all.iter().map(|database| follow(site, database))).await?;
    let both = site.settings.database.write == WriteTo::RoundRobin;
    let written = site.infrastructure.databases.masters.iter().take(if both { usize::MAX } else { 1 });
    for master in written {
        let connection = DatabaseConnection::on(site, &master.server).await?;
        connection.open(site.settings.database.semi_sync).await?;
        connection.until("to be writable", CONNECT, |status| status.writable).await?;
        record(site, &master.server, "promote", "it is written to first".into());
    }
    Ok(())
}

/// Gives it the empty database, so that it starts.
async fn start(site: &Site, server: &str) -> Result<(), DatabaseError> {
    let connection = DatabaseConnection::on(site, server).await?;
    let path = |path: &std::path::Path| path.display().to_string();
    connection.run(&["mv", "--", &path(&connection.role.empty), &path(&connection.role.data)], QUICK).await?;
    connection.until("to start", START, |status| !status.writable).await?;
    record(site, server, "start", "with empty tables, read-only".into());
    Ok(())
}

async fn follow(site: &Site, database: &Database) -> Result<(), DatabaseError> {
    let (connection, source) = DatabaseConnection::both(site, &database.server, &database.source).await?;
    point(site, &connection, &source).await?;
    connection.until("to follow", CONNECT, Status::replicates).await?;
    record(site, &database.server, "follow", format!("it follows {}", database.source));
    Ok(())
}
