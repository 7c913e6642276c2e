//! A command in the namespaces of a container, by programs of this machine: the image needs none, and no shell.
//!
//! It is this very program, started again with [`ASKED`], which becomes three processes:
//!
//! - The *outer* one waits for the command's end, and returns its status. Whoever breaks an entry off kills it.
//! - The *keeper* finds the container's first process, enters its network, its IPC and its host name, and makes a mount
//!   namespace of its own. It stays outside the container's process namespace, reaps the inner one, and removes what the
//!   entry made in the container. It outlives the outer one: the end of that is a SIGTERM for it.
//! - The *inner* one is inside, makes `/proc` show the container's processes, starts the command, and adopts what the
//!   command leaves running, such as the holder of a fault. So the container's own first process meets no child that it
//!   does not know. It ends with the last of them. Of an entry that is broken off, it kills the command.
//!
//! The command sees this machine's files, which it can't change, with three exceptions: `/proc` is the container's, `/run`
//! is a folder in the container's own `/dev` (a file system in memory which can be written to though the container's root
//! can't be), and control groups can be joined. What is held in a container is so known to whoever enters it, and goes with it. The folder
//! goes with the last keeper.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, UnlinkatFlags, execvp, fork, getppid, pipe2, unlinkat};

use crate::agent::process::Identity;

/// The hidden first argument; the container's id, its first process's number and start, and the command follow.
const ASKED: &str = "__enter";
/// The status where the container could not be entered.
pub(super) const NOT_ENTERED: i32 = 125;
/// How a complaint begins then.
pub(super) const COMPLAINT: &str = "anarcho-chimp is not in the container: ";
/// What the command's environment has.
pub(super) const ENVIRONMENT: [(&str, &str); 2] =
    [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")];
/// The folder in the container's `/dev`.
pub(crate) const FOLDER: &str = ".anarcho-chimp";

/// The arguments that make this program run a command in a container.
pub(super) fn arguments(container: &str, first: Identity, argv: &[String]) -> Vec<String> {
    let head = [ASKED.to_string(), container.into(), first.pid.to_string(), first.started.to_string()];
    head.into_iter().chain(argv.iter().cloned()).collect()
}

/// Runs a command in a container, if this program was started for it. The process must have one thread.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [asked, container, pid, started, argv @ ..] = words.as_slice() else { return None };
    if asked != ASKED {
        return None;
    }
    let ran = match (pid.parse(), started.parse()) {
        (Ok(pid), Ok(started)) => run(container, Identity { pid, started }, argv),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    let status = ran.unwrap_or_else(|why| {
        let _ = writeln!(io::stderr(), "{COMPLAINT}{why}");
        NOT_ENTERED
    });
    Some(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX)))
}

/// As the outer process; returns the command's status, or 128 and the signal that ended it.
fn run(container: &str, first: Identity, argv: &[String]) -> io::Result<i32> {
    let (told, tells) = pipe2(OFlag::O_CLOEXEC)?;
    let outer = Pid::this();
    // SAFETY: the process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(told);
            keep(outer, container, first, argv, &File::from(tells))
        }
        ForkResult::Parent { .. } => {
            drop(tells);
            let mut answer = [0_u8; 4];
            let heard = File::from(told).read_exact(&mut answer);
            heard.map_err(|_| io::Error::other("it ended while the command ran"))?;
            Ok(i32::from_le_bytes(answer))
        }
    }
}

/// As the keeper: never returns.
fn keep(outer: Pid, container: &str, first: Identity, argv: &[String], tells: &File) -> ! {
    let kept = heard_signals().and_then(|signals| {
        // It may have ended before its end was one's business.
        if getppid() != outer {
            return Ok(());
        }
        let place = Place::open(container, first)?;
        let kept = place.enter().and_then(|()| start(argv, tells, &signals));
        place.leave();
        kept
    });
    if let Err(why) = kept {
        tell(tells, complain(&why));
    }
    end()
}

/// From here on a SIGTERM and the end of a child are waited for, and the end of the parent is a SIGTERM.
fn heard_signals() -> io::Result<SigSet> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGCHLD]);
    signals.thread_block()?;
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    Ok(signals)
}

