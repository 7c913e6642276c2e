//! Credentials from everywhere but a file, and how they are renewed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::test_server::{HASTE, Reply, TestServer, found, lack, refusal};
use crate::requests::findings::Findings;
use crate::settings::Ec2Settings;

const REGION: (&str, &str) = ("AWS_REGION", "eu-central-1");
/// Later than these tests will run.
const LATER: &str = "2096-01-01T00:00:00Z";

async fn findings(server: &TestServer, variables: &[(&str, &str)]) -> Findings {
    server.findings_with(variables, &Ec2Settings::default(), HASTE).await
}

/// A command that prints this; how often it was run is in the file `runs` of the folder.
async fn with_process(script: &str) -> TestServer {
    let server = TestServer::start(|_| None).await;
    let command = server.home.path().join("print keys");
    let runs = server.home.path().join("runs");
    fs::write(&command, format!("#!/bin/sh\necho run >> '{}'\n{script}\n", runs.display())).unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    server.file(
        "credentials",
        &format!("[default]\nregion = eu-central-1\ncredential_process = '{}' a\n", command.display()),
    );
    server
}

fn runs(server: &TestServer) -> usize {
    fs::read_to_string(server.home.path().join("runs")).unwrap().lines().count()
}

fn printed(expires: &str) -> String {
    format!(
        "echo '{{\"Version\": 1, \"AccessKeyId\": \"AKIAPROCESS\", \"SecretAccessKey\": \"of-the-chimp\", \"SessionToken\": \"token-of-the-chimp\", \"Expiration\": \"{expires}\"}}'"
    )
}

#[tokio::test]
async fn a_command_prints_credentials_and_is_run_once_as_long_as_they_are_good() {
    let server = with_process(&printed(LATER)).await;
    let findings = findings(&server, &[]).await;
    assert!(findings.are_good(), "{findings:?}");
    let row = found(&findings, "credentials");
    assert!(row.starts_with("the key AKIAPROCESS from the command at "), "{row}");
    assert!(row.ends_with(".aws/credentials:3 (profile `default`), good until 2096-01-01T00:00:00Z"), "{row}");
    assert_eq!(runs(&server), 1);
    assert!(server.asked.lock().unwrap()[0].head.contains("x-amz-security-token: token-of-the-chimp"));
}

#[tokio::test]
async fn credentials_are_renewed_once_where_the_service_finds_them_expired() {
    let server = with_process(&printed(LATER)).await;
    let other = TestServer::at("DescribeVpcs", |number| {
        (number == 1).then(|| refusal(400, "ExpiredToken", "The security token included in the request is expired"))
    })
    .await;
    let there = [("AWS_ENDPOINT_URL", other.base.as_str())];
    let seen = findings(&server, &there).await;
    assert!(seen.are_good(), "{seen:?}");
    assert_eq!((runs(&server), other.count("DescribeVpcs")), (2, 2));
    let always = TestServer::at("DescribeVpcs", |_| Some(refusal(400, "ExpiredToken", "It is expired"))).await;
    let seen = findings(&server, &[("AWS_ENDPOINT_URL", always.base.as_str())]).await;
    assert!(lack(&seen, "networks").fix.contains("check the clock"), "{seen:?}");
    assert_eq!(always.count("DescribeVpcs"), 2, "new ones that are refused, too, are not renewed again");
}

#[tokio::test]
async fn what_a_command_does_wrong_is_one_error_that_shows_nothing_that_it_prints() {
    let cases = [
        ("echo 'not allowed' >&2; exit 3", "it failed (exit status: 3): not allowed"),
        ("echo of-the-chimp", "it does not print JSON"),
        ("echo '{\"Version\": 2}'", "it does not print `\"Version\": 1`, which is expected"),
        ("echo '{\"Version\": 1, \"AccessKeyId\": \"a\"}'", "the answer has no `SecretAccessKey`"),
        (&printed("of-the-chimp"), "`Expiration` of the answer is no moment"),
        (&printed("1996-01-01T00:00:00Z"), "those that came have expired already"),
    ];
    for (script, expected) in cases {
        let server = with_process(script).await;
        let findings = findings(&server, &[]).await;
        let lack = lack(&findings, "credentials");
        assert!(lack.detail.starts_with("no credentials from the command at "), "{lack:?}");
        assert!(lack.detail.ends_with(expected), "{lack:?}");
        assert!(server.actions().is_empty(), "nothing is asked");
    }
    let server = TestServer::start(|_| None).await;
    server.file("credentials", "[default]\nregion = x\ncredential_process = /nowhere/print\n");
    assert!(lack(&findings(&server, &[]).await, "credentials").detail.contains("`/nowhere/print` can't be started"));
}

