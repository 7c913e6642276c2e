//! Why something could not be done in a cloud, with what to do about it.

use std::time::Duration;

use reqwest::StatusCode;

use super::api::ApiError;
use super::limits::Shortage;
use crate::document::DocumentError;
use crate::units::show_duration;

/// Why it could not be done. Nothing of it shows a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CloudError {
    /// What describes the cloud has a mistake.
    #[error(transparent)]
    Described(#[from] DocumentError),
    /// A request had no good answer.
    #[error("{why}\n  help: {fix}")]
    Api { why: Box<ApiError>, fix: String },
    /// A quota of the project is used up.
    #[error("{request}: a quota of the project is used up: {message}\n  help: {FREE}")]
    Quota { request: String, message: String },
    /// The quotas leave too little room; nothing was made.
    #[error("the quotas of the project leave too little room: {}\n  help: {FREE}", listed(.0))]
    NoRoom(Vec<Shortage>),
    /// There is nothing of this name.
    #[error("the cloud has no {kind} `{name}`\n  help: {hint}")]
    Unknown { kind: &'static str, name: String, hint: String },
    /// Several have this name.
    #[error("the cloud has {} {kind}s of the name `{name}`\n  help: name one of them by its id: {}", .ids.len(), quoted(.ids))]
    Ambiguous { kind: &'static str, name: String, ids: Vec<String> },
    /// Nothing says which one, and there is none or there are several.
    #[error("{}\n  help: {}", which(.kind, .names), if .names.is_empty() { "make one first" } else { "name one of them" })]
    Unnamed { kind: &'static str, names: Vec<String> },
    /// It is there, but no use.
    #[error("the {kind} `{name}` {detail}\n  help: {hint}")]
    Unusable { kind: &'static str, name: String, detail: String, hint: String },
    /// Somebody locked the server, so it is left alone.
    #[error("the server `{0}` is locked, so nothing is done to it\n  help: `openstack server unlock {0}` unlocks it")]
    Locked(String),
    /// Nova still does something else with the server.
    #[error(
        "the server `{server}` is busy ({task}), and was still busy {} later\n  help: try again later; if it stays so, ask an operator of the cloud",
        show_duration(*.within)
    )]
    Busy { server: String, task: String, within: Duration },
    /// Nova gave the server up.
    #[error("the server `{server}` is in ERROR: {message}\n  help: {}", on_fault(.message))]
    Fault { server: String, message: String },
    /// A server did not come to a state in time.
    #[error("the server `{server}` is {found}, expected {wanted} within {}\n  help: look at its log by `openstack console log show {server}`", show_duration(*.within))]
    NotReached { server: String, found: String, wanted: String, within: Duration },
    /// The server is not there any more.
    #[error("there is no server {0} any more")]
    Gone(String),
    /// It is not known whether it was made.
    #[error(
        "{why}; whether the {kind} `{name}` was made is not known: it was looked for and is not there yet\n  help: if it comes later, `chimp down --on openstack --run {run}` removes it"
    )]
    Unclear { kind: &'static str, name: String, run: String, why: Box<ApiError> },
}

const FREE: &str = "delete what is not needed in the project (`chimp down --on openstack --all --older-than 2h` removes what earlier runs left), or ask an operator for a greater quota";

fn listed(all: &[Shortage]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn quoted(ids: &[String]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

fn which(kind: &str, names: &[String]) -> String {
    match names.len() {
        0 => format!("the cloud has no {kind} at all that could be used"),
        several => format!("nothing says which {kind}, and the cloud has {several}: {}", quoted(names)),
    }
}

fn on_fault(message: &str) -> &'static str {
    if message.contains("No valid host") {
        "the cloud has no host with room for this flavor in this zone: take a smaller flavor or another zone, or ask an operator"
    } else {
        "`openstack server show` tells more; ask an operator of the cloud"
    }
}

impl CloudError {
    /// The status that a service answered with, where it said no.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            CloudError::Api { why, .. } => why.status(),
            _ => None,
        }
    }

    /// What a service said, where it said no.
    pub(super) fn message(&self) -> &str {
        match self {
            CloudError::Api { why, .. } => why.message(),
            _ => "",
        }
    }

    /// Whether a service has no such thing, or no such kind of things.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// Whether the user may not do it.
    pub(super) fn is_forbidden(&self) -> bool {
        self.status() == Some(StatusCode::FORBIDDEN)
    }

    /// Whether it can't be done to the thing as it is now.
    pub(crate) fn is_conflict(&self) -> bool {
        self.status() == Some(StatusCode::CONFLICT)
    }

    /// Whether it may have been carried out all the same.
    pub(super) fn is_unclear(&self) -> bool {
        matches!(self, CloudError::Api { why, .. } if why.is_unclear())
    }
}
