//! The sandbox's first process: single-threaded, so that it may clone itself into instances without `exec`.
//!
//! It sets the sandbox up, forks the harness, and then only makes and reaps processes. What takes time in a boot
//! happens in the instance's own first process.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::sandbox::{Ending, SandboxError, handled};
use super::wire::{self, BootOrder, Control, Word};
use super::{image, instance, program, sys};

/// The harness's hold on the sandbox's first process: asks it for instances.
#[derive(Debug, Clone)]
pub struct Zygote {
    socket: Arc<OwnedFd>,
    key: Arc<str>,
}

impl Zygote {
    /// The private key that opens every instance of this sandbox, in OpenSSH's form.
    pub fn key(&self) -> Arc<str> {
        self.key.clone()
    }

    /// Has an instance's first process made. Does not wait: what becomes of it is told over the [`Control`].
    ///
    /// # Errors
    /// When the zygote is gone or a descriptor can't be made.
    pub(super) fn boot(&self, order: &BootOrder, logs: &[OwnedFd]) -> io::Result<Control> {
        let (ours, theirs) = wire::pair()?;
        let order = sys::memory_file(&serde_json::to_vec(order)?)?;
        let mut fds: Vec<BorrowedFd<'_>> = vec![theirs.as_fd(), order.as_fd()];
        fds.extend(logs.iter().map(AsFd::as_fd));
        wire::send(self.socket.as_fd(), &(), &fds)?;
        Control::new(ours)
    }
}

/// Lives as the sandbox's first process. Its end is the end of everything in the sandbox.
pub(super) fn live(launcher: OwnedFd, work: impl FnOnce(Zygote) -> u8, signals_before: &SigSet) -> ! {
    sys::die_with_parent();
    if is_closed(launcher.as_fd()) {
        exit(1);
    }
    let _ = nix::unistd::setsid();
    let ending = match catch_unwind(AssertUnwindSafe(|| serve(&launcher, work, signals_before))) {
        Ok(Ok(ending)) => ending,
        Ok(Err(why)) => Ending::NoSandbox(why.to_string()),
        Err(_) => exit(101),
    };
    let _ = wire::send(launcher.as_fd(), &ending, &[]);
    exit(0)
}

/// Ends this process at once, without running what the harness registered for its own end.
fn exit(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

fn is_closed(socket: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::new(socket, PollFlags::POLLIN)];
    let _ = poll(&mut watched, PollTimeout::ZERO);
    watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

fn serve(launcher: &OwnedFd, work: impl FnOnce(Zygote) -> u8, signals_before: &SigSet) -> Result<Ending, SandboxError> {
    furnish().map_err(|(what, source)| SandboxError::Setup { what, source })?;
    let key: Arc<str> = image::build()?.into();
    let failed = |what| move |source: io::Error| SandboxError::Setup { what, source };
    let (ours, theirs) = wire::pair().map_err(failed("making a socket"))?;
    // SAFETY: still one thread; `fork` (unlike a raw clone) leaves a child that may start threads.
    match unsafe { libc::fork() } {
        -1 => Err(failed("forking the harness")(io::Error::last_os_error())),
        0 => {
            drop(ours);
            // Closes only this process's copy: the zygote watches its own.
            let _ = nix::unistd::close(std::os::fd::AsRawFd::as_raw_fd(launcher));
            let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(signals_before), None);
            let zygote = Zygote { socket: Arc::new(theirs), key };
            let code = catch_unwind(AssertUnwindSafe(|| work(zygote))).unwrap_or(101);
            std::process::exit(code.into())
        }
        harness => {
            drop((theirs, work));
            attend(launcher, &ours, harness).map_err(failed("watching the harness"))
        }
    }
}

/// Gives the sandbox its own mounts, `/proc` and network, with no route out.
fn furnish() -> Result<(), (&'static str, io::Error)> {
    let none: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let guarded = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(none, "/", none, private, none).map_err(|errno| ("making mounts private", errno.into()))?;
    mount(Some("proc"), "/proc", Some("proc"), guarded, none).map_err(|errno| ("mounting /proc", errno.into()))?;
    mount(Some("chimp"), image::MEMORY, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .map_err(|errno| ("mounting a memory file system", errno.into()))?;
    program::keep().map_err(|source| ("keeping this program for its agents", source))?;
    sys::raise_interface("lo").map_err(|source| ("raising the loopback interface", source))?;
    set_kernel_values(&SANDBOX_VALUES).map_err(|source| ("setting kernel values", source))
}

/// Nothing is forwarded between scenarios or to iptables; the harness may open many connections.
const SANDBOX_VALUES: [(&str, &str); 6] = [
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    ("net/ipv4/ip_local_port_range", "10000 65535"),
    ("net/ipv4/tcp_tw_reuse", "1"),
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
];

/// Writes values below `/proc/sys`; what this kernel does not have is left out.
pub(super) fn set_kernel_values(values: &[(&str, &str)]) -> io::Result<()> {
    for (name, value) in values {
        match fs::write(Path::new("/proc/sys").join(name), value) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => {}
        }
    }
    Ok(())
}

/// Makes and reaps processes until the harness ends or the launcher is gone.
fn attend(launcher: &OwnedFd, harness: &OwnedFd, harness_pid: i32) -> io::Result<Ending> {
    let signals = SignalFd::with_flags(&handled(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let mut harness_asks = true;
    loop {
        let mut watched =
            vec![PollFd::new(launcher.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if harness_asks {
            watched.push(PollFd::new(harness.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let due: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(true)).collect();
        if due[1] {
            while let Ok(Some(_)) = signals.read_signal() {}
            if let Some(ending) = reap(harness_pid) {
                return Ok(ending);
            }
        }
        if due[0] {
            match wire::receive::<i32>(launcher.as_fd())? {
                Some((number, _)) => pass_on(number, harness_pid),
                None => exit(0),
            }
        }
        if harness_asks && due[2] {
            match wire::receive::<()>(harness.as_fd())? {
                Some(((), fds)) => make_instance(fds),
                None => harness_asks = false,
            }
        }
    }
}

fn pass_on(number: i32, harness: i32) {
    if let Ok(signal) = Signal::try_from(number) {
        let _ = kill(Pid::from_raw(harness), signal);
    }
}

fn reap(harness: i32) -> Option<Ending> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == harness => return Some(Ending::Exit(code as u8)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw() == harness => {
                return Some(Ending::Killed(signal as i32));
            }
            Ok(WaitStatus::StillAlive) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Only the process namespace is made here: the others, which take longer, the instance makes for itself.
fn make_instance(mut fds: Vec<OwnedFd>) {
    if fds.len() < 2 {
        return;
    }
    let logs = fds.split_off(2);
    let (Some(order), Some(control)) = (fds.pop(), fds.pop()) else { return };
    // SAFETY: the zygote never starts a thread.
    let told = match unsafe { sys::clone_process(CloneFlags::CLONE_NEWPID) } {
        Ok(sys::Cloned::Child) => instance::live(control, order, logs),
        Ok(sys::Cloned::Parent { pid, pidfd }) => wire::send(control.as_fd(), &Word::Born { pid }, &[pidfd.as_fd()]),
        Err(why) => wire::send(control.as_fd(), &Word::Unborn { errno: why.raw_os_error().unwrap_or(0) }, &[]),
    };
    // A harness that went away meanwhile needs no answer.
    drop(told);
}
