//! How a server is isolated by Neutron: which ports it has, and which security groups they get.

use async_trait::async_trait;

use super::nova::between;
use crate::environment::cloud::isolation::{Isolation, OwnGroups, Ports};
use crate::openstack::client::Client;
use crate::openstack::error::CloudError;
use crate::openstack::ports::{self, Port};
use crate::provider::ProviderError;

#[async_trait]
impl Ports for Client {
    async fn groups(&self, port: &str) -> Result<Option<Vec<String>>, ProviderError> {
        match ports::get(self, port).await {
            Ok(port) => Ok(Some(port.security_groups)),
            Err(why) if why.is_not_found() => Ok(None),
            Err(why) => Err(between(why)),
        }
    }

    /// Nothing else of the port is changed, such as the addresses that it may send from.
    async fn give(&self, port: &str, groups: &[String]) -> Result<(), ProviderError> {
        let given = ports::set_security_groups(self, port, groups).await.map_err(between)?;
        let same = |a: &[String], b: &[String]| a.iter().all(|group| b.contains(group));
        match same(&given.security_groups, groups) && same(groups, &given.security_groups) {
            true => Ok(()),
            false => {
                let detail =
                    format!("has the security groups {:?}, not {groups:?}, which it was given", given.security_groups);
                Err(between(unusable("port", port, detail, "look who else changes it".into())))
            }
        }
    }
}

/// The ports of a server, each with its own groups. Nothing is changed.
///
/// # Errors
/// It has no port, or one to which groups mean nothing; Neutron can't be asked.
pub(super) async fn own_groups(client: &Client, id: &str, name: &str) -> Result<Vec<OwnGroups>, ProviderError> {
    let found = ports::of_server(client, id).await.map_err(between)?;
    if found.is_empty() {
        let hint = "say `loses network`, which the server's own iptables do";
        return Err(between(unusable("server", name, "has no port in Neutron".into(), hint.into())));
    }
    found.into_iter().map(own).collect::<Result<_, _>>().map_err(between)
}

fn own(port: Port) -> Result<OwnGroups, CloudError> {
    if !port.is_filtered {
        let detail = "has no port security, so security groups mean nothing to it".into();
        let hint =
            format!("`openstack port set --enable-port-security {}` enables it; else say `loses network`", port.id);
        return Err(unusable("port", &port.id, detail, hint));
    }
    Ok(OwnGroups { port: port.id, groups: port.security_groups })
}

/// What isolates the server of these ports; the empty group is known where it was made.
///
/// # Errors
/// A port has the empty group already, so that its own are not known.
pub(super) fn isolation(ports: Vec<OwnGroups>, empty: Option<&String>) -> Result<Isolation, ProviderError> {
    let has_it = |own: &&OwnGroups| empty.is_some_and(|empty| own.groups.contains(empty));
    let Some(OwnGroups { port, .. }) = ports.iter().find(has_it) else {
        return Ok(Isolation { empty: None, ports });
    };
    let detail = "has the group that lets nothing pass, and which it had before is not known".into();
    let hint = format!("give it its own: `openstack port set --no-security-group --security-group GROUP {port}`");
    Err(between(unusable("port", port, detail, hint)))
}

