//! What every testbed's life consists of, whatever it keeps: the lock of its socket, a sandbox, answers until the end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::server::{RequestHandler, serve};
use super::{SocketLock, SocketLockError};
use crate::console::complain;
use crate::exit;
use crate::provider::local::sandbox::{self, SandboxError};
use crate::provider::local::{self, LocalCloud, Zygote};
use crate::provider::{Provider, ProviderError};
use crate::provision::ProvisionError;
use crate::signals;

/// Why a testbed did not come up, or came to a bad end.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Its place is taken.
    #[error(transparent)]
    SocketLock(#[from] SocketLockError),
    /// There is no sandbox, or no longer.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The network that it should be linked to can't be opened.
    #[error("the network namespace of this process can't be opened: {0}")]
    Outside(io::Error),
}

/// Why a testbed that was in its sandbox could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("the testbed can't run here: {0}")]
    Runtime(#[from] io::Error),
    #[error("{0}")]
    Image(String),
}

/// A testbed in its sandbox, before it answers.
pub(super) struct Inside {
    pub zygote: Zygote,
    pub cloud: Arc<LocalCloud>,
    /// The process that was started, as its own machine counts.
    pub pid: u32,
    /// Where services log.
    pub logs: PathBuf,
    listener: UnixListener,
}

/// Takes the lock of the socket, enters a sandbox and does `work` in it; then everything is gone. Returns the exit code.
/// Must be called while the process has one thread.
///
/// # Errors
/// When its place is taken or there can be no sandbox; what goes wrong inside is printed on stderr.
pub(super) fn live<F: Future<Output = Result<(), KeepError>>>(
    socket: &Path,
    logs: Option<PathBuf>,
    work: impl FnOnce(Inside) -> F,
) -> Result<u8, UpError> {
    let (_lock, listener) = SocketLock::take(socket)?;
    let pid = std::process::id();
    Ok(sandbox::enter(|zygote| match keep(zygote, listener, pid, logs, work) {
        Ok(()) => exit::PASS,
        Err(why) => {
            complain!("chimp: {why}");
            exit::COULD_NOT_TELL
        }
    })?)
}

fn keep<F: Future<Output = Result<(), KeepError>>>(
    zygote: Zygote,
    listener: UnixListener,
    pid: u32,
    logs: Option<PathBuf>,
    work: impl FnOnce(Inside) -> F,
) -> Result<(), KeepError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let kept = runtime.block_on(async {
        let logs = logs.unwrap_or_else(|| local::memory().join("logs"));
        let cloud = Arc::new(LocalCloud::create(&zygote, 0, logs.clone()).await?);
        let lived = work(Inside { zygote, cloud: Arc::clone(&cloud), pid, logs, listener }).await;
        let closed = cloud.close().await;
        lived.and(closed.map_err(KeepError::from))
    });
    runtime.shutdown_background();
    kept
}

impl Inside {
    /// Answers until somebody ends it, or `working` fails. The handler gets where the end is asked for.
    pub async fn answer(
        self,
        handler: impl FnOnce(mpsc::Sender<()>) -> RequestHandler,
        working: impl Future<Output = Result<Infallible, KeepError>>,
    ) -> Result<(), KeepError> {
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(self.listener)?;
        let (down, mut downs) = mpsc::channel(1);
        let answering = tokio::spawn(serve(listener, Arc::new(handler(down))));
        let ended = tokio::select! {
            failed = working => failed.map(|never| match never {}),
            signal = signals::interrupted() => Ok(signal),
            _ = downs.recv() => Ok("asked to end"),
        };
        answering.abort();
        complain!("{}: taking everything down", ended.as_ref().unwrap_or(&"it failed"));
        ended.map(drop)
    }
}
