//! Ports: where servers are plugged into a network. A port is made before its server, so its address is known before.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Service};
use super::error::CloudError;
use super::mark::{self, Mark};
use super::moment;
use super::neutron::{self, Resource};

/// A port that is to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewPort<'p> {
    pub(crate) name: &'p str,
    /// The network's id.
    pub(crate) network: &'p str,
    pub(crate) mark: &'p Mark,
    /// The ids of its security groups; `None`: the project's default group.
    pub(crate) security_groups: Option<&'p [String]>,
    /// The address that it gets; `None`: one that Neutron chooses.
    pub(crate) fixed_ip: Option<Ipv4Addr>,
    /// Further addresses that its server may send from, such as a virtual IP.
    pub(crate) allowed_address_pairs: &'p [Ipv4Addr],
}

/// A port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its first IPv4 address.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) mac: String,
    /// Their ids.
    pub(crate) security_groups: Vec<String>,
    /// Whether they mean anything to it: its port security is on, or the cloud says nothing of that.
    pub(crate) is_filtered: bool,
    /// The server that it belongs to, if any.
    pub(crate) server: Option<String>,
    /// The run that made it, if one did.
    pub(crate) run: Option<String>,
    /// When it was made, where the cloud says.
    pub(crate) created: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Body {
    id: String,
    #[serde(default)]
    name: String,
    mac_address: String,
    fixed_ips: Vec<FixedIp>,
    #[serde(default)]
    security_groups: Vec<String>,
    port_security_enabled: Option<bool>,
    #[serde(default)]
    device_id: String,
    #[serde(default, deserialize_with = "moment::read")]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct FixedIp {
    ip_address: String,
}

fn port(client: &Client, value: Value) -> Result<Port, CloudError> {
    let run = mark::run_of(&value);
    let body: Body = client.read(Service::Neutron, Method::GET, "ports", value)?;
    Ok(Port {
        address: body.fixed_ips.iter().find_map(|fixed| fixed.ip_address.parse().ok()),
        id: body.id,
        name: body.name,
        mac: body.mac_address,
        security_groups: body.security_groups,
        is_filtered: body.port_security_enabled != Some(false),
        server: Some(body.device_id).filter(|id| !id.is_empty()),
        run,
        created: body.created_at,
    })
}

/// Makes a port, and tags it.
///
/// # Errors
/// The quota of ports or the network's addresses are used up, the address is taken, or Neutron can't be asked.
pub(crate) async fn create(client: &Client, new: &NewPort<'_>) -> Result<Port, CloudError> {
    let description = new.mark.description();
    let pairs: Vec<Value> = new.allowed_address_pairs.iter().map(|ip| json!({ "ip_address": ip })).collect();
    let mut body = json!({ "name": new.name, "network_id": new.network, "description": description });
    if let Some(groups) = new.security_groups {
        body["security_groups"] = json!(groups);
    }
    if let Some(ip) = new.fixed_ip {
        body["fixed_ips"] = json!([{ "ip_address": ip }]);
    }
    if !pairs.is_empty() {
        body["allowed_address_pairs"] = pairs.into();
    }
    let made = neutron::make(client, new.mark, Resource::PORT, new.name, body).await?;
    port(client, made)
}

/// The ports of this project that runs have made.
///
/// # Errors
/// Neutron can't be asked.
pub(crate) async fn ours(client: &Client) -> Result<Vec<Port>, CloudError> {
    let all = client.list(Service::Neutron, "ports", "ports").await?;
    all.into_iter().filter(|each| mark::run_of(each).is_some()).map(|each| port(client, each)).collect()
}

/// The ports of a server, whoever made them.
///
/// # Errors
/// Neutron can't be asked.
pub(crate) async fn of_server(client: &Client, server: &str) -> Result<Vec<Port>, CloudError> {
    let all = client.list(Service::Neutron, &format!("ports?device_id={server}"), "ports").await?;
    all.into_iter().map(|each| port(client, each)).collect()
}

/// A port as it is now.
///
/// # Errors
/// It is not there, or Neutron can't be asked.
pub(crate) async fn get(client: &Client, id: &str) -> Result<Port, CloudError> {
    let mut answer = client.get(Service::Neutron, &format!("ports/{id}")).await?;
    port(client, answer["port"].take())
}

/// Gives a port these security groups and no others. Idempotent.
///
/// # Errors
/// There is no such port or group, or Neutron can't be asked.
pub(crate) async fn set_security_groups(client: &Client, id: &str, groups: &[String]) -> Result<Port, CloudError> {
    let body = json!({ "port": { "security_groups": groups } });
    let mut answer = client.put(Service::Neutron, &format!("ports/{id}"), &body).await?;
    port(client, answer["port"].take())
}

/// Removes a port; true if it was there.
///
/// # Errors
/// Something uses it, or Neutron can't be asked.
pub(crate) async fn delete(client: &Client, id: &str) -> Result<bool, CloudError> {
    client.delete(Service::Neutron, &format!("ports/{id}")).await
}
