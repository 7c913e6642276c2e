//! Brings a whole site up: every server side by side, the databases formed, the entry answering.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::database::{self, DatabaseError};
use crate::history::Event;
use crate::infrastructure::Infrastructure;
use crate::provider::ProviderError;
use crate::provider::local::LocalCloud;
use crate::render::Addresses;
use crate::site::{BootDelay, BootError, Site};

/// Why a site could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// A server could not be.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The databases could not be formed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Every server was ready, but the entry did not answer.
    #[error("the site's entry {entry} did not accept a connection within {} of its servers being ready", crate::units::show_duration(*.within))]
    EntrySilent { entry: String, within: Duration },
}

impl ProvisionError {
    /// Whether the site is what failed: what its roles are made of, and not what boots them.
    pub fn is_of_the_site(&self) -> bool {
        match self {
            ProvisionError::Boot(why) => why.is_of_the_site(),
            ProvisionError::EntrySilent { .. } => true,
            ProvisionError::Database(_) => false,
        }
    }
}

/// How long the entry may take once all servers are ready: a VRRP election and a connect.
const ENTRY_WITHIN: Duration = Duration::from_secs(15);

/// Leads each floating IP of a sandbox to the first server that may hold it. To be called before the first boot.
///
/// # Errors
/// When one can't be led, with its name.
pub async fn lead_floating_ips(
    cloud: &LocalCloud,
    infrastructure: &Infrastructure,
    addresses: &Addresses,
) -> Result<(), ProviderError> {
    for ip in infrastructure.virtual_ips.iter().filter(|ip| ip.floating_ip) {
        let servers = ip.holders.iter().map(|name| (name.clone(), addresses.servers[name])).collect();
        cloud.float((&ip.name, addresses.virtual_ips[&ip.name]), servers, &ip.holders[0]).await?;
    }
    Ok(())
}

/// Boots every server side by side and waits until each is ready and the entry answers.
///
/// # Errors
/// The first thing that failed.
pub async fn provision(site: &Site) -> Result<(), ProvisionError> {
    let begun = Instant::now();
    let (databases, others): (Vec<&String>, Vec<&String>) =
        site.infrastructure.servers.keys().partition(|server| database::is_database(site, server));
    // Others may be ready only once there is a database to ask.
    let formed = async {
        boot_all(site, databases).await?;
        let _waiting = site.recorder.awaited().begin("the databases to form");
        database::form(site).await.map_err(ProvisionError::from)
    };
    let up = async {
        tokio::try_join!(boot_all(site, others), formed)?;
        let _waiting = site.recorder.awaited().begin("the site's entry to accept a connection");
        await_entry(site).await
    };
    site.unless_lost(up).await?;
    site.recorder.record(Event::SiteReady { took_ms: begun.elapsed().as_secs_f64() * 1000.0 });
    Ok(())
}

async fn boot_all(site: &Site, servers: Vec<&String>) -> Result<(), ProvisionError> {
    let boots = servers.into_iter().map(|server| site.boot(server, BootDelay::Skipped));
    try_join_all(boots).await?;
    Ok(())
}

/// Waits until the entry accepts a connection.
///
/// # Errors
/// When it does not in time.
pub async fn await_entry(site: &Site) -> Result<(), ProvisionError> {
    let entry = (site.entry_address(), site.infrastructure.entry.port);
    let deadline = Instant::now() + ENTRY_WITHIN;
    while Instant::now() < deadline {
        let look = Duration::from_millis(100);
        if let Ok(Ok(_)) = timeout(look, TcpStream::connect(entry)).await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(ProvisionError::EntrySilent { entry: format!("{}:{}", entry.0, entry.1), within: ENTRY_WITHIN })
}
