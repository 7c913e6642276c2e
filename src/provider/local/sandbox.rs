//! The sandbox: a world of its own for the harness and its instances, which goes when any of them goes.
//!
//! Three processes. The **launcher** is the one that was started: it waits outside and passes signals and the exit
//! code on. The [zygote] is the first process of the sandbox: single-threaded, it makes instances.
//! The **harness** is the zygote's child and runs the work. Whichever dies, by `kill -9` too, the kernel takes all
//! the others, and with them every mount, link and memory of the sandbox.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::zygote::{self, Zygote};
use super::{sys, wire};

/// How long the harness may take to end in order after the first signal.
const ORDERLY_END: Duration = Duration::from_secs(10);

/// The kernel's number of `CAP_SYS_ADMIN`.
const SYS_ADMIN: u32 = 21;

/// The command that runs tests with the rights they need, for whoever builds as an ordinary user.
pub const SUDO_RUNNER: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='sudo -E' cargo test --test chaos";

/// Why there is no sandbox, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The user may not make namespaces.
    #[error("the local cloud needs root (CAP_SYS_ADMIN); run through sudo: {}", SUDO_RUNNER)]
    NotRoot,
    /// The process has threads, which a new namespace would not hold.
    #[error("the sandbox must be entered before any thread starts; this process has {0}")]
    Threads(usize),
    /// The machine lacks something.
    #[error("the local cloud needs {what}; {fix}")]
    Missing { what: String, fix: String },
    /// A step of the set-up failed.
    #[error("the sandbox could not be made: {what}: {source}")]
    Setup { what: &'static str, source: io::Error },
    /// As [`Setup`](Self::Setup) or [`Missing`](Self::Missing), told by the sandbox's first process.
    #[error("{0}")]
    Inside(String),
    /// The harness was killed; everything in the sandbox is gone with it.
    #[error("the harness was killed by {signal}")]
    HarnessKilled { signal: String },
    /// It did not end in time after a signal, or was signalled again, and was killed.
    #[error("the run was cut short by {signal}; everything it made is gone")]
    CutShort { signal: String },
    /// The first process of the sandbox died.
    #[error("the sandbox's first process died; everything in it is gone")]
    ZygoteDied,
}

/// How the harness ended, told by the zygote to the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ending {
    Exit(u8),
    Killed(i32),
    NoSandbox(String),
}

/// Runs `work` inside a new sandbox and returns its exit code. Returns when every process of the sandbox is gone.
///
/// `work` runs in another process: it may start threads, and what it changes in memory is not seen here. SIGINT,
/// SIGTERM, SIGHUP and SIGQUIT are passed on to it once; a second SIGINT, or 10 s without an end, kills it.
///
/// # Errors
/// When this machine or user can't have a sandbox, or when the harness did not end by itself.
pub fn enter(work: impl FnOnce(Zygote) -> u8) -> Result<u8, SandboxError> {
    if !may_make_one() {
        return Err(SandboxError::NotRoot);
    }
    let threads = fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        return Err(SandboxError::Threads(threads));
    }
    let failed = |what| move |errno: nix::errno::Errno| SandboxError::Setup { what, source: errno.into() };
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&handled()), Some(&mut before)).map_err(failed("blocking signals"))?;
    let ended = start(work, &before);
    forget_late_signals();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None).map_err(failed("restoring signals"))?;
    ended
}

/// Whether this user has the rights.
pub(super) fn may_make_one() -> bool {
    nix::unistd::geteuid().is_root() && sys::has_capability(SYS_ADMIN)
}

/// The signals that the launcher and the zygote take by descriptor.
pub(super) fn handled() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGCHLD].into_iter().collect()
}

