//! What a cloud can answer instead of what is hoped for, and what is said then.

use super::doctor::{Findings, Lack};
use super::test_server::{Asked, Reply, TestCloud, certificates, unauthorized};

fn lack<'f>(findings: &'f Findings, name: &str) -> &'f Lack {
    let row =
        findings.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`: {findings:?}"));
    row.found.as_ref().expect_err("it is missing")
}

fn found<'f>(findings: &'f Findings, name: &str) -> &'f str {
    let row =
        findings.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`: {findings:?}"));
    row.found.as_ref().unwrap_or_else(|lack| panic!("{lack:?}"))
}

/// Answers requests to limits so; the number of those that came, from 1, is known.
async fn at_limits(reply: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static) -> TestCloud {
    TestCloud::start(move |asked: &[Asked]| {
        let is_one = |asked: &&Asked| asked.line.contains("/limits");
        asked.last().filter(is_one).and_then(|_| reply(asked.iter().filter(is_one).count()))
    })
    .await
}

#[tokio::test]
async fn a_cloud_that_can_be_used_has_a_good_row_for_everything() {
    let cloud = TestCloud::start(|_| None).await;
    let findings = cloud.findings("    region_name: RegionOne\n").await;
    let names: Vec<&str> = findings.rows.iter().map(|row| row.name).collect();
    assert_eq!(names, ["cloud", "identity", "compute", "instances", "cores", "network", "ports", "image"]);
    assert!(findings.rows.iter().all(|row| row.found.is_ok()), "{findings:?}");
    assert!(
        found(&findings, "identity").ends_with("`chimp` in the project `chimp` (member, reader), region `RegionOne`")
    );
    assert!(found(&findings, "compute").ends_with("speaks 2.1 to 2.104, microversion 2.90 is used"));
    assert_eq!(found(&findings, "instances"), "7 of 10 left");
    assert_eq!(found(&findings, "cores"), "no limit, 4 used");
    assert_eq!(found(&findings, "ports"), "488 of 500 left");
    assert_eq!(findings.requests, 6);
    assert_eq!(usize::try_from(findings.requests).unwrap(), cloud.lines().len());
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_the_line_of_user_password_and_project() {
    let cloud = TestCloud::start(|asked| asked[0].line.starts_with("POST").then(unauthorized)).await;
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "identity");
    let url = format!("POST {}/identity/v3/auth/tokens answered 401 Unauthorized", cloud.base);
    assert_eq!(lack.detail, format!("{url}: The request you have made requires authentication."));
    let file = cloud.folder.path().join("clouds.yaml");
    for place in ["5:17", "6:17", "7:21"] {
        assert!(lack.fix.contains(&format!("{}:{place}", file.display())), "{place}: {}", lack.fix);
    }
    assert_eq!((cloud.lines().len(), findings.requests), (1, 1), "it is not sent again");
}

#[tokio::test]
async fn what_a_service_forbids_or_does_not_have_is_one_error_with_its_own_words() {
    let forbidden = r#"{"forbidden": {"code": 403, "message": "Policy doesn't allow limits to be performed."}}"#;
    let cloud = at_limits(move |_| Some(Reply::Status(403, "", forbidden.into()))).await;
    let findings = cloud.findings("").await;
    let lack_of = lack(&findings, "cores");
    assert!(
        lack_of.detail.ends_with("/limits answered 403 Forbidden: Policy doesn't allow limits to be performed."),
        "{lack_of:?}"
    );
    assert!(lack_of.fix.contains("a role that may do this"));
    assert!(found(&findings, "image").contains("`empty`"), "further rows are looked at");
    let page = "<html>\n<head><title>404 Not Found</title></head>\n<body>No such\n resource.</body></html>";
    let cloud = at_limits(move |_| Some(Reply::Status(404, "", page.into()))).await;
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "instances");
    assert!(lack.detail.ends_with("answered 404 Not Found: 404 Not Found No such resource."), "{lack:?}");
    assert_eq!(cloud.lines().iter().filter(|line| line.contains("/limits")).count(), 1, "neither is sent again");
}

#[tokio::test]
async fn too_many_requests_are_sent_again_after_the_time_that_the_service_asks_for() {
    let cloud =
        at_limits(|number| (number == 1).then(|| Reply::Status(429, "Retry-After: 1\r\n", String::new()))).await;
    let started = std::time::Instant::now();
    let findings = cloud.findings("").await;
    assert_eq!(found(&findings, "instances"), "7 of 10 left");
    assert!(started.elapsed() >= std::time::Duration::from_secs(1), "it waited for {:?}", started.elapsed());
    assert_eq!(findings.requests, 7);
    let cloud = at_limits(|_| Some(Reply::Status(429, "Retry-After: 86400\r\n", "slow down".into()))).await;
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "instances");
    assert!(lack.detail.ends_with("/limits answered 429 Too Many Requests: slow down"), "a day is too long: {lack:?}");
    assert!(lack.fix.contains("requests_per_minute"));
}

