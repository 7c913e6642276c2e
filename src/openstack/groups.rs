//! Security groups: what may pass at a port. A new group of ours lets nothing pass, in either direction.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Service};
use super::error::CloudError;
use super::mark::{self, Mark};
use super::moment;
use super::neutron::{self, Resource};

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    /// How many rules it has; without any, it lets nothing pass.
    pub(crate) rules: usize,
    /// The run that made it, if one did.
    pub(crate) run: Option<String>,
    /// When it was made, where the cloud says.
    pub(crate) created: Option<Timestamp>,
}

/// What a group lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lets {
    /// Nothing at all, in either direction.
    NothingPass,
    /// Every packet of IPv4, in both directions.
    EverythingPass,
}

#[derive(Deserialize)]
struct Body {
    id: String,
    name: String,
    #[serde(default)]
    security_group_rules: Vec<Rule>,
    #[serde(default, deserialize_with = "moment::read")]
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
}

fn read(client: &Client, value: Value) -> Result<Body, CloudError> {
    client.read(Service::Neutron, Method::GET, "security-groups", value)
}

/// Makes a security group, and tags it. Neutron gives each new group rules that let everything out; they are removed.
///
/// # Errors
/// A quota is used up, the cloud has no security groups, or Neutron can't be asked. What was made then is found by its mark.
pub(crate) async fn create(client: &Client, name: &str, mark: &Mark, lets: Lets) -> Result<SecurityGroup, CloudError> {
    let body = json!({ "name": name, "description": mark.description() });
    let made = neutron::make(client, mark, Resource::SECURITY_GROUP, name, body).await?;
    let body = read(client, made)?;
    for rule in &body.security_group_rules {
        client.delete(Service::Neutron, &format!("security-group-rules/{}", rule.id)).await?;
    }
    let directions: &[&str] = if lets == Lets::EverythingPass { &["ingress", "egress"] } else { &[] };
    for direction in directions {
        let rule = json!({ "security_group_id": body.id, "direction": direction, "ethertype": "IPv4" });
        add_rule(client, &json!({ "security_group_rule": rule })).await?;
    }
    let (run, rules) = (Some(mark.run().into()), directions.len());
    Ok(SecurityGroup { id: body.id, name: body.name, rules, run, created: body.created_at })
}

/// A rule that is there already is as good as a new one: Neutron never has the same one twice.
async fn add_rule(client: &Client, body: &Value) -> Result<(), CloudError> {
    for _ in 1..client.patience.attempts {
        match client.post(Service::Neutron, "security-group-rules", body).await {
            Err(why) if why.is_conflict() && why.message().contains("already exists") => return Ok(()),
            Err(why) if why.is_unclear() => tracing::info!(%why, "asked for the rule again"),
            done => return done.map(drop),
        }
    }
    client.post(Service::Neutron, "security-group-rules", body).await.map(drop)
}

/// The security groups of this project that runs have made.
///
/// # Errors
/// Neutron can't be asked.
pub(crate) async fn ours(client: &Client) -> Result<Vec<SecurityGroup>, CloudError> {
    let mut ours = Vec::new();
    for each in client.list(Service::Neutron, "security-groups", "security_groups").await? {
        let Some(run) = mark::run_of(&each) else { continue };
        let Body { id, name, security_group_rules, created_at } = read(client, each)?;
        ours.push(SecurityGroup { id, name, rules: security_group_rules.len(), run: Some(run), created: created_at });
    }
    Ok(ours)
}

/// Removes a security group; true if it was there.
///
/// # Errors
/// A port has it, or Neutron can't be asked.
pub(crate) async fn delete(client: &Client, id: &str) -> Result<bool, CloudError> {
    client.delete(Service::Neutron, &format!("security-groups/{id}")).await
}
