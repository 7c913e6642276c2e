//! The first process of an instance: its `init`.
//!
//! A clone of the zygote, without `exec`. It makes the instance's namespaces and root, writes the files of its boot
//! order, runs its commands and starts its services. Then it answers on port 22 with an `sshd` for each connection
//! and reaps what ends. A service that dies stays dead, unless something in the instance supervises it. When it dies
//! itself, the kernel takes the whole instance.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use super::announce::Announcements;
use super::ends::Ends;
use super::sandbox::handled;
use super::wire::{self, BootOrder, BootStage, Word};
use super::{root, services, shut_down, sys, zygote};
use crate::instance::{FileSpec, HowEnded, ServiceSpec};
use crate::launch::{ENVIRONMENT, UNCONFIGURED_MARK};

/// The most connections to port 22 that are served at once.
const MOST_LOGINS: usize = 64;

/// The SSH server, where every distribution puts it; it must be called by its whole path.
pub(super) const SSHD: &str = "/usr/sbin/sshd";
/// A client that was killed while its path was cut tells nobody. One that has been silent for so long (s) is asked whether
/// it is still there …
const SILENT: u32 = 15;
/// … so often (s), …
const ASKED_EVERY: u32 = 10;
/// … and given up when it has acknowledged nothing for so long (ms).
const GIVEN_UP: u32 = 45_000;

