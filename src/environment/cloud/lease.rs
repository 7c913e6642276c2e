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
use crate::provider::watchdog::{self, Watchdog};

/// Those that this process has begun.
pub(in crate::environment) struct Leases {
    /// Where the ids mean the same server to every process: the cloud.
    of: &'static str,
    /// By the server's id and what they are on.
    begun: Mutex<BTreeMap<(InstanceId, Plug), Watchdog>>,
}

impl Leases {
    /// None yet.
    pub fn new(of: &'static str) -> Self {
        Leases { of, begun: Mutex::default() }
    }

    fn on(&self, id: &InstanceId, plug: Plug) -> String {
        format!("{} {id} {plug:?}", self.of)
    }

    /// Begins one, after which this program is started with these words; whatever lease there was on the same plug ends, also
    /// that of a run that was killed.
    ///
    /// # Errors
    /// When no process can be started, or another user's lease is on it.
    pub async fn begin(&self, id: &InstanceId, plug: Plug, undo: Vec<String>, lease: Duration) -> io::Result<()> {
        let program = there(&std::env::current_exe()?)?;
        let started = Watchdog::start(&self.on(id, plug), &[vec![program], undo].concat(), Path::new("."), lease)?;
        if let Some(mut before) = self.begun.lock().await.insert((id.clone(), plug), started) {
            before.stop();
        }
        Ok(())
    }

    /// Whether there is one, by whichever process it was begun.
    pub fn is_on(&self, id: &InstanceId, plug: Plug) -> bool {
        watchdog::is_on(&self.on(id, plug))
    }

    /// It runs from now again.
    ///
    /// # Errors
    /// It is over, or there is none.
    pub async fn renew(&self, id: &InstanceId, plug: Plug) -> io::Result<()> {
        match self.begun.lock().await.get_mut(&(id.clone(), plug)) {
            Some(watchdog) => watchdog.renew(Path::new(".")),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "it has none")),
        }
    }

    /// Nothing is undone any more, by whichever process it was to be.
    pub async fn call_off(&self, id: &InstanceId, plug: Plug) {
        if let Some(mut watchdog) = self.begun.lock().await.remove(&(id.clone(), plug)) {
            watchdog.stop();
        }
        if let Err(why) = watchdog::call_off(&self.on(id, plug)) {
            tracing::warn!(%id, %why, "a lease runs on");
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

/// The program that lies there now, where this one's file was replaced while it runs: the kernel marks its path then.
///
/// # Errors
/// Nothing lies there: what a lease is on would never be undone.
fn there(program: &Path) -> io::Result<String> {
    let path = program.display().to_string();
    let path = path.strip_suffix(" (deleted)").unwrap_or(&path);
    if Path::new(path).is_file() {
        return Ok(path.into());
    }
    let gone = format!("{path}, which would end the lease, is not there any more");
    Err(io::Error::new(io::ErrorKind::NotFound, gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_lease_is_ended_by_the_program_that_lies_there_or_is_not_begun() {
        let own = std::env::current_exe().unwrap().display().to_string();
        assert_eq!(there(Path::new(&format!("{own} (deleted)"))).unwrap(), own);
        assert_eq!(there(Path::new(&own)).unwrap(), own);
        let gone = there(Path::new("/nonexistent/chimp (deleted)")).unwrap_err().to_string();
        assert!(gone.starts_with("/nonexistent/chimp, which"), "{gone}");
    }

    async fn begun(id: &InstanceId) -> Leases {
        let leases = Leases::new("test");
        leases.begin(id, Plug::Power, vec!["--list".into()], LONG).await.unwrap();
        leases
    }

    #[tokio::test]
    async fn the_lease_of_a_killed_run_ends_with_a_heal_or_a_strike_of_another_process() {
        let id = InstanceId(format!("server-{}", std::process::id()));
        let killed = begun(&id).await;
        Leases::new("test").call_off(&id, Plug::Network).await;
        Leases::new("another cloud").call_off(&id, Plug::Power).await;
        killed.renew(&id, Plug::Power).await.expect("it is none of these");
        Leases::new("test").call_off(&id, Plug::Power).await;
        assert!(killed.renew(&id, Plug::Power).await.is_err(), "a heal has called it off");

        let killed = begun(&id).await;
        let next = begun(&id).await;
        assert!(killed.renew(&id, Plug::Power).await.is_err(), "the next strike has called it off");
        next.renew(&id, Plug::Power).await.unwrap();
        next.call_off(&id, Plug::Power).await;
    }
}
