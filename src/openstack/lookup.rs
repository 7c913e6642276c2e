//! What a user names, found in a cloud: an image, a flavor, a network, an availability zone.

use std::net::Ipv4Addr;

use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{Client, Service};
use super::error::CloudError;
use crate::document::error::one_of;

/// What servers boot from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    status: String,
}

/// How large a server is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Flavor {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) vcpus: u32,
    /// In MiB.
    #[serde(rename = "ram")]
    pub(crate) ram_mib: u32,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its IPv4 subnets; at least one.
    pub(crate) subnets: Vec<Subnet>,
}

/// An IPv4 subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    /// The first address of its range.
    pub(crate) range: Ipv4Addr,
    /// The bits of its range's prefix.
    pub(crate) prefix: u8,
    /// Where packets to elsewhere go, if anywhere.
    pub(crate) gateway: Option<Ipv4Addr>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct AnyNetwork {
    id: String,
    name: String,
    #[serde(rename = "router:external", default)]
    is_external: bool,
}

#[derive(Deserialize)]
struct AnySubnet {
    id: String,
    cidr: String,
    gateway_ip: Option<String>,
}

/// The image of this name or id, else the only one, which can be booted from.
///
/// # Errors
/// There is none, or there are several, or it is not active.
pub(crate) async fn image(client: &Client, name: Option<&str>) -> Result<Image, CloudError> {
    let all: Vec<Image> = entries(client, Service::Glance, "images", "images").await?;
    let known = all.into_iter().map(|image| (image.id.clone(), image.name.clone().unwrap_or_default(), image));
    let image = one("image", name, known.collect())?;
    if image.status == "active" {
        return Ok(image);
    }
    let (detail, hint) =
        (format!("is {}, expected active", image.status), "wait until it is uploaded, or name another".into());
    let name = image.name.unwrap_or(image.id);
    Err(CloudError::Unusable { kind: "image", name, detail, hint })
}

/// The flavor of this name or id, else the only one.
///
/// # Errors
/// There is none, or there are several.
pub(crate) async fn flavor(client: &Client, name: Option<&str>) -> Result<Flavor, CloudError> {
    let all: Vec<Flavor> = entries(client, Service::Nova, "flavors/detail", "flavors").await?;
    one("flavor", name, all.into_iter().map(|flavor| (flavor.id.clone(), flavor.name.clone(), flavor)).collect())
}

/// The network of this name or id, else the only one that is not external, with its IPv4 subnets.
///
/// # Errors
/// There is none, or there are several, or it has no IPv4 subnet.
pub(crate) async fn network(client: &Client, name: Option<&str>) -> Result<Network, CloudError> {
    let all: Vec<AnyNetwork> = entries(client, Service::Neutron, "networks", "networks").await?;
    let all = all.into_iter().filter(|network| name.is_some() || !network.is_external);
    let found = one("network", name, all.map(|each| (each.id.clone(), each.name.clone(), each)).collect())?;
    let path = format!("subnets?network_id={}&ip_version=4", found.id);
    let subnets: Vec<AnySubnet> = entries(client, Service::Neutron, &path, "subnets").await?;
    let subnets: Vec<Subnet> = subnets.into_iter().filter_map(subnet).collect();
    if subnets.is_empty() {
        let (detail, hint) =
            ("has no IPv4 subnet".into(), "create one by `openstack subnet create`, or name another network".into());
        return Err(CloudError::Unusable { kind: "network", name: found.name, detail, hint });
    }
    Ok(Network { id: found.id, name: found.name, subnets })
}

/// The id of the external network of this name or id, else of the only one.
///
/// # Errors
/// There is none, or there are several, or the one that is named is not external.
pub(crate) async fn external_network(client: &Client, name: Option<&str>) -> Result<String, CloudError> {
    let all: Vec<AnyNetwork> = entries(client, Service::Neutron, "networks", "networks").await?;
    let all = all.into_iter().filter(|network| network.is_external);
    one("external network", name, all.map(|each| (each.id.clone(), each.name, each.id)).collect())
}

fn subnet(any: AnySubnet) -> Option<Subnet> {
    let (range, prefix) = any.cidr.split_once('/')?;
    let gateway = any.gateway_ip.and_then(|text| text.parse().ok());
    Some(Subnet { id: any.id, range: range.parse().ok()?, prefix: prefix.parse().ok()?, gateway })
}

