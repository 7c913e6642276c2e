//! A server that nothing says how to log in to: it is seen from outside alone.

use std::net::SocketAddrV4;
use std::time::Duration;

use async_trait::async_trait;

use crate::instance::{Command, FileSpec, Output};
use crate::provider::ssh::Route;
use crate::provider::{Remote, RemoteError};

/// Where SSH answers unless something says otherwise.
pub(super) const SSH: u16 = 22;
/// What to do where a login is needed.
pub(super) const HELP: &str =
    "write `[openstack.login]` into `chimp.toml`, with `user`, `key`, and `known_hosts` or `host_keys`";

/// It can be knocked at, and nothing more.
pub(super) struct Outside {
    pub server: String,
    /// Where it answers to SSH.
    pub at: SocketAddrV4,
}

impl Outside {
    fn no_login(&self) -> RemoteError {
        let detail = format!("nothing says how to log in to it\n  help: {HELP}");
        RemoteError::Connect { host: self.server.clone(), detail }
    }
}

#[async_trait]
impl Remote for Outside {
    async fn exec(&self, _: &Command) -> Result<Output, RemoteError> {
        Err(self.no_login())
    }

    async fn upload(&self, _: &FileSpec) -> Result<(), RemoteError> {
        Err(self.no_login())
    }

    async fn knock(&self, timeout: Duration) -> Result<(), RemoteError> {
        let knocked = Route::Direct.knock(*self.at.ip(), self.at.port(), timeout).await;
        knocked.map_err(|why| RemoteError::Connect { host: self.server.clone(), detail: why.to_string() })
    }
}