/// A signal that came while the sandbox ended already must not end this process before it has told how.
fn forget_late_signals() {
    if let Ok(signals) = SignalFd::with_flags(&handled(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK) {
        while let Ok(Some(_)) = signals.read_signal() {}
    }
}

fn start(work: impl FnOnce(Zygote) -> u8, before: &SigSet) -> Result<u8, SandboxError> {
    let (ours, theirs) = wire::pair().map_err(|source| SandboxError::Setup { what: "making a socket", source })?;
    let namespaces = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    // SAFETY: `enter` has counted the threads.
    match unsafe { sys::clone_process(namespaces) }.map_err(no_namespaces)? {
        sys::Cloned::Child => {
            drop(ours);
            zygote::live(theirs, work, before)
        }
        sys::Cloned::Parent { pid, pidfd } => {
            drop((theirs, work));
            let ended = attend(&ours, &pidfd);
            drop(ours);
            // The zygote ends last: when it is reaped, no process of the sandbox is left.
            let _ = waitpid(Pid::from_raw(pid), None);
            ended
        }
    }
}

fn no_namespaces(source: io::Error) -> SandboxError {
    let missing = |what: &str, fix: &str| SandboxError::Missing { what: what.into(), fix: fix.into() };
    match source.raw_os_error() {
        Some(libc::EPERM) => missing(
            "the right to make namespaces",
            "in a container, run it with --privileged; on a machine, through sudo",
        ),
        Some(libc::EINVAL) => missing(
            "network, mount, process, host name and IPC namespaces",
            "this kernel was built without one of them: use a distribution's own kernel",
        ),
        Some(libc::ENOSPC) => {
            missing("one more namespace of each kind", "raise the limits in /proc/sys/user/max_*_namespaces")
        }
        _ => SandboxError::Setup { what: "making namespaces", source },
    }
}

/// Passes signals on until the zygote has told how it ended.
fn attend(zygote: &OwnedFd, pidfd: &OwnedFd) -> Result<u8, SandboxError> {
    let setup = |errno: nix::errno::Errno| SandboxError::Setup { what: "watching signals", source: errno.into() };
    let signals = SignalFd::with_flags(&handled(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(setup)?;
    let mut first: Option<(Signal, Instant)> = None;
    loop {
        let patience = first.map(|(_, at)| (at + ORDERLY_END).saturating_duration_since(Instant::now()));
        if patience.is_some_and(|left| left.is_zero()) {
            return cut_short(pidfd, first);
        }
        let timeout = patience
            .map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX));
        let mut watched =
            [PollFd::new(zygote.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(setup(errno)),
        }
        if watched[0].any() == Some(true) {
            return outcome(zygote);
        }
        while let Ok(Some(info)) = signals.read_signal() {
            let Ok(signal) = Signal::try_from(info.ssi_signo as i32) else { continue };
            match (signal, first) {
                (Signal::SIGCHLD, _) => {}
                (Signal::SIGINT, Some(_)) => return cut_short(pidfd, first),
                (_, Some(_)) => {}
                (signal, None) => {
                    first = Some((signal, Instant::now()));
                    let _ = wire::send(zygote.as_fd(), &(signal as i32), &[]);
                }
            }
        }
    }
}

fn cut_short(pidfd: &OwnedFd, first: Option<(Signal, Instant)>) -> Result<u8, SandboxError> {
    let _ = sys::signal_pidfd(pidfd.as_fd(), Signal::SIGKILL);
    Err(SandboxError::CutShort { signal: first.map_or("a signal", |(signal, _)| signal.as_str()).into() })
}

fn outcome(zygote: &OwnedFd) -> Result<u8, SandboxError> {
    match wire::receive::<Ending>(zygote.as_fd()) {
        Ok(Some((Ending::Exit(code), _))) => Ok(code),
        Ok(Some((Ending::Killed(number), _))) => {
            let signal = Signal::try_from(number).map_or_else(|_| number.to_string(), |s| s.as_str().into());
            Err(SandboxError::HarnessKilled { signal })
        }
        Ok(Some((Ending::NoSandbox(why), _))) => Err(SandboxError::Inside(why)),
        Ok(None) | Err(_) => Err(SandboxError::ZygoteDied),
    }
}
