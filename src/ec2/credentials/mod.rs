//! Credentials: got from where an account says, and got again before they expire.

use std::time::{Duration, SystemTime};

use reqwest::Client;
use serde_json::Value;

use super::account::{Account, Source};
use super::error::Ec2Error;
use super::http;
use crate::provider::secret::Secret;
use crate::requests::Patience;

mod keeper;
pub(super) mod metadata;
mod process;
mod sso;

pub(super) use keeper::Keeper;

/// Keys that sign requests. The secret and the token are never shown.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
    pub(super) expires: Option<SystemTime>,
}

impl Credentials {
    /// Such that do not expire.
    pub(super) fn new(id: &str, secret: Secret, token: Option<Secret>) -> Self {
        Credentials { id: id.into(), secret, token, expires: None }
    }

    /// A text without the secrets, which a service may quote.
    pub(super) fn removed_from(&self, text: &str) -> String {
        let secrets = [Some(&self.secret), self.token.as_ref()].into_iter().flatten();
        secrets
            .filter(|secret| !secret.reveal().is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), "***"))
    }

    /// From JSON, where the fields have these names: id, secret, token, and the moment at which they expire.
    ///
    /// # Errors
    /// What is missing or can't be read, in words that quote no value.
    fn from_json(json: &Value, [id, secret, token, expires]: [&str; 4]) -> Result<Credentials, String> {
        let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let needed = |name: &str| text(name).ok_or_else(|| format!("the answer has no `{name}`"));
        let token = text(token).map(|token| Secret::new(token.into()));
        let moment = json.get(expires).filter(|moment| !moment.is_null()).map(|moment| {
            let stamp = match (moment.as_str(), moment.as_i64()) {
                (Some(text), _) => text.parse::<jiff::Timestamp>().ok(),
                (_, Some(milliseconds)) => jiff::Timestamp::from_millisecond(milliseconds).ok(),
                _ => None,
            };
            stamp.map(SystemTime::from).ok_or_else(|| format!("`{expires}` of the answer is no moment"))
        });
        let keys = Credentials::new(needed(id)?, Secret::new(needed(secret)?.into()), token);
        Ok(Credentials { expires: moment.transpose()?, ..keys })
    }
}

/// Gets credentials from where the account says.
///
/// # Errors
/// There are none, with what to do.
async fn get(account: &Account, patience: Patience) -> Result<Credentials, Ec2Error> {
    match &account.source {
        Source::Keys(keys) => {
            let token = keys.token.as_ref().map(|token| token.secret());
            Ok(Credentials::new(keys.id.text(), keys.secret.secret(), token))
        }
        Source::Process(command) => process::run(command, process::WITHIN).await,
        Source::Sso(sso) => sso::get(sso, account, patience).await,
        Source::Metadata => metadata::credentials(account).await,
    }
}

/// Where they come from, in words.
pub(super) fn source(account: &Account) -> String {
    match &account.source {
        Source::Keys(keys) if file(&keys.id.place) == file(&keys.secret.place) => keys.id.place.clone(),
        Source::Keys(keys) => format!("{} and {}", keys.id.place, keys.secret.place),
        Source::Process(command) => format!("the command at {}", command.place),
        Source::Sso(sso) => format!("the single sign-on of the profile `{}`, at {}", sso.profile, sso.role.place),
        Source::Metadata => "the metadata of this instance".into(),
    }
}

/// Whether they are those of variables, whatever the profile says.
pub(super) fn are_of_variables(account: &Account) -> bool {
    matches!(&account.source, Source::Keys(keys) if keys.id.is_of_variable())
}

/// The file of a place in one; a variable is its own.
fn file(place: &str) -> &str {
    place.rsplit_once(':').map_or(place, |(file, _)| file)
}

/// Sends a request that is small and near, and asks again as long as that helps.
async fn exchange(
    patience: Patience,
    shown: &str,
    request: impl Fn() -> reqwest::RequestBuilder,
) -> Result<http::Answer, Ec2Error> {
    let once = async |attempt| {
        let answer = http::send(request(), shown, patience.answer_within, attempt).await;
        match answer {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(refused(shown, answer, attempt)),
            Err(why) => Err(why.into()),
        }
        .map_err(|why| {
            let again = why.is_worth_repeating().then_some(Duration::ZERO);
            (why, again)
        })
    };
    patience.outlast(once).await
}

fn refused(shown: &str, answer: http::Answer, attempts: u32) -> Ec2Error {
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = json.get("message").and_then(Value::as_str).unwrap_or_default().chars().take(300).collect();
    let (code, request_id) = (String::new(), String::new());
    Ec2Error::Refused { request: shown.into(), status: answer.status, code, message, request_id, skew: None, attempts }
}

/// A client for one service, as long as credentials are got from it.
fn client(address: &reqwest::Url, account: &Account, patience: Patience) -> Result<Client, Ec2Error> {
    Ok(http::client(address, account, patience)?)
}
