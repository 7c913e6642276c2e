//! Which servers an attack may strike, and what they are.

use super::*;
use crate::openstack::servers::Power;

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
