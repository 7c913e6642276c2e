//! Databases that are formed, failed over and rebuilt: MariaDB masters in a ring, each with its slaves.
//!
//! [`status`] and [`gtid`] say what was found, [`mod@plan`] decides what is to be done (pure), `execute` does it, step by
//! step, each asserted and recorded as [`Event::DatabaseStep`]. Databases are told over their own sockets, through
//! [`Remote`](crate::provider::Remote): a cut network does not cut this.
//!
//! A role's database waits until it has data and always starts read-only, so that nobody joins empty, or writable, by
//! accident. Not owned here: who notices that one is missing ([`crate::reconciler`]), what it is made of
//! (`fixtures/roles/database.yaml`), what it looked like meanwhile (`crate::observer`).

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::Either;
use tokio::time::MissedTickBehavior;

use crate::history::Event;
use crate::instance::{PowerOp, PowerState};
use crate::provider::{ProviderError, RemoteError};
use crate::site::Site;
use crate::units::show_duration;

mod compare;
mod execute;
mod form;
pub mod gtid;
pub mod pipe;
pub mod plan;
mod rebuild;
mod sql;
pub mod status;

#[cfg(test)]
mod plan_tests;

pub use plan::{Stuck, TopologyStep};

use execute::record;
use plan::Tier;
use status::Seen;

/// Between two attempts at a restoration that could not be done yet.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Why something could not be done to a database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The role of the server is no database.
    #[error("`{0}` is not a database")]
    NoDatabase(String),
    /// No instance of it runs.
    #[error("{0}: no instance of it runs")]
    Gone(String),
    /// Nothing can be done now.
    #[error(transparent)]
    Stuck(#[from] Stuck),
    /// It did not do what it was told.
    #[error("{server}: the database refused: {detail}")]
    Refused { server: String, detail: String },
    /// Something did not come.
    #[error("{server}: expected {what} within {}; it is {last}", show_duration(*.within))]
    NotInTime { server: String, what: String, within: Duration, last: String },
    /// Something is not what it has to be.
    #[error("{server}: expected {expected}, found {found}")]
    NotSo { server: String, expected: String, found: String },
    /// It told a position that is none.
    #[error(transparent)]
    Position(#[from] gtid::NoPosition),
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The server could not be reached.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

/// Whether this server is a database that has to be restored after it was booted.
pub fn is_database(site: &Site, server: &str) -> bool {
    site.infrastructure.databases.has(server)
}

/// Why a database that runs does not answer, if it does not; nothing of a server that is none.
pub async fn is_silent(site: &Site, server: &str) -> Option<String> {
    if !is_database(site, server) {
        return None;
    }
    match sql::look(site, server).await {
        Ok(Seen::Silent(why)) => Some(why),
        _ => None,
    }
}

/// Forms the tier after the first boot: the ring, the slaves, one that is written to. Nothing to do without databases.
///
/// # Errors
/// The first database that did not start or does not follow.
pub async fn form(site: &Site) -> Result<(), DatabaseError> {
    let _turn = site.databases.alone().await;
    form::form(site).await
}

/// Looks after those that live, for good; what can't be done is said once, and tried again at the next look. Nothing to do
/// without databases.
pub async fn maintain(site: Site) {
    if site.infrastructure.databases.is_empty() {
        return;
    }
    let mut ticks = tokio::time::interval(site.settings.database.look_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = None;
    loop {
        ticks.tick().await;
        let why = maintain_once(&site).await.err().map(|why| why.to_string());
        if let Some(why) = why.as_ref().filter(|why| said.as_ref() != Some(*why)) {
            let server = "(databases)".into();
            site.recorder.record(Event::ReconcilerFailed { server, detail: why.clone() });
        }
        said = why;
    }
}

/// One look, and what it asks for: where nobody is written to, the dead master is fenced, what only a slave has is salvaged
/// and the other promoted; those that were started again go on following. Not while somebody else changes the tier.
async fn maintain_once(site: &Site) -> Result<(), DatabaseError> {
    let Some(_turn) = site.databases.alone_now() else { return Ok(()) };
    let found = tier(site).await?;
    let tier = found.as_tier(site);
    let steps = match tier.failover() {
        Ok(steps) if steps.is_empty() => tier.maintain_once(),
        Ok(steps) => steps,
        Err(Stuck::NoSuccessor { .. }) => Vec::new(),
        Err(stuck) => return Err(stuck.into()),
    };
    carry_out(site, &steps).await
}

/// Makes a replacement that was booted unconfigured what it is declared to be: gives it data and lets it replicate. What can't be
/// done yet is said once and tried again, for as long as the replacement lives; it stays out of rotation meanwhile. One that
/// has data and can't join all the same is given up: it is terminated, for another to be booted.
///
/// # Errors
/// When the replacement is gone itself, or was given up.
pub async fn restore(site: &Site, server: &str) -> Result<(), DatabaseError> {
    let mut said = String::new();
    loop {
        let why = match attempt(site, server).await {
            Ok(()) => return Ok(()),
            Err(DatabaseError::Gone(gone)) if gone == server => return Err(DatabaseError::Gone(gone)),
            Err(why) => why.to_string(),
        };
        if said != why {
            record(site, server, "wait", why.clone());
            said.clone_from(&why);
        }
        if !matches!(sql::look(site, server).await?, Seen::Empty) {
            return give_up(site, server, why).await;
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

async fn attempt(site: &Site, server: &str) -> Result<(), DatabaseError> {
    let _turn = match site.settings.reconciler.back_off || site.infrastructure.databases.is_master(server) {
        true => Either::Left(site.databases.alone().await),
        false => Either::Right(site.databases.beside().await),
    };
    let tier = tier(site).await?;
    if tier.0.get(server) == Some(&Seen::Gone) {
        return Err(DatabaseError::Gone(server.into()));
    }
    carry_out(site, &tier.as_tier(site).restore(server)?).await
}

async fn give_up(site: &Site, server: &str, why: String) -> Result<(), DatabaseError> {
    let instances = site.provider.list().await?;
    let living =
        instances.iter().rev().find(|instance| instance.name == server && instance.state == PowerState::Running);
    if let Some(instance) = living {
        site.provider.power(&instance.id, PowerOp::Terminate).await?;
    }
    record(site, server, "give-up", format!("it is terminated, to be booted anew: {why}"));
    Err(DatabaseError::Gone(server.into()))
}

async fn carry_out(site: &Site, steps: &[TopologyStep]) -> Result<(), DatabaseError> {
    for step in steps {
        execute::execute(site, step).await?;
    }
    Ok(())
}

/// Every declared database as it is found now.
struct Snapshot(BTreeMap<String, Seen>);

async fn tier(site: &Site) -> Result<Snapshot, DatabaseError> {
    let look = |server: String| async move {
        let seen = sql::look(site, &server).await?;
        Ok::<_, DatabaseError>((server, seen))
    };
    let databases = site.infrastructure.databases.all().map(|database| look(database.server.clone()));
    Ok(Snapshot(futures::future::try_join_all(databases).await?.into_iter().collect()))
}

impl Snapshot {
    fn as_tier<'a>(&'a self, site: &'a Site) -> Tier<'a> {
        Tier { declared: &site.infrastructure.databases, seen: &self.0, at: &site.addresses.servers }
    }
}
