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
        self.host.rest().await;
        self.upload.leave(&*self.host).await
    }
}

impl HostRemote {
    /// Works on the upload to the end, whoever gives up waiting for it: what runs on the server can't be called back, and
    /// who comes next must not meet it there.
    async fn to_its_end<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(Arc<Upload>, Arc<dyn Remote>) -> F,
    ) -> Result<T, RemoteError>
    where
        F: Future<Output = Result<T, RemoteError>> + Send + 'static,
    {
        let done = tokio::spawn(work(Arc::clone(&self.upload), Arc::clone(&self.host))).await;
        done.expect("an upload does not panic, and is not cancelled")
    }
}

#[async_trait]
impl Remote for HostRemote {
    async fn exec(&self, command: &Command) -> Result<Output, RemoteError> {
        self.host.exec(command).await
    }

    async fn ask(&self, program: &str, words: &[String], timeout: Duration) -> Result<Output, RemoteError> {
        self.host.ask(program, words, timeout).await
    }

    async fn rest(&self) {
        self.host.rest().await;
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
        let absent = absent.map(String::from);
        self.to_its_end(async move |upload, host| upload.program(&*host, absent.as_deref()).await).await
    }

    async fn lease_program(&self, lease: Option<Duration>, known: Option<&HostProgram>) -> Result<bool, RemoteError> {
        let known = known.cloned();
        self.to_its_end(async move |upload, host| upload.lease(&*host, lease, known.as_ref()).await)
            .await
            .map(|()| true)
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    /// A server that is not asked anything.
    struct Unasked;

    #[async_trait]
    impl Remote for Unasked {
        async fn exec(&self, _: &Command) -> Result<Output, RemoteError> {
            unreachable!("nothing is run here")
        }

        async fn upload(&self, _: &FileSpec) -> Result<(), RemoteError> {
            unreachable!("nothing is written here")
        }

        async fn knock(&self, _: Duration) -> Result<(), RemoteError> {
            unreachable!("nothing is reached here")
        }
    }

    /// An observer that is stopped while it brings the program gives up like this, and the next scenario comes at once.
    #[tokio::test]
    async fn an_upload_goes_on_to_its_end_after_its_caller_has_given_up() {
        let remote = HostRemote::new("web-1", Unasked, &Arc::default());
        let (begun, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (ended, has_ended) = oneshot::channel();
        let caller = tokio::spawn(async move {
            let work = async move |_, _| {
                let _ = begun.send(());
                let _ = may_go_on.await;
                let _ = ended.send(());
                Ok(())
            };
            remote.to_its_end(work).await
        });
        has_begun.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        go_on.send(()).unwrap();
        assert_eq!(has_ended.await, Ok(()));
    }
}
