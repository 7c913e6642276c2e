//! The login at Keystone, version 3: what is sent, and the token that comes back.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Answer, Api, ApiError, Repeat, Request};
use super::catalogue::{Catalogue, below};
use super::clouds::{Cloud, CredentialOf, Domain, Login, Named};
use crate::provider::secret::Secret;

/// A token, and what Keystone says of it.
pub(super) struct Token {
    /// The token itself.
    pub(super) id: Secret,
    /// When it was issued, by the cloud's own clock.
    pub(super) issued_at: Timestamp,
    /// For how long it was good then.
    pub(super) good_for: Duration,
    /// Whose it is.
    pub(super) who: Who,
    /// The services.
    pub(super) catalogue: Catalogue,
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    /// The user's name.
    pub(super) user: String,
    /// The project's name.
    pub(super) project: String,
    /// The project's id.
    pub(super) project_id: String,
    /// The names of the user's roles in it, sorted.
    pub(super) roles: Vec<String>,
}

#[derive(Deserialize)]
struct Answered {
    token: Body,
}

#[derive(Deserialize)]
struct Body {
    issued_at: String,
    expires_at: String,
    user: Part,
    project: Option<Part>,
    #[serde(default)]
    roles: Vec<Part>,
    #[serde(default)]
    catalog: Catalogue,
}

#[derive(Deserialize)]
struct Part {
    id: String,
    name: String,
}

/// Logs in.
///
/// # Errors
/// Keystone refuses or can't be asked, or its token is for no project.
pub(super) async fn log_in(api: &Api, cloud: &Cloud) -> Result<Token, ApiError> {
    let body = body(&cloud.login);
    let url = below(&cloud.auth_url, "auth/tokens");
    let (body, repeat) = (Some(&body), Repeat::Harmless);
    let request =
        Request { method: Method::POST, url, token: None, headers: &[], body, private: None, repeat, tally: None };
    let answer = api.send(&request).await?;
    token(answer).map_err(|why| ApiError::Unexpected { request: request.shown(), why })
}

fn token(answer: Answer) -> Result<Token, String> {
    let id = answer.headers.get("X-Subject-Token").and_then(|id| id.to_str().ok());
    let id = Secret::new(id.ok_or("the answer has no token")?.into());
    let body: Answered =
        serde_json::from_value(answer.body).map_err(|why| format!("the answer is none of Keystone's: {why}"))?;
    let Body { issued_at, expires_at, user, project, roles, catalog: catalogue } = body.token;
    let project = project.ok_or("the token is for no project")?;
    let mut roles: Vec<String> = roles.into_iter().map(|role| role.name).collect();
    roles.sort_unstable();
    let who = Who { user: user.name, project: project.name, project_id: project.id, roles };
    let moment =
        |text: &str| text.parse::<Timestamp>().map_err(|why| format!("the token's times can't be read: {why}"));
    let issued_at = moment(&issued_at)?;
    let good_for = moment(&expires_at)?.duration_since(issued_at).try_into().unwrap_or(Duration::ZERO);
    Ok(Token { id, issued_at, good_for, who, catalogue })
}

/// What is sent to log in.
fn body(login: &Login) -> Value {
    let (method, identity, project) = match login {
        Login::Password { user, password, project } => {
            let mut user = reference(user);
            user["password"] = password.reveal().into();
            ("password", json!({ "user": user }), Some(project))
        }
        Login::ApplicationCredential { of, secret } => {
            let mut credential = match of {
                CredentialOf::Id(id) => json!({ "id": id }),
                CredentialOf::Name(name, user) => json!({ "name": name, "user": reference(user) }),
            };
            credential["secret"] = secret.reveal().into();
            ("application_credential", credential, None)
        }
        Login::Token { token, project } => ("token", json!({ "id": token.reveal() }), Some(project)),
    };
    let mut auth = json!({ "identity": { "methods": [method], method: identity } });
    if let Some(project) = project {
        auth["scope"] = json!({ "project": reference(project) });
    }
    json!({ "auth": auth })
}

fn reference(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({ "id": id }),
        Named::Name(name, Domain::Id(id)) => json!({ "name": name, "domain": { "id": id } }),
        Named::Name(name, Domain::Name(domain)) => json!({ "name": name, "domain": { "name": domain } }),
    }
}
