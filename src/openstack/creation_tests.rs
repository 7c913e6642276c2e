//! Things are made once, whatever a service answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::Client;
use super::error::CloudError;
use super::groups::{self, Lets};
use super::mark::Mark;
use super::ports::{self, NewPort, Port};
use super::servers::{self, NewServer};
use super::test_server::{
    Asked, PASSWORD, Reply, TOKEN, TestCloud, port, refused, refused_by_neutron, server, unauthorized,
};
use crate::provider::secret::Secret;

const PORTS: &str = "POST /network/v2.0/ports";
const SERVERS: &str = "POST /compute/v2.1/servers";
const USER_DATA: &str = "#cloud-config\nchpasswd: { list: 'root:swordfish-of-the-chimp' }\n";

async fn make_port(client: &Client) -> Result<Port, CloudError> {
    let (mark, pair) = (Mark::new("run-7"), ["198.18.0.100".parse().unwrap()]);
    let (security_groups, allowed_address_pairs) = (Some(&["open".to_string()][..]), &pair[..]);
    let new =
        NewPort { name: "web-1", network: "n", mark: &mark, security_groups, fixed_ip: None, allowed_address_pairs };
    ports::create(client, &new).await
}

async fn make_server(client: &Client, user_data: &str) -> Result<String, CloudError> {
    let (mark, user_data) = (Mark::new("run-7"), Secret::new(user_data.into()));
    let metadata = BTreeMap::from([("chimp_server".to_string(), "web-1".to_string())]);
    let (name, image, flavor, port) = ("web-1", "i", "f", "p");
    let (zone, mark, user_data) = (Some("zone-a"), &mark, &user_data);
    servers::create(client, &NewServer { name, image, flavor, zone, port, mark, metadata, user_data }).await
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

fn count(cloud: &TestCloud, line: &str) -> usize {
    cloud.lines().iter().filter(|each| *each == line).count()
}

/// What was asked for by this line, for the last time.
fn last<'a>(asked: &'a [Asked], line: &str) -> Option<&'a Asked> {
    asked.iter().rev().find(|asked| asked.line == line)
}

/// Answers the first request for a port so, and each further one as it should be; what was asked for is in the list if it
/// `is_made`.
async fn with_ports(first: fn() -> Option<Reply>, is_made: bool) -> TestCloud {
    TestCloud::start(move |asked| {
        let now = asked.last()?;
        let made = || Some(port("p-1", &body(last(asked, PORTS)?)["port"]["description"]));
        let requests = asked.iter().filter(|asked| asked.line == PORTS).count();
        match now.line.split('?').next()? {
            PORTS if requests == 1 => first().or_else(|| Some(Reply::Json(json!({ "port": made()? })))),
            PORTS => Some(Reply::Json(json!({ "port": made()? }))),
            "GET /network/v2.0/ports" => {
                let old = port("p-0", &"anarcho-chimp chimp-run=run-7 0".into());
                let all: Vec<Value> = [old].into_iter().chain(made().filter(|_| is_made)).collect();
                Some(Reply::Json(json!({ "ports": all })))
            }
            "PUT /network/v2.0/ports/p-1/tags" => Some(Reply::Json(json!({ "tags": [] }))),
            _ => None,
        }
    })
    .await
}

#[tokio::test]
async fn a_port_has_its_address_before_its_server_is_made_and_carries_its_run() {
    let cloud = with_ports(|| None, true).await;
    let made = make_port(&cloud.client().await).await.unwrap();
    assert_eq!((&*made.id, made.address), ("p-1", "198.18.3.78".parse().ok()));
    assert_eq!((made.run.as_deref(), made.server), (Some("run-7"), None));
    let asked = cloud.asked.lock().unwrap().clone();
    let sent = &body(last(&asked, PORTS).unwrap())["port"];
    assert_eq!(sent["allowed_address_pairs"], json!([{ "ip_address": "198.18.0.100" }]));
    assert_eq!((&sent["security_groups"], &sent["network_id"]), (&json!(["open"]), &json!("n")));
    let tagged = body(last(&asked, "PUT /network/v2.0/ports/p-1/tags").unwrap());
    assert_eq!(tagged, json!({ "tags": ["anarcho-chimp", "chimp-run=run-7"] }));
}

