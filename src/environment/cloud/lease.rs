//! Leases on the power and the network of servers in a cloud: a cloud has no timer, so a process of this machine undoes what was not renewed.
//!
//! The process is a [watchdog](crate::provider::watchdog) that becomes this program, which logs in by itself: it does not
//! need the run that started it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::console::complain;
use crate::instance::{InstanceId, Plug};
use crate::provider::watchdog::Watchdog;

/// By the server's id and what they are on.
#[derive(Default)]
pub(in crate::environment) struct Leases(Mutex<BTreeMap<(InstanceId, Plug), Watchdog>>);

impl Leases {
    /// Begins one, after which this program is started with these words; whatever lease there was on the same plug ends.
    ///
    /// # Errors
    /// When no process can be started.
    pub async fn begin(&self, id: &InstanceId, plug: Plug, undo: Vec<String>, lease: Duration) -> io::Result<()> {
        let program = std::env::current_exe()?.display().to_string();
        let started = Watchdog::start(&[vec![program], undo].concat(), Path::new("."), lease)?;
        if let Some(mut before) = self.0.lock().await.insert((id.clone(), plug), started) {
            before.stop();
        }
        Ok(())
    }

    /// It runs from now again.
    ///
    /// # Errors
    /// It is over, or there is none.
    pub async fn renew(&self, id: &InstanceId, plug: Plug) -> io::Result<()> {
        match self.0.lock().await.get_mut(&(id.clone(), plug)) {
            Some(watchdog) => watchdog.renew(Path::new(".")),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "it has none")),
        }
    }

    /// Nothing is undone any more.
    pub async fn call_off(&self, id: &InstanceId, plug: Plug) {
        if let Some(mut watchdog) = self.0.lock().await.remove(&(id.clone(), plug)) {
            watchdog.stop();
        }
    }
}

/// Undoes what a lease was on, if this program was started for it: with this word, an account, a server's id and what is to be
/// done to it.
pub(in crate::environment) fn undo_if_asked(
    asked: &str,
    act: impl AsyncFnOnce(&str, &str, &str) -> Result<(), String>,
) -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [first, account, id, undo] = words.as_slice() else { return None };
    if first != asked {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| why.to_string());
    let done = runtime.and_then(|runtime| runtime.block_on(act(account, id, undo)));
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain!("{id}: its lease is over, and what it was on was not undone: {why}");
            ExitCode::FAILURE
        }
    })
}
