//! The orderly end of an instance: its first process ends all others, as an init does before a reboot.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What has not ended by itself after this long is killed.
pub(super) const WITHIN: Duration = Duration::from_secs(10);

/// Asks every other process to end (SIGTERM; SIGCONT as well, or one that stands would never hear of it) and reaps them. Returns
/// when none is left, when their time is over, or when the harness is gone: what is left ends with the first process.
pub(super) fn end_all(control: BorrowedFd<'_>, signals: &SignalFd) {
    for signal in [Signal::SIGTERM, Signal::SIGCONT] {
        let _ = kill(Pid::from_raw(-1), signal);
    }
    let until = Instant::now() + WITHIN;
    while !reap_all(signals) {
        let left = until.saturating_duration_since(Instant::now());
        let mut watched = [PollFd::new(control, PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let polled = poll(&mut watched, PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX));
        let is_alone = watched[0].any().unwrap_or(true);
        if left.is_zero() || is_alone || !matches!(polled, Ok(_) | Err(Errno::EINTR)) {
            return;
        }
    }
}

/// Whether none is left.
fn reap_all(signals: &SignalFd) -> bool {
    while let Ok(Some(_)) = signals.read_signal() {}
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return false,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return true,
        }
    }
}
