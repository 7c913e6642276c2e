//! Single sign-on: who is signed in by `aws sso login` gets a role's credentials for the token that the CLI keeps.

use std::time::SystemTime;

use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::{Credentials, client, exchange};
use crate::ec2::account::{Account, Sso};
use crate::ec2::endpoint;
use crate::ec2::error::Ec2Error;
use crate::provider::secret::{Secret, read_private};
use crate::requests::Patience;
use crate::text::TextError;

/// The credentials of the role.
///
/// # Errors
/// No token is kept, it has expired, or the service refuses.
pub(super) async fn get(sso: &Sso, account: &Account, patience: Patience) -> Result<Credentials, Ec2Error> {
    let token = token(sso)?;
    let address = match &account.endpoints.sso {
        Some((address, _)) => address.clone(),
        None => endpoint::of("portal.sso", sso.region.text()).map_err(|why| failed(sso, why))?,
    };
    let url = credentials_url(&address, sso).map_err(|why| failed(sso, why))?;
    let client = client(&url, account, patience)?;
    let shown = format!("GET {url}");
    let asked = || client.get(url.clone()).header("x-amz-sso_bearer_token", token.reveal());
    let answer = exchange(patience, &shown, asked).await.map_err(|why| match why {
        Ec2Error::Refused { status: StatusCode::UNAUTHORIZED, .. } => sign_in(sso, "the token is not taken".into()),
        other => failed(sso, other.to_string()),
    })?;
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let role = json.get("roleCredentials").unwrap_or(&Value::Null);
    let fields = ["accessKeyId", "secretAccessKey", "sessionToken", "expiration"];
    Credentials::from_json(role, fields).map_err(|why| failed(sso, why))
}

fn credentials_url(address: &Url, sso: &Sso) -> Result<Url, String> {
    let mut url = address.join("federation/credentials").map_err(|why| why.to_string())?;
    url.query_pairs_mut().append_pair("role_name", sso.role.text()).append_pair("account_id", sso.account.text());
    Ok(url)
}

/// The token that the CLI keeps.
fn token(sso: &Sso) -> Result<Secret, Ec2Error> {
    let file = sso.token_file.display();
    let text = read_private(&sso.token_file).map_err(|why| match why {
        TextError::Io(why) if why.kind() == std::io::ErrorKind::NotFound => {
            sign_in(sso, format!("no user is signed in: there is no {file}"))
        }
        why => sign_in(sso, format!("{file}: can't be read: {why}")),
    })?;
    let json: Value = serde_json::from_str(&text).map_err(|_| sign_in(sso, format!("{file} is not JSON")))?;
    let of = |name: &str| json.get(name).and_then(Value::as_str);
    let expires = of("expiresAt").and_then(|at| at.replace("UTC", "Z").parse::<jiff::Timestamp>().ok());
    match (of("accessToken"), expires) {
        (Some(token), Some(at)) if SystemTime::from(at) > SystemTime::now() => Ok(Secret::new(token.into())),
        (Some(_), Some(at)) => Err(sign_in(sso, format!("the sign-in of {file} has expired at {at}"))),
        _ => Err(sign_in(sso, format!("{file} has no token with its end"))),
    }
}

fn sign_in(sso: &Sso, why: String) -> Ec2Error {
    let fix = format!("run `aws sso login --profile {}`", sso.profile);
    Ec2Error::NoCredentials { place: place(sso), why, fix }
}

fn failed(sso: &Sso, why: String) -> Ec2Error {
    let (account, role) = (&sso.account.place, &sso.role.place);
    let fix = format!(
        "check `sso_account_id` at {account}, `sso_role_name` at {role} and `sso_region` at {}",
        sso.region.place
    );
    Ec2Error::NoCredentials { place: place(sso), why, fix }
}

fn place(sso: &Sso) -> String {
    format!("the single sign-on of the profile `{}`", sso.profile)
}
