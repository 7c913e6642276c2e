//! What some servers need beyond their role's files and services: a database's data, say.

use async_trait::async_trait;

use crate::provider::Instance;
use crate::site::{ProvisionError, Site};

/// Looks after what a replaced server must hold. Called for every server; what is none of its own it leaves alone.
/// Both must be idempotent: a reconciler that was killed calls them again.
#[async_trait]
pub trait Rebuild: Send + Sync {
    /// A server was found missing, and nothing was booted for it yet: the survivors can be told at once.
    ///
    /// # Errors
    /// Recorded; the replacement goes on.
    async fn missing(&self, site: &Site, server: &str) -> Result<(), ProvisionError>;

    /// Its replacement answers, and does not count as replaced before this returns.
    ///
    /// # Errors
    /// The replacement has failed then, and this is tried again.
    async fn answers(&self, site: &Site, server: &str, instance: &Instance) -> Result<(), ProvisionError>;
}
