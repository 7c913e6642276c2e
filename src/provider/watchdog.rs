//! Leases on the power of servers that only commands of this machine can switch.
//!
//! A watchdog is a detached process of its own session that waits for the lease's end and then becomes the command
//! that undoes the fault. So the fault ends also when the attacker is killed; not when this whole machine dies.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Waits, then becomes the command: arguments stay arguments.
const SCRIPT: &str = r#"sleep "$0" && exec "$@""#;

/// A running watchdog. Dropping it lets it run.
#[derive(Debug)]
pub struct Watchdog {
    process: Child,
    undo: Vec<String>,
    term: Duration,
}

impl Watchdog {
    /// Starts one that runs `undo` in `folder` after `term`.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn start(undo: &[String], folder: &Path, term: Duration) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, &format!("{:.3}", term.as_secs_f64())]).args(undo).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: setsid is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                Ok(())
            });
        }
        Ok(Watchdog { process: command.spawn()?, undo: undo.to_vec(), term })
    }

    /// Its lease runs from now again; there is no moment without a watchdog.
    ///
    /// # Errors
    /// When it is over already, or no process can be started.
    pub fn renew(&mut self, folder: &Path) -> io::Result<()> {
        if self.process.try_wait()?.is_some() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "its lease is over"));
        }
        let mut before = std::mem::replace(self, Watchdog::start(&self.undo, folder, self.term)?);
        before.stop();
        Ok(())
    }

    /// Calls it off.
    pub fn stop(&mut self) {
        // The session is its own: whatever it became or started goes with it.
        if let Ok(None) = self.process.try_wait() {
            let group = nix::unistd::Pid::from_raw(self.process.id() as i32);
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
            let _ = self.process.wait();
        }
    }
}
