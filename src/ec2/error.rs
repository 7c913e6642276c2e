//! Why something could not be asked of an account.

use std::time::Duration;

use reqwest::StatusCode;

use crate::document::DocumentError;
use crate::requests::failure::{Failure, tries};
use crate::units::show_duration;

/// Why a request had no good answer. Nothing of it shows a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ec2Error {
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
    /// There was no answer.
    #[error(transparent)]
    NoAnswer(#[from] Failure),
    /// An answer of another form.
    #[error("{request}: {why}")]
    Unexpected { request: String, why: String },
}

impl Ec2Error {
    /// The code of the service's answer, where it said no.
    pub(crate) fn code(&self) -> &str {
        match self {
            Ec2Error::Refused { code, .. } => code,
            _ => "",
        }
    }

    /// Whether another attempt may meet something else. Where a zone lacks the capacity, none does soon, though EC2 answers 500.
    pub(super) fn is_worth_repeating(&self) -> bool {
        match self {
            Ec2Error::NoAnswer(why) => why.may_have_arrived(),
            Ec2Error::Refused { code, .. } if code.starts_with("Insufficient") => false,
            Ec2Error::Refused { status, .. } => {
                *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || self.is_throttling()
            }
            _ => false,
        }
    }

    /// Whether it is not known if the request was carried out.
    pub(super) fn is_unclear(&self) -> bool {
        match self {
            Ec2Error::NoAnswer(why) => why.may_have_arrived(),
            Ec2Error::Refused { status, .. } => {
                status.is_server_error() && self.is_worth_repeating() && !self.is_throttling()
            }
            Ec2Error::Unexpected { .. } => true,
            Ec2Error::Described(_) | Ec2Error::NoCredentials { .. } => false,
        }
    }

    /// Whether the account may not do this.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self.code(), "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException")
    }

    /// Whether there were too many requests.
    pub(super) fn is_throttling(&self) -> bool {
        let codes =
            ["RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled", "EC2ThrottledException"];
        codes.contains(&self.code()) || matches!(self, Ec2Error::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. })
    }

    /// Whether what was named is not there: not yet, or no longer.
    pub(super) fn is_not_found(&self) -> bool {
        let is_group = |message: &str| message.contains("AutoScalingGroup") && message.contains("not found");
        match self {
            Ec2Error::Refused { code, message, .. } if code == "ValidationError" => is_group(message),
            _ => self.code().ends_with(".NotFound") || self.code().ends_with(".NotFoundException"),
        }
    }

    /// Whether something else still uses what was named.
    pub(super) fn is_in_use(&self) -> bool {
        self.code().ends_with(".InUse")
            || ["DependencyViolation", "ResourceInUse", "ScalingActivityInProgress"].contains(&self.code())
    }

    /// Whether the account's rights are not enough.
    pub(crate) fn is_denied(&self) -> bool {
        ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"].contains(&self.code())
    }

    /// Whether the credentials are no longer good.
    pub(super) fn is_expired(&self) -> bool {
        matches!(self.code(), "ExpiredToken" | "ExpiredTokenException")
    }
}

/// How far this machine's clock is from a service's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skew {
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
