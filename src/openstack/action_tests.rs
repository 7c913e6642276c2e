//! What is done to a server that is busy, locked, gone or broken.

use std::time::Duration;

use serde_json::{Value, json};

use super::actions::{self, Action};
use super::error::CloudError;
use super::servers::{self, Power, Status};
use super::test_server::{Asked, Reply, TestCloud, refused, server};

const ACT: &str = "POST /compute/v2.1/servers/s-1/action";
const LOOK: &str = "GET /compute/v2.1/servers/s-1";
const WITHIN: Duration = Duration::from_secs(60);

fn count(asked: &[Asked], line: &str) -> usize {
    asked.iter().filter(|asked| asked.line == line).count()
}

fn shown(server: Value) -> Option<Reply> {
    Some(Reply::Json(json!({ "server": server })))
}

fn accepted() -> Option<Reply> {
    Some(Reply::Status(202, "", String::new()))
}

/// A cloud whose server is shown so, and that answers actions so, each by the number of requests of that kind.
async fn with(
    look: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static,
    act: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static,
) -> TestCloud {
    TestCloud::start(move |asked| match &*asked.last()?.line {
        LOOK => look(count(asked, LOOK)),
        ACT => act(count(asked, ACT)),
        _ => None,
    })
    .await
}

fn acts(cloud: &TestCloud) -> usize {
    count(&cloud.asked.lock().unwrap(), ACT)
}

#[tokio::test]
async fn a_server_is_shown_as_nova_knows_it() {
    let mut whole = server("s-1", "SHUTOFF", Some("powering-on"));
    (whole["OS-EXT-STS:power_state"], whole["locked"]) = (4.into(), true.into());
    let cloud = with(move |_| shown(whole.clone()), |_| None).await;
    let found = servers::get(&cloud.client().await, "s-1").await.unwrap();
    assert_eq!((found.status, found.task.as_deref(), found.power), (Status::Shutoff, Some("powering-on"), Power::Off));
    assert_eq!((found.locked, found.zone.as_deref()), (true, Some("zone-a")));
    assert_eq!(found.addresses, ["198.18.0.7".parse::<std::net::Ipv4Addr>().unwrap()]);
    let strange = with(|_| shown(server("s-1", "VERIFY_RESIZE", None)), |_| None).await;
    let found = servers::get(&strange.client().await, "s-1").await.unwrap();
    assert_eq!(found.status, Status::Other("VERIFY_RESIZE".into()));
}

#[tokio::test]
async fn a_busy_server_is_waited_for() {
    let busy = |number: usize| shown(server("s-1", "ACTIVE", (number < 3).then_some("image_snapshot")));
    let cloud = with(busy, |_| accepted()).await;
    actions::start(&cloud.client().await, "s-1", Action::Stop).await.unwrap();
    assert_eq!(acts(&cloud), 1, "it is asked for when the server is idle");
    let conflict = "Cannot 'stop' instance s-1 while it is in task_state rebooting";
    let late = |number: usize| shown(server("s-1", "ACTIVE", (number == 2).then_some("rebooting")));
    let cloud = with(late, move |number| if number == 1 { Some(refused(409, conflict)) } else { accepted() }).await;
    actions::start(&cloud.client().await, "s-1", Action::Stop).await.unwrap();
    assert_eq!(acts(&cloud), 2, "something began between the look and the request");
}

#[tokio::test]
async fn a_server_that_is_about_to_be_built_is_waited_for() {
    let look = |number: usize| shown(server("s-1", if number < 3 { "BUILD" } else { "ACTIVE" }, None));
    let cloud = with(look, |_| accepted()).await;
    actions::start(&cloud.client().await, "s-1", Action::Stop).await.unwrap();
    assert_eq!(acts(&cloud), 1);
}

#[tokio::test]
async fn a_state_that_does_not_allow_an_action_is_one_error_at_once() {
    let conflict = "Cannot 'unpause' instance s-1 while it is in vm_state stopped";
    let cloud = with(|_| shown(server("s-1", "SHUTOFF", None)), move |_| Some(refused(409, conflict))).await;
    let why = actions::start(&cloud.client().await, "s-1", Action::Unpause).await.unwrap_err().to_string();
    assert!(why.contains(&format!("answered 409 Conflict: {conflict}\n  help: ")), "{why}");
    assert_eq!(acts(&cloud), 1);
}

#[tokio::test]
async fn what_is_so_already_is_not_asked_for_except_a_reboot() {
    let cloud = with(|_| shown(server("s-1", "SHUTOFF", None)), |_| accepted()).await;
    actions::start(&cloud.client().await, "s-1", Action::Stop).await.unwrap();
    assert_eq!(acts(&cloud), 0);
    let cloud = with(|_| shown(server("s-1", "ACTIVE", None)), |_| accepted()).await;
    actions::start(&cloud.client().await, "s-1", Action::SoftReboot).await.unwrap();
    assert_eq!(acts(&cloud), 1);
}

