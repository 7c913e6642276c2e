//! What the settings of a scenario name in a cloud: found, and room for it seen, before anything is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::environment::abilities_of;
use crate::instance::{Ability, PowerOp};
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::limits::{self, Needed};
use crate::openstack::lookup::{self, Flavor};
use crate::plan::{Act, ScenarioPlan};
use crate::settings::OpenStackSettings;

/// What a scenario wants of a cloud. Many scenarios want the same, which is looked for once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    settings: OpenStackSettings,
    /// The zones that are declared.
    zones: BTreeSet<String>,
    servers: u64,
    virtual_ips: u64,
    floating_ips: u64,
    isolates: bool,
}

/// Whether a scenario isolates servers, which needs a group that lets nothing pass.
pub(super) fn isolates(scenario: &ScenarioPlan) -> bool {
    let isolates = Ability::Power(PowerOp::Isolate);
    scenario.acts.iter().flat_map(Act::orders).any(|order| abilities_of(order).contains(&isolates))
}

impl Wanted {
    /// That of a scenario.
    pub fn by(scenario: &ScenarioPlan) -> Wanted {
        let site = &scenario.infrastructure;
        Wanted {
            settings: scenario.settings.openstack.clone(),
            zones: site.servers.values().filter_map(|server| server.zone.clone()).collect(),
            servers: site.servers.len() as u64,
            virtual_ips: site.virtual_ips.iter().filter(|ip| !ip.floating_ip).count() as u64,
            floating_ips: site.virtual_ips.iter().filter(|ip| ip.floating_ip).count() as u64,
            isolates: isolates(scenario),
        }
    }

    /// A replacement takes the place of a server that is gone, so there are never more than declared.
    fn needed(&self, flavor: &Flavor) -> Needed {
        Needed {
            instances: self.servers,
            cores: self.servers * u64::from(flavor.vcpus),
            ram_mib: self.servers * u64::from(flavor.ram_mib),
            ports: self.servers + self.virtual_ips,
            security_groups: u64::from(self.settings.profile.is_full() && self.settings.security_groups.is_none())
                + u64::from(self.isolates),
            floating_ips: self.floating_ips,
        }
    }
}

/// By their ids.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub image: String,
    pub flavor: String,
    pub network: String,
    /// The network of floating IPs, where there are to be some.
    pub external: Option<String>,
    /// The length of the prefix of the network's subnet.
    pub prefix: u8,
    /// `None`: none is named.
    pub security_groups: Option<Vec<String>>,
    /// Of declared zones: the availability zones that stand for them.
    zones: BTreeMap<String, String>,
}

impl Resolved {
    /// Looks for everything, and whether the project's quotas have room for it.
    ///
    /// # Errors
    /// In words, with the setting: something is not there, or not the only one of its kind; a quota is too small; the cloud
    /// can't be asked.
    pub async fn find(client: &Client, wanted: &Wanted) -> Result<Resolved, String> {
        let settings = &wanted.settings;
        let image = lookup::image(client, settings.image.as_deref()).await.map_err(of("image"))?;
        let flavor = lookup::flavor(client, settings.flavor.as_deref()).await.map_err(of("flavor"))?;
        let network = lookup::network(client, settings.network.as_deref()).await.map_err(of("network"))?;
        let external = match wanted.floating_ips {
            0 => None,
            _ => {
                let named = settings.floating_network.as_deref();
                Some(lookup::external_network(client, named).await.map_err(of("floating_network"))?)
            }
        };
        let security_groups = match &settings.security_groups {
            Some(names) => Some(lookup::security_groups(client, names).await.map_err(of("security_groups"))?),
            None => None,
        };
        let zones = zones(client, wanted).await.map_err(of("zones"))?;
        limits::room(client, &wanted.needed(&flavor)).await.map_err(|why| why.to_string())?;
        let prefix = network.subnets[0].prefix;
        let (image, flavor, network) = (image.id, flavor.id, network.id);
        Ok(Resolved { image, flavor, network, external, prefix, security_groups, zones })
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

async fn zones(client: &Client, wanted: &Wanted) -> Result<BTreeMap<String, String>, CloudError> {
    let mut zones = BTreeMap::new();
    for zone in &wanted.zones {
        let stands = wanted.settings.zones.get(zone).unwrap_or(zone);
        lookup::zone(client, stands).await?;
        zones.insert(zone.clone(), stands.clone());
    }
    Ok(zones)
}
