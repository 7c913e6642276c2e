//! Waiting until no other run is under way on this machine: two would spoil each other's figures.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::console::complain;
use crate::lock::{HeldBy, Lock};
use crate::units::show_duration;

/// From one try to the next while another run is under way.
const TRY_EVERY_MS: u16 = 200;
/// How often it is said that the wait goes on.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Why there was no turn.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    /// The kernel refused the lock, or to pass signals on.
    #[error("can't take the lock of this machine's runs: {0}")]
    Lock(#[from] io::Error),
    /// A signal ended the wait.
    #[error("{signal} after waiting for {} for another run to end; nothing was touched", show_duration(*.waited))]
    Interrupted { signal: Signal, waited: Duration },
}

/// Takes the lock of runs, which it waits for. Says on stderr which run it waits for, and every 30 s for how long it has
/// waited. Must be called while the process has one thread.
///
/// # Errors
/// A signal ended the wait, or there can be no lock.
pub(super) fn turn() -> Result<Lock, TurnError> {
    let by = match Lock::take("run")? {
        Ok(lock) => return Ok(lock),
        Err(HeldBy(by)) => by,
    };
    complain!("waiting for another run on this machine to end: {by}");
    let mut ends = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        ends.add(signal);
    }
    let before = ends.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK).map_err(io::Error::from)?;
    let waited = wait(&ends);
    before.thread_set_mask().map_err(io::Error::from)?;
    waited
}

fn wait(ends: &SigSet) -> Result<Lock, TurnError> {
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let signals = SignalFd::with_flags(ends, flags).map_err(io::Error::from)?;
    let (begun, mut said) = (Instant::now(), Duration::ZERO);
    loop {
        let by = match Lock::take("run")? {
            Ok(lock) => return Ok(lock),
            Err(HeldBy(by)) => by,
        };
        let waited = Duration::from_secs(begun.elapsed().as_secs());
        if waited >= said + SAY_EVERY {
            complain!("still waiting for another run to end, for {} now: {by}", show_duration(waited));
            said = waited;
        }
        poll(&mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)], PollTimeout::from(TRY_EVERY_MS))
            .map_err(io::Error::from)?;
        if let Some(came) = signals.read_signal().map_err(io::Error::from)? {
            let signal = Signal::try_from(came.ssi_signo as i32).map_err(io::Error::from)?;
            return Err(TurnError::Interrupted { signal, waited });
        }
    }
}