/// Kernel values of an instance's own network: a standby balancer may bind an address that it does not hold yet, and
/// many connections may be opened. The rest makes it the same on every machine.
const VALUES: [(&str, &str); 7] = [
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    ("net/ipv4/ip_forward", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/ip_nonlocal_bind", "1"),
    ("net/ipv4/ip_local_port_range", "10000 65535"),
    ("net/ipv4/tcp_tw_reuse", "1"),
];

/// Lives as an instance's first process.
pub(super) fn live(control: OwnedFd, order: OwnedFd, logs: Vec<OwnedFd>) -> ! {
    let mut keep: Vec<BorrowedFd<'_>> = vec![control.as_fd(), order.as_fd()];
    keep.extend(logs.iter().map(AsFd::as_fd));
    sys::close_all_but(&keep);
    let ended = catch_unwind(AssertUnwindSafe(|| match boot(&control, order, logs) {
        Ok(up) => up.serve(&control),
        Err(why) => {
            let _ = wire::send(control.as_fd(), &why, &[]);
        }
    }));
    // SAFETY: ends the process, and with it the instance.
    unsafe { libc::_exit(i32::from(ended.is_err())) }
}

/// What a running instance's first process holds.
struct Up {
    listener: TcpListener,
    signals: SignalFd,
    login_log: Option<File>,
    /// Kept open: what starts a service later finds its log here.
    _service_logs: Vec<File>,
    logins: Vec<i32>,
    ends: Ends,
    announcements: Announcements,
}

fn at(stage: BootStage) -> impl Fn(io::Error) -> Word {
    move |why| Word::Failed { stage, errno: why.raw_os_error().unwrap_or(0), detail: why.to_string() }
}

fn at_named(stage: BootStage) -> impl Fn((String, io::Error)) -> Word {
    move |(name, why)| Word::Failed { stage, errno: why.raw_os_error().unwrap_or(0), detail: format!("{name}: {why}") }
}

fn boot(control: &OwnedFd, order: OwnedFd, logs: Vec<OwnedFd>) -> Result<Up, Word> {
    let order: BootOrder = serde_json::from_reader(io::BufReader::new(File::from(order)))
        .map_err(|why| at(BootStage::Order)(why.into()))?;
    make_namespaces(&order).map_err(at(BootStage::Namespaces))?;
    wire::send(control.as_fd(), &Word::NetworkReady, &[]).map_err(at(BootStage::Namespaces))?;
    root::mount_disk(&order).map_err(at(BootStage::Disk))?;
    root::share_programs(&order).map_err(at_named(BootStage::Files))?;
    let configures = order.first_boot && !order.user_data.unconfigured;
    let wanted = |file: &&FileSpec| order.first_boot && (configures || file.content.is_of_image());
    let files: Vec<FileSpec> = order.user_data.files.iter().filter(wanted).cloned().collect();
    let files = root::open_sources(&files).map_err(at_named(BootStage::Files))?;
    root::enter_root(&order).map_err(at(BootStage::Root))?;
    sys::drop_capabilities().map_err(at(BootStage::Capabilities))?;
    root::write_files(files).map_err(at_named(BootStage::Files))?;
    if order.first_boot && order.user_data.unconfigured {
        std::fs::write(UNCONFIGURED_MARK, "").map_err(at(BootStage::Files))?;
    }
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 22)).map_err(at(BootStage::Listen))?;
    listener.set_nonblocking(true).map_err(at(BootStage::Listen))?;
    raise_link(control, &order).map_err(at(BootStage::Link))?;
    let announcements = Announcements::begin(order.address);
    if configures {
        for command in &order.user_data.run {
            // A packet holds 16 KiB.
            let shown = Word::Runs { command: command.join(" ").chars().take(1000).collect() };
            wire::send(control.as_fd(), &shown, &[]).map_err(at(BootStage::Commands))?;
            run(command)?;
        }
    }
    let mut logs = logs.into_iter().map(File::from);
    let login_log = logs.next();
    let service_logs = services::keep_logs(&order.user_data.services, logs).map_err(at(BootStage::Services))?;
    if !Path::new(UNCONFIGURED_MARK).exists() {
        for (service, log) in order.user_data.services.iter().zip(&service_logs) {
            let named = |why| (format!("`{}`", service.command.join(" ")), why);
            let started = start(service, log).and_then(|child| services::note(&service.name, child.id()));
            started.map_err(named).map_err(at_named(BootStage::Services))?;
        }
    }
    let signals = SignalFd::with_flags(&handled(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(|errno| at(BootStage::Listen)(errno.into()))?;
    wire::send(control.as_fd(), &Word::Up, &[]).map_err(at(BootStage::Listen))?;
    let (logins, ends) = (Vec::new(), Ends::default());
    Ok(Up { listener, signals, login_log, _service_logs: service_logs, logins, ends, announcements })
}

fn make_namespaces(order: &BootOrder) -> io::Result<()> {
    let own = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC;
    unshare(own)?;
    nix::unistd::setsid()?;
    nix::unistd::sethostname(&order.identity.hostname)?;
    sys::raise_interface("lo")?;
    zygote::set_kernel_values(&VALUES)
}

/// Waits until the harness has put `eth0` here, then gives it its address.
fn raise_link(control: &OwnedFd, order: &BootOrder) -> io::Result<()> {
    match wire::receive::<Word>(control.as_fd())? {
        Some((Word::Linked, _)) => {}
        _ => return Err(io::ErrorKind::BrokenPipe.into()),
    }
    sys::set_address("eth0", order.address, order.prefix)?;
    sys::raise_interface("eth0")?;
    wire::send(control.as_fd(), &Word::LinkRaised, &[])
}

/// A program with the small clean environment that everything in an instance starts from.
fn program(argv: &[String]) -> io::Result<Command> {
    let (name, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(arguments).env_clear().envs(ENVIRONMENT);
    command.current_dir("/").stdin(Stdio::null());
    Ok(command)
}

/// Runs a command that makes something to be kept.
///
/// # Errors
/// How it ended, and what it complained.
pub(super) fn make(argv: &[String]) -> io::Result<()> {
    run(argv).map_err(|why| match why {
        Word::CommandFailed { status, stderr, .. } => {
            io::Error::other(format!("the command that makes it ended with {status}: {stderr}"))
        }
        _ => io::ErrorKind::Other.into(),
    })
}

fn run(argv: &[String]) -> Result<(), Word> {
    let failed = |status: String, stderr: String| Word::CommandFailed { command: argv.join(" "), status, stderr };
    let output = program(argv)
        .and_then(|mut command| command.output())
        .map_err(|why| failed("no start".into(), why.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let status = match (output.status.code(), output.status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    };
    // A packet holds 16 KiB; the end of what a command complains says most.
    let tail = &output.stderr[output.stderr.len().saturating_sub(2000)..];
    Err(failed(status, String::from_utf8_lossy(tail).trim().to_string()))
}

fn start(service: &ServiceSpec, log: &File) -> io::Result<Child> {
    let mut command = program(&service.command)?;
    command.envs(&service.environment);
    if let Some(folder) = &service.working_directory {
        command.current_dir(folder);
    }
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    in_own_session(&mut command).spawn()
}

fn in_own_session(command: &mut Command) -> &mut Command {
    // SAFETY: setsid is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            Ok(())
        })
    }
}

impl Up {
    /// Answers and reaps until the harness is gone, or wants it shut down.
    fn serve(mut self, control: &OwnedFd) {
        loop {
            let accepts = if self.logins.len() < MOST_LOGINS { PollFlags::POLLIN } else { PollFlags::empty() };
            let mut watched = [
                PollFd::new(control.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.listener.as_fd(), accepts),
            ];
            let next = self.announcements.send_due().map_or(PollTimeout::NONE, |left| {
                PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
            });
            let polled = poll(&mut watched, next);
            if !matches!(polled, Ok(_) | Err(nix::errno::Errno::EINTR)) {
                return;
            }
            let [told, child, login] = watched.map(|fd| fd.any().unwrap_or(true));
            if told {
                return self.heed(control.as_fd());
            }
            if child {
                self.reap();
            }
            if login {
                self.log_in();
            }
        }
    }

    /// Shuts down if it was told to; else the harness is gone. Nobody can log in meanwhile.
    fn heed(self, control: BorrowedFd<'_>) {
        drop(self.listener);
        if let Ok(Some((Word::ShutDown, _))) = wire::receive::<Word>(control) {
            shut_down::end_all(control, &self.signals);
        }
    }

    fn reap(&mut self) {
        while let Ok(Some(_)) = self.signals.read_signal() {}
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let Some(pid) = status.pid().filter(|_| status != WaitStatus::StillAlive) else { break };
            self.bury(pid.as_raw(), status);
        }
        self.ends.look_again(&self.logins);
    }

    fn bury(&mut self, pid: i32, status: WaitStatus) {
        let before = self.logins.len();
        self.logins.retain(|login| *login != pid);
        let how = match status {
            WaitStatus::Exited(_, status) => HowEnded::Status(status),
            WaitStatus::Signaled(_, signal, _) => HowEnded::Signal(signal as i32),
            _ => return,
        };
        if self.logins.len() == before {
            self.ends.note(pid, how, &self.logins);
        }
    }

    /// A connection that can't be served is closed: the caller sees it at once.
    fn log_in(&mut self) {
        let Ok((connection, _)) = self.listener.accept() else { return };
        let serve = || -> io::Result<Child> {
            connection.set_nonblocking(false)?;
            connection.set_nodelay(true)?;
            miss_the_dead(&connection)?;
            let argv = [SSHD, "-i", "-e", "-f", "/etc/ssh/sshd_config"].map(str::to_string);
            let mut command = program(&argv)?;
            command.stdin(OwnedFd::from(connection.try_clone()?)).stdout(OwnedFd::from(connection));
            match &self.login_log {
                Some(log) => command.stderr(log.try_clone()?),
                None => command.stderr(Stdio::null()),
            };
            in_own_session(&mut command).spawn()
        };
        if let Ok(sshd) = serve() {
            self.logins.push(sshd.id() as i32);
        }
    }
}

/// Lets the kernel find out that nobody is left at the other end; `sshd` switches the search on.
fn miss_the_dead(connection: &TcpStream) -> nix::Result<()> {
    setsockopt(connection, sockopt::TcpKeepIdle, &SILENT)?;
    setsockopt(connection, sockopt::TcpKeepInterval, &ASKED_EVERY)?;
    setsockopt(connection, sockopt::TcpUserTimeout, &GIVEN_UP)
}
