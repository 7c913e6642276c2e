//! An endpoint for tests, on loopback: it answers as EC2 and STS do, and a test says what it answers otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::account::{self, Surroundings};
use super::doctor::look_with;
use super::query::Api;
use crate::requests::Patience;
use crate::requests::findings::{Findings, Lack};
use crate::requests::test_server::Endpoint;
pub(super) use crate::requests::test_server::{Asked, HASTE, Reply};
use crate::settings::Ec2Settings;

pub(super) const SECRET: &str = "wJalrXUtnFEMI/of-the-chimp";
const CREDENTIALS: &str = "[default]\naws_access_key_id = AKIACHIMP\naws_secret_access_key = wJalrXUtnFEMI/of-the-chimp\nregion = eu-central-1\n";

impl Asked {
    /// The action of the Query API; of anything else, its path.
    pub(super) fn action(&self) -> String {
        let mut fields = form_urlencoded::parse(self.body.as_bytes());
        fields.find(|(name, _)| name == "Action").map_or_else(|| self.line.clone(), |(_, action)| action.into_owned())
    }

    /// The fields of the Query API: `NAME=VALUE`, in their order. The first two are the action and its version.
    pub(super) fn fields(&self) -> Vec<String> {
        form_urlencoded::parse(self.body.as_bytes()).map(|(name, value)| format!("{name}={value}")).collect()
    }
}

/// A refusal of EC2's.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>7a62c49f-347e</RequestID></Response>"
    );
    Reply::Status(status, "", body)
}

/// An endpoint that lives as long as the test's runtime, and a user's folder.
pub(super) struct TestServer {
    pub(super) base: String,
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
    pub(super) home: tempfile::TempDir,
}

impl TestServer {
    /// Answers a request by all that came, this one among them; `None`: as a good account.
    pub(super) async fn start(script: impl Fn(&[Asked]) -> Option<Reply> + Send + Sync + 'static) -> TestServer {
        let Endpoint { base, asked } = Endpoint::start(None, move |asked, _| {
            let last = asked.last().expect("a request has come");
            (script(asked).unwrap_or_else(|| of_a_good_account(last)), String::new())
        })
        .await;
        let server = TestServer { base, asked, home: tempfile::tempdir().unwrap() };
        server.file("credentials", CREDENTIALS);
        server
    }

    /// Answers every request so; their number is known, from 1.
    pub(super) async fn answering(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> TestServer {
        TestServer::start(move |asked| Some(reply(asked.len()))).await
    }

    /// Answers requests of this action so; the number of those that came, from 1, is known.
    pub(super) async fn at(
        action: &'static str,
        reply: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> TestServer {
        TestServer::start(move |asked: &[Asked]| {
            let is_one = |asked: &&Asked| asked.action() == action;
            asked.last().filter(is_one).and_then(|_| reply(asked.iter().filter(is_one).count()))
        })
        .await
    }

    /// A user of its API.
    pub(super) async fn api(&self) -> Api {
        self.api_with(&[]).await
    }

    /// The same where the environment has these variables more.
    pub(super) async fn api_with(&self, variables: &[(&str, &str)]) -> Api {
        let account = account::read(None, &self.surroundings(variables)).unwrap();
        Api::open(Arc::new(account), 10_000, HASTE).await.unwrap()
    }

    /// Writes a file of the user's `.aws`.
    pub(super) fn file(&self, name: &str, text: &str) {
        let path = self.home.path().join(".aws").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// All services are asked here, and the instance metadata, too, unless a variable disables them.
    pub(super) fn surroundings(&self, variables: &[(&str, &str)]) -> Surroundings {
        let mut all: BTreeMap<String, String> = BTreeMap::from([
            ("AWS_ENDPOINT_URL".into(), self.base.clone()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT".into(), self.base.clone()),
        ]);
        all.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        Surroundings { variables: all, home: self.home.path().into() }
    }

    pub(super) async fn findings(&self) -> Findings {
        self.findings_with(&[], &Ec2Settings::default(), HASTE).await
    }

    /// What the doctor finds.
    pub(super) async fn findings_with(
        &self,
        variables: &[(&str, &str)],
        settings: &Ec2Settings,
        patience: Patience,
    ) -> Findings {
        let findings = look_with(None, &self.surroundings(variables), settings, patience).await;
        let shown = format!("{findings:?}");
        assert!(!shown.contains("of-the-chimp"), "a secret is shown: {shown}");
        findings
    }

    /// The [fields](Asked::fields) of the last request.
    pub(super) fn last_fields(&self) -> Vec<String> {
        self.asked.lock().unwrap().last().expect("a request has come").fields()
    }

    pub(super) fn actions(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(Asked::action).collect()
    }

    pub(super) fn count(&self, action: &str) -> usize {
        self.actions().iter().filter(|asked| *asked == action).count()
    }
}

pub(super) fn lack<'f>(findings: &'f Findings, name: &str) -> &'f Lack {
    let row =
        findings.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`: {findings:?}"));
    row.found.as_ref().expect_err("it is missing")
}

pub(super) fn found<'f>(findings: &'f Findings, name: &str) -> &'f str {
    let row =
        findings.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`: {findings:?}"));
    row.found.as_ref().unwrap_or_else(|lack| panic!("{lack:?}"))
}

/// As the documentation of the API shows them, in short.
fn of_a_good_account(asked: &Asked) -> Reply {
    let list = |action: &str, list: &str, items: &str| {
        Reply::Good(format!(
            "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>59dbff89</requestId><{list}>{items}</{list}></{action}Response>"
        ))
    };
    let action = asked.action();
    if !asked.head.contains("authorization: aws4-hmac-sha256 credential=akia") {
        return refusal(401, "AuthFailure", "AWS was not able to validate the provided access credentials");
    }
    match action.as_str() {
        "GetCallerIdentity" => Reply::Good("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/chimp</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>".into()),
        "DescribeAvailabilityZones" => list(&action, "availabilityZoneInfo", "<item><zoneName>eu-central-1a</zoneName><zoneState>available</zoneState></item><item><zoneName>eu-central-1b</zoneName><zoneState>impaired</zoneState></item>"),
        "DescribeVpcs" => list(&action, "vpcSet", "<item><vpcId>vpc-1</vpcId></item>"),
        "DescribeSubnets" => list(&action, "subnetSet", "<item><subnetId>subnet-1</subnetId></item>"),
        "DescribeSecurityGroups" => list(&action, "securityGroupInfo", "<item><groupId>sg-1</groupId></item>"),
        "DescribeAccountAttributes" => list(&action, "accountAttributeSet", "<item><attributeName>vpc-max-elastic-ips</attributeName><attributeValueSet><item><attributeValue>5</attributeValue></item></attributeValueSet></item>"),
        "DescribeAddresses" => list(&action, "addressesSet", "<item><publicIp>192.0.2.1</publicIp></item>"),
        "RunInstances" if asked.body.contains("DryRun=true") => refusal(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
        _ => refusal(400, "InvalidAction", "The action is not valid for this web service."),
    }
}
