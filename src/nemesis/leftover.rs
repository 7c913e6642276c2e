//! What an earlier strike has left on a server.

use crate::agent::Held;
use crate::agent::client::{Agent, AgentError};
use crate::instance::Instance;
use crate::provider::{Provider, ProviderError, RemoteError};

/// A fault of ours that is still held on a server; `None`: none is. Changes nothing there.
///
/// # Errors
/// When it can't be logged in to.
pub async fn leftover(provider: &dyn Provider, instance: &Instance) -> Result<Option<Held>, ProviderError> {
    let remote = provider.connect(instance).await?;
    match Agent::new(&*remote).held().await {
        Err(AgentError::Remote(why @ RemoteError::Connect { .. })) => Err(why.into()),
        // A server without our program has never held anything of ours.
        held => Ok(held.unwrap_or_default().into_iter().next()),
    }
}
