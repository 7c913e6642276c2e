//! An inventory: servers that are there already, reached over SSH.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reopen::{passwords_of, store, stored};
use super::{Capabilities, Kind, ReopenError, Reopened};
use crate::instance::PowerOp;
use crate::inventory::{InventoryCloud, file};
use crate::journal::Place;
use crate::provider::ssh::Route;

/// The kind.
pub struct Inventory;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The inventory's file, absolute.
    file: PathBuf,
}

impl Inventory {
    /// The place of the servers in this file.
    ///
    /// # Errors
    /// When the path can't be stored.
    pub fn place(file: &Path) -> Result<Place, ReopenError> {
        store(&Inventory, &Stored { file: file.into() })
    }
}

impl Kind for Inventory {
    fn name(&self) -> &'static str {
        "inventory"
    }

    /// A server has those power operations that a command was declared for.
    fn capabilities(&self) -> Capabilities {
        Capabilities { boots: false, logs_in: true, power: &PowerOp::ALL }
    }

    /// Only servers that were opted in are chosen from, and seen.
    fn reopen(&self, value: &Value, passwords: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { file } = stored(self, value)?;
        let inventory = file::read(&file)?;
        let mut infrastructure = inventory.infrastructure.clone();
        let passwords = passwords_of(passwords, &infrastructure)?;
        infrastructure.servers.retain(|name, _| inventory.allowed().contains(name.as_str()));
        let cloud = InventoryCloud::new(inventory, passwords, Route::Direct);
        Ok(Reopened { provider: Arc::new(cloud), infrastructure })
    }
}
