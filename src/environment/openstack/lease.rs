//! Leases on the power of servers in a cloud: Nova has no timer, so a process of this machine undoes what was not renewed.
//!
//! The process is a [watchdog](crate::provider::watchdog) that becomes this program, which logs in by itself: it does not
//! need the run that started it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::Mutex;

use super::account;
use crate::console::complain;
use crate::instance::{InstanceId, PowerOp};
use crate::openstack::actions::{self, Action};
use crate::provider::watchdog::Watchdog;
use crate::settings::OpenStackSettings;

/// The first argument of a program that is to undo something.
const ASKED: &str = "__openstack";
/// What undoes a freeze and a stop.
const UNPAUSE: &str = "unpause";
const START: &str = "start";

/// By the server's id.
#[derive(Default)]
pub(super) struct Leases(Mutex<BTreeMap<InstanceId, Watchdog>>);

impl Leases {
    /// Begins one; whatever lease there was ends. What can't be undone has none.
    ///
    /// # Errors
    /// When no process can be started.
    pub async fn begin(&self, cloud: &str, id: &InstanceId, op: PowerOp, lease: Duration) -> io::Result<()> {
        let undo = match op {
            PowerOp::Freeze => UNPAUSE,
            PowerOp::Stop => START,
            _ => return Ok(()),
        };
        let program = std::env::current_exe()?.display().to_string();
        let command = [&program, ASKED, cloud, &id.0, undo].map(str::to_string);
        let started = Watchdog::start(&command, Path::new("."), lease)?;
        if let Some(mut before) = self.0.lock().await.insert(id.clone(), started) {
            before.stop();
        }
        Ok(())
    }

    /// It runs from now again.
    ///
    /// # Errors
    /// It is over, or there is none.
    pub async fn renew(&self, id: &InstanceId) -> io::Result<()> {
        match self.0.lock().await.get_mut(id) {
            Some(watchdog) => watchdog.renew(Path::new(".")),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "it has none")),
        }
    }

    /// Nothing is undone any more.
    pub async fn call_off(&self, id: &InstanceId) {
        if let Some(mut watchdog) = self.0.lock().await.remove(id) {
            watchdog.stop();
        }
    }
}

/// Undoes what a lease was on, if this program was started for it.
pub fn run_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [asked, cloud, id, undo] = words.as_slice() else { return None };
    if asked != ASKED {
        return None;
    }
    let action = match undo.as_str() {
        UNPAUSE => Action::Unpause,
        _ => Action::Start,
    };
    let done = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| why.to_string());
    let done = done.and_then(|runtime| runtime.block_on(act(cloud, id, action)));
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain!("{id}: its lease is over, and what it was on was not undone: {why}");
            ExitCode::FAILURE
        }
    })
}

async fn act(cloud: &str, id: &str, action: Action) -> Result<(), String> {
    let client = account::log_in(cloud, OpenStackSettings::default().requests_per_minute).await;
    let acted = async { actions::start(&client?, id, action).await };
    acted.await.map_err(|why| why.to_string())
}
