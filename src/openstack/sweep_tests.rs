//! What a run left is removed, in an order that works; what is not its own stays.

use std::time::Duration;

use serde_json::{Value, json};

use super::sweep::sweep;
use super::test_server::{Asked, Reply, TestCloud, port, refused, refused_by_neutron, server};
use crate::requests::sweep::{Runs, Sweep, ThingKind};

fn of_run(run: &str) -> Value {
    format!("anarcho-chimp chimp-run={run} 00").into()
}

fn server_of(id: &str, run: &str) -> Value {
    let mut server = server(id, "ACTIVE", None);
    server["metadata"] = json!({ "chimp_run": run });
    server
}

fn port_of(id: &str, run: &str, server: &str) -> Value {
    let mut port = port(id, &of_run(run));
    port["device_id"] = server.into();
    port
}

fn group_of(id: &str, run: &str) -> Value {
    json!({ "id": id, "name": id, "description": of_run(run), "security_group_rules": [], "created_at": "2026-11-29T00:10:18Z" })
}

/// Where a list is, its key, and what is in it.
type Listed = (&'static str, &'static str, Vec<Value>);

/// A cloud in which the run 7 left one of each kind, the run 8 a server with its port, and others what is theirs.
fn everything() -> Vec<Listed> {
    let ip = |id: &str, run: &str, port: &str| json!({ "id": id, "floating_ip_address": "203.0.113.9", "port_id": port, "description": of_run(run), "created_at": "2026-11-29T00:10:18Z" });
    vec![
        (
            "/compute/v2.1/servers/detail",
            "servers",
            vec![server_of("s-7", "7"), server_of("s-8", "8"), server("other", "ACTIVE", None)],
        ),
        (
            "/network/v2.0/ports",
            "ports",
            vec![
                port_of("p-7", "7", "s-7"),
                port_of("p-8", "8", "s-8"),
                port("other", &"the gateway".into()),
                port_of("plugged", "7", "other"),
            ],
        ),
        (
            "/network/v2.0/security-groups",
            "security_groups",
            vec![group_of("g-7", "7"), json!({ "id": "default", "name": "default", "description": "Default" })],
        ),
        ("/network/v2.0/floatingips", "floatingips", vec![ip("f-7", "7", "p-7")]),
    ]
}

/// Whether a thing was deleted by what was asked so far, and the service took it.
fn is_deleted(asked: &[Asked], id: &str) -> bool {
    asked.iter().any(|asked| asked.line.starts_with("DELETE") && asked.line.ends_with(&format!("/{id}")))
}

/// Answers as a cloud with these things would, where `refuse` does not.
async fn with(things: fn() -> Vec<Listed>, refuse: fn(&[Asked]) -> Option<Reply>) -> TestCloud {
    TestCloud::start(move |asked| {
        let now = asked.last()?;
        if let Some(refusal) = refuse(asked) {
            return Some(refusal);
        }
        let there = |id: &str| !is_deleted(asked, id);
        let line = now.line.split('?').next()?;
        let path = line.strip_prefix("GET ").or_else(|| line.strip_prefix("DELETE "))?;
        for (list, key, all) in things() {
            let id = |thing: &Value| thing["id"].as_str().unwrap().to_string();
            if path == list {
                let left: Vec<Value> = all.into_iter().filter(|thing| there(&id(thing))).collect();
                return Some(Reply::Json(json!({ key: left })));
            }
            let below = path.strip_prefix(list.trim_end_matches("/detail")).and_then(|rest| rest.strip_prefix('/'));
            let Some(found) = all.into_iter().find(|thing| below == Some(&id(thing))) else { continue };
            return Some(match now.line.starts_with("DELETE") {
                true => Reply::Status(204, "", String::new()),
                false if there(&id(&found)) => Reply::Json(json!({ "server": found })),
                false => refused(404, "Instance could not be found."),
            });
        }
        None
    })
    .await
}

fn names(sweep: &Sweep) -> Vec<(ThingKind, &str)> {
    sweep.removed.iter().map(|thing| (thing.kind, &*thing.id)).collect()
}

fn deleted(cloud: &TestCloud) -> Vec<String> {
    let lines = cloud.lines();
    lines.iter().filter_map(|line| Some(line.strip_prefix("DELETE ")?.rsplit('/').next()?.to_string())).collect()
}

const OF_7: [(ThingKind, &str); 4] = [
    (ThingKind::FloatingIp, "f-7"),
    (ThingKind::Server, "s-7"),
    (ThingKind::Port, "p-7"),
    (ThingKind::SecurityGroup, "g-7"),
];

