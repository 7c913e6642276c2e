//! What all of Neutron's things have in common: how one is made once, and tagged.

use serde_json::{Value, json};

use super::client::{Client, Making, Service};
use super::error::CloudError;
use super::mark::Mark;

/// A sort of Neutron's things: its name in words, in a body, and in paths and lists.
pub(super) struct Resource {
    words: &'static str,
    one: &'static str,
    many: &'static str,
    path: &'static str,
}

impl Resource {
    pub(super) const PORT: Resource = Resource { words: "port", one: "port", many: "ports", path: "ports" };
    pub(super) const SECURITY_GROUP: Resource =
        Resource { words: "security group", one: "security_group", many: "security_groups", path: "security-groups" };
    pub(super) const FLOATING_IP: Resource =
        Resource { words: "floating IP", one: "floatingip", many: "floatingips", path: "floatingips" };
}

/// Makes a thing of Neutron's whose body has a description that no other has, and tags it.
pub(super) async fn make(
    client: &Client,
    mark: &Mark,
    sort: Resource,
    name: &str,
    body: Value,
) -> Result<Value, CloudError> {
    let Resource { words, one, many, path } = sort;
    let description = body["description"].clone();
    let find = || async {
        let all = client.list(Service::Neutron, path, many).await?;
        Ok(all.into_iter().find(|each| each.get("description") == Some(&description)).map(|each| json!({ one: each })))
    };
    let making = Making { kind: words, name, run: mark.run(), body: json!({ one: body }), private: None };
    let mut answer = client.create(Service::Neutron, path, &making, find).await?;
    let made = answer[one].take();
    let id = made["id"].as_str().unwrap_or_default();
    match client.put(Service::Neutron, &format!("{path}/{id}/tags"), &json!({ "tags": mark.tags() })).await {
        // Not every cloud has tags; the description says the same.
        Err(why) if !why.is_not_found() => Err(why),
        _ => Ok(made),
    }
}
