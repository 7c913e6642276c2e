//! Which servers an attack may strike, what they are, and how they are isolated and rejoin.

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::environment::openstack::nova::RunsOwn;
use crate::openstack::mark::Mark;
use crate::openstack::servers::Power;
use crate::openstack::test_server::{self, Asked, Reply, TestCloud};

fn server(id: &str, name: &str, tags: &[&str]) -> Server {
    Server {
        id: id.into(),
        name: name.into(),
        status: Status::Active,
        task: None,
        power: Power::Running,
        zone: Some("nova".into()),
        metadata: BTreeMap::new(),
        tags: tags.iter().map(ToString::to_string).collect(),
        addresses: vec![Ipv4Addr::new(192, 0, 2, 1)],
        fault: None,
        locked: false,
        created: None,
    }
}

#[test]
fn only_what_carries_the_tag_may_be_attacked_and_the_rest_says_why_not() {
    let found = Found::among(vec![
        server("1", "web-1", &[TAG]),
        server("2", "web-2", &["chimp", "attack"]),
        Server { locked: true, ..server("3", "web-3", &[TAG]) },
        server("4", "Web 4", &[TAG]),
        server("5", "web-5", &[TAG]),
        server("6", "web-5", &[TAG]),
        Server { addresses: Vec::new(), ..server("7", "web-7", &[TAG]) },
        Server { status: Status::Build, ..server("8", "web-8", &[TAG]) },
        server("9", "web-1", &[]),
    ]);
    assert_eq!(found.open.values().map(|server| server.id.as_str()).collect::<Vec<_>>(), ["1"]);
    let why = |name: &str| found.closed[name].as_str();
    assert!(
        why("web-2").starts_with("it was not opted in\n  help: openstack ") && why("web-2").ends_with("chimp:attack 2")
    );
    assert_eq!(why("web-3"), "it is locked in Nova\n  help: openstack server unlock 3");
    assert!(why("Web 4").starts_with("a name has "));
    assert!(why("web-5").starts_with("2 servers of this name were opted in"));
    assert!(why("web-7").starts_with("it has no IPv4 address") && why("web-8").starts_with("Nova still builds it"));
    assert_eq!(found.closed.len(), 6, "{:?}", found.closed);
}

#[test]
fn what_a_server_is_comes_from_its_metadata_else_from_its_name_and_from_nova() {
    let plain = declared("db-12", &server("1", "db-12", &["blue", TAG]));
    assert_eq!((plain.role.as_str(), plain.zone.as_deref(), plain.tags), ("db", Some("nova"), vec!["blue".into()]));
    let metadata = [(ROLE, "database"), (ZONE, "a"), (TAGS, "green,old")];
    let metadata = metadata.map(|(key, value)| (key.to_string(), value.to_string())).into();
    let told = declared("x", &Server { metadata, ..server("1", "x", &["blue", TAG]) });
    assert_eq!((told.role.as_str(), told.zone.as_deref()), ("database", Some("a")));
    assert_eq!(told.tags, ["blue", "green", "old"]);
    assert_eq!(declared("7", &server("1", "7", &[TAG])).role, "7");
}

#[test]
fn links_join_servers_that_may_be_attacked() {
    let metadata = [(LINKS.to_string(), "web-1, db-1".to_string())].into();
    let balancer = Server { metadata, ..server("1", "lb-1", &[TAG]) };
    let found = Found::among(vec![balancer, server("2", "web-1", &[TAG]), server("3", "db-1", &[])]);
    assert_eq!(found.links(), [("lb-1".to_string(), "web-1".to_string())]);
}

#[test]
fn a_heal_finds_the_servers_that_were_struck_by_their_ids_whatever_they_are_called_now() {
    let ids = [("web-1".to_string(), "1".to_string()), ("web-2".to_string(), "2".to_string())].into();
    let found = Found::of_ids(vec![server("1", "renamed", &[]), server("3", "web-2", &[TAG])], &ids);
    assert_eq!(
        found.open.iter().map(|(name, server)| (name.as_str(), server.id.as_str())).collect::<Vec<_>>(),
        [("web-1", "1")]
    );
}

/// The empty group that Neutron is asked for.
const EMPTY: &str = "g-empty";

