//! Where an attack's servers are: kept by `chimp up`, or hosts of an inventory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AttackError;
use crate::infrastructure::Infrastructure;
use crate::inventory;
use crate::inventory::InventoryCloud;
use crate::journal::Place;
use crate::provider::Provider;
use crate::provider::passwords::Passwords;
use crate::provider::ssh::Route;
use crate::testbed::Testbed;
use crate::testbed::cloud::TestbedCloud;

/// The servers of a place and what is known of them. Those that the file names a password for are logged in to with
/// it.
///
/// # Errors
/// When the testbed, the inventory or the passwords can't be reached or read.
pub async fn open(at: &Place, passwords: Option<PathBuf>) -> Result<(Arc<dyn Provider>, Infrastructure), AttackError> {
    let at = at.clone();
    let opened = tokio::task::spawn_blocking(move || open_blocking(&at, passwords.as_deref())).await;
    opened.unwrap_or_else(|why| Err(AttackError::Usage(why.to_string())))
}

fn open_blocking(at: &Place, passwords: Option<&Path>) -> Result<(Arc<dyn Provider>, Infrastructure), AttackError> {
    match at {
        Place::Sandbox => Err(AttackError::Usage("a sandbox ends with its run: there is nothing to attack".into())),
        Place::Testbed { socket } => {
            let cloud = TestbedCloud::open(socket).map_err(|why| AttackError::Provider(why.into()))?;
            let infrastructure = cloud.kept().infrastructure.clone();
            let passwords = read(passwords, &infrastructure)?;
            Ok((Arc::new(cloud.with_passwords(passwords)), infrastructure))
        }
        Place::Inventory { file } => {
            let inventory = inventory::file::read(file).map_err(|why| AttackError::Usage(why.to_string()))?;
            let mut infrastructure = inventory.infrastructure.clone();
            let passwords = read(passwords, &infrastructure)?;
            // Nobody is chosen, nor seen, who was not opted in.
            infrastructure.servers.retain(|name, _| inventory.allowed().contains(name.as_str()));
            let cloud = InventoryCloud::new(inventory, passwords, Route::Direct);
            Ok((Arc::new(cloud), infrastructure))
        }
    }
}

fn read(passwords: Option<&Path>, infrastructure: &Infrastructure) -> Result<Passwords, AttackError> {
    let Some(file) = passwords else { return Ok(Passwords::default()) };
    let servers = infrastructure.servers.keys().cloned().collect();
    Passwords::read(file, &servers).map_err(|why| AttackError::Usage(why.to_string()))
}

/// Whether a testbed sits at this socket.
pub fn testbed_lives(socket: &Path) -> bool {
    Testbed::lives(socket)
}
