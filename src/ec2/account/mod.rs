//! Which account is used, where its credentials come from, and which region is meant: as the AWS CLI (version 2) reads its
//! variables and files.
//!
//! It differs from the CLI where that would guess or where more would be needed: a file that is named but not there, and what
//! this program does not do (roles that are assumed, web identities, containers), are errors here, because chaos in the wrong
//! account is worse than none.

use std::path::PathBuf;

use reqwest::Url;

use crate::document::DocumentError;

mod endpoint;
mod given;
mod ini;
mod profiles;
mod read;
mod source;
mod sso;
mod surroundings;
#[cfg(test)]
mod tests;

pub(in crate::ec2) use given::Given;
pub(in crate::ec2) use sso::Sso;
pub use surroundings::Surroundings;

/// An account and how it is used. Its secrets are never shown.
pub(in crate::ec2) struct Account {
    /// The profile's name, where there is one.
    pub(in crate::ec2) profile: Option<String>,
    /// Where credentials come from.
    pub(in crate::ec2) source: Source,
    /// The region, where one is named; else that of the instance that this is.
    pub(in crate::ec2) region: Option<Given>,
    /// Where requests go in place of Amazon's own addresses.
    pub(in crate::ec2) endpoints: Endpoints,
    /// The authorities whose certificates are trusted, in place of the machine's own.
    pub(in crate::ec2) ca_bundle: Option<(PathBuf, Given)>,
    /// The instance metadata, unless it is disabled.
    pub(in crate::ec2) metadata: Option<Url>,
}

/// Addresses that were named, by service.
#[derive(Default)]
pub(in crate::ec2) struct Endpoints {
    pub(in crate::ec2) ec2: Option<(Url, Given)>,
    pub(in crate::ec2) sts: Option<(Url, Given)>,
    pub(in crate::ec2) auto_scaling: Option<(Url, Given)>,
    pub(in crate::ec2) sso: Option<(Url, Given)>,
}

/// Where credentials come from.
pub(in crate::ec2) enum Source {
    /// They are written down.
    Keys(Keys),
    /// A command prints them.
    Process(Given),
    /// The single sign-on of an organisation gives them to who is signed in.
    Sso(Sso),
    /// The instance that this program runs on has a role.
    Metadata,
}

/// Keys that are written down.
pub(in crate::ec2) struct Keys {
    pub(in crate::ec2) id: Given,
    pub(in crate::ec2) secret: Given,
    pub(in crate::ec2) token: Option<Given>,
}

/// Reads the account of this profile; without one, that of the variables, else that of `AWS_PROFILE`, else the profile
/// `default`, else that of the instance that this program runs on.
///
/// # Errors
/// The first mistake, with its file and line, or its variable.
pub(in crate::ec2) fn read(asked: Option<&str>, from: &Surroundings) -> Result<Account, DocumentError> {
    read::account(asked, from)
}
