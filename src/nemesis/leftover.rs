//! What an earlier strike has left on a server.

use std::time::Duration;

use crate::agent::Held;
use crate::agent::client::{Agent, AgentError};
use crate::instance::Instance;
use crate::provider::{Provider, ProviderError, RemoteError};

/// A fault of ours that is still held on a server; `None`: none is. Where our program will be needed there, it is put
/// there for this lease; else nothing changes.
///
/// # Errors
/// When it can't be logged in to, or our program can't run there.
pub async fn leftover(
    provider: &dyn Provider,
    instance: &Instance,
    lease: Option<Duration>,
) -> Result<Option<Held>, ProviderError> {
    let remote = provider.connect(instance).await?;
    let agent = Agent::new(&*remote);
    match lease {
        Some(_) => drop(remote.lease_program(lease, None).await?),
        // A server without our program, and without a folder of ours, holds nothing.
        None if !provider.shares_kernel() && !agent.may_hold().await? => return Ok(None),
        None => {}
    }
    match agent.held().await {
        Err(AgentError::Remote(
            why @ (RemoteError::Connect { .. } | RemoteError::Closed { .. } | RemoteError::Program(_)),
        )) => Err(why.into()),
        // A server without our program has never held anything of ours.
        held => Ok(held.unwrap_or_default().into_iter().next()),
    }
}
