//! What the settings of a scenario name in a cloud: found, and room for it seen, before anything is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::infrastructure::Infrastructure;
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::limits::{self, Needed};
use crate::openstack::lookup::{self, Flavor};
use crate::settings::OpenStackSettings;

/// Who is logged in as; the role's document lets the run's key open it.
const USER: &str = "root";

/// By their ids.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub image: String,
    pub flavor: String,
    pub network: String,
    /// The length of the prefix of the network's subnet.
    pub prefix: u8,
    /// `None`: none is named.
    pub security_groups: Option<Vec<String>>,
    /// Of declared zones: the availability zones that stand for them.
    zones: BTreeMap<String, String>,
    pub user: &'static str,
}

impl Resolved {
    /// Looks for everything, and whether the project's quotas have room for it.
    ///
    /// # Errors
    /// In words, with the setting: something is not there, or not the only one of its kind; a quota is too small; the cloud
    /// can't be asked.
    pub async fn find(
        client: &Client,
        settings: &OpenStackSettings,
        site: &Infrastructure,
    ) -> Result<Resolved, String> {
        let image = lookup::image(client, settings.image.as_deref()).await.map_err(of("image"))?;
        let flavor = lookup::flavor(client, settings.flavor.as_deref()).await.map_err(of("flavor"))?;
        let network = lookup::network(client, settings.network.as_deref()).await.map_err(of("network"))?;
        let security_groups = match &settings.security_groups {
            Some(names) => Some(lookup::security_groups(client, names).await.map_err(of("security_groups"))?),
            None => None,
        };
        let zones = zones(client, settings, site).await.map_err(of("zones"))?;
        limits::room(client, &needed(site, &flavor, security_groups.is_none())).await.map_err(|why| why.to_string())?;
        let prefix = network.subnets[0].prefix;
        Ok(Resolved {
            image: image.id,
            flavor: flavor.id,
            network: network.id,
            prefix,
            security_groups,
            zones,
            user: USER,
        })
    }

    /// The availability zone that stands for a declared zone.
    pub fn zone<'z>(&'z self, declared: &'z str) -> &'z str {
        self.zones.get(declared).map_or(declared, String::as_str)
    }
}

/// An error about what a setting names.
fn of(setting: &'static str) -> impl Fn(CloudError) -> String {
    move |why| format!("`{setting}` under `[openstack]` in the settings: {why}")
}

async fn zones(
    client: &Client,
    settings: &OpenStackSettings,
    site: &Infrastructure,
) -> Result<BTreeMap<String, String>, CloudError> {
    let declared: BTreeSet<&String> = site.servers.values().filter_map(|server| server.zone.as_ref()).collect();
    let mut zones = BTreeMap::new();
    for zone in declared {
        let stands = settings.zones.get(zone).unwrap_or(zone);
        lookup::zone(client, stands).await?;
        zones.insert(zone.clone(), stands.clone());
    }
    Ok(zones)
}

/// A replacement takes the place of a server that is gone, so there are never more than declared.
fn needed(site: &Infrastructure, flavor: &Flavor, needs_group: bool) -> Needed {
    let servers = site.servers.len() as u64;
    Needed {
        instances: servers,
        cores: servers * u64::from(flavor.vcpus),
        ram_mib: servers * u64::from(flavor.ram_mib),
        ports: servers + site.virtual_ips.len() as u64,
        security_groups: u64::from(needs_group),
        floating_ips: 0,
    }
}
