//! What EC2 can answer instead of what is hoped for, and what is said then.

use std::time::Duration;

use super::test_server::{HASTE, Reply, SECRET, TestServer, found, lack, refusal};
use crate::requests::Patience;
use crate::settings::{Ec2Settings, Ec2VirtualIps};

fn with_image() -> Ec2Settings {
    Ec2Settings { image: Some("ami-1".into()), ..Ec2Settings::default() }
}

#[tokio::test]
async fn an_account_that_can_be_used_has_a_good_row_for_everything() {
    let server = TestServer::start(|_| None).await;
    let findings = server.findings_with(&[], &with_image(), HASTE).await;
    assert!(findings.are_good(), "{findings:?}");
    let credentials = server.home.path().join(".aws/credentials");
    let file = credentials.display();
    assert_eq!(found(&findings, "credentials"), format!("the key AKIACHIMP from {file}:2 (profile `default`)"));
    assert_eq!(
        found(&findings, "region"),
        format!("`eu-central-1` from {file}:4, at {}/ (the variable `AWS_ENDPOINT_URL`)", server.base)
    );
    assert_eq!(found(&findings, "identity"), "arn:aws:iam::123456789012:user/chimp of the account 123456789012");
    assert_eq!(found(&findings, "zones"), "`eu-central-1a`", "the other one is impaired");
    assert_eq!(found(&findings, "elastic IPs"), "4 of 5 left");
    assert_eq!(found(&findings, "instances"), "a t3.micro with the image ami-1 may be run");
    assert_eq!(usize::try_from(findings.requests).unwrap(), server.actions().len());
}

