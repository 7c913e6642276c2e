//! What to do about an answer of EC2: which line of which file, or which variable, is meant.

use reqwest::StatusCode;

use super::account::{Account, Source};
use super::credentials;
use super::error::Ec2Error;
use crate::requests::failure::Failure;

/// What to do when a request had no good answer.
pub(super) fn on(why: &Ec2Error, account: &Account) -> String {
    match why {
        Ec2Error::Described(why) => why.hint.clone().unwrap_or_else(|| "correct it".into()),
        Ec2Error::NoCredentials { fix, .. } => fix.clone(),
        Ec2Error::NoAnswer(Failure::Untrusted { .. }) => on_certificate(account),
        Ec2Error::NoAnswer(Failure::Unreachable { .. } | Failure::TimedOut { .. }) => {
            format!("check the way to it from this machine{}", named_there(account))
        }
        Ec2Error::Unexpected { .. } => format!("check that this is the address of EC2's API{}", named_there(account)),
        Ec2Error::NoAnswer(Failure::Broken { .. }) => LATER.into(),
        Ec2Error::Refused { skew: Some(_), .. } => {
            "set this machine's clock: `timedatectl set-ntp true` lets it follow the network's time".into()
        }
        Ec2Error::Refused { code, status, .. } => on_code(code, *status, why, account),
    }
}

const LATER: &str = "try again later; https://health.aws.amazon.com tells whether the region has trouble";

fn on_code(code: &str, status: StatusCode, why: &Ec2Error, account: &Account) -> String {
    let from = credentials::source(account);
    match code {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            format!("ask an administrator of the account for a policy that allows it to the credentials from {from}")
        }
        "AuthFailure" | "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
            format!(
                "check the key's id at {}: it may have been deleted or disabled, or be that of another partition",
                id(account)
            )
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            format!("check the secret at {}, and the clock of this machine", secret(account))
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => match account.source {
            Source::Keys(_) => format!("get new credentials for {from}: these have expired"),
            _ => "check the clock of this machine".into(),
        },
        "OptInRequired" => "enable the region, or EC2, in the account's settings".into(),
        "InstanceLimitExceeded" | "VcpuLimitExceeded" | "MaxSpotInstanceCountExceeded" => {
            "terminate instances that are not needed, or ask for a greater quota in Service Quotas".into()
        }
        code if code.starts_with("Insufficient") => {
            "the zone has no such capacity now: take another zone or instance type, or try again later".into()
        }
        _ if why.is_throttling() => {
            "set `requests_per_minute` of `[ec2]` in `chimp.toml` to what the account allows, and try again later"
                .into()
        }
        _ if status.is_server_error() => LATER.into(),
        "" => format!("check that this is the address of EC2's API{}", named_there(account)),
        _ => "correct what the answer names".into(),
    }
}

fn id(account: &Account) -> String {
    match &account.source {
        Source::Keys(keys) => keys.id.place.clone(),
        _ => credentials::source(account),
    }
}

fn secret(account: &Account) -> String {
    match &account.source {
        Source::Keys(keys) => keys.secret.place.clone(),
        _ => credentials::source(account),
    }
}

/// Where the address is named, or the region that makes it.
fn named_there(account: &Account) -> String {
    match (&account.endpoints.ec2, &account.region) {
        (Some((_, given)), _) => format!("; {} names the address", given.place),
        (None, Some(region)) => format!(", and the region `{}` at {}", region.text(), region.place),
        (None, None) => String::new(),
    }
}

fn on_certificate(account: &Account) -> String {
    match &account.ca_bundle {
        Some((file, given)) => {
            format!("name the certificate of the authority that signed it: {} names {}", given.place, file.display())
        }
        None => {
            "name the file of the service's own authority by `AWS_CA_BUNDLE`, or by `ca_bundle` of the profile".into()
        }
    }
}
