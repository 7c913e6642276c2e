//! A server of an inventory: a way to run commands there, and the agent's program, which it does not have from its boot.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::agent::program::ProgramError;
use crate::agent::upload::{Source, Upload};
use crate::instance::{Command, FileSpec, Output};
use crate::provider::lines::Lines;
use crate::provider::{HostProgram, Remote, RemoteError};

/// Clones share their sessions and the upload.
#[derive(Clone)]
pub struct HostRemote {
    host: Arc<dyn Remote>,
    upload: Arc<Upload>,
}

impl HostRemote {
    /// Nothing is connected to, or sent, yet.
    pub fn new(server: &str, host: impl Remote + 'static, source: &Arc<Source>) -> Self {
        HostRemote { host: Arc::new(host), upload: Arc::new(Upload::new(server, Arc::clone(source))) }
    }

    /// Whether the agent's program can run there. Changes nothing.
    ///
    /// # Errors
    /// Why not, and what to do; or the server can't be asked.
    pub async fn check_program(&self) -> Result<(), RemoteError> {
        self.upload.check(&*self.host).await
    }

    /// Removes the program, if this process has put it there.
    ///
    /// # Errors
    /// See [`Upload::leave`].
    pub async fn leave(&self) -> Result<(), ProgramError> {
        self.upload.leave(&*self.host).await
    }
}

#[async_trait]
impl Remote for HostRemote {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.host.exec(command).await
    }

    async fn stream(&self, command: &Command) -> Result<Lines, RemoteError> {
        self.host.stream(command).await
    }

    async fn upload(&self, file: &FileSpec) -> Result<(), RemoteError> {
        self.host.upload(file).await
    }

    async fn feed(&self, command: &Command, input: Arc<[u8]>) -> Result<Output, RemoteError> {
        self.host.feed(command, input).await
    }

    async fn program(&self, absent: Option<&str>) -> Result<HostProgram, RemoteError> {
        self.upload.program(&*self.host, absent).await
    }

    async fn lease_program(&self, lease: Option<Duration>, known: Option<&HostProgram>) -> Result<bool, RemoteError> {
        self.upload.lease(&*self.host, lease, known).await.map(|()| true)
    }

    async fn knock(&self, timeout: Duration) -> Result<(), RemoteError> {
        self.host.knock(timeout).await
    }

    fn anew(&self) -> Option<Box<dyn Remote>> {
        Some(Box::new(HostRemote { host: self.host.anew()?.into(), upload: Arc::clone(&self.upload) }))
    }

    async fn host_key(&self) -> Result<Option<String>, RemoteError> {
        self.host.host_key().await
    }
}
