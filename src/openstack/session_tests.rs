//! Tokens that expire, and catalogues that lack something.

use serde_json::{Value, json};

use super::doctor::{Findings, Lack};
use super::test_server::{Asked, Reply, TestCloud, token, unauthorized};

fn lack<'f>(findings: &'f Findings, name: &str) -> &'f Lack {
    let row =
        findings.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`: {findings:?}"));
    row.found.as_ref().expect_err("it is missing")
}

fn logins(asked: &[String]) -> usize {
    asked.iter().filter(|line| line.starts_with("POST")).count()
}

/// A cloud whose token is changed so. Its address is not known before it answers, so it is that of the host that was asked.
async fn with_token(change: impl Fn(&mut Value) + Send + Sync + 'static) -> TestCloud {
    TestCloud::start(move |asked: &[Asked]| {
        let last = asked.last().filter(|last| last.line.starts_with("POST"))?;
        let host = last.head.split("host: ").nth(1)?.split("\r\n").next()?.to_string();
        let mut answer = token(&format!("http://{host}"));
        change(&mut answer["token"]);
        Some(Reply::Json(answer))
    })
    .await
}

#[tokio::test]
async fn a_token_that_a_service_no_longer_takes_is_renewed_once() {
    let cloud = TestCloud::start(|asked| {
        let limits = asked.iter().filter(|asked| asked.line.contains("/limits")).count();
        (limits == 1 && asked.last()?.line.contains("/limits")).then(unauthorized)
    })
    .await;
    let findings = cloud.findings("").await;
    assert!(findings.rows.iter().all(|row| row.found.is_ok()), "{findings:?}");
    assert_eq!(logins(&cloud.lines()), 2, "{:?}", cloud.lines());
    let cloud = TestCloud::start(|asked| asked.last()?.line.contains("/limits").then(unauthorized)).await;
    let findings = cloud.findings("").await;
    assert!(lack(&findings, "instances").detail.contains("/limits answered 401 Unauthorized"), "{findings:?}");
    assert_eq!(logins(&cloud.lines()), 2, "a new token that is refused, too, is not renewed again");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let at_once = with_token(|token| token["expires_at"] = token["issued_at"].clone()).await;
    assert!(at_once.findings("").await.rows.iter().all(|row| row.found.is_ok()));
    let lines = at_once.lines();
    assert_eq!(logins(&lines), 1 + 5, "before each of the five requests: {lines:?}");
    let later = with_token(|token| token["expires_at"] = json!("2026-11-29T01:40:18.000000Z")).await;
    later.findings("").await;
    assert_eq!(logins(&later.lines()), 1, "one that is good for half an hour is kept");
}

#[tokio::test]
async fn an_unknown_region_is_answered_with_the_nearest_and_where_it_was_named() {
    let cloud = TestCloud::start(|_| None).await;
    let findings = cloud.findings("    region_name: RegionOen\n").await;
    let lack = lack(&findings, "region");
    assert_eq!(lack.detail, "the cloud has no region `RegionOen`");
    assert!(
        lack.fix.starts_with("did you mean `RegionOne`? (it is named at ") && lack.fix.contains("clouds.yaml:10:18"),
        "{lack:?}"
    );
}

#[tokio::test]
async fn of_several_regions_one_must_be_named() {
    let cloud = with_token(|token| token["catalog"][2]["endpoints"][0]["region"] = json!("RegionTwo")).await;
    let findings = cloud.findings("").await;
    assert_eq!(lack(&findings, "region").detail, "the cloud has several regions, and none is named");
    let findings = cloud.findings("    region_name: RegionTwo\n    interface: internal\n").await;
    let compute = lack(&findings, "compute");
    assert_eq!(compute.detail, "the service `compute` has no internal address in the region `RegionTwo`");
    let network = findings.rows.iter().find(|row| row.name == "network").unwrap();
    assert!(network.found.is_ok(), "{findings:?}");
}

#[tokio::test]
async fn a_service_that_the_catalogue_does_not_have_is_named() {
    let cloud = with_token(|token| drop(token["catalog"].as_array_mut().unwrap().remove(2))).await;
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "network");
    assert_eq!(lack.detail, "the cloud's catalogue has no service of the type `network`");
    assert!(lack.fix.contains("`compute`"), "{lack:?}");
}

#[tokio::test]
async fn an_answer_that_is_none_of_keystones_is_one_error() {
    let cloud = TestCloud::start(|_| Some(Reply::Json(json!({ "versions": [] })))).await;
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "identity");
    assert!(lack.detail.contains("/auth/tokens: the answer is none of Keystone's: "), "{lack:?}");
    assert!(lack.fix.contains("check `auth_url` at "));
    let cloud = with_token(|token| token["project"] = Value::Null).await;
    assert!(self::lack(&cloud.findings("").await, "identity").detail.ends_with("the token is for no project"));
}
