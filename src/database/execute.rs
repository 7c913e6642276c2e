//! Carries the steps of a plan out, one after the other, asserts each, and records it.

use std::time::Duration;

use super::plan::TopologyStep;
use super::sql::{DatabaseConnection, look};
use super::status::{Seen, Status};
use super::{DatabaseError, compare, rebuild, tier};
use crate::history::Event;
use crate::settings::WriteTo;
use crate::site::Site;

/// How long a database may take to apply what it received, and to fetch what it lacks.
pub(super) const CATCH_UP: Duration = Duration::from_secs(60);
/// How long a new connection between two may take.
pub(super) const CONNECT: Duration = Duration::from_secs(15);
/// How long the ring may take to be whole, in the server's own words: a function waits there.
const RING: Duration = Duration::from_secs(10);

/// Tells a database whom to follow: `{host}` and `{port}` are put in. The password is a variable of the session.
const FOLLOW: &str = "EXECUTE IMMEDIATE CONCAT(\"CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, \
    MASTER_USER='replication', MASTER_PASSWORD='\", @password, \"', MASTER_USE_GTID=slave_pos, \
    MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1\"); START SLAVE";

/// Does one step.
///
/// # Errors
/// When it can't be done, or what it is to bring about is not so afterwards.
pub(super) async fn execute(site: &Site, step: &TopologyStep) -> Result<(), DatabaseError> {
    let detail = match step {
        TopologyStep::Fence { server } => fence(site, server).await?,
        TopologyStep::Drain { server } => drain(site, server).await?,
        TopologyStep::Salvage { server, from } => salvage(site, server, from).await?,
        TopologyStep::Promote { server } => promote(site, server).await?,
        TopologyStep::Rebuild { server, donor } => rebuilt(site, server, donor).await?,
        TopologyStep::Resume { server } => resume(site, server).await?,
        TopologyStep::Follow { server, source } => follow(site, server, source).await?,
        TopologyStep::CloseRing { survivor, newcomer } => close_ring(site, survivor, newcomer).await?,
        TopologyStep::Compare { server, with } => compare::compare(site, server, with).await?,
    };
    record(site, step.server(), step.name(), format!("{step}: {detail}"));
    Ok(())
}

/// Records what was done to a database.
pub(super) fn record(site: &Site, server: &str, step: &str, detail: String) {
    site.recorder.record(Event::DatabaseStep { server: server.into(), step: step.into(), detail });
}

async fn fence(site: &Site, server: &str) -> Result<String, DatabaseError> {
    match look(site, server).await? {
        Seen::Gone => Ok("it is gone".into()),
        Seen::Empty => Ok("it has no data".into()),
        Seen::Silent(why) => Err(DatabaseError::NotSo {
            server: server.into(),
            expected: "to be gone or to answer, so that it can be made read-only".into(),
            found: why,
        }),
        Seen::Lives(_) => {
            let connection = DatabaseConnection::on(site, server).await?;
            connection.close().await?;
            connection.until("to be read-only", CONNECT, |status| !status.writable).await?;
            Ok("it is read-only".into())
        }
    }
}

async fn drain(site: &Site, server: &str) -> Result<String, DatabaseError> {
    let connection = DatabaseConnection::on(site, server).await?;
    let drained = connection.until("to apply all that it received", CATCH_UP, Status::is_drained).await?;
    Ok(format!("it is at `{}`", drained.position))
}

/// Lets it fetch what the other has and it lacks. Nothing is changed where it lacks nothing.
async fn salvage(site: &Site, server: &str, from: &str) -> Result<String, DatabaseError> {
    let (connection, other) = DatabaseConnection::both(site, server, from).await?;
    let wanted = other.position().await?;
    let Some(lacking) = connection.position().await?.lacks(&wanted) else {
        return Ok("it lacks nothing".into());
    };
    connection.sql("STOP SLAVE; SET GLOBAL gtid_slave_pos=@@gtid_binlog_pos").await?;
    point(site, &connection, &other).await?;
    connection.until("to have what it lacked", CATCH_UP, |status| status.position.contains(&wanted)).await?;
    connection.sql("STOP SLAVE").await?;
    Ok(format!("it lacked {lacking}"))
}

/// Makes it writable, and sees that it is the only one, unless both are to be.
async fn promote(site: &Site, server: &str) -> Result<String, DatabaseError> {
    let connection = DatabaseConnection::on(site, server).await?;
    connection.open(site.settings.database.semi_sync).await?;
    let promoted = connection.until("to be writable", CONNECT, |status| status.writable).await?;
    if site.settings.database.write == WriteTo::Active {
        let found = tier(site).await?;
        let writable = |seen: &Seen| seen.status().is_some_and(|status| status.writable);
        if let Some((other, _)) = found.0.iter().find(|(other, seen)| *other != server && writable(seen)) {
            connection.close().await?;
            let expected = "to be the only one that may be written to".into();
            return Err(DatabaseError::NotSo {
                server: server.into(),
                expected,
                found: format!("{other} may be, too"),
            });
        }
    }
    Ok(format!("it is writable, at `{}`", promoted.position))
}