#[tokio::test]
async fn a_token_that_expired_is_renewed_and_the_port_is_made_once() {
    let cloud = with_ports(|| Some(unauthorized()), true).await;
    assert_eq!(make_port(&cloud.client().await).await.unwrap().id, "p-1");
    assert_eq!(count(&cloud, PORTS), 2, "the first was refused");
    assert_eq!(count(&cloud, "POST /identity/v3/auth/tokens"), 2);
}

#[tokio::test]
async fn what_a_busy_service_surely_did_not_carry_out_is_sent_again() {
    let busy: [fn() -> Option<Reply>; 3] = [
        || Some(Reply::Status(429, "Retry-After: 1\r\n", String::new())),
        || {
            Some(Reply::Status(
                413,
                "Retry-After: 1\r\n",
                r#"{"overLimit":{"code":413,"message":"This request was rate-limited."}}"#.into(),
            ))
        },
        || Some(Reply::Status(503, "", String::new())),
    ];
    for first in busy {
        let cloud = with_ports(first, false).await;
        assert_eq!(make_port(&cloud.client().await).await.unwrap().id, "p-1");
        assert_eq!(count(&cloud, PORTS), 2);
    }
}

/// Answers after which it is not known whether the request was carried out.
const UNCLEAR: [fn() -> Option<Reply>; 3] = [
    || Some(Reply::Cut),
    || Some(Reply::Status(502, "", "<html><body>Bad Gateway</body></html>".into())),
    || Some(Reply::Status(500, "", String::new())),
];

#[tokio::test]
async fn where_it_is_not_clear_whether_a_port_was_made_it_is_looked_for_and_not_made_again() {
    for first in UNCLEAR {
        let cloud = with_ports(first, true).await;
        assert_eq!(make_port(&cloud.client().await).await.unwrap().id, "p-1", "and not the older one of the same run");
        assert_eq!(count(&cloud, PORTS), 1, "{:?}", cloud.lines());
    }
}

#[tokio::test]
async fn a_port_that_is_not_there_after_an_unclear_answer_is_one_error() {
    for first in UNCLEAR {
        let cloud = with_ports(first, false).await;
        let why = make_port(&cloud.client().await).await.unwrap_err();
        assert!(matches!(why, CloudError::Unclear { .. }), "{why}");
        let text = why.to_string();
        assert!(text.contains("whether the port `web-1` was made is not known"), "{text}");
        assert!(text.ends_with("`chimp down --on openstack --run run-7` removes it"), "{text}");
        assert_eq!(count(&cloud, PORTS), 1);
    }
}