/// The ids of the security groups of these names or ids.
///
/// # Errors
/// One of them is not there, or there are several of its name.
pub(crate) async fn security_groups(client: &Client, names: &[String]) -> Result<Vec<String>, CloudError> {
    let all: Vec<Named> = entries(client, Service::Neutron, "security-groups", "security_groups").await?;
    let known = || all.iter().map(|each| (each.id.clone(), each.name.clone(), each.id.clone())).collect();
    names.iter().map(|name| one("security group", Some(name), known())).collect()
}

/// Sees that there is an availability zone of this name, in which servers can be booted.
///
/// # Errors
/// There is none, or it is not available.
pub(crate) async fn zone(client: &Client, name: &str) -> Result<(), CloudError> {
    let all = all_zones(client).await?;
    let known = all.into_iter().map(|zone| (zone.zone_name.clone(), zone.zone_name.clone(), zone)).collect();
    if one("availability zone", Some(name), known)?.zone_state.available {
        return Ok(());
    }
    let (detail, hint) = ("is not available".into(), "name another, or ask an operator of the cloud".into());
    Err(CloudError::Unusable { kind: "availability zone", name: name.into(), detail, hint })
}

#[derive(Deserialize)]
struct Zone {
    #[serde(rename = "zoneName")]
    zone_name: String,
    #[serde(rename = "zoneState")]
    zone_state: ZoneState,
}

#[derive(Deserialize)]
struct ZoneState {
    available: bool,
}

async fn all_zones(client: &Client) -> Result<Vec<Zone>, CloudError> {
    client.get_as(Service::Nova, "os-availability-zone", "availabilityZoneInfo").await
}

async fn entries<T: DeserializeOwned>(
    client: &Client,
    service: Service,
    path: &str,
    key: &str,
) -> Result<Vec<T>, CloudError> {
    let all = client.list(service, path, key).await?;
    client.read(service, Method::GET, path, Value::Array(all))
}

/// The one of this name or id, of all that are known: each with its id and its name. An id counts more than a name. Where none
/// is named, the only one.
fn one<T>(kind: &'static str, wanted: Option<&str>, mut known: Vec<(String, String, T)>) -> Result<T, CloudError> {
    let Some(wanted) = wanted else {
        let names = known.iter().map(|(id, name, _)| if name.is_empty() { id.clone() } else { name.clone() }).collect();
        return match known.pop() {
            Some((.., only)) if known.is_empty() => Ok(only),
            _ => Err(CloudError::Unnamed { kind, names }),
        };
    };
    let ids: Vec<String> = known.iter().filter(|(_, name, _)| name == wanted).map(|(id, ..)| id.clone()).collect();
    let names: Vec<String> = known.iter().map(|(_, name, _)| name.clone()).filter(|name| !name.is_empty()).collect();
    let (by_id, others): (Vec<_>, Vec<_>) = known.into_iter().partition(|(id, ..)| id == wanted);
    let by_name = others.into_iter().filter(|(_, name, _)| name == wanted);
    let mut found = by_id.into_iter().chain(by_name).map(|(.., found)| found);
    match (found.next(), ids.len()) {
        (Some(found), 0 | 1) => Ok(found),
        (Some(_), _) => Err(CloudError::Ambiguous { kind, name: wanted.into(), ids }),
        (None, _) => {
            let hint = one_of(wanted, &format!("{kind}s"), names.iter().map(String::as_str));
            Err(CloudError::Unknown { kind, name: wanted.into(), hint })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_one_thing_or_to_an_error_that_says_what_there_is() {
        let known = || {
            [("1", "small"), ("2", "large"), ("3", "large"), ("large-id", "4")]
                .map(|(id, name)| (id.to_string(), name.to_string(), id))
                .to_vec()
        };
        let found = |name: &str| one("flavor", Some(name), known()).map_err(|why| why.to_string());
        assert_eq!([found("small"), found("2"), found("large-id")], ["1", "2", "large-id"].map(Ok));
        let only =
            |known: Vec<(String, String, &'static str)>| one("flavor", None, known).map_err(|why| why.to_string());
        assert_eq!(only(known()[..1].to_vec()), Ok("1"));
        let why = only(known()).unwrap_err();
        assert!(why.starts_with("nothing says which flavor, and the cloud has 4: `small`, `large`"), "{why}");
        assert!(only(Vec::new()).unwrap_err().starts_with("the cloud has no flavor at all"));
        let why = found("large").unwrap_err();
        assert_eq!(why, "the cloud has 2 flavors of the name `large`\n  help: name one of them by its id: `2`, `3`");
        assert_eq!(found("smal").unwrap_err(), "the cloud has no flavor `smal`\n  help: did you mean `small`?");
        assert!(found("xyz").unwrap_err().ends_with("help: known flavors: `small`, `large`, `large`, `4`"));
    }
}
