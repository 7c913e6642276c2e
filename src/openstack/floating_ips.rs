//! Floating IPs: addresses of an external network, each of which leads to one port, and can be led to another.

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

/// A floating IP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FloatingIp {
    pub(crate) id: String,
    pub(crate) address: Ipv4Addr,
    /// The port that it leads to, if any.
    pub(crate) port: Option<String>,
    /// The run that made it, if one did.
    pub(crate) run: Option<String>,
    /// When it was made, where the cloud says.
    pub(crate) created: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Body {
    id: String,
    floating_ip_address: Ipv4Addr,
    port_id: Option<String>,
    #[serde(default, deserialize_with = "moment::read")]
    created_at: Option<Timestamp>,
}

fn floating_ip(client: &Client, value: Value) -> Result<FloatingIp, CloudError> {
    let run = mark::run_of(&value);
    let Body { id, floating_ip_address: address, port_id: port, created_at: created } =
        client.read(Service::Neutron, Method::GET, "floatingips", value)?;
    Ok(FloatingIp { id, address, port, run, created })
}

/// Makes a floating IP of this external network, by its id, and tags it. It leads nowhere yet.
///
/// # Errors
/// The quota or the addresses are used up, the network is not external, or Neutron can't be asked.
pub(crate) async fn create(client: &Client, network: &str, mark: &Mark) -> Result<FloatingIp, CloudError> {
    let body = json!({ "floating_network_id": network, "description": mark.description() });
    let made = neutron::make(client, mark, Resource::FLOATING_IP, network, body).await?;
    floating_ip(client, made)
}

/// Leads a floating IP to this port, wherever it led to; `None`: nowhere. Idempotent.
///
/// # Errors
/// There is no such thing, no router connects the two, or Neutron can't be asked.
pub(crate) async fn lead_to(client: &Client, id: &str, port: Option<&str>) -> Result<FloatingIp, CloudError> {
    let body = json!({ "floatingip": { "port_id": port } });
    let mut answer = client.put(Service::Neutron, &format!("floatingips/{id}"), &body).await?;
    floating_ip(client, answer["floatingip"].take())
}

/// A floating IP as it is now.
///
/// # Errors
/// It is not there, or Neutron can't be asked.
pub(crate) async fn get(client: &Client, id: &str) -> Result<FloatingIp, CloudError> {
    let mut answer = client.get(Service::Neutron, &format!("floatingips/{id}")).await?;
    floating_ip(client, answer["floatingip"].take())
}

/// The floating IPs of this project that runs have made; none in a cloud that has no routers.
///
/// # Errors
/// Neutron can't be asked.
pub(crate) async fn ours(client: &Client) -> Result<Vec<FloatingIp>, CloudError> {
    let all = client.list(Service::Neutron, "floatingips", "floatingips").await?;
    all.into_iter().filter(|each| mark::run_of(each).is_some()).map(|each| floating_ip(client, each)).collect()
}

/// Removes a floating IP; true if it was there.
///
/// # Errors
/// Neutron can't be asked.
pub(crate) async fn delete(client: &Client, id: &str) -> Result<bool, CloudError> {
    client.delete(Service::Neutron, &format!("floatingips/{id}")).await
}