/// A cloud with a server whose only port has these groups, and then those that it is given.
async fn cloud(groups: &[&str]) -> (TestCloud, Arc<Mutex<Value>>) {
    let groups = Arc::new(Mutex::new(json!(groups)));
    let shared = Arc::clone(&groups);
    let cloud = TestCloud::start(move |asked: &[Asked]| {
        let (asked, mut groups) = (asked.last()?, shared.lock().unwrap());
        let port = |groups: &Value| {
            let mut port = test_server::port("p-1", &Value::Null);
            port["security_groups"] = groups.clone();
            port
        };
        let sent = || serde_json::from_str::<Value>(&asked.body).ok();
        Some(match asked.line.split('?').next()? {
            "GET /compute/v2.1/servers/detail" => {
                Reply::Json(json!({ "servers": [test_server::server("s-1", "ACTIVE", None)] }))
            }
            "GET /network/v2.0/ports" => Reply::Json(json!({ "ports": [port(&groups)] })),
            "GET /network/v2.0/ports/p-1" => Reply::Json(json!({ "port": port(&groups) })),
            "PUT /network/v2.0/ports/p-1" => {
                *groups = sent()?["port"]["security_groups"].clone();
                Reply::Json(json!({ "port": port(&groups) }))
            }
            "POST /network/v2.0/security-groups" => {
                Reply::Json(json!({ "security_group": { "id": EMPTY, "name": "any", "security_group_rules": [] } }))
            }
            "PUT /network/v2.0/security-groups/g-empty/tags" => Reply::Json(json!({ "tags": [] })),
            "DELETE /network/v2.0/security-groups/g-empty" if *groups == json!([EMPTY]) => {
                test_server::refused(409, "Security Group g-empty in use.")
            }
            "DELETE /network/v2.0/security-groups/g-empty" => Reply::Status(204, "", String::new()),
            _ => return None,
        })
    })
    .await;
    (cloud, groups)
}

/// Its server as one that may be attacked, and that nothing says how to log in to.
async fn opted_in(cloud: &TestCloud, isolates: bool) -> OptedIn {
    let (client, made) = (Arc::new(cloud.log_in("").await.unwrap()), Arc::<Made>::default());
    let groups = Arc::new(RunGroups::new(Arc::clone(&client), Arc::clone(&made)));
    let own = RunsOwn { groups: Arc::clone(&groups), mark: Mark::new("attack-1"), outlived: true };
    let nova = Nova::new("", &client, Some(own).filter(|_| isolates), |_| true);
    let fleet = Fleet::new(nova, Duration::from_millis(1));
    let known = [("s-1".to_string(), ("web-1".to_string(), Ipv4Addr::new(198, 18, 0, 7)))].into();
    let provider = OptedIn { client, fleet, known, hosts: None, isolates, groups, made };
    provider.list().await.unwrap();
    provider
}

fn deleted(cloud: &TestCloud) -> usize {
    cloud
        .asked
        .lock()
        .unwrap()
        .iter()
        .filter(|asked| asked.line.ends_with(EMPTY) && asked.line.starts_with('D'))
        .count()
}

#[tokio::test]
async fn another_process_gives_a_server_the_groups_back_that_were_recorded_before() {
    let (cloud, groups) = cloud(&["default", "shop"]).await;
    let id = InstanceId("s-1".into());
    let first = opted_in(&cloud, true).await;
    assert_eq!(first.undo_record(&id, PowerOp::Freeze).await.unwrap(), None, "Nova undoes it by the id alone");
    let record = first.undo_record(&id, PowerOp::Isolate).await.unwrap().unwrap();
    assert_eq!(*groups.lock().unwrap(), json!(["default", "shop"]), "nothing is changed yet");
    first.power(&id, PowerOp::Isolate).await.unwrap();
    assert_eq!(*groups.lock().unwrap(), json!([EMPTY]));
    assert_eq!(first.undo_record(&id, PowerOp::Isolate).await.unwrap().as_ref(), Some(&record), "as it was before");
    drop(first);

    let second = opted_in(&cloud, true).await;
    second.power(&id, PowerOp::Rejoin).await.unwrap();
    assert_eq!(*groups.lock().unwrap(), json!([EMPTY]), "it does not know of it");
    second.recall(&id, &record).await.unwrap();
    second.power(&id, PowerOp::Rejoin).await.unwrap();
    assert_eq!((groups.lock().unwrap().clone(), deleted(&cloud)), (json!(["default", "shop"]), 0));
    second.close().await.unwrap();
    assert_eq!(deleted(&cloud), 1, "the empty group goes with the attack");
}

#[tokio::test]
async fn an_attack_that_isolated_nothing_makes_and_removes_nothing() {
    let (cloud, _) = cloud(&["default"]).await;
    let provider = opted_in(&cloud, true).await;
    provider.close().await.unwrap();
    assert!(
        cloud.asked.lock().unwrap().iter().all(|asked| asked.line.starts_with("GET") || asked.line.contains("auth"))
    );
}

#[tokio::test]
async fn without_a_login_a_server_is_switched_and_isolated_and_nothing_else() {
    let (cloud, _) = cloud(&["default"]).await;
    let can = async |isolates, abilities: &[Ability]| {
        let provider = opted_in(&cloud, isolates).await;
        provider.can("web-1", &abilities.iter().copied().collect()).map_err(|why| why.to_string())
    };
    let isolation = [Ability::LogIn, Ability::Power(PowerOp::Isolate), Ability::Power(PowerOp::Rejoin)];
    assert_eq!(can(true, &isolation).await, Ok(()));
    assert_eq!(can(false, &[Ability::LogIn, Ability::Power(PowerOp::Stop)]).await, Ok(()));
    let why = can(false, &isolation).await.unwrap_err();
    assert!(why.contains("can't isolate it with the profile rackspace"), "{why}");
    let why = can(true, &[Ability::LogIn]).await.unwrap_err();
    assert!(why.starts_with("web-1: nothing says how to log in to it\n  help: write `[openstack.login]`"), "{why}");
}
