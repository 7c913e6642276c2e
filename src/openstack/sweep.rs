//! What runs have left in a cloud, found by its marks and removed: servers, ports, security groups, floating IPs.
//!
//! Removed is what carries the mark of a run that is meant, and nothing else. A locked server is left alone, and so is what it
//! uses. Doing it twice is harmless, and it may be done while the run goes on: then the run loses its servers.

use super::client::Client;
use super::error::CloudError;
use crate::requests::sweep::{Runs, Sweep, choose};

mod find;
mod remove;

/// Sweeps what these runs have left. With `dry_run`, only looks.
///
/// # Errors
/// What is there can't be listed. Nothing was removed then.
pub(crate) async fn sweep(client: &Client, runs: &Runs, dry_run: bool) -> Result<Sweep, CloudError> {
    let all = find::all(client).await?;
    let (chosen, younger) = choose(runs, &all.created(), client.session.now().await);
    let mut sweep = Sweep { younger, ..Sweep::default() };
    remove::all(client, &all, &chosen, dry_run, &mut sweep).await;
    sweep.removed.sort_unstable();
    sweep.left.sort_unstable();
    sweep.requests = client.requests();
    Ok(sweep)
}
