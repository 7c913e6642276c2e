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

/// What to do where no more Elastic IP may be allocated.
pub(crate) const ELASTIC_IPS_ARE_USED_UP: &str =
    "release Elastic IPs that are not needed, or ask for a greater quota in Service Quotas";

const LATER: &str = "try again later; https://health.aws.amazon.com tells whether the region has trouble";

fn on_code(code: &str, status: StatusCode, why: &Ec2Error, account: &Account) -> String {
    let from = credentials::source(account);
    match code {
        _ if why.is_forbidden() => {
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
        "AddressLimitExceeded" => ELASTIC_IPS_ARE_USED_UP.into(),
        "Gateway.NotAttached" => {
            "attach an internet gateway to the VPC, or name a `subnet` of another one: an Elastic IP leads in by it"
                .into()
        }
        "OperationNotPermitted" => on_protection(why),
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

/// What protects an instance, by the attribute that the answer names.
fn on_protection(why: &Ec2Error) -> String {
    let message = if let Ec2Error::Refused { message, .. } = why { message.as_str() } else { "" };
    let instance = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find(|word| word.starts_with("i-"));
    let instance = instance.unwrap_or("INSTANCE");
    match message {
        _ if message.contains("disableApiTermination") => lift(instance, TERMINATION),
        _ if message.contains("disableApiStop") => lift(instance, "--no-disable-api-stop"),
        _ => "correct what the answer names".into(),
    }
}

/// What lifts the protection of an instance from termination.
pub(super) const TERMINATION: &str = "--no-disable-api-termination";

/// How the protection of an instance is lifted.
pub(super) fn lift(instance: &str, option: &str) -> String {
    format!("lift its protection: `aws ec2 modify-instance-attribute --instance-id {instance} {option}`")
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