/// The metadata of an instance with a role, version 2: whoever has no token is refused.
async fn instance() -> TestServer {
    let server = TestServer::start(|asked| {
        let asked = asked.last()?;
        let good = |text: &str| Some(Reply::Good(text.into()));
        let has_token = asked.head.contains("x-aws-ec2-metadata-token: t-1\r\n");
        match asked.line.strip_prefix("GET /latest/meta-data/") {
            None if asked.line == "PUT /latest/api/token" => good("t-1"),
            None => None,
            Some(_) if !has_token => Some(Reply::Status(401, "", String::new())),
            Some("placement/region") => good("eu-north-1"),
            Some("iam/security-credentials/") => good("site\n"),
            Some("iam/security-credentials/site") => good(&format!("{{\"Code\": \"Success\", \"AccessKeyId\": \"AKIAROLE\", \"SecretAccessKey\": \"of-the-chimp\", \"Token\": \"token-of-the-chimp\", \"Expiration\": \"{LATER}\"}}")),
            Some(_) => Some(Reply::Status(404, "", String::new())),
        }
    })
    .await;
    fs::remove_file(server.home.path().join(".aws/credentials")).unwrap();
    server
}

#[tokio::test]
async fn an_instance_has_credentials_and_a_region_in_its_metadata() {
    let server = instance().await;
    let findings = findings(&server, &[]).await;
    assert!(findings.are_good(), "{findings:?}");
    assert_eq!(
        found(&findings, "credentials"),
        "the key AKIAROLE from the metadata of this instance, good until 2096-01-01T00:00:00Z"
    );
    assert!(found(&findings, "region").starts_with("`eu-north-1` from the metadata of this instance"));
}

#[tokio::test]
async fn a_machine_that_is_no_instance_is_said_to_need_credentials_and_a_region() {
    let server = instance().await;
    // Nothing listens on port 1 of this machine.
    let nowhere = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    let seen = findings(&server, &[nowhere, REGION]).await;
    let credentials = lack(&seen, "credentials");
    assert!(credentials.detail.contains("PUT http://127.0.0.1:1/latest/api/token: no connection: "), "{credentials:?}");
    assert!(credentials.fix.starts_with("if this machine is no EC2 instance, run `aws configure`"), "{credentials:?}");
    let seen = findings(&server, &[nowhere]).await;
    assert_eq!(lack(&seen, "region").detail, "no region: no variable names one, and neither does the profile");
    assert!(server.actions().is_empty());
}

/// A user who signed in until then, and whose organisation answers so.
async fn signed_in(until: &str, reply: Reply) -> TestServer {
    let server = TestServer::start(move |asked| {
        let asked = asked.last()?;
        let is_it = asked.line == "GET /federation/credentials?role_name=admin&account_id=123";
        is_it.then(|| match asked.head.contains("x-amz-sso_bearer_token: sso-of-the-chimp") {
            true => reply.clone(),
            false => Reply::Status(401, "", String::new()),
        })
    })
    .await;
    server.file("config", "[default]\nregion = eu-central-1\nsso_session = s\nsso_account_id = 123\nsso_role_name = admin\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.test/start\n");
    server.file("credentials", "");
    // As `printf s | sha1sum` prints.
    let name = "sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json";
    server.file(name, &format!("{{\"accessToken\": \"sso-of-the-chimp\", \"expiresAt\": \"{until}\"}}"));
    let path = server.home.path().join(".aws").join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    server
}

fn of_role() -> Reply {
    Reply::Good("{\"roleCredentials\": {\"accessKeyId\": \"AKIASSO\", \"secretAccessKey\": \"of-the-chimp\", \"sessionToken\": \"token-of-the-chimp\", \"expiration\": 3976300800000}}".into())
}

#[tokio::test]
async fn who_is_signed_in_gets_the_credentials_of_the_role() {
    let server = signed_in(LATER, of_role()).await;
    let findings = findings(&server, &[]).await;
    assert!(findings.are_good(), "{findings:?}");
    let row = found(&findings, "credentials");
    assert!(row.starts_with("the key AKIASSO from the single sign-on of the profile `default`, at "), "{row}");
    assert!(row.ends_with("good until 2096-01-02T00:00:00Z"), "{row}");
}

#[tokio::test]
async fn who_is_not_signed_in_is_said_to_sign_in() {
    let expired = signed_in("2020-01-01T00:00:00UTC", of_role()).await;
    let refused = signed_in(LATER, Reply::Status(401, "", "{\"message\": \"Session token not found\"}".into())).await;
    let absent = signed_in(LATER, of_role()).await;
    fs::remove_dir_all(absent.home.path().join(".aws/sso")).unwrap();
    for (server, detail) in [
        (expired, "has expired at 2020-01-01T00:00:00Z"),
        (refused, "the token is not taken"),
        (absent, "no user is signed in"),
    ] {
        let findings = findings(&server, &[]).await;
        let lack = lack(&findings, "credentials");
        assert!(lack.detail.contains(detail), "{lack:?}");
        assert_eq!(lack.fix, "run `aws sso login --profile default`");
    }
    let forbidden = Reply::Status(403, "", "{\"message\": \"No access\"}".into());
    let seen = findings(&signed_in(LATER, forbidden).await, &[]).await;
    let lack = lack(&seen, "credentials");
    assert!(lack.detail.ends_with("answered 403 Forbidden: No access"), "{lack:?}");
    assert!(lack.fix.starts_with("check `sso_account_id` at "), "{lack:?}");
}