#[tokio::test]
async fn a_server_is_suspended_resumed_and_asked_to_reboot_in_novas_words() {
    let of = async |status: &'static str, action| {
        let cloud = with(move |_| shown(server("s-1", status, None)), |_| accepted()).await;
        actions::start(&cloud.client().await, "s-1", action).await.unwrap();
        let asked = cloud.asked.lock().unwrap();
        asked.iter().find(|asked| asked.line == ACT).map(|asked| serde_json::from_str::<Value>(&asked.body).unwrap())
    };
    assert_eq!(of("ACTIVE", Action::Suspend).await.unwrap(), json!({ "suspend": null }));
    assert_eq!(of("SUSPENDED", Action::Suspend).await, None);
    assert_eq!(of("SUSPENDED", Action::Resume).await.unwrap(), json!({ "resume": null }));
    assert_eq!(of("ACTIVE", Action::Resume).await, None);
    assert_eq!(of("ACTIVE", Action::SoftReboot).await.unwrap(), json!({ "reboot": { "type": "SOFT" } }));
}

#[tokio::test]
async fn a_locked_server_is_neither_acted_on_nor_deleted() {
    let locked = |_| {
        let mut locked = server("s-1", "ACTIVE", None);
        locked["locked"] = true.into();
        shown(locked)
    };
    let cloud = with(locked, |_| accepted()).await;
    let client = cloud.client().await;
    let refusals = [actions::start(&client, "s-1", Action::Stop).await, actions::delete(&client, "s-1").await];
    for why in refusals.map(Result::unwrap_err) {
        assert!(why.to_string().starts_with("the server `name-of-s-1` is locked, so nothing is done to it\n"), "{why}");
    }
    assert!(cloud.lines().iter().all(|line| line.starts_with("GET") || line.contains("/auth/")), "{:?}", cloud.lines());
}

#[tokio::test]
async fn a_reboot_that_may_be_under_way_is_not_asked_for_again() {
    for (task, is_done) in [(Some("rebooting"), true), (None, false)] {
        let look = move |number: usize| shown(server("s-1", "ACTIVE", task.filter(|_| number > 1)));
        let cloud = with(look, |_| Some(Reply::Cut)).await;
        let done = actions::start(&cloud.client().await, "s-1", Action::SoftReboot).await;
        assert_eq!((done.is_ok(), acts(&cloud)), (is_done, 1), "{done:?}");
    }
}

#[tokio::test]
async fn a_stop_whose_answer_was_lost_is_asked_for_again_unless_it_was_carried_out() {
    let cloud =
        with(|number| shown(server("s-1", if number > 1 { "SHUTOFF" } else { "ACTIVE" }, None)), |_| Some(Reply::Cut))
            .await;
    actions::start(&cloud.client().await, "s-1", Action::Stop).await.unwrap();
    assert_eq!(acts(&cloud), 1);
    let cloud = with(
        |_| shown(server("s-1", "ACTIVE", None)),
        |number| if number == 1 { Some(Reply::Cut) } else { accepted() },
    )
    .await;
    actions::start(&cloud.client().await, "s-1", Action::Stop).await.unwrap();
    assert_eq!(acts(&cloud), 2);
}

#[tokio::test]
async fn a_server_in_error_says_why() {
    let broken = |_| {
        let mut broken = server("s-1", "ERROR", None);
        broken["fault"] = json!({ "code": 500, "message": "No valid host was found. There are not enough hosts available.", "created": "2026-11-29T00:10:18Z" });
        shown(broken)
    };
    let cloud = with(broken, |_| None).await;
    let found = servers::get(&cloud.client().await, "s-1").await.unwrap();
    let why = CloudError::Fault { server: found.name, message: found.fault.unwrap() }.to_string();
    assert!(why.starts_with("the server `name-of-s-1` is in ERROR: No valid host was found. There are"), "{why}");
    assert!(why.contains("take a smaller flavor or another zone"), "{why}");
}

#[tokio::test]
async fn a_server_that_does_not_go_in_time_is_named_with_what_it_is() {
    let cloud = with(|_| shown(server("s-1", "ACTIVE", Some("deleting"))), |_| None).await;
    let why = servers::await_gone(&cloud.client().await, "s-1", Duration::ZERO).await.unwrap_err().to_string();
    assert!(why.starts_with("the server `name-of-s-1` is ACTIVE, expected that it is gone within "), "{why}");
}

#[tokio::test]
async fn a_server_that_is_gone_is_deleted_already() {
    let gone = |_| Some(refused(404, "Instance s-1 could not be found."));
    let cloud = with(gone, |_| None).await;
    let client = cloud.client().await;
    actions::delete(&client, "s-1").await.unwrap();
    servers::await_gone(&client, "s-1", WITHIN).await.unwrap();
    assert!(matches!(actions::start(&client, "s-1", Action::Start).await, Err(CloudError::Gone(id)) if id == "s-1"));
    let soft = with(|_| shown(server("s-1", "SOFT_DELETED", None)), |_| None).await;
    servers::await_gone(&soft.client().await, "s-1", WITHIN).await.unwrap();
}

#[tokio::test]
async fn a_console_that_is_not_there_yet_is_none() {
    let cloud = with(
        |_| None,
        |number| match number {
            1 => Some(refused(409, "Instance s-1 is not ready")),
            _ => Some(Reply::Json(json!({ "output": "booted" }))),
        },
    )
    .await;
    let client = cloud.client().await;
    assert_eq!(actions::console(&client, "s-1", 50).await.unwrap(), None);
    assert_eq!(actions::console(&client, "s-1", 50).await.unwrap().as_deref(), Some("booted"));
}
