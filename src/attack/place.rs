//! Where an attack's servers are: a place that its environment finds again.

use std::path::PathBuf;

use super::AttackError;
use crate::environment::{self, ReopenError, Reopened};
use crate::journal::Place;

/// The servers of a place and what is known of them. Those that the file names a password for are logged in to with
/// it.
///
/// # Errors
/// When the place has ended, or it or the passwords can't be reached or read.
pub async fn open(at: &Place, passwords: Option<PathBuf>) -> Result<Reopened, AttackError> {
    let kind = environment::named(&at.environment).map_err(AttackError::Usage)?;
    let value = at.value.clone();
    let reopened = tokio::task::spawn_blocking(move || kind.reopen(&value, passwords.as_deref())).await;
    Ok(reopened.map_err(|why| AttackError::Usage(why.to_string()))??)
}

impl From<ReopenError> for AttackError {
    fn from(why: ReopenError) -> Self {
        match why {
            ReopenError::Gone { detail, help } => AttackError::Gone { detail, help },
            ReopenError::Provider(why) => AttackError::Provider(why),
            ReopenError::Unnamed { .. }
            | ReopenError::WhichRuns { .. }
            | ReopenError::NoRuns { .. }
            | ReopenError::Stored { .. }
            | ReopenError::Unstorable { .. }
            | ReopenError::Document(_)
            | ReopenError::Inventory(_) => AttackError::Usage(why.to_string()),
        }
    }
}