#[tokio::test]
async fn what_a_run_left_is_removed_and_nothing_else() {
    let cloud = with(everything, |_| None).await;
    let client = cloud.client().await;
    let runs = Runs::One("7".into());
    let looked = sweep(&client, &runs, true).await.unwrap();
    assert_eq!((names(&looked), deleted(&cloud).len()), (OF_7.to_vec(), 0), "{looked:?}");
    let swept = sweep(&client, &runs, false).await.unwrap();
    assert_eq!((&swept.removed, &swept.left), (&looked.removed, &looked.left));
    assert_eq!(deleted(&cloud), ["f-7", "s-7", "p-7", "g-7"], "in this order");
    let [(plugged, why)] = &swept.left[..] else { panic!("{swept:?}") };
    assert_eq!(plugged.to_string(), "port `web-1` (plugged) of the run 7");
    assert_eq!(why, "the server other uses it, which is not removed");
    let again = sweep(&client, &runs, false).await.unwrap();
    assert_eq!((again.removed.len(), again.left.len(), deleted(&cloud).len()), (0, 1, 4), "{again:?}");
}

#[tokio::test]
async fn runs_that_made_something_lately_are_left_out() {
    let cloud = with(everything, |_| None).await;
    let client = cloud.client().await;
    let hour = Duration::from_secs(3600);
    let young = sweep(&client, &Runs::OlderThan(2 * hour), false).await.unwrap();
    assert_eq!(
        (young.removed.len(), young.younger.keys().map(String::as_str).collect::<Vec<_>>()),
        (0, vec!["7", "8"]),
        "{young:?}"
    );
    assert!(young.younger["8"].is_some_and(|age| age >= hour && age < 2 * hour), "{young:?}");
    let old = sweep(&client, &Runs::OlderThan(hour), false).await.unwrap();
    assert_eq!((old.removed.len(), old.younger.len()), (OF_7.len() + 2, 0), "{old:?}");
}

#[tokio::test]
async fn a_locked_server_stays_with_what_it_uses() {
    let locked = || {
        let mut all = everything();
        all[0].2[0]["locked"] = true.into();
        all
    };
    let in_use = |asked: &[Asked]| {
        asked
            .last()?
            .line
            .ends_with("/g-7")
            .then(|| refused_by_neutron("SecurityGroupInUse", "Security Group g-7 in use."))
    };
    let cloud = with(locked, in_use).await;
    let swept = sweep(&cloud.client().await, &Runs::One("7".into()), false).await.unwrap();
    assert_eq!(names(&swept), [], "{swept:?}");
    let left: Vec<(&str, &str)> = swept.left.iter().map(|(thing, why)| (&*thing.id, &**why)).collect();
    let uses = "the server `name-of-s-7` uses it, which is locked";
    assert_eq!(left[..2], [("f-7", uses), ("s-7", "it is locked; `openstack server unlock s-7` unlocks it")]);
    assert!(left.contains(&("p-7", uses)), "{left:?}");
    assert!(
        left.iter().any(|(id, why)| *id == "g-7" && why.contains("409 Conflict: Security Group g-7 in use.")),
        "{left:?}"
    );
}

#[tokio::test]
async fn what_is_still_in_use_for_a_moment_is_tried_again() {
    let soon_free = |asked: &[Asked]| {
        let tries =
            asked.iter().filter(|asked| asked.line.starts_with("DELETE") && asked.line.ends_with("/g-7")).count();
        let is_now = asked.last()?.line.ends_with("/g-7");
        (is_now && tries == 1).then(|| refused_by_neutron("SecurityGroupInUse", "Security Group g-7 in use."))
    };
    let cloud = with(everything, soon_free).await;
    let swept = sweep(&cloud.client().await, &Runs::One("7".into()), false).await.unwrap();
    assert_eq!(names(&swept), OF_7, "{swept:?}");
}

#[tokio::test]
async fn one_thing_that_cannot_be_removed_keeps_no_other_from_it() {
    let forbidden = |asked: &[Asked]| {
        let now = &asked.last()?.line;
        (now.starts_with("DELETE") && now.ends_with("/s-7")).then(|| refused(403, "Policy doesn't allow it."))
    };
    let cloud = with(everything, forbidden).await;
    let swept = sweep(&cloud.client().await, &Runs::One("7".into()), false).await.unwrap();
    let removed = names(&swept);
    assert!(
        removed.contains(&(ThingKind::SecurityGroup, "g-7")) && !removed.contains(&(ThingKind::Port, "p-7")),
        "{swept:?}"
    );
    let port = swept.left.iter().find(|(thing, _)| thing.id == "p-7").unwrap();
    assert_eq!(port.1, "the server `name-of-s-7` uses it, which could not be removed");
}

#[tokio::test]
async fn a_cloud_without_floating_ips_and_security_groups_is_swept_too() {
    let lacking = |asked: &[Asked]| {
        let now = &asked.last()?.line;
        let is_lacking = now.contains("/floatingips") || now.contains("/security-groups");
        is_lacking.then(|| Reply::Status(404, "", "The resource could not be found.".into()))
    };
    let cloud = with(everything, lacking).await;
    let swept = sweep(&cloud.client().await, &Runs::One("7".into()), false).await.unwrap();
    let kinds: Vec<ThingKind> = swept.removed.iter().map(|thing| thing.kind).collect();
    assert_eq!(kinds, [ThingKind::Server, ThingKind::Port]);
}