async fn rebuilt(site: &Site, server: &str, donor: &str) -> Result<String, DatabaseError> {
    let both = DatabaseConnection::both(site, server, donor);
    let (greatest, (empty, donor)) = tokio::try_join!(greatest_id(site), both)?;
    let number = site.databases.number(greatest);
    let position = rebuild::rebuild(&empty, &donor, number).await?;
    Ok(format!("it is at `{position}`, with the number {number}"))
}

/// The greatest number that any living database ever heard of, or that was declared.
async fn greatest_id(site: &Site) -> Result<u32, DatabaseError> {
    let found = tier(site).await?;
    let heard = found.0.values().filter_map(Seen::status).map(|status| status.greatest_id);
    Ok(heard.chain(site.infrastructure.databases.all().map(|database| database.id)).max().unwrap_or(0))
}

async fn resume(site: &Site, server: &str) -> Result<String, DatabaseError> {
    let connection = DatabaseConnection::on(site, server).await?;
    connection.sql("START SLAVE").await?;
    let resumed = connection.until("to follow again", CATCH_UP, Status::replicates).await?;
    Ok(format!("it is at `{}`", resumed.position))
}

/// Lets it follow a source. First it gets as far as the source is now, if it follows somebody who lives; and the source gets as far
/// as it is: so that the source's binary log has whatever it asks for.
async fn follow(site: &Site, server: &str, source: &str) -> Result<String, DatabaseError> {
    let (connection, source) = DatabaseConnection::both(site, server, source).await?;
    let now = connection.status().await?;
    if now.replicates() && has_living_source(site, &now).await? {
        let there = source.position().await?;
        connection.until("to be as far as its new source", CATCH_UP, |status| status.position.contains(&there)).await?;
    }
    connection.sql("STOP SLAVE; SET GLOBAL gtid_slave_pos=@@gtid_binlog_pos").await?;
    let here = connection.position().await?;
    source
        .until("to be as far as the database that is to follow it", CATCH_UP, |status| status.position.contains(&here))
        .await?;
    point(site, &connection, &source).await?;
    let wanted = source.position().await?;
    let caught_up = |status: &Status| status.replicates() && status.position.contains(&wanted);
    let status = connection.until("to catch up with its source", CATCH_UP, caught_up).await?;
    Ok(format!("it is at `{}`", status.position))
}

/// One whose source has just gone does not know that for seconds.
async fn has_living_source(site: &Site, status: &Status) -> Result<bool, DatabaseError> {
    let source = status.follows.as_ref().map(|follows| follows.source.as_str()).unwrap_or_default();
    match site.addresses.servers.iter().find(|(_, address)| address.to_string() == source) {
        Some((server, _)) => Ok(look(site, server).await?.status().is_some()),
        None => Ok(false),
    }
}

/// Points it at another and waits until it is connected.
pub(super) async fn point(
    site: &Site,
    connection: &DatabaseConnection<'_>,
    source: &DatabaseConnection<'_>,
) -> Result<(), DatabaseError> {
    let port = site.role(source.server).port.to_string();
    let host = source.instance.address.to_string();
    connection.sql(&FOLLOW.replace("{host}", &host).replace("{port}", &port)).await?;
    let connected =
        |status: &Status| status.replicates() && status.follows.as_ref().is_some_and(|follows| follows.source == host);
    connection.until("to be connected with its source", CONNECT, connected).await.map(drop)
}

/// The survivor goes on being written to. It follows the newcomer from where both are; for that the newcomer has to have
/// all of the survivor's own changes up to there.
async fn close_ring(site: &Site, survivor: &str, newcomer: &str) -> Result<String, DatabaseError> {
    let (survivor, newcomer) = DatabaseConnection::both(site, survivor, newcomer).await?;
    let rows = survivor
        .sql("STOP SLAVE; SET GLOBAL gtid_slave_pos=@@gtid_current_pos; SELECT @@gtid_slave_pos AS position")
        .await?;
    let position = rows.first().and_then(|row| row.get("position")).cloned().unwrap_or_default();
    let wait = format!("SELECT MASTER_GTID_WAIT('{position}', {}) AS timed_out", RING.as_secs());
    let waited = newcomer.sql_within(&wait, RING + CONNECT).await?;
    if waited.first().and_then(|row| row.get("timed_out")).map(String::as_str) != Some("0") {
        let expected = format!("to have `{position}` within {} s", RING.as_secs());
        let found = format!("`{}`", newcomer.position().await?);
        return Err(DatabaseError::NotSo { server: newcomer.server.into(), expected, found });
    }
    point(site, &survivor, &newcomer).await?;
    Ok(format!("from `{position}` on"))
}

#[cfg(test)]
#[path = "execute_tests.rs"]
mod tests;
