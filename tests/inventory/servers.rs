//! An inventory of servers that run here: what a provider of it says.

use std::collections::BTreeSet;
use std::path::Path;

use anarcho_chimp::instance::{Command, Instance};
use anarcho_chimp::inventory::{InventoryCloud, file};
use anarcho_chimp::provider::passwords::Passwords;
use anarcho_chimp::provider::ssh::Route;
use anarcho_chimp::provider::{Provider, Remote};

use crate::support::Folder;

/// The provider of an inventory that is written so, with this agent or none.
pub fn cloud(folder: &Folder, text: &str, agent: Option<&Path>) -> InventoryCloud {
    let inventory = file::read(&folder.write("inventory.yaml", text)).unwrap();
    InventoryCloud::with_agent(inventory, Passwords::default(), Route::Direct, agent.map(Path::to_path_buf))
}

/// Why these servers can't be attacked; empty where they can.
pub async fn unreached(cloud: &InventoryCloud) -> String {
    let all: BTreeSet<String> = cloud.inventory().allowed().into_iter().map(str::to_string).collect();
    cloud.reach(&all).await.map_or_else(|why| why.to_string(), |()| String::new())
}

pub async fn instance(cloud: &InventoryCloud, name: &str) -> Instance {
    cloud.list().await.unwrap().into_iter().find(|instance| instance.name == name).unwrap()
}

pub async fn remote(cloud: &InventoryCloud, name: &str) -> Box<dyn Remote> {
    cloud.connect(&instance(cloud, name).await).await.unwrap()
}

pub async fn output(remote: &dyn Remote, command: &str) -> String {
    let output = remote.exec(&Command::new(["sh", "-c", command])).await.unwrap();
    assert_eq!(output.status, Some(0), "{}", output.stderr);
    output.stdout.trim().to_string()
}