#[tokio::test]
async fn requests_are_forms_that_are_signed_for_their_service_and_region() {
    let server = TestServer::start(|_| None).await;
    let token = [
        ("AWS_ACCESS_KEY_ID", "AKIATEMP"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", "token-of-the-chimp"),
    ];
    let findings = server.findings_with(&token, &Ec2Settings::default(), HASTE).await;
    assert_eq!(
        found(&findings, "credentials"),
        "the key AKIATEMP from the variable `AWS_ACCESS_KEY_ID` and the variable `AWS_SECRET_ACCESS_KEY`"
    );
    let asked = server.asked.lock().unwrap();
    let of = |action: &str| asked.iter().find(|asked| asked.action() == action).unwrap();
    let (vpcs, identity) = (of("DescribeVpcs"), of("GetCallerIdentity"));
    assert_eq!((vpcs.line.as_str(), vpcs.body.as_str()), ("POST /", "Action=DescribeVpcs&Version=2016-11-15"));
    assert_eq!(identity.body, "Action=GetCallerIdentity&Version=2011-06-15");
    assert!(vpcs.head.contains("/eu-central-1/ec2/aws4_request"), "{}", vpcs.head);
    assert!(identity.head.contains("/eu-central-1/sts/aws4_request"), "{}", identity.head);
    assert!(vpcs.head.contains("x-amz-security-token: token-of-the-chimp"), "{}", vpcs.head);
}

#[tokio::test]
async fn a_list_is_read_over_all_its_pages() {
    let page = |items: &str, next: &str| {
        Some(Reply::Good(format!("<R><vpcSet>{items}</vpcSet><nextToken>{next}</nextToken></R>")))
    };
    let server = TestServer::at("DescribeVpcs", move |number| match number {
        1 => page("<item><vpcId>vpc-1</vpcId></item>", "a+b"),
        2 => page("<item><vpcId>vpc-2</vpcId></item>", "c"),
        _ => page("", ""),
    })
    .await;
    assert_eq!(found(&server.findings().await, "networks"), "`vpc-1`, `vpc-2`");
    let asked = server.asked.lock().unwrap();
    let bodies: Vec<&str> =
        asked.iter().filter(|asked| asked.action() == "DescribeVpcs").map(|asked| asked.body.as_str()).collect();
    assert!(bodies[1].ends_with("&NextToken=a%2Bb") && bodies[2].ends_with("&NextToken=c"), "{bodies:?}");
}

#[tokio::test]
async fn pages_that_lead_to_themselves_are_one_error() {
    let server =
        TestServer::at("DescribeVpcs", |_| Some(Reply::Good("<R><vpcSet/><nextToken>a</nextToken></R>".into()))).await;
    assert!(lack(&server.findings().await, "networks").detail.ends_with(": a page leads to itself"));
    assert_eq!(server.count("DescribeVpcs"), 2);
}

/// The code that EC2 answers, its status, how often the request is sent, and what the advice says.
const REFUSALS: [(u16, &str, usize, &str); 14] = [
    (503, "RequestLimitExceeded", 3, "set `requests_per_minute` of `[ec2]`"),
    (400, "Throttling", 3, "set `requests_per_minute` of `[ec2]`"),
    (500, "InternalError", 3, "try again later"),
    (503, "Unavailable", 3, "try again later"),
    (500, "InsufficientInstanceCapacity", 1, "the zone has no such capacity now"),
    (400, "InstanceLimitExceeded", 1, "ask for a greater quota in Service Quotas"),
    (400, "VcpuLimitExceeded", 1, "ask for a greater quota in Service Quotas"),
    (403, "UnauthorizedOperation", 1, "a policy that allows it to the credentials from "),
    (401, "AuthFailure", 1, "check the key's id at "),
    (403, "InvalidClientTokenId", 1, "check the key's id at "),
    (403, "SignatureDoesNotMatch", 1, "check the secret at "),
    (400, "ExpiredToken", 1, "get new credentials for "),
    (401, "OptInRequired", 1, "enable the region"),
    (400, "InvalidParameterValue", 1, "correct what the answer names"),
];

#[tokio::test]
async fn each_refusal_is_one_error_with_its_code_message_and_request_and_what_to_do() {
    for (status, code, sent, advice) in REFUSALS {
        let server = TestServer::at("DescribeSubnets", move |_| Some(refusal(status, code, "It\n can't be."))).await;
        let findings = server.findings().await;
        let lack = lack(&findings, "subnets");
        assert!(
            lack.detail.starts_with(&format!("DescribeSubnets at {}/ answered {status} ", server.base)),
            "{lack:?}"
        );
        assert!(lack.detail.contains(&format!(": {code}: It can't be. (request id 7a62c49f-347e)")), "{lack:?}");
        assert_eq!(lack.detail.ends_with(" (asked 3 times)"), sent == 3, "{lack:?}");
        assert!(lack.fix.contains(advice), "{code}: {lack:?}");
        assert_eq!(server.count("DescribeSubnets"), sent, "{code}");
        assert_eq!(found(&findings, "groups"), "`sg-1`", "further rows are looked at");
    }
}

#[tokio::test]
async fn a_refusal_of_sts_names_the_file_and_line_of_the_key_or_the_secret() {
    let body = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated with wJalrXUtnFEMI/of-the-chimp does not match</Message></Error><RequestId>f00</RequestId></ErrorResponse>";
    let server = TestServer::at("GetCallerIdentity", move |_| Some(Reply::Status(403, "", body.into()))).await;
    let findings = server.findings().await;
    let lack = lack(&findings, "identity");
    assert!(lack.detail.ends_with("calculated with *** does not match (request id f00)"), "{lack:?}");
    assert!(lack.fix.contains(".aws/credentials:3, and the clock"), "{lack:?}");
    assert_eq!(server.actions(), ["GetCallerIdentity"], "nothing else is asked");
}

#[tokio::test]
async fn throttling_and_a_broken_connection_are_outlasted() {
    for reply in [refusal(503, "RequestLimitExceeded", "Request limit exceeded."), Reply::Cut] {
        let server = TestServer::at("DescribeVpcs", move |number| (number < 3).then(|| reply.clone())).await;
        let findings = server.findings().await;
        assert!(findings.are_good(), "{findings:?}");
        assert_eq!(server.count("DescribeVpcs"), 3);
        assert_eq!(usize::try_from(findings.requests).unwrap(), server.actions().len());
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_one_error() {
    let server = TestServer::at("DescribeVpcs", |_| Some(Reply::Hang)).await;
    let hasty = Patience { attempts: 2, answer_within: Duration::from_secs(2), ..HASTE };
    let findings = server.findings_with(&[], &Ec2Settings::default(), hasty).await;
    let lack = lack(&findings, "networks");
    assert!(lack.detail.ends_with(": no answer within 2 s (asked 2 times)"), "{lack:?}");
    assert!(lack.fix.ends_with("the variable `AWS_ENDPOINT_URL` names the address"), "{lack:?}");
}

#[tokio::test]
async fn no_connection_and_no_api_are_errors_that_name_the_address() {
    let server = TestServer::start(|_| Some(Reply::Status(404, "", "<html>Not here</html>".into()))).await;
    let findings = server.findings().await;
    let there = lack(&findings, "identity");
    assert!(there.detail.ends_with("answered 404 Not Found"), "{there:?}");
    assert!(there.fix.starts_with("check that this is the address of EC2's API"), "{there:?}");
    let json = TestServer::at("DescribeVpcs", |_| Some(Reply::Good("{}".into()))).await;
    assert!(lack(&json.findings().await, "networks").detail.ends_with("it ends before its root element does"));
    // Nothing listens on port 1 of this machine.
    let nowhere = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let findings = server.findings_with(&nowhere, &Ec2Settings::default(), HASTE).await;
    assert!(lack(&findings, "identity").detail.contains("at http://127.0.0.1:1/: no connection: "), "{findings:?}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_said_to_be() {
    for code in ["RequestExpired", "SignatureDoesNotMatch", "AuthFailure"] {
        let server = TestServer::at("GetCallerIdentity", move |_| {
            let Reply::Status(status, _, body) = refusal(400, code, "Request has expired.") else { return None };
            Some(Reply::Status(status, "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", body))
        })
        .await;
        let findings = server.findings().await;
        let lack = lack(&findings, "identity");
        assert!(lack.detail.contains("; this machine's clock is ") && lack.detail.contains(" ahead of"), "{lack:?}");
        assert!(lack.fix.starts_with("set this machine's clock"), "{lack:?}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_whether_an_instance_may_be_run() {
    let answers = [
        ("UnauthorizedOperation", "ask an administrator of the account"),
        ("InvalidAMIID.NotFound", "correct `image` of `[ec2]`"),
    ];
    for (code, advice) in answers {
        let server = TestServer::at("RunInstances", move |_| Some(refusal(403, code, "No."))).await;
        let findings = server.findings_with(&[], &with_image(), HASTE).await;
        assert!(lack(&findings, "instances").fix.starts_with(advice), "{findings:?}");
    }
    let server = TestServer::at("RunInstances", |_| Some(Reply::Good("<R/>".into()))).await;
    let findings = server.findings_with(&[], &with_image(), HASTE).await;
    assert!(lack(&findings, "instances").detail.contains("answered as if it ran an instance"), "{findings:?}");
    let findings = server.findings().await;
    assert!(found(&findings, "instances").starts_with("not asked"), "{findings:?}");
}

#[tokio::test]
async fn what_an_account_lacks_is_missing() {
    let server = TestServer::start(|asked| {
        let action = asked.last()?.action();
        let empty = ["DescribeVpcs", "DescribeAvailabilityZones"].contains(&action.as_str());
        let five = "<item><publicIp>192.0.2.1</publicIp></item>".repeat(5);
        match action.as_str() {
            _ if empty => Some(Reply::Good("<R><vpcSet/><availabilityZoneInfo/></R>".into())),
            "DescribeAddresses" => Some(Reply::Good(format!("<R><addressesSet>{five}</addressesSet></R>"))),
            _ => None,
        }
    })
    .await;
    let led = Ec2Settings { virtual_ips: Some(Ec2VirtualIps::Elastic), ..Ec2Settings::default() };
    let findings = server.findings_with(&[], &led, HASTE).await;
    assert_eq!(lack(&findings, "networks").detail, "DescribeVpcs: the account has none in this region");
    assert!(lack(&findings, "zones").detail.ends_with("no zone that is available"));
    assert_eq!(lack(&findings, "elastic IPs").detail, "none left: 5 used of a quota of 5");
    let needless = found(&server.findings().await, "elastic IPs").to_owned();
    assert_eq!(needless, "none left: 5 used of a quota of 5; only scenarios with a floating IP need one");
}
