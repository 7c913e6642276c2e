//! An inventory: servers that are there already, reached over SSH.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::reopen::{passwords_of, store, stored};
use super::{
    Access, Adopted, Capabilities, Down, Ended, EnterError, Environment, Kind, Opened, ReopenError, Reopened, Work,
};
use crate::document::{DocumentError, Mistakes};
use crate::infrastructure::{EntryUrl, Infrastructure};
use crate::instance::{Ability, PowerOp};
use crate::inventory::file::{EntryAt, Found};
use crate::inventory::{self, InventoryCloud, file, stands_for};
use crate::journal::Place;
use crate::load;
use crate::plan::{Plan, ScenarioPlan};
use crate::provider::passwords::Passwords;
use crate::provider::ssh::Route;
use crate::provider::{Provider, ProviderError};
use crate::render::Addresses;
use crate::settings::Settings;

/// Their addresses are in no network that is known.
const ONE_HOST: u8 = 32;

/// The kind.
pub struct Inventory;

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The inventory's file, absolute.
    file: PathBuf,
}

/// The servers of an inventory, for the scenarios of a run.
struct Servers {
    /// Names that were looked up, and sessions that are open, are those of all scenarios.
    cloud: InventoryCloud,
    place: Place,
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

    fn takes(&self) -> Option<&'static str> {
        Some("FILE")
    }

    /// A server has those power operations that a command was declared for.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            boots: false,
            attaches: true,
            logs_in: true,
            power: &PowerOp::ALL,
            floating_ips: false,
            auto_scaling: false,
            looks_up_names: true,
        }
    }

    fn adopt(&self, value: &str, declared: Option<&Infrastructure>, _: &Settings) -> Result<Adopted, Mistakes> {
        let Found { inventory, entry_at, .. } = file::find(Path::new(value))?;
        let there = &inventory.infrastructure;
        let refused = |detail: String, hint: &str| Err(DocumentError::new(detail).with_hint(hint).into());
        if there.entry.url.is_none() {
            let hint = "add a line such as `entry: https://www.example.org`";
            return refused(format!("{value} does not say where users enter the site"), hint);
        }
        let hint =
            "change the scenario or the inventory; `Given the inventory in \"FILE\"` takes all its servers as they are";
        stands_for::require(declared, there, &format!("the servers of {value}"), hint)?;
        Ok(Adopted { infrastructure: there.clone(), closed: inventory.closed(), entry_at })
    }

    fn notes(&self, value: &str, _: &Settings) -> Vec<String> {
        match file::find(Path::new(value)) {
            Ok(Found { entry_at: EntryAt::NotSaid(why), .. }) => vec![why.to_string()],
            _ => Vec::new(),
        }
    }

    /// An inventory that can't be read is reported where it is named.
    fn locked_out(&self, value: &str, access: &Access, victims: &BTreeSet<String>) -> Vec<DocumentError> {
        let path = Path::new(value);
        let Ok(Found { inventory, unusable, .. }) = file::find(path) else {
            return file::unusable(path).into_iter().map(|key| key.why).collect();
        };
        let servers = inventory.infrastructure.servers.keys().cloned().collect();
        let passwords = access.passwords.as_deref().map(|file| Passwords::read(file, &servers)).transpose();
        let reported: BTreeSet<&String> = unusable.iter().flat_map(|key| &key.hosts).collect();
        let others = victims.iter().filter(|name| !reported.contains(name)).cloned().collect();
        let mut all: Vec<DocumentError> = unusable.iter().map(|key| key.why.clone()).collect();
        match passwords {
            Ok(passwords) => {
                let cloud = InventoryCloud::new(inventory, passwords.unwrap_or_default(), Route::Direct);
                all.extend(cloud.locked_out(&others));
            }
            Err(why) => all.push(why),
        }
        all
    }

    fn lacking(&self, value: &str, _: &Settings, servers: &[String], abilities: &BTreeSet<Ability>) -> Vec<String> {
        let Ok(Found { inventory, .. }) = file::find(Path::new(value)) else { return Vec::new() };
        let cloud = InventoryCloud::new(inventory, Passwords::default(), Route::Direct);
        let abilities = abilities.iter().filter(|ability| **ability != Ability::LogIn).cloned().collect();
        servers.iter().filter_map(|server| Some(cloud.can(server, &abilities).err()?.to_string())).collect()
    }

    /// Only servers that were opted in are chosen from, and seen.
    fn reopen(&self, value: &Value, passwords: Option<&Path>) -> Result<Reopened, ReopenError> {
        let Stored { file } = stored(self, value)?;
        let (inventory, passwords) = read(&file, passwords)?;
        let mut infrastructure = inventory.infrastructure.clone();
        let closed = inventory.closed();
        infrastructure.servers.retain(|name, _| !closed.contains(name));
        let help = |name: &String| format!("write `attack: allowed` beside {name} in {}", file.display());
        let why = |name: String| (name.clone(), format!("it was not opted in\n  help: {}", help(&name)));
        let closed = closed.into_iter().map(why).collect();
        let place = Inventory::place(&file)?;
        let whereabouts = format!("the inventory {}", file.display());
        let addresses = inventory.hosts.iter().map(|(name, host)| (name.clone(), host.ssh.to_string())).collect();
        let cloud = InventoryCloud::new(inventory, passwords, Route::Direct);
        let (provider, ended) = (Arc::new(cloud), Ended::new());
        Ok(Reopened { place, whereabouts, addresses, provider, infrastructure, ended, closed })
    }

    /// Only servers that were opted in are looked at.
    fn down(&self, value: &str, access: &Access, _: &Settings, dry_run: bool) -> Result<Down, ReopenError> {
        if value.is_empty() {
            return Err(ReopenError::Unnamed { environment: self.name(), value: "FILE" });
        }
        let (inventory, passwords) = read(Path::new(value), access.passwords.as_deref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(no_runtime)?;
        let cloud = InventoryCloud::new(inventory, passwords, Route::Direct);
        Ok(Down::Servers(runtime.block_on(cloud.sweep_each(dry_run))))
    }

    fn enter(&self, value: &str, access: &Access, _: &Plan, work: Work<'_>) -> Result<u8, EnterError> {
        let path = Path::new(value);
        let described = |why: ReopenError| EnterError::Described(why.to_string());
        let (inventory, passwords) = read(path, access.passwords.as_deref()).map_err(described)?;
        let path = std::path::absolute(path).map_err(|why| format!("{value}: {why}"))?;
        let place = Inventory::place(&path).map_err(|why| why.to_string())?;
        let servers = Servers { cloud: InventoryCloud::new(inventory, passwords, Route::Direct), place };
        servers.await_all_reached().map_err(|why| why.to_string())?;
        Ok(work(Arc::new(servers)))
    }
}

