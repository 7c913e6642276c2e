//! Why a run of the config agent on one server ended before its work was done.

use super::puppet::PuppetError;
use super::survey::SurveyError;
use crate::document::DocumentError;
use crate::provider::{ProviderError, RemoteError};
use crate::readiness::NotReady;

/// Whatever configures the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitError {
    #[error(transparent)]
    Infrastructure(#[from] DocumentError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Survey(#[from] SurveyError),
    #[error("`{command}` ended with {status:?}: {said}")]
    Command { command: String, status: Option<i32>, said: String },
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error(transparent)]
    Puppet(#[from] PuppetError),
}
