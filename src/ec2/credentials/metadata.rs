//! The metadata of the instance that this program runs on (version 2): its role's credentials, and its region.

use std::time::Duration;

use reqwest::{Client, Method, Url};
use serde_json::Value;

use super::{Credentials, client, exchange};
use crate::ec2::account::{Account, Given};
use crate::ec2::error::Ec2Error;
use crate::provider::secret::Secret;
use crate::requests::Patience;

/// The metadata are as near as the machine's own kernel. Where there are none, nothing answers: so little is waited for.
const PATIENCE: Patience = Patience {
    attempts: 3,
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_secs(1),
    connect_within: Duration::from_secs(1),
    answer_within: Duration::from_secs(2),
};

const ROLE: &str = "latest/meta-data/iam/security-credentials/";

/// The credentials of the instance's role.
///
/// # Errors
/// This machine is no instance, or has no role.
pub(super) async fn credentials(account: &Account) -> Result<Credentials, Ec2Error> {
    let metadata = Metadata::open(account).await?;
    let roles = metadata.read(ROLE).await?;
    let Some(role) = roles.lines().next().filter(|role| !role.is_empty()) else {
        return Err(failed("the instance has no role".into()));
    };
    let json: Value = serde_json::from_str(&metadata.read(&format!("{ROLE}{role}")).await?).unwrap_or_default();
    match json.get("Code").and_then(Value::as_str) {
        Some("Success") => {}
        Some(code) => return Err(failed(format!("the role `{role}` has none: {code}"))),
        None => return Err(failed(format!("the answer for the role `{role}` is none of the metadata service's"))),
    }
    Credentials::from_json(&json, ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"]).map_err(failed)
}

/// The region that the instance is in.
///
/// # Errors
/// This machine is no instance.
pub(in crate::ec2) async fn region(account: &Account) -> Result<Given, Ec2Error> {
    let metadata = Metadata::open(account).await?;
    let region = metadata.read("latest/meta-data/placement/region").await?;
    Ok(Given::new(region.trim(), "the metadata of this instance"))
}

/// The service, which gave a token.
struct Metadata {
    client: Client,
    address: Url,
    token: Secret,
}

impl Metadata {
    async fn open(account: &Account) -> Result<Metadata, Ec2Error> {
        let address = account.metadata.clone().ok_or_else(|| failed("they are disabled".into()))?;
        let client = client(&address, account, PATIENCE)?;
        let token = address.join("latest/api/token").map_err(|why| failed(why.to_string()))?;
        let shown = format!("PUT {token}");
        let asked = || {
            client.request(Method::PUT, token.clone()).header("X-aws-ec2-metadata-token-ttl-seconds", "21600").body("")
        };
        let answer = exchange(PATIENCE, &shown, asked).await.map_err(|why| failed(why.to_string()))?;
        let token = Secret::new(String::from_utf8_lossy(&answer.body).trim().to_owned());
        Ok(Metadata { client, address, token })
    }

    async fn read(&self, path: &str) -> Result<String, Ec2Error> {
        let url = self.address.join(path).map_err(|why| failed(why.to_string()))?;
        let shown = format!("GET {url}");
        let asked = || self.client.get(url.clone()).header("X-aws-ec2-metadata-token", self.token.reveal());
        let answer = exchange(PATIENCE, &shown, asked).await.map_err(|why| failed(why.to_string()))?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

fn failed(why: String) -> Ec2Error {
    Ec2Error::NoCredentials {
        place: "the metadata of this instance".into(),
        why,
        fix: "if this machine is no EC2 instance, run `aws configure`, name a profile by `--on ec2=PROFILE`, or set \
              `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; if it is one, give it a role"
            .into(),
    }
}
