//! What the databases hold when the load is over: waits until they agree, then reads each that lives.
//!
//! Everything found is recorded ([`crate::history::final_state`]); nothing is judged here, and what could not be read is
//! recorded as such. Which rows there are, the scenario's workload knows ([`Tables`]); of another application the checksums of its tables are read.
//! SQL goes through [`sql`] alone: the `mariadb` client on the server itself, by its unix socket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;

use crate::history::final_state::{Content, DatabaseRead, Reading};
use crate::history::{DataRecord, History};
use crate::instance::{Instance, PowerState};
use crate::measure::meaning::{Tables, tables_of};
use crate::measure::writes::{DATABASE, Writes};
use crate::plan::Expectation;
use crate::plan::ScenarioPlan;
use crate::provider::{ProviderError, Remote};
use crate::site::Site;

mod settle;
mod sql;

use sql::SqlError;

/// Slack after the bound of a hypothesis, so that a moment just inside it is not missed.
const SLACK: Duration = Duration::from_secs(2);
/// A database that answers has told all its rows within this.
const PATIENCE: Duration = Duration::from_secs(20);
/// The checksums of all tables but the database's own.
const CHECKSUMS: &str = "SET SESSION group_concat_max_len = 1048576; \
    SELECT CONCAT('CHECKSUM TABLE ', GROUP_CONCAT(CONCAT('`', table_schema, '`.`', table_name, '`'))) INTO @statement \
    FROM information_schema.tables WHERE table_type = 'BASE TABLE' \
    AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema'); \
    EXECUTE IMMEDIATE IFNULL(@statement, 'DO 0')";

/// Whether a scenario's databases are to be read in the end: where users write to tables that are known, or a Then asks for it.
pub fn is_asked_for(plan: &ScenarioPlan) -> bool {
    let writes = tables_of(plan).is_some();
    // What users of a workload file wrote is read by the file's own calls.
    let mut expectations = plan.hypotheses.iter().map(|hypothesis| &hypothesis.expectation);
    let asked = expectations.any(|of| of.is_of_final_state() && !of.is_of_rows());
    (asked || writes) && !plan.infrastructure.servers_called(DATABASE).is_empty()
}

/// A database that lives, and a way in.
struct Database {
    server: String,
    socket: PathBuf,
    way_in: Result<Box<dyn Remote>, ProviderError>,
}

/// The databases of a site whose load is over.
pub struct FinalReading<'a> {
    site: &'a Site,
    databases: Vec<Database>,
}

impl<'a> FinalReading<'a> {
    /// Finds the databases that live.
    ///
    /// # Errors
    /// When the provider can't tell.
    pub async fn begin(site: &'a Site) -> Result<Self, ProviderError> {
        let called = site.infrastructure.servers_called(DATABASE);
        let instances = site.provider.list().await?;
        let runs = |instance: &&Instance| instance.state == PowerState::Running;
        let living =
            instances.iter().filter(runs).filter(|found| called.iter().any(|server| server.name == found.name));
        let open = living.map(|instance| async {
            let declared = site.role(&instance.name).database.as_ref().map(|database| database.socket.clone());
            let socket = declared.unwrap_or_else(|| sql::SOCKET.into());
            Database { server: instance.name.clone(), socket, way_in: site.provider.connect(instance).await }
        });
        Ok(FinalReading { databases: join_all(open).await, site })
    }

    /// Waits until their positions are equal and stand still, and records how that went.
    pub async fn settle(&self, plan: &ScenarioPlan) {
        let settings = &plan.settings.final_state;
        let bounds = plan.hypotheses.iter().filter_map(|hypothesis| match &hypothesis.expectation {
            Expectation::Agree { within, .. } => Some(*within + SLACK),
            _ => None,
        });
        let within = bounds.max().unwrap_or_default().max(settings.agree_within);
        let settling = settle::settled(&self.databases, self.site.recorder.clock(), within, settings.still_for).await;
        self.site.recorder.data(vec![DataRecord::Settling(settling)]);
    }

    /// Reads each of them, and records what it held.
    pub async fn read(&self, plan: &ScenarioPlan) {
        let tables = tables_of(plan);
        let reads = join_all(self.databases.iter().map(|database| async move {
            let (found, checksums) = match read(database, tables).await {
                Ok((content, checksums)) => (Reading::Content(content), checksums),
                Err(why) => (Reading::Unreadable(why.to_string()), BTreeMap::new()),
            };
            let at_us = self.site.recorder.clock().now_us();
            DataRecord::Final(DatabaseRead { server: database.server.clone(), at_us, found, checksums })
        }));
        self.site.recorder.data(reads.await);
    }

    /// For tests of the harness: an acknowledged row vanishes from every database, and nothing says so.
    pub async fn lose_a_row(&self, history: &History) {
        let writes = Writes::of(history).map(|writes| writes.acknowledged).unwrap_or_default();
        let Some(tables) = tables_of(&history.plan) else { return };
        let Some(statement) = writes.iter().rev().find_map(|write| tables.delete(&write.row)) else { return };
        // A lie that could not be told is not caught, which is what the test looks at.
        let _ = join_all(self.databases.iter().map(|database| sql::rows(database, &statement, SLACK))).await;
    }
}

/// The rows of a database, where its tables are known, and the checksums of all.
async fn read(
    database: &Database,
    tables: Option<&dyn Tables>,
) -> Result<(Content, BTreeMap<String, String>), SqlError> {
    let content = match tables {
        Some(tables) => {
            let rows = sql::rows(database, tables.select(), PATIENCE).await?;
            tables.content(&rows).map_err(SqlError::Unexpected)?
        }
        None => Content::default(),
    };
    Ok((content, checksums(&sql::rows(database, CHECKSUMS, PATIENCE).await?)?))
}

fn checksums(rows: &[Vec<String>]) -> Result<BTreeMap<String, String>, SqlError> {
    let checksum = |row: &Vec<String>| match row.as_slice() {
        [table, checksum] if checksum != "NULL" => Ok((table.clone(), checksum.clone())),
        _ => Err(SqlError::Unexpected(row.join(" "))),
    };
    rows.iter().map(checksum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_a_checksum_is_told() {
        let row = |checksum: &str| vec!["site.posts".to_string(), checksum.to_string()];
        assert_eq!(checksums(&[row("12")]).unwrap(), [("site.posts".into(), "12".into())].into());
        assert_eq!(checksums(&[row("NULL")]).unwrap_err().to_string(), "unexpected row: `site.posts NULL`");
    }
}
