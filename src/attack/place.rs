//! Where an attack's servers are: kept by `chimp up`, or hosts of an inventory.

use std::path::Path;
use std::sync::Arc;

use super::AttackError;
use super::passwords::Passwords;
use crate::infrastructure::Infrastructure;
use crate::journal::Place;
use crate::keeper::seat::Seat;
use crate::provider::Provider;
use crate::provider::inventory::Inventory;
use crate::provider::keeper::KeeperCloud;

/// The servers of a place and what is known of them. Servers with a password are logged in to with it.
///
/// # Errors
/// When the keeper or the inventory can't be reached or read.
pub async fn open(at: &Place, passwords: Passwords) -> Result<(Arc<dyn Provider>, Infrastructure), AttackError> {
    match at {
        Place::Sandbox => Err(AttackError::Usage("a sandbox ends with its run: there is nothing to attack".into())),
        Place::Keeper { socket } => {
            let socket = socket.clone();
            let opened = tokio::task::spawn_blocking(move || KeeperCloud::open(&socket)).await;
            let cloud = opened.map_err(|why| AttackError::Usage(why.to_string()))?;
            let cloud = cloud.map_err(|why| AttackError::Provider(why.into()))?.with_passwords(passwords);
            let infrastructure = cloud.kept().infrastructure.clone();
            Ok((Arc::new(cloud), infrastructure))
        }
        Place::Inventory { file } => {
            let inventory = Inventory::read(file).map_err(|why| AttackError::Usage(why.to_string()))?;
            let infrastructure = inventory.infrastructure().clone();
            Ok((Arc::new(inventory.with_passwords(passwords)), infrastructure))
        }
    }
}

/// Whether a keeper sits at this socket.
pub fn keeper_lives(socket: &Path) -> bool {
    !Seat::is_free(socket)
}