#[tokio::test]
async fn a_service_that_fails_is_asked_again_and_not_for_ever() {
    let cloud = at_limits(|number| (number < 3).then(|| Reply::Status(503, "", String::new()))).await;
    assert_eq!(found(&cloud.findings("").await, "instances"), "7 of 10 left");
    let fault = r#"{"computeFault": {"code": 500, "message": "Unexpected API Error."}}"#;
    let cloud = at_limits(move |_| Some(Reply::Status(500, "", fault.into()))).await;
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "instances");
    assert!(
        lack.detail.ends_with("answered 500 Internal Server Error: Unexpected API Error. (asked 3 times)"),
        "{lack:?}"
    );
    assert_eq!(cloud.lines().iter().filter(|line| line.contains("/limits")).count(), 3);
    let cloud = at_limits(|number| (number == 1).then_some(Reply::Cut)).await;
    assert_eq!(found(&cloud.findings("").await, "instances"), "7 of 10 left", "a connection that broke is tried again");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up() {
    let cloud = at_limits(|_| Some(Reply::Hang)).await;
    let findings = cloud.findings("    api_timeout: 2\n").await;
    let lack = lack(&findings, "instances");
    assert!(lack.detail.ends_with("/limits: no answer within 2 s (asked 3 times)"), "{lack:?}");
}

#[tokio::test]
async fn where_nothing_listens_the_place_of_the_address_is_named() {
    let mut cloud = TestCloud::start(|_| None).await;
    let nothing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    cloud.base = format!("http://{nothing}");
    let findings = cloud.findings("").await;
    let lack = lack(&findings, "identity");
    assert!(lack.detail.contains("/auth/tokens: no connection: ") && lack.detail.contains("refused"), "{lack:?}");
    assert!(lack.fix.contains("clouds.yaml:4:17"), "{lack:?}");
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_waited_for_once() {
    let mut cloud = TestCloud::start(|_| None).await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    cloud.base = format!("https://{}", silent.local_addr().unwrap());
    let findings = cloud.findings("").await;
    assert!(lack(&findings, "identity").detail.contains("/auth/tokens: no connection: "), "{findings:?}");
    assert_eq!(findings.requests, 1);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_unless_that_is_asked_for() {
    let cloud = TestCloud::with_tls("own").await;
    let other = format!("    cacert: {}\n", certificates().join("other-ca.pem").display());
    for (trust, fix) in [("", "by `cacert: FILE`"), (other.as_str(), "`cacert` at ")] {
        let findings = cloud.findings(trust).await;
        let lack = lack(&findings, "identity");
        assert!(lack.detail.contains("/auth/tokens: the certificate is not trusted: "), "{lack:?}");
        assert!(lack.fix.contains(fix), "{lack:?}");
    }
    assert!(cloud.lines().is_empty(), "no password was sent");
    let own = format!("    cacert: {}\n", certificates().join("own-ca.pem").display());
    let findings = cloud.findings(&own).await;
    let lack = lack(&findings, "identity");
    assert!(lack.detail.contains("name"), "its authority is trusted, and it is for another name: {lack:?}");
    for insecure in ["    verify: false\n", "    insecure: true\n"] {
        assert!(found(&cloud.findings(insecure).await, "image").contains("`empty`"));
    }
    let findings = cloud.findings("    cacert: /nowhere.pem\n").await;
    let lack = self::lack(&findings, "cloud");
    assert!(
        lack.detail.starts_with("/nowhere.pem: can't be read") && lack.fix.contains("clouds.yaml:10:13"),
        "{lack:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_a_password() {
    let cloud =
        TestCloud::start(|_| Some(Reply::Status(302, "Location: http://elsewhere/v3\r\n", String::new()))).await;
    let findings = cloud.findings("").await;
    assert!(
        lack(&findings, "identity").detail.ends_with("answered 302 Found: it is at http://elsewhere/v3"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_secret_that_a_service_quotes_is_not_shown() {
    let cloud = TestCloud::start(|asked| Some(Reply::Status(400, "", format!("what is {}?", asked[0].body)))).await;
    let findings = cloud.findings("").await;
    assert!(lack(&findings, "identity").detail.contains("***"), "{findings:?}");
}
