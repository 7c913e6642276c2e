//! Floating IPs that are led from port to port, and ports whose security groups are swapped.

use serde_json::{Value, json};

use super::error::CloudError;
use super::mark::Mark;
use super::test_server::{Asked, Reply, TestCloud, port};
use super::{floating_ips, ports};

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap_or_default()
}

fn floating_ip(port: &Value, description: &Value) -> Reply {
    let ip = json!({ "id": "f-1", "floating_ip_address": "203.0.113.9", "port_id": port, "description": description });
    Reply::Json(json!({ "floatingip": ip }))
}

#[tokio::test]
async fn a_floating_ip_leads_to_one_port_after_the_other() {
    let cloud = TestCloud::start(|asked| {
        let now = asked.last()?;
        let sent = &body(now)["floatingip"];
        match &*now.line {
            "POST /network/v2.0/floatingips" if sent["floating_network_id"] == "public" => {
                Some(floating_ip(&Value::Null, &sent["description"]))
            }
            "PUT /network/v2.0/floatingips/f-1" => Some(floating_ip(&sent["port_id"], &Value::Null)),
            "DELETE /network/v2.0/floatingips/f-1" => Some(Reply::Status(204, "", String::new())),
            _ => None,
        }
    })
    .await;
    let client = cloud.client().await;
    let made = floating_ips::create(&client, "public", &Mark::new("run-7")).await.unwrap();
    assert_eq!((made.address, made.port), ("203.0.113.9".parse().unwrap(), None));
    assert_eq!(made.run.as_deref(), Some("run-7"), "a cloud without tags has the description");
    for port in [Some("p-1"), Some("p-2"), None] {
        assert_eq!(floating_ips::lead_to(&client, "f-1", port).await.unwrap().port.as_deref(), port);
    }
    assert!(floating_ips::delete(&client, "f-1").await.unwrap());
    assert!(!floating_ips::delete(&client, "f-2").await.unwrap(), "one that is gone already is no error");
}

#[tokio::test]
async fn the_groups_of_a_port_are_swapped_and_read_back() {
    let cloud = TestCloud::start(|asked| {
        let groups = asked.iter().rev().find(|asked| asked.line == "PUT /network/v2.0/ports/p-1").map(body);
        let mut shown = port("p-1", &Value::Null);
        if let Some(groups) = groups {
            shown["security_groups"] = groups["port"]["security_groups"].clone();
        }
        match asked.last()?.line.split('?').next()? {
            "GET /network/v2.0/ports" => Some(Reply::Json(json!({ "ports": [shown] }))),
            line if line.ends_with("/ports/p-1") => Some(Reply::Json(json!({ "port": shown }))),
            _ => None,
        }
    })
    .await;
    let client = cloud.client().await;
    let own = ports::of_server(&client, "s-1").await.unwrap().remove(0).security_groups;
    assert_eq!(own, ["default"]);
    for groups in [&["empty".to_string()][..], &[], &own] {
        assert_eq!(ports::set_security_groups(&client, "p-1", groups).await.unwrap().security_groups, groups);
        assert_eq!(ports::get(&client, "p-1").await.unwrap().security_groups, groups);
    }
    let why = ports::get(&client, "p-2").await.unwrap_err();
    assert!(matches!(&why, CloudError::Api { .. }) && why.to_string().contains("answered 404 Not Found"), "{why}");
}

#[tokio::test]
async fn a_part_counts_its_own_requests_those_that_were_sent_again_too() {
    let cloud = TestCloud::start(|asked| match &*asked.last()?.line {
        "DELETE /network/v2.0/floatingips/f-1" if asked.len() % 2 == 0 => Some(Reply::Status(503, "", String::new())),
        "DELETE /network/v2.0/floatingips/f-1" => Some(Reply::Status(204, "", String::new())),
        _ => None,
    })
    .await;
    let client = cloud.client().await;
    let (one, other) = (client.part(), client.part());
    let before = client.requests();
    floating_ips::delete(&one, "f-1").await.unwrap();
    floating_ips::delete(&one, "f-1").await.unwrap();
    floating_ips::delete(&other, "f-1").await.unwrap();
    assert_eq!(one.of_this_part() + other.of_this_part(), client.requests() - before);
    assert!(one.of_this_part() >= 3 && other.of_this_part() >= 1, "{}", one.of_this_part());
    assert_eq!(client.of_this_part(), 0);
}
