//! What to do about an answer of a cloud: which field of which file is meant.

use reqwest::StatusCode;

use super::api::ApiError;
use super::catalogue::Absent;
use super::clouds::{Cloud, Login, Trust};
use crate::requests::failure::Failure;

/// What to do when a login failed.
pub(super) fn on_login(why: &ApiError, cloud: &Cloud) -> String {
    match why {
        ApiError::Refused { status: StatusCode::UNAUTHORIZED, .. } => credentials(cloud),
        ApiError::Refused { status: StatusCode::FORBIDDEN, .. } => {
            format!("check that the user has a role in the project, at {}", cloud.place("project"))
        }
        ApiError::Refused { status: StatusCode::NOT_FOUND, .. } | ApiError::Unexpected { .. } => {
            format!("check `auth_url` at {}: it should be that of Keystone's API", cloud.place("auth_url"))
        }
        other => on_request(other, cloud),
    }
}

/// What to do when a service does not answer as it should.
pub(super) fn on_request(why: &ApiError, cloud: &Cloud) -> String {
    match why {
        ApiError::Absent(absent) => on_absent(absent, cloud),
        ApiError::NoAnswer(Failure::Untrusted { .. }) => on_certificate(cloud),
        ApiError::NoAnswer(Failure::Unreachable { .. } | Failure::TimedOut { .. }) => {
            format!("check the way to it from this machine, and `auth_url` at {}", cloud.place("auth_url"))
        }
        ApiError::Refused { status: StatusCode::FORBIDDEN, .. } => {
            "ask an operator of the cloud for a role that may do this".into()
        }
        ApiError::Refused { status: StatusCode::CONFLICT, .. } => {
            "what it is asked of is in a state that does not allow it, or something still uses it: try again later"
                .into()
        }
        ApiError::Refused { status: StatusCode::TOO_MANY_REQUESTS, .. } => {
            "set `requests_per_minute` of `[openstack]` in `chimp.toml` to what the cloud allows, and try again later"
                .into()
        }
        ApiError::Refused { status: StatusCode::UNAUTHORIZED, .. } => credentials(cloud),
        ApiError::Refused { status: StatusCode::NOT_FOUND, .. } | ApiError::Unexpected { .. } => {
            "ask an operator of the cloud whether the catalogue's address of this service is right".into()
        }
        ApiError::Refused { .. } | ApiError::NoAnswer(Failure::Broken { .. }) => {
            "try again later; if it stays so, ask an operator of the cloud".into()
        }
    }
}

fn credentials(cloud: &Cloud) -> String {
    match cloud.login {
        Login::Password { .. } => {
            let (user, password) = (cloud.place("username"), cloud.place("password"));
            format!(
                "check the user at {user}, its domain, and the password at {password}; also the project at {}",
                cloud.place("project")
            )
        }
        Login::ApplicationCredential { .. } => {
            let place = cloud.place("application_credential_secret");
            format!("check the application credential and its secret at {place}; it may have expired or been deleted")
        }
        Login::Token { .. } => format!("get a new token for {}: this one may have expired", cloud.place("token")),
    }
}

fn on_certificate(cloud: &Cloud) -> String {
    match &cloud.trust {
        Trust::File(path) => {
            let (file, place) = (path.display(), cloud.place("cacert"));
            format!("name the certificate of the authority that signed it: `cacert` at {place} names {file}")
        }
        _ => format!(
            "name the file of the cloud's own authority by `cacert: FILE` in the cloud `{}` of {}",
            cloud.name, cloud.from
        ),
    }
}

fn on_absent(absent: &Absent, cloud: &Cloud) -> String {
    match absent {
        Absent::Region { hint, .. } => format!("{hint} (it is named at {})", cloud.place("region_name")),
        Absent::WhichRegion { hint } => {
            format!("{hint}; write `region_name: …` in the cloud `{}` of {}", cloud.name, cloud.from)
        }
        Absent::Service { hint, .. } => format!("{hint}; this harness needs compute, network and image"),
        Absent::Address { .. } => {
            "name another `region_name` or `interface`, or ask an operator of the cloud for this one".into()
        }
        Absent::Malformed { .. } => "ask an operator of the cloud to correct its catalogue".into(),
    }
}
