//! What the settings of a scenario name in an account: found, and the rights to use it seen, before anything is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::ec2::advice::ELASTIC_IPS_ARE_USED_UP;
use crate::ec2::error::Ec2Error;
use crate::ec2::lookup::Subnet;
use crate::ec2::query::Api;
use crate::plan::ScenarioPlan;
use crate::settings::Ec2Settings;

/// Why there is no image where the settings name none, and what to do.
pub(super) const NO_IMAGE: &str = "it is not set, and EC2 has no image of its own choice";
pub(super) const WHICH_IMAGE: &str =
    "name one under `[ec2]` by its id or name, `image = \"ami-…\"`: it must have Debian's packages and cloud-init";

/// What a scenario wants of an account. Many scenarios want the same, which is looked for once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    settings: Ec2Settings,
    /// The zones that are declared.
    zones: BTreeSet<String>,
    /// How many Elastic IPs.
    elastic_ips: usize,
    /// Whether Auto Scaling replaces a server.
    is_scaled: bool,
}

/// By their ids.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub image: String,
    pub kind: String,
    /// Of servers without a zone.
    subnet: Subnet,
    /// `None`: none is named.
    pub security_groups: Option<Vec<String>>,
    /// Of declared zones: the subnets that stand for them.
    zones: BTreeMap<String, Subnet>,
}

/// Whether so many Elastic IPs may be allocated, led to servers and released.
///
/// # Errors
/// In words: not so many are left, the account may not do it, or EC2 can't be asked.
async fn elastic_ips(api: &Api, wanted: usize) -> Result<(), String> {
    let explained = |why: Ec2Error| format!("an Elastic IP was rehearsed: {}", api.explained(&why));
    let quota = api.elastic_ip_quota().await.map_err(explained)?;
    if let (false, Some(most)) = (quota.has_room_for(wanted), quota.most) {
        let detail = format!("Elastic IPs: {wanted} needed, {} of a quota of {most} used", quota.used);
        return Err(format!("{detail}\n  help: {ELASTIC_IPS_ARE_USED_UP}"));
    }
    rehearse_elastic_ip(api).await.map_err(explained)
}

/// Of what is done to an address that there is not yet, no more can be known than the right to it. Whoever may not release one would leave it.
async fn rehearse_elastic_ip(api: &Api) -> Result<(), Ec2Error> {
    let address = ("AllocationId", "eipalloc-00000000000000000");
    let interface = ("NetworkInterfaceId", "eni-00000000000000000");
    api.rehearse("AllocateAddress", &[("Domain", "vpc")]).await?;
    api.rehearse_right("AssociateAddress", &[address, interface]).await?;
    api.rehearse_right("DisassociateAddress", &[("AssociationId", "eipassoc-00000000000000000")]).await?;
    api.rehearse_right("ReleaseAddress", &[address]).await
}

impl Wanted {
    /// That of a scenario.
    pub fn by(scenario: &ScenarioPlan) -> Wanted {
        let site = &scenario.infrastructure;
        Wanted {
            settings: scenario.settings.ec2.clone(),
            zones: site.servers.values().filter_map(|server| server.zone.clone()).collect(),
            elastic_ips: site.virtual_ips.iter().filter(|ip| ip.floating_ip).count(),
            is_scaled: !scenario.settings.auto_scaling.replaces.is_empty(),
        }
    }
}

impl Resolved {
    /// Looks for everything, and rehearses what a boot asks for.
    ///
    /// # Errors
    /// In words, with the setting: something is not there, or not the only one of its kind; the account may not do it; EC2 can't
    /// be asked.
    pub async fn find(api: &Api, wanted: &Wanted) -> Result<Resolved, String> {
        let settings = &wanted.settings;
        let of = |setting: &'static str| {
            move |why: Ec2Error| format!("`{setting}` under `[ec2]` in the settings: {}", api.explained(&why))
        };
        let Some(image) = &settings.image else {
            return Err(format!("`ec2.image`: {NO_IMAGE}\n  help: {WHICH_IMAGE}"));
        };
        let image = api.image(image).await.map_err(of("image"))?;
        let kind = settings.instance_type.clone();
        api.look_for_type(&kind).await.map_err(of("instance_type"))?;
        let subnet = api.subnet(settings.subnet.as_deref()).await.map_err(of("subnet"))?;
        let security_groups = match &settings.security_groups {
            Some(named) => Some(api.groups(named, &subnet.vpc).await.map_err(of("security_groups"))?),
            None => None,
        };
        let mut zones = BTreeMap::new();
        for zone in &wanted.zones {
            let stands = settings.zones.get(zone).unwrap_or(zone);
            zones.insert(zone.clone(), api.subnet_in(stands, &subnet.vpc).await.map_err(of("zones"))?);
        }
        let resolved = Resolved { image, kind, subnet, security_groups, zones };
        resolved.rehearse(api).await.map_err(|why| format!("a boot was rehearsed: {}", api.explained(&why)))?;
        match wanted.elastic_ips {
            0 => {}
            wanted => elastic_ips(api, wanted).await?,
        }
        if wanted.is_scaled {
            let rehearsed = api.rehearse_scaling(&resolved.subnet.zone).await;
            let what = "the making of an Auto Scaling group was rehearsed";
            rehearsed.map_err(|why| format!("{what}: {}", api.explained(&why)))?;
        }
        Ok(resolved)
    }

    /// What is missing among the rights is better known now than in the middle of a scenario.
    async fn rehearse(&self, api: &Api) -> Result<(), Ec2Error> {
        let subnet = ("SubnetId", self.subnet.id.as_str());
        let instance = [("ImageId", self.image.as_str()), ("InstanceType", &self.kind), ("MinCount", "1")];
        api.rehearse("RunInstances", &[&instance[..], &[("MaxCount", "1"), subnet]].concat()).await?;
        api.rehearse("CreateNetworkInterface", &[subnet]).await?;
        if self.security_groups.is_none() {
            let group = [("GroupName", "anarcho-chimp"), ("GroupDescription", "rehearsed"), ("VpcId", self.vpc())];
            api.rehearse("CreateSecurityGroup", &group).await?;
        }
        Ok(())
    }

    /// The VPC of all servers.
    pub fn vpc(&self) -> &str {
        &self.subnet.vpc
    }

    /// The subnet of a server in this zone.
    pub fn subnet(&self, zone: Option<&str>) -> &Subnet {
        zone.and_then(|zone| self.zones.get(zone)).unwrap_or(&self.subnet)
    }
}