/// Starts the inner process, and waits for its end.
fn start(argv: &[String], tells: &File, signals: &SigSet) -> io::Result<()> {
    // SAFETY: the process has one thread.
    let inner = match unsafe { fork() }? {
        ForkResult::Child => inner(argv, tells, signals),
        ForkResult::Parent { child } => child,
    };
    // The inner one has all of this.
    close_streams();
    loop {
        match signals.wait()? {
            Signal::SIGTERM => kill(inner, Signal::SIGTERM)?,
            _ => match waitpid(inner, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                _ => return Ok(()),
            },
        }
    }
}

fn tell(mut tells: &File, status: i32) {
    // The outer process may have ended.
    let _ = tells.write_all(&status.to_le_bytes());
}

/// Whoever reads what the command prints must see its end.
fn close_streams() {
    for stream in 0..3 {
        // SAFETY: nothing of this process uses them any more.
        unsafe { libc::close(stream) };
    }
}

fn end() -> ! {
    // SAFETY: ends this process without what its parent would do at its end.
    unsafe { libc::_exit(0) }
}

/// What of a container is entered.
struct Place {
    namespaces: Vec<OwnedFd>,
    processes: OwnedFd,
    /// The container's `/dev`.
    devices: File,
    /// The folder in it, under a shared lock: as long as one is held, whoever else leaves does not remove it.
    folder: File,
    /// The same as a mount of its own, which is nowhere yet.
    mount: OwnedFd,
}

impl Place {
    fn open(container: &str, first: Identity) -> io::Result<Place> {
        let path = |end: &str| format!("/proc/{}/{end}", first.pid);
        let gone = || io::Error::new(io::ErrorKind::NotFound, "its process is not there any more");
        let groups = fs::read_to_string(path("cgroup")).map_err(|_| gone())?;
        if !groups.contains(container) {
            return Err(io::Error::other("its processes are not on this machine, or in another process namespace"));
        }
        if fs::read_link(path("ns/pid"))? == fs::read_link("/proc/self/ns/pid")? {
            return Err(io::Error::other("its processes are among the machine's"));
        }
        let namespace = |path: String| File::open(path).map(OwnedFd::from);
        let namespaces = ["net", "ipc", "uts"].into_iter().map(|kind| namespace(path(&format!("ns/{kind}"))));
        let namespaces: Vec<OwnedFd> = namespaces.collect::<io::Result<_>>()?;
        let processes = namespace(path("ns/pid"))?;
        let (own, theirs) = (namespace("/proc/self/ns/mnt".into())?, namespace(path("ns/mnt"))?);
        // What was opened until now is that very process's.
        first.find().ok_or_else(gone)?;
        // A mount is cloned in the namespace that it is in.
        setns(theirs.as_fd(), CloneFlags::CLONE_NEWNS)?;
        let found = folder().and_then(|(devices, folder)| Ok((clone_mount(&folder)?, devices, folder)));
        setns(own.as_fd(), CloneFlags::CLONE_NEWNS)?;
        let (mount, devices, folder) = found?;
        Ok(Place { namespaces, processes, devices, folder, mount })
    }

    /// Enters all but the processes, which only a child can.
    fn enter(&self) -> io::Result<()> {
        for namespace in &self.namespaces {
            setns(namespace.as_fd(), CloneFlags::empty())?;
        }
        unshare(CloneFlags::CLONE_NEWNS)?;
        let nothing: Option<&str> = None;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
        change_mounts(c"/", libc::MOUNT_ATTR_RDONLY, 0)?;
        if Path::new(GROUPS).is_dir() {
            change_mounts(c"/sys/fs/cgroup", 0, libc::MOUNT_ATTR_RDONLY)?;
        }
        put_mount(&self.mount, c"/run")?;
        Ok(setns(self.processes.as_fd(), CloneFlags::CLONE_NEWPID)?)
    }