fn read(path: &Path, passwords: Option<&Path>) -> Result<(inventory::Inventory, Passwords), ReopenError> {
    let inventory = file::read(path)?;
    let passwords = passwords_of(passwords, &inventory.infrastructure)?;
    Ok((inventory, passwords))
}

fn no_runtime(source: std::io::Error) -> ProviderError {
    ProviderError::System { server: "inventory".into(), action: "starting the runtime", source }
}

impl Servers {
    fn inventory(&self) -> &inventory::Inventory {
        self.cloud.inventory()
    }

    /// Sees that the entry has an address, and that all servers that may be struck can be logged in to, before a bundle is
    /// made or anything is touched. Blocks.
    fn await_all_reached(&self) -> Result<(), ProviderError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(no_runtime)?;
        runtime.block_on(async {
            if let Some(url) = &self.inventory().infrastructure.entry.url {
                address_of(url).await?;
            }
            let cloud = &self.cloud;
            let logged_in_to = |server: &&str| cloud.can(server, &BTreeSet::from([Ability::LogIn])).is_ok();
            let servers = self.inventory().allowed().into_iter().filter(logged_in_to).map(String::from).collect();
            cloud.reach(&servers).await
        })
    }
}

#[async_trait]
impl Environment for Servers {
    fn place(&self, _: &str) -> Place {
        self.place.clone()
    }

    fn farewell(&self) -> Option<&'static str> {
        None
    }

    async fn open(&self, _: &str, scenario: &ScenarioPlan, _logs: PathBuf) -> Result<Opened, ProviderError> {
        let there = &self.inventory().infrastructure;
        if scenario.infrastructure != *there {
            let file = there.source.clone().unwrap_or_default().display().to_string();
            return Err(ProviderError::Between(format!("{file} has changed since the plan was made").into()));
        }
        let entry = match &there.entry.url {
            Some(url) => Some(address_of(url).await?),
            None => None,
        };
        let cloud = self.cloud.again();
        let addresses = Addresses {
            servers: cloud.addresses().await?,
            virtual_ips: self.inventory().shared.clone(),
            prefix: ONE_HOST,
            aliases: BTreeMap::new(),
        };
        Ok(Opened {
            addresses,
            entry,
            secrets: self.inventory().secrets(),
            provider: Arc::new(cloud),
            attached: true,
            followed: self.inventory().logs(),
        })
    }

    async fn close(&self) -> Result<(), ProviderError> {
        self.cloud.close().await
    }
}

/// The address of the entry's host.
async fn address_of(url: &EntryUrl) -> Result<IpAddr, ProviderError> {
    let found = load::Site::at(url).await;
    found.map(|site| site.address).map_err(|why| ProviderError::Between(format!("the entry {why}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;

    fn adopt(file: &str, declared: Option<&Infrastructure>) -> Result<Adopted, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staging.yaml");
        std::fs::write(&path, file).unwrap();
        let adopted = Inventory.adopt(path.to_str().unwrap(), declared, &Settings::default());
        adopted.map_err(|why| why.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    const SITE: &str = "hosts:
  - { name: lb-a, address: 192.0.2.10, role: haproxy }
  - { name: web-a, address: 192.0.2.11, role: webserver, attack: allowed }
links: [{ from: lb-a, to: web-a }]
host_keys: ignore
";

    #[test]
    fn a_scenario_needs_to_know_where_users_enter() {
        let why = adopt(SITE, None).unwrap_err();
        assert!(why.starts_with("staging.yaml does not say where users enter the site\n  help: add a line"), "{why}");
    }

    #[test]
    fn its_servers_stand_for_as_many_as_the_scenario_declares() {
        let site = format!("{SITE}entry: http://192.0.2.10:8080\n");
        let adopted = adopt(&site, None).unwrap();
        assert_eq!(adopted.closed, BTreeSet::from(["lb-a".to_string()]));
        assert_eq!((adopted.infrastructure.entry.host.as_str(), adopted.infrastructure.entry.port), ("lb-a", 8080));
        let declared = |count| {
            let mut draft = Draft::default();
            draft.behind(count, "webserver", 1, "load balancer").unwrap();
            draft.build().unwrap()
        };
        let standing = adopt(&site, Some(&declared(1))).unwrap();
        assert_eq!(standing.infrastructure.servers, adopted.infrastructure.servers);
        let why = adopt(&site, Some(&declared(4))).unwrap_err();
        assert!(
            why.starts_with(
                "the servers of staging.yaml are not those of the scenario: it declares 4 webservers, and there are 1"
            ),
            "{why}"
        );
    }
}
