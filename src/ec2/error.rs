//! Why something could not be asked of an account.

use std::time::Duration;

use reqwest::StatusCode;

use crate::document::DocumentError;
use crate::requests::failure::{innermost, is_untrusted};
use crate::units::show_duration;

/// Why a request had no good answer. Nothing of it shows a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ec2Error {
    /// What describes the account has a mistake.
    #[error(transparent)]
    Described(#[from] DocumentError),
    /// No credentials could be had from where they come from.
    #[error("no credentials from {place}: {why}")]
    NoCredentials { place: String, why: String, fix: String },
    /// The service said no.
    #[error("{request} answered {status}{}{}{}{}", said(.code, .message), id(.request_id), clock(.skew), tries(*.attempts))]
    Refused {
        request: String,
        status: StatusCode,
        /// Such as `UnauthorizedOperation`; empty where the answer is not that of the API.
        code: String,
        message: String,
        request_id: String,
        /// How far this machine's clock is from the service's, where that may be the reason.
        skew: Option<Skew>,
        attempts: u32,
    },
    /// No connection.
    #[error("{request}: no connection: {why}")]
    Unreachable { request: String, why: String },
    /// The service's certificate is not trusted.
    #[error("{request}: the certificate is not trusted: {why}")]
    Untrusted { request: String, why: String },
    /// No answer in time.
    #[error("{request}: no answer within {}{}", show_duration(*.within), tries(*.attempts))]
    TimedOut { request: String, within: Duration, attempts: u32 },
    /// The connection ended before the answer did.
    #[error("{request}: the connection broke: {why}{}", tries(*.attempts))]
    Broken { request: String, why: String, attempts: u32 },
    /// An answer of another form.
    #[error("{request}: {why}")]
    Unexpected { request: String, why: String },
}

impl Ec2Error {
    /// What a request met that had no answer.
    pub(super) fn met(request: &str, why: &reqwest::Error, within: Duration, attempts: u32) -> Ec2Error {
        let (request, shown) = (request.to_owned(), innermost(why));
        if is_untrusted(why) {
            Ec2Error::Untrusted { request, why: shown }
        } else if why.is_connect() {
            Ec2Error::Unreachable { request, why: shown }
        } else if why.is_timeout() {
            Ec2Error::TimedOut { request, within, attempts }
        } else {
            Ec2Error::Broken { request, why: shown, attempts }
        }
    }

    /// The code of the service's answer, where it said no.
    pub(super) fn code(&self) -> &str {
        match self {
            Ec2Error::Refused { code, .. } => code,
            _ => "",
        }
    }

    /// Whether another attempt may meet something else. Where a zone lacks the capacity, none does soon, though EC2 answers 500.
    pub(super) fn is_worth_repeating(&self) -> bool {
        match self {
            Ec2Error::TimedOut { .. } | Ec2Error::Broken { .. } => true,
            Ec2Error::Refused { code, .. } if code.starts_with("Insufficient") => false,
            Ec2Error::Refused { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || self.is_throttling()
            }
            _ => false,
        }
    }

    /// Whether there were too many requests.
    pub(super) fn is_throttling(&self) -> bool {
        let codes =
            ["RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "EC2ThrottledException"];
        codes.contains(&self.code()) || matches!(self, Ec2Error::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. })
    }

    /// Whether the credentials are no longer good.
    pub(super) fn is_expired(&self) -> bool {
        matches!(self.code(), "ExpiredToken" | "ExpiredTokenException")
    }
}

/// How far this machine's clock is from a service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skew {
    Behind(Duration),
    Ahead(Duration),
}

fn said(code: &str, message: &str) -> String {
    [code, message].into_iter().filter(|text| !text.is_empty()).map(|text| format!(": {text}")).collect()
}

fn id(request_id: &str) -> String {
    if request_id.is_empty() { String::new() } else { format!(" (request id {request_id})") }
}

fn clock(skew: &Option<Skew>) -> String {
    match skew {
        Some(Skew::Behind(by)) => format!("; this machine's clock is {} behind the service's", show_duration(*by)),
        Some(Skew::Ahead(by)) => format!("; this machine's clock is {} ahead of the service's", show_duration(*by)),
        None => String::new(),
    }
}

fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(" (asked {attempts} times)") } else { String::new() }
}
