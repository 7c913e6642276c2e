//! What the databases hold when the load is over: waits until they agree, then reads each that lives.
//!
//! Everything found is recorded ([`crate::history::final_state`]); nothing is judged here, and what could not be read is
//! recorded as such. SQL goes through [`sql`] alone: the `mariadb` client on the server itself, by its unix socket.

use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;

use crate::history::final_state::{DatabaseRead, Reading};
use crate::history::operation::key_of;
use crate::history::{DataRecord, Ended, Op, Operation};
use crate::instance::{Instance, PowerState};
use crate::measure::writes::DATABASE;
use crate::plan::Expectation;
use crate::plan::ScenarioPlan;
use crate::provider::{ProviderError, Remote};
use crate::settings::Journey;
use crate::site::Site;

mod content;
mod settle;
mod sql;

/// Slack after the bound of a hypothesis, so that a moment just inside it is not missed.
const SLACK: Duration = Duration::from_secs(2);

/// Whether a scenario's databases are to be read in the end: where users write, or a Then asks for it.
pub fn is_asked_for(plan: &ScenarioPlan) -> bool {
    // What a workload wrote is read by the workload's own calls.
    let is_of_workload = |of: &Expectation| plan.workload.is_some() && !of.models().is_empty();
    let mut expectations = plan.hypotheses.iter().map(|hypothesis| &hypothesis.expectation);
    let asked = expectations.any(|of| of.is_of_final_state() && !is_of_workload(of));
    let writes = plan.settings.load.journey != Journey::Browse;
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
    pub async fn read(&self) {
        let reads = join_all(self.databases.iter().map(|database| async {
            let found = match content::read(database).await {
                Ok(content) => Reading::Content(content),
                Err(why) => Reading::Unreadable(why.to_string()),
            };
            let at_us = self.site.recorder.clock().now_us();
            DataRecord::Final(DatabaseRead { server: database.server.clone(), at_us, found })
        }));
        self.site.recorder.data(reads.await);
    }

    /// For tests of the harness: an acknowledged post vanishes from every database, and nobody is told.
    pub async fn lose_a_post(&self, operations: &[Operation]) {
        let posts = operations.iter().filter(|operation| operation.outcome == Ended::Ok);
        let mut keys = posts.filter_map(|operation| match operation.op {
            Op::Post { seq } => Some(key_of(&operation.process, seq)),
            _ => None,
        });
        let Some(key) = keys.next_back() else { return };
        let statement = format!("SET sql_log_bin = 0; DELETE FROM site.posts WHERE client_key = '{key}'");
        // A lie that could not be told is not caught, which is what the test looks at.
        let _ = join_all(self.databases.iter().map(|database| sql::rows(database, &statement, SLACK))).await;
    }
}
