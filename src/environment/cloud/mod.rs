//! What environments in a cloud have in common, whichever API it has: servers are made for a scenario, listed no more often than the
//! API may be asked, switched, logged in to, and removed after it.
//!
//! | module | owns |
//! |---|---|
//! | [`scenario`] | the servers of one scenario as a provider |
//! | [`boot`] | how one of them is made, up to the moment at which it answers |
//! | [`fleet`] | some of an account's servers, and their power |
//! | [`listing`] | the servers as the cloud lists them, dated |
//! | [`power`] | when a switch of power is done |
//! | [`isolation`], [`isolated`] | a server whose ports have a group without rules; those of a fleet |
//! | [`lease`] | what undoes a fault of power when the run that made it is gone |
//! | [`made`] | the list of what a run made and removed |
//! | [`entry`] | entering such an environment, and finding what a run left there |
//! | [`marks`] | what is written on a server about what it stands for |
//!
//! A cloud implements [`Api`] and [`Maker`], and [`CloudServer`] for what it lists.

use std::net::Ipv4Addr;

use async_trait::async_trait;

use self::isolation::Isolates;
use crate::instance::{Activity, InstanceSpec, PowerOp, PowerState};
use crate::provider::ProviderError;
use crate::provider::secret::Secret;

mod boot;
mod entry;
pub(super) mod fleet;
mod isolated;
pub(super) mod isolation;
pub(super) mod lease;
pub(super) mod listing;
pub(super) mod made;
pub(super) mod marks;
pub(super) mod power;
pub(super) mod scenario;

pub(super) use entry::{block_on, enter, left_of};

/// A server as a cloud lists it.
pub(super) trait CloudServer: Clone + Send + Sync + 'static {
    /// The cloud's number of it.
    fn id(&self) -> &str;
    /// What the cloud's word for its state says of the power.
    fn state(&self) -> PowerState;
    /// The same in the cloud's own words.
    fn evidence(&self) -> String;
    /// Whether it is being made: it is no server yet.
    fn is_building(&self) -> bool;
    /// Whether the cloud still does something with it.
    fn is_busy(&self) -> bool;
    /// Why it could not be made, where the cloud says so.
    fn failure(&self) -> Option<ProviderError>;
}

/// What is asked of a cloud about servers that are there.
#[async_trait]
pub(super) trait Api: Send + Sync + 'static {
    /// What it lists.
    type Server: CloudServer;
    /// What answers, for messages: `Nova`, `EC2`.
    const NAME: &str;
    /// What it does to a server's power.
    const POWER: &[PowerOp];
    /// The servers that are meant.
    async fn list(&self) -> Result<Vec<Self::Server>, ProviderError>;
    /// Asks for a server to be deleted; one that is gone already is no error.
    async fn delete(&self, id: &str) -> Result<(), ProviderError>;
    /// Asks for a switch of a server's power, and returns before it is done.
    async fn switch(&self, server: &Self::Server, op: PowerOp) -> Result<(), ProviderError>;
    /// The words by which this program is asked to undo it; `None` where nothing can.
    fn undo(&self, id: &str, op: PowerOp) -> Option<Vec<String>>;
    /// What isolates servers by the groups of their ports; `None` where [`switch`](Self::switch) does it as it does all else.
    fn isolates(&self) -> Option<&dyn Isolates> {
        None
    }
}

/// The error of a cloud that has no word for this.
pub(super) fn unsupported<A: Api>(server: &str, op: PowerOp) -> ProviderError {
    let known: Vec<String> = A::POWER.iter().map(|op| op.verb()).collect();
    ProviderError::Unsupported {
        server: server.into(),
        provider: A::NAME,
        action: format!("{} it", op.verb()),
        hint: format!("{} knows these alone: {}", A::NAME, known.join(", ")),
    }
}

/// What makes the servers of a scenario, and removes what was made beside them.
#[async_trait]
pub(super) trait Maker: Send + Sync + 'static {
    /// Of which cloud.
    type Api: Api;
    /// The declared server that one stands for, and its address; `None` where it is none of the scenario's.
    fn named(&self, server: &<Self::Api as Api>::Server) -> Option<(String, Ipv4Addr)>;
    /// Makes a server, once; returns its id. Its replacement has the same address.
    async fn create(&self, spec: &InstanceSpec, user_data: &Secret) -> Result<String, ProviderError>;
    /// What it has printed; a cloud that keeps no consoles has nothing.
    async fn console(&self, id: &str) -> Result<String, ProviderError>;
    /// Leads a floating IP to a server, as [`Provider::lead`](crate::provider::Provider::lead) does. A cloud that has them
    /// also says so by its [`Capabilities`](super::Capabilities).
    async fn lead(&self, floating_ip: &str, to: &str) -> Result<(), ProviderError> {
        let _ = to;
        Err(ProviderError::no_floating_ips(floating_ip))
    }
    /// The server to which it leads now.
    async fn leads_to(&self, floating_ip: &str) -> Result<Option<String>, ProviderError> {
        Err(ProviderError::no_floating_ips(floating_ip))
    }
    /// What the cloud's own Auto Scaling did to servers of the scenario, as it says now.
    async fn activities(&self) -> Result<Vec<Activity>, ProviderError> {
        Ok(Vec::new())
    }
    /// Ends what replaces servers by itself, so that none comes any more. Whether there was such a thing: servers may have come and
    /// gone by it.
    async fn stop_replacing(&self) -> Result<bool, ProviderError> {
        Ok(false)
    }
    /// How many requests were sent for the scenario so far.
    fn requests(&self) -> u64;
    /// Notes that a server is gone.
    fn gone(&self, id: &str);
    /// Removes what was made beside the servers, which are gone.
    async fn clear(&self) -> Result<(), ProviderError>;
}