    /// Removes the folder, unless something is held in it or another one uses it.
    fn leave(self) {
        if lock(&self.folder, libc::LOCK_EX | libc::LOCK_NB).is_ok() {
            let _ = unlinkat(&self.folder, "xtables.lock", UnlinkatFlags::NoRemoveDir);
            let _ = unlinkat(&self.devices, FOLDER, UnlinkatFlags::RemoveDir);
        }
    }
}

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// In the container's mount namespace: its `/dev`, and the folder in it, made if it is not there.
fn folder() -> io::Result<(File, File)> {
    let open = |path: &Path| File::options().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path);
    let devices = open(Path::new("/dev"))?;
    loop {
        match mkdirat(&devices, FOLDER, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let folder = match open(&Path::new("/dev").join(FOLDER)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        lock(&folder, libc::LOCK_SH)?;
        // Whoever left meanwhile has removed it.
        if folder.metadata()?.nlink() > 0 {
            return Ok((devices, folder));
        }
    }
}

/// The lock is that of the opened folder, which all processes of an entry have: it goes with the last of them.
fn lock(folder: &File, how: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::flock(folder.as_raw_fd(), how) })?;
    Ok(())
}

fn clone_mount(folder: &File) -> io::Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as u32;
    // SAFETY: the path ends in zero; the descriptor is new.
    unsafe {
        let tree = libc::syscall(libc::SYS_open_tree, folder.as_raw_fd(), c"".as_ptr(), flags);
        let tree = Errno::result(tree)?;
        Ok(OwnedFd::from_raw_fd(tree as i32))
    }
}

fn put_mount(tree: &OwnedFd, at: &CStr) -> io::Result<()> {
    // SAFETY: the paths end in zero.
    let moved = unsafe {
        let (empty, flags) = (c"".as_ptr(), libc::MOVE_MOUNT_F_EMPTY_PATH);
        libc::syscall(libc::SYS_move_mount, tree.as_raw_fd(), empty, libc::AT_FDCWD, at.as_ptr(), flags)
    };
    Errno::result(moved)?;
    Ok(())
}

/// Of a mount and all below it.
fn change_mounts(at: &CStr, set: u64, clear: u64) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    // SAFETY: the path ends in zero, and the length is the structure's.
    let changed = unsafe {
        let (size, flags) = (size_of::<libc::mount_attr>(), libc::AT_RECURSIVE);
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, at.as_ptr(), flags, &raw const attributes, size)
    };
    Errno::result(changed)?;
    Ok(())
}

/// As the inner process: never returns.
fn inner(argv: &[String], tells: &File, signals: &SigSet) -> ! {
    let status = command(argv, signals);
    tell(tells, status.unwrap_or_else(|why| complain(&why)));
    close_streams();
    while matches!(waitpid(None, None), Ok(_) | Err(Errno::EINTR)) {}
    end()
}

fn complain(why: &io::Error) -> i32 {
    let _ = writeln!(io::stderr(), "{COMPLAINT}{why}");
    NOT_ENTERED
}

/// Runs the command; adopts what it leaves.
fn command(argv: &[String], signals: &SigSet) -> io::Result<i32> {
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    prctl::set_child_subreaper(true)?;
    mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        None::<&str>,
    )?;
    std::env::set_current_dir("/")?;
    let words: Vec<CString> = argv.iter().map(|word| CString::new(word.as_str())).collect::<Result<_, _>>()?;
    let program = words.first().ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let _ = prctl::set_pdeathsig(Signal::SIGKILL);
            let _ = signals.thread_unblock();
            let Err(errno) = execvp(program, &words);
            let _ = writeln!(io::stderr(), "{}: {}", argv[0], errno.desc());
            // As a shell says that there is no such program, or that it can't be run.
            let status = if errno == Errno::ENOENT { 127 } else { 126 };
            // SAFETY: as above.
            unsafe { libc::_exit(status) }
        }
        ForkResult::Parent { child } => wait_for(child, signals),
    }
}

/// The status of this child, while others may end, too. It is killed where the entry is broken off.
fn wait_for(child: Pid, signals: &SigSet) -> io::Result<i32> {
    loop {
        if signals.wait()? == Signal::SIGTERM {
            kill(child, Signal::SIGKILL)?;
            continue;
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, status)) if pid == child => return Ok(status),
                Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => return Ok(128 + signal as i32),
                Ok(WaitStatus::StillAlive) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