fn unusable(kind: &'static str, name: &str, detail: String, hint: String) -> CloudError {
    CloudError::Unusable { kind, name: name.into(), detail, hint }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::openstack::test_server::{Asked, Reply, TestCloud, port};

    const EMPTY: &str = "empty";

    /// A server `s-1` with these ports, whose groups are what they were last given.
    async fn cloud(all: Vec<Value>) -> (TestCloud, Arc<Mutex<Vec<Value>>>) {
        let all = Arc::new(Mutex::new(all));
        let shared = Arc::clone(&all);
        let cloud = TestCloud::start(move |asked: &[Asked]| {
            let (asked, mut all) = (asked.last()?, shared.lock().unwrap());
            let (method, path) = asked.line.split_once(' ')?;
            if path.starts_with("/network/v2.0/ports?") {
                let of_server = if path.contains("device_id=s-1") { &all[..] } else { &[] };
                return Some(Reply::Json(json!({ "ports": of_server })));
            }
            let id = path.strip_prefix("/network/v2.0/ports/")?;
            let port = all.iter_mut().find(|port| port["id"] == id)?;
            if method == "PUT" {
                let sent: Value = serde_json::from_str(&asked.body).ok()?;
                assert_eq!(sent["port"].as_object()?.len(), 1, "nothing but the groups is changed");
                port["security_groups"] = sent["port"]["security_groups"].clone();
            }
            Some(Reply::Json(json!({ "port": port })))
        })
        .await;
        (cloud, all)
    }

    fn two_ports() -> Vec<Value> {
        let of = |id: &str, groups: Value| {
            let mut port = port(id, &Value::Null);
            (port["security_groups"], port["port_security_enabled"]) = (groups, json!(true));
            port
        };
        vec![of("p-1", json!(["default", "web"])), of("p-2", json!([]))]
    }

    fn groups(all: &Mutex<Vec<Value>>) -> Vec<Value> {
        all.lock().unwrap().iter().map(|port| port["security_groups"].clone()).collect()
    }

    fn changes(cloud: &TestCloud) -> usize {
        cloud.asked.lock().unwrap().iter().filter(|asked| asked.line.starts_with("PUT")).count()
    }

    async fn isolation_of(client: &Client) -> Result<Isolation, ProviderError> {
        isolation(own_groups(client, "s-1", "web-1").await?, Some(&EMPTY.into()))
    }

    #[tokio::test]
    async fn every_port_of_a_server_is_given_the_empty_group_and_its_own_ones_again() {
        let (cloud, all) = cloud(two_ports()).await;
        let client = cloud.log_in("").await.unwrap();
        let isolation = isolation_of(&client).await.unwrap();
        assert_eq!(changes(&cloud), 0, "looking changes nothing");
        isolation.begin(&client, EMPTY).await.unwrap();
        assert_eq!(groups(&all), [json!(["empty"]), json!(["empty"])]);
        isolation.end(&client, EMPTY).await.unwrap();
        assert_eq!(groups(&all), [json!(["default", "web"]), json!([])]);
        isolation.begin(&client, EMPTY).await.unwrap();
        all.lock().unwrap().clear();
        isolation.end(&client, EMPTY).await.unwrap();
        assert!(isolation.begin(&client, EMPTY).await.is_err(), "a port that is gone can't be isolated");
    }

    #[tokio::test]
    async fn a_port_to_which_groups_mean_nothing_or_whose_own_are_not_known_is_refused_untouched() {
        let refused = async |change: fn(&mut Vec<Value>)| {
            let mut all = two_ports();
            change(&mut all);
            let (cloud, _) = cloud(all).await;
            let client = cloud.log_in("").await.unwrap();
            let why = isolation_of(&client).await.unwrap_err().to_string();
            assert_eq!(changes(&cloud), 0, "{why}");
            why
        };
        let open = refused(|all| all[1]["port_security_enabled"] = json!(false)).await;
        assert!(open.starts_with("the port `p-2` has no port security"), "{open}");
        let unknown = refused(|all| all[0]["security_groups"] = json!(["empty"])).await;
        assert!(unknown.starts_with("the port `p-1` has the group that lets nothing pass"), "{unknown}");
        let none = refused(Vec::clear).await;
        assert!(none.starts_with("the server `web-1` has no port in Neutron"), "{none}");
    }

    #[tokio::test]
    async fn groups_that_a_cloud_says_it_gave_and_did_not_are_an_error() {
        let deaf = TestCloud::start(|asked: &[Asked]| {
            let asked = asked.last()?;
            asked.line.contains("/ports/p-1").then(|| Reply::Json(json!({ "port": port("p-1", &Value::Null) })))
        })
        .await;
        let why = deaf.log_in("").await.unwrap().give("p-1", &["empty".into()]).await.unwrap_err().to_string();
        assert!(why.contains("has the security groups [\"default\"], not [\"empty\"]"), "{why}");
    }
}
