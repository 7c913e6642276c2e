//! One request to one of a cloud's APIs: sent again while that can help, then one clear error.
//!
//! Sent again, after a growing pause, is what met 429 or 413 (after `Retry-After`), 5xx, a time-out or a broken connection. What
//! no pause changes fails at once: another status, no route, a certificate that is not trusted. A request that must not be
//! carried out twice is sent again only where the service surely did not carry it out: after 413, 429 and 503.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::Value;

use super::catalogue::Absent;
use super::clouds::Cloud;
use super::tls;
use crate::document::DocumentError;
use crate::provider::secret::Secret;
use crate::requests::failure::{Failure, tries};
use crate::requests::{Pace, Patience, Tally};

/// Why a request had no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The service said no.
    #[error("{request} answered {status}{}{}", said(.message), tries(*.attempts))]
    Refused { request: String, status: StatusCode, message: String, attempts: u32 },
    /// There was no answer.
    #[error(transparent)]
    NoAnswer(#[from] Failure),
    /// An answer of another form.
    #[error("{request}: {why}")]
    Unexpected { request: String, why: String },
    /// The catalogue has no such service.
    #[error(transparent)]
    Absent(#[from] Absent),
}

impl ApiError {
    /// The status that the service answered with, where it said no.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            ApiError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What the service said with it.
    pub(super) fn message(&self) -> &str {
        match self {
            ApiError::Refused { message, .. } => message,
            _ => "",
        }
    }

    /// Whether the request may have been carried out all the same.
    pub(super) fn is_unclear(&self) -> bool {
        match self {
            ApiError::NoAnswer(why) => why.may_have_arrived(),
            ApiError::Unexpected { .. } => true,
            ApiError::Refused { status, .. } => status.is_server_error() && *status != StatusCode::SERVICE_UNAVAILABLE,
            _ => false,
        }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

/// Whether a request that may have been carried out may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Carried out twice, it does no more than once.
    Harmless,
    /// Carried out twice, it would make two things, or do something a second time.
    Harmful,
}

/// A request.
pub(super) struct Request<'r> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) token: Option<&'r Secret>,
    pub(super) headers: &'r [(&'static str, String)],
    /// JSON.
    pub(super) body: Option<&'r Value>,
    /// A part of the body that no error may quote.
    pub(super) private: Option<&'r Secret>,
    pub(super) repeat: Repeat,
    /// Where it is counted, beside the count of all requests.
    pub(super) tally: Option<&'r Tally>,
}

impl Request<'_> {
    /// It in words, such as `GET http://10.0.0.1:5000/v3`; without what it carries.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

/// A good answer. It may carry a token, so it has no `Debug`.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// The way to a cloud's APIs.
pub(super) struct Api {
    client: Client,
    pace: Mutex<Pace>,
    patience: Patience,
    login_secret: Secret,
}

impl Api {
    /// # Errors
    /// The cloud's file of certificates can't be used.
    pub(super) fn new(cloud: &Cloud, per_minute: u32, patience: Patience) -> Result<Api, DocumentError> {
        let answer_within = cloud.answer_within.unwrap_or(patience.answer_within);
        let patience = Patience { answer_within, ..patience };
        let client = tls::client(cloud, patience)?;
        Ok(Api {
            client,
            pace: Mutex::new(Pace::new(per_minute)),
            patience,
            login_secret: cloud.login.secret().clone(),
        })
    }

    /// How many requests were sent, those that were sent again among them.
    pub(super) fn count(&self) -> u64 {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// Sends a request until it has a good answer or trying again is no use.
    ///
    /// # Errors
    /// What the last attempt met.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer, ApiError> {
        self.patience.outlast(|attempt| self.attempt(request, attempt)).await
    }

