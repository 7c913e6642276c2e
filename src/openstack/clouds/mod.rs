//! Which cloud is meant and how it is logged in to, as openstacksdk reads `clouds.yaml`, `secure.yaml` and `OS_*`.
//!
//! It differs from openstacksdk where that would guess: a file that is named but not there, one that is not YAML, and what
//! this program does not do (vendor profiles, client certificates, endpoint overrides) are errors here, because chaos in the
//! wrong cloud is worse than none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use crate::document::DocumentError;
use crate::provider::secret::Secret;

mod choose;
mod file;
mod given;
mod read;
mod region;
mod surroundings;
#[cfg(test)]
mod tests;

pub use surroundings::Surroundings;

/// A cloud and the account that uses it. Its secrets are never shown.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Its name in the file, or the name of the cloud that `OS_*` variables make: `envvars`.
    pub name: String,
    /// The files or variables that describe it, in words.
    pub from: String,
    /// Keystone's API, version 3, without a slash at its end.
    pub auth_url: Url,
    /// Who logs in.
    pub login: Login,
    /// The region, where one is named.
    pub region: Option<String>,
    /// Which of a service's addresses are used.
    pub interface: Interface,
    /// Which certificates are trusted.
    pub trust: Trust,
    /// How long an answer may take, where that is said.
    pub answer_within: Option<Duration>,
    places: BTreeMap<&'static str, String>,
}

impl Cloud {
    /// Where a field was read, such as `clouds.yaml:4:7`; of one that is not given, where its cloud is.
    pub fn place(&self, field: &str) -> &str {
        self.places.get(field).unwrap_or(&self.from)
    }
}

/// How Keystone is convinced.
#[derive(Debug, Clone)]
pub enum Login {
    /// A user's password, for a project.
    Password {
        /// The user.
        user: Named,
        /// The password.
        password: Secret,
        /// The project.
        project: Named,
    },
    /// An application credential, which has its project.
    ApplicationCredential {
        /// Its id, or its name and whose it is.
        of: CredentialOf,
        /// Its secret.
        secret: Secret,
    },
    /// A token that somebody else was given, for a project.
    Token {
        /// The token.
        token: Secret,
        /// The project.
        project: Named,
    },
}

impl Login {
    /// A secret, which is never shown.
    pub fn secret(&self) -> &Secret {
        match self {
            Login::Password { password, .. } => password,
            Login::ApplicationCredential { secret, .. } => secret,
            Login::Token { token, .. } => token,
        }
    }
}

/// A user or a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(String),
    /// By its name within a domain.
    Name(String, Domain),
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// Which application credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialOf {
    /// By its id.
    Id(String),
    /// By its name and its user.
    Name(String, Named),
}

/// Which of a service's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// For everybody.
    Public,
    /// For the inside of the cloud.
    Internal,
    /// For its operators.
    Admin,
}

impl Interface {
    /// Its name in catalogues.
    pub fn name(self) -> &'static str {
        match self {
            Interface::Public => "public",
            Interface::Internal => "internal",
            Interface::Admin => "admin",
        }
    }
}

/// Which certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that this machine trusts.
    Machine,
    /// Those of the authorities in this file alone.
    File(PathBuf),
    /// Any, because it was asked for.
    Anything,
}

/// Reads the cloud of this name; without one, that of `OS_CLOUD`, else that of the `OS_*` variables, else the only one there is.
///
/// # Errors
/// The first mistake, with its file, line and field, or its variable.
pub fn read(asked: Option<&str>, from: &Surroundings) -> Result<Cloud, DocumentError> {
    read::cloud(choose::choose(asked, from)?, from)
}