#[tokio::test]
async fn a_server_whose_answer_did_not_come_in_time_is_found_by_its_port() {
    let cloud = TestCloud::start(|asked| match asked.last()?.line.split('?').next()? {
        SERVERS => Some(Reply::Hang),
        "GET /compute/v2.1/servers/detail" => {
            let (mut made, other) = (server("s-1", "BUILD", Some("scheduling")), server("s-0", "ACTIVE", None));
            made["metadata"] = body(last(asked, SERVERS)?)["server"]["metadata"].clone();
            Some(Reply::Json(json!({ "servers": [other, made] })))
        }
        _ => None,
    })
    .await;
    let client = cloud.log_in("    api_timeout: 2\n").await.unwrap();
    assert_eq!(make_server(&client, USER_DATA).await.unwrap(), "s-1");
    let asked = cloud.asked.lock().unwrap().clone();
    let sent = &body(last(&asked, SERVERS).unwrap())["server"];
    assert_eq!(sent["metadata"], json!({ "chimp_port": "p", "chimp_run": "run-7", "chimp_server": "web-1" }));
    assert_eq!(sent["networks"], json!([{ "port": "p" }]));
    assert_eq!(asked.iter().filter(|asked| asked.line == SERVERS).count(), 1, "it is asked for once");
    assert!(last(&asked, SERVERS).unwrap().head.contains("x-openstack-nova-api-version: 2.90"));
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named_at_once() {
    let cores = "Quota exceeded for cores: Requested 1, but already used 10 of 10 cores";
    for status in [403, 413] {
        let cloud =
            TestCloud::start(move |asked| (asked.last()?.line == SERVERS).then(|| refused(status, cores))).await;
        let why = make_server(&cloud.client().await, USER_DATA).await.unwrap_err();
        assert!(matches!(&why, CloudError::Quota { message, .. } if message == cores), "{why}");
        assert!(why.to_string().contains("ask an operator for a greater quota"), "{why}");
        assert_eq!(count(&cloud, SERVERS), 1);
    }
    let cloud =
        with_ports(|| Some(refused_by_neutron("OverQuota", "Quota exceeded for resources: ['port'].")), false).await;
    let why = make_port(&cloud.client().await).await.unwrap_err().to_string();
    assert!(why.contains("a quota of the project is used up: Quota exceeded for resources: ['port']."), "{why}");
    assert_eq!(count(&cloud, PORTS), 1);
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_in_neutrons_words() {
    let taken = "IP address 198.18.3.78 already allocated in subnet s";
    let cloud = TestCloud::start(move |asked| {
        (asked.last()?.line == PORTS).then(|| refused_by_neutron("IpAddressAlreadyAllocated", taken))
    })
    .await;
    let why = make_port(&cloud.client().await).await.unwrap_err().to_string();
    assert!(why.contains(&format!("/network/v2.0/ports answered 409 Conflict: {taken}\n  help: ")), "{why}");
}

#[tokio::test]
async fn no_error_quotes_the_user_data_the_password_or_the_token() {
    let cloud = TestCloud::start(|asked| {
        let now = asked.last().filter(|asked| asked.line == SERVERS)?;
        let user_data = body(now)["server"]["user_data"].as_str()?.to_string();
        let quoted = format!("Invalid input for field/attribute user_data. Value: {user_data}. {PASSWORD} {TOKEN}1");
        Some(refused(400, &quoted))
    })
    .await;
    let why = make_server(&cloud.client().await, &USER_DATA.repeat(20)).await.unwrap_err();
    let shown = format!("{why} {why:?}");
    assert!(why.to_string().contains("Value: ***. *** ***"), "{why}");
    assert!(!shown.contains("I2Nsb3Vk") && !shown.contains(PASSWORD) && !shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn user_data_that_nova_would_not_take_is_not_sent() {
    let cloud = TestCloud::start(|_| None).await;
    let why = make_server(&cloud.client().await, &"x".repeat(49_152)).await.unwrap_err().to_string();
    assert!(
        why.starts_with("the server `web-1` has 49152 bytes of user data, and Nova takes 49149\n  help: "),
        "{why}"
    );
    assert_eq!(count(&cloud, SERVERS), 0);
}

#[tokio::test]
async fn a_new_security_group_lets_nothing_pass_but_what_it_is_made_for() {
    let cloud = TestCloud::start(|asked| {
        let now = asked.last()?;
        let of_group = |asked: &Asked| Some(json!({ "id": "g-1", "name": body(asked)["security_group"]["name"], "description": body(asked)["security_group"]["description"], "security_group_rules": [{ "id": "r-4" }, { "id": "r-6" }] }));
        match &*now.line {
            "POST /network/v2.0/security-groups" => Some(Reply::Json(json!({ "security_group": of_group(now)? }))),
            "POST /network/v2.0/security-group-rules" if now.body.contains("egress") => Some(refused_by_neutron("SecurityGroupRuleExists", "Security group rule already exists. Rule id is r-9.")),
            "POST /network/v2.0/security-group-rules" => Some(Reply::Json(json!({ "security_group_rule": {} }))),
            "PUT /network/v2.0/security-groups/g-1/tags" => Some(Reply::Json(json!({ "tags": [] }))),
            line if line.starts_with("DELETE /network/v2.0/security-group-rules/r-4") => Some(Reply::Status(204, "", String::new())),
            _ => None,
        }
    })
    .await;
    let client = cloud.client().await;
    let empty = groups::create(&client, "empty", &Mark::new("run-7"), Lets::NothingPass).await.unwrap();
    assert_eq!((empty.rules, empty.run.as_deref()), (0, Some("run-7")));
    assert_eq!(count(&cloud, "DELETE /network/v2.0/security-group-rules/r-4"), 1);
    assert_eq!(
        count(&cloud, "DELETE /network/v2.0/security-group-rules/r-6"),
        1,
        "one that is gone already is no error"
    );
    let open = groups::create(&client, "open", &Mark::new("run-7"), Lets::EverythingPass).await.unwrap();
    assert_eq!(open.rules, 2, "a rule that is there already is as good as a new one");
}