    /// One attempt. With an error comes the pause that the service asks for, at least, where another attempt can help.
    async fn attempt(&self, request: &Request<'_>, attempts: u32) -> Result<Answer, (ApiError, Option<Duration>)> {
        let at = self.pace.lock().unwrap_or_else(PoisonError::into_inner).next(Instant::now());
        tokio::time::sleep_until(at.into()).await;
        request.tally.inspect(|tally| tally.add());
        let met = |why: reqwest::Error| self.met(request, &why, attempts);
        tracing::debug!(request = request.shown(), "asking the cloud");
        let answer = self.built(request).send().await.map_err(met)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(met)?;
        tracing::debug!(request = request.shown(), status = status.as_u16(), "the cloud answered");
        if status.is_success() || status == StatusCode::MULTIPLE_CHOICES {
            let why = |why: serde_json::Error| format!("the answer is not JSON: {why}");
            let unexpected = |why| (ApiError::Unexpected { request: request.shown(), why }, None);
            if body.is_empty() && request.method != Method::GET {
                return Ok(Answer { headers, body: Value::Null });
            }
            let body = serde_json::from_slice(&body).map_err(why).map_err(unexpected)?;
            return Ok(Answer { headers, body });
        }
        let location = headers.get(LOCATION).and_then(|to| to.to_str().ok()).map(|to| format!("it is at {to}"));
        let message = self.without_secrets(location.unwrap_or_else(|| message(&body)), request);
        let why = ApiError::Refused { request: request.shown(), status, message: shortened(&message), attempts };
        let again = is_worth_repeating(&why, &headers) && (request.repeat == Repeat::Harmless || !why.is_unclear());
        Err((why, again.then(|| retry_after(&headers))))
    }

    fn built(&self, request: &Request<'_>) -> reqwest::RequestBuilder {
        let mut built = self.client.request(request.method.clone(), request.url.clone());
        if let Some(Ok(mut token)) = request.token.map(|token| HeaderValue::from_str(token.reveal())) {
            token.set_sensitive(true);
            built = built.header("X-Auth-Token", token);
        }
        for (name, value) in request.headers {
            built = built.header(*name, value);
        }
        match request.body {
            Some(body) => built.header("Content-Type", "application/json").body(body.to_string()),
            None => built,
        }
    }

    fn met(&self, request: &Request<'_>, why: &reqwest::Error, attempts: u32) -> (ApiError, Option<Duration>) {
        let why = Failure::of(request.shown(), why, self.patience.answer_within, attempts);
        let again = why.may_have_arrived() && request.repeat == Repeat::Harmless;
        (why.into(), again.then_some(Duration::ZERO))
    }

    /// A service may quote what it was sent.
    fn without_secrets(&self, message: String, request: &Request<'_>) -> String {
        let secrets = [Some(&self.login_secret), request.token, request.private].into_iter().flatten();
        secrets
            .filter(|secret| !secret.reveal().is_empty())
            .fold(message, |text, secret| text.replace(secret.reveal(), "***"))
    }
}

/// Whether the service may do later what it does not do now. What a quota forbids, a pause does not change.
fn is_worth_repeating(why: &ApiError, headers: &HeaderMap) -> bool {
    let ApiError::Refused { status, message, .. } = why else { return false };
    match *status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::PAYLOAD_TOO_LARGE => headers.contains_key(RETRY_AFTER) && !message.contains("Quota exceeded"),
        status => status.is_server_error(),
    }
}

/// In seconds; a date is read as no time, and the growing pause applies.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The longest message that is shown, in characters.
const MESSAGE: usize = 300;

/// What the service says: `{"error": {"message": …}}` and the like, else the text of the page.
fn message(body: &[u8]) -> String {
    let of =
        |value: &Value| value.get("message").or_else(|| value.get("detail")).and_then(Value::as_str).map(String::from);
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(map)) => {
            let whole = Value::Object(map);
            let below = || whole.as_object()?.values().find_map(|below| of(below.get(0).unwrap_or(below)));
            of(&whole).or_else(below).unwrap_or_default()
        }
        _ => without_tags(&String::from_utf8_lossy(body)),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(message: &str) -> String {
    message.chars().take(MESSAGE).collect()
}

fn without_tags(page: &str) -> String {
    let (mut text, mut within) = (String::new(), false);
    for sign in page.chars() {
        match sign {
            '<' => within = true,
            '>' if within => {
                within = false;
                text.push(' ');
            }
            _ if !within => text.push(sign),
            _ => {}
        }
    }
    text
}
