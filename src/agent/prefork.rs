//! A child that was forked beforehand and waits to become a program.
//!
//! When a lease is over there may be no memory left to fork with: what healing needs is forked while the way is still
//! clear. A preforked child goes when its parent does, without having become anything.

use std::ffi::{CString, c_char, c_int};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Where programs are looked for: a session of SSH or a unit of systemd may know less.
const FOLDERS: [&str; 6] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
/// The whole environment of a preforked child: messages in English, whatever the machine speaks.
const ENVIRONMENT: [&str; 2] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"];

/// A program that has been started but for its `exec`. It runs once, or, when this is dropped, never.
#[derive(Debug)]
pub(super) struct Preforked {
    pid: i32,
    /// Its standard input and output.
    talk: UnixStream,
    /// Its standard error.
    errors: UnixStream,
    reaped: bool,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(super) struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Preforked {
    /// Forks now. The child has nothing of this process but its memory, and does nothing before [`run`](Self::run).
    ///
    /// # Errors
    /// `NotFound` for a program that is not there; those of `fork(2)`.
    pub fn prepare<S: AsRef<str>>(argv: &[S]) -> io::Result<Preforked> {
        Self::prepare_in(Path::new("/"), argv)
    }

    /// The same, with this as its root folder, where its program is looked for.
    ///
    /// # Errors
    /// See [`prepare`](Self::prepare).
    pub fn prepare_in<S: AsRef<str>>(root: &Path, argv: &[S]) -> io::Result<Preforked> {
        let program = find(root, argv.first().map_or("", AsRef::as_ref))?;
        let root = c_string(&root.display().to_string())?;
        let program = c_string(&program.display().to_string())?;
        let words = argv.iter().map(|word| c_string(word.as_ref())).collect::<io::Result<Vec<_>>>()?;
        let environment = ENVIRONMENT.iter().map(|word| c_string(word)).collect::<io::Result<Vec<_>>>()?;
        let (words, environment) = (pointers(&words), pointers(&environment));
        let (talk, theirs) = UnixStream::pair()?;
        let (errors, their_errors) = UnixStream::pair()?;
        // SAFETY: the child calls nothing but what a signal handler may call.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => unsafe {
                let streams = [theirs.as_raw_fd(), their_errors.as_raw_fd()];
                become_when_told(&root, &program, &words, &environment, streams)
            },
            pid => Ok(Preforked { pid, talk, errors, reaped: false }),
        }
    }

    /// Lets it become its program, with an empty standard input, and waits for its end.
    ///
    /// # Errors
    /// `TimedOut` when it was not over in time: it is killed then. `BrokenPipe` when somebody killed the preforked child.
    pub fn run(self, timeout: Duration) -> io::Result<Ended> {
        self.feed(&[], timeout)
    }

    /// The same with this standard input, which the program must read as it goes.
    ///
    /// # Errors
    /// See [`run`](Self::run).
    pub fn feed(mut self, input: &[u8], timeout: Duration) -> io::Result<Ended> {
        let deadline = Instant::now() + timeout;
        self.talk.set_write_timeout(Some(timeout))?;
        self.talk.write_all(b"!")?;
        self.talk.write_all(input)?;
        self.talk.shutdown(Shutdown::Write)?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (mut talks, mut errs) = (true, true);
        while talks || errs {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let asked = |open: bool| if open { PollFlags::POLLIN } else { PollFlags::empty() };
            let mut watched =
                [PollFd::new(self.talk.as_fd(), asked(talks)), PollFd::new(self.errors.as_fd(), asked(errs))];
            match poll(&mut watched, PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            let [out, err] = watched.map(|fd| fd.any().unwrap_or(true));
            talks = talks && (!out || read_some(&mut self.talk, &mut stdout)?);
            errs = errs && (!err || read_some(&mut self.errors, &mut stderr)?);
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ended { status: self.reap()?, stdout: text(stdout), stderr: text(stderr) })
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        let mut status: c_int = 0;
        loop {
            // SAFETY: waits for a child of ours that was not waited for yet.
            match unsafe { libc::waitpid(self.pid, &raw mut status, 0) } {
                -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                -1 => return Err(io::Error::last_os_error()),
                _ => break,
            }
        }
        self.reaped = true;
        Ok(ExitStatus::from_raw(status))
    }
}

impl Drop for Preforked {
    fn drop(&mut self) {
        if !self.reaped {
            // SAFETY: the number is a child's that not waited for, hence nobody else's.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            let _ = self.reap();
        }
    }
}

/// Runs a program that nobody prepared, to its end.
///
/// # Errors
/// As [`Preforked::prepare`] and [`Preforked::run`].
pub(super) fn run<S: AsRef<str>>(argv: &[S], timeout: Duration) -> io::Result<Ended> {
    Preforked::prepare(argv)?.run(timeout)
}

/// Whether there is such a program.
pub(super) fn exists(program: &str) -> bool {
    exists_in(Path::new("/"), program)
}

/// Whether there is one below this root folder.
pub(super) fn exists_in(root: &Path, program: &str) -> bool {
    find(root, program).is_ok()
}

/// Whether more may come.
fn read_some(stream: &mut UnixStream, kept: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0_u8; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(length) => {
            kept.extend_from_slice(&buffer[..length]);
            Ok(length > 0)
        }
        Err(why) if why.kind() == io::ErrorKind::Interrupted => Ok(true),
        // A preforked child that was killed before it read what it was told.
        Err(why) if why.kind() == io::ErrorKind::ConnectionReset => Ok(false),
        Err(why) => Err(why),
    }
}

/// Where a program is, as seen from this root folder. A link there leads to somewhere below it, which can't be looked at from here.
fn find(root: &Path, program: &str) -> io::Result<PathBuf> {
    let below = |place: &Path| root.join(place.strip_prefix("/").unwrap_or(place));
    let is_there = |place: &PathBuf| below(place).symlink_metadata().is_ok_and(|found| !found.is_dir());
    let whole = Some(PathBuf::from(program)).filter(|place| place.is_absolute());
    let within = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
    let missing = || io::Error::new(io::ErrorKind::NotFound, format!("there is no program `{program}`"));
    whole.into_iter().chain(within).find(|place| !program.is_empty() && is_there(place)).ok_or_else(missing)
}

fn c_string(word: &str) -> io::Result<CString> {
    Ok(CString::new(word)?)
}

/// As `execve(2)` wants them.
fn pointers(words: &[CString]) -> Vec<*const c_char> {
    words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
}

/// What the child does: waits for one byte or the end of its parent.
///
/// # Safety
/// To be called in a forked child alone; the pointers end in null and point to strings that end in zero.
unsafe fn become_when_told(
    root: &CString,
    program: &CString,
    argv: &[*const c_char],
    environment: &[*const c_char],
    [talk, errors]: [RawFd; 2],
) -> ! {
    // SAFETY: all are system calls that a signal handler may make.
    unsafe {
        libc::dup2(talk, 0);
        libc::dup2(talk, 1);
        libc::dup2(errors, 2);
        // Other preforked children's ends of sockets too, or they would not see their parent go.
        if libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) == -1 {
            for fd in 3..4096 {
                libc::close(fd);
            }
        }
        let mut byte = 0_u8;
        let read = loop {
            let read = libc::read(0, (&raw mut byte).cast(), 1);
            if read != -1 || *libc::__errno_location() != libc::EINTR {
                break read;
            }
        };
        if read != 1 {
            libc::_exit(0);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        for signal in [libc::SIGPIPE, libc::SIGHUP, libc::SIGTERM] {
            libc::signal(signal, libc::SIG_DFL);
        }
        if root.as_bytes() == b"/" || (libc::chroot(root.as_ptr()) == 0 && libc::chdir(c"/".as_ptr()) == 0) {
            libc::execve(program.as_ptr(), argv.as_ptr(), environment.as_ptr());
        }
        libc::_exit(127)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn is_gone(pid: i32) -> bool {
        let deadline = Instant::now() + SOON;
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        while state().is_some_and(|stat| !stat.contains(") Z ")) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }

    #[test]
    fn a_preforked_child_becomes_its_program_when_told_and_keeps_its_streams_apart() {
        let preforked =
            Preforked::prepare(&["sh", "-c", "cat; echo \"$0\"; echo why >&2; exit 3", "a 'word'; $(x)"]).unwrap();
        let ended = preforked.run(SOON).unwrap();
        assert_eq!(
            (ended.status.code(), ended.stdout.as_str(), ended.stderr.as_str()),
            (Some(3), "a 'word'; $(x)\n", "why\n")
        );
    }

    #[test]
    fn a_preforked_child_reads_what_it_is_fed() {
        let input = "line\n".repeat(100_000);
        let ended = Preforked::prepare(&["wc", "-c"]).unwrap().feed(input.as_bytes(), SOON).unwrap();
        assert_eq!(ended.stdout.trim(), "500000");
    }

    #[test]
    fn a_preforked_child_that_is_not_used_goes_and_never_runs() {
        let preforked = Preforked::prepare(&["false"]).unwrap();
        let pid = preforked.pid;
        drop(preforked);
        assert!(is_gone(pid));
    }

    #[test]
    fn a_preforked_child_goes_with_its_parent_though_a_later_one_was_forked_from_the_same() {
        let mut first = Preforked::prepare(&["touch", "/nonexistent/must-not-run"]).unwrap();
        let second = Preforked::prepare(&["true"]).unwrap();
        // What the kernel does to a dead parent's sockets.
        first.talk = UnixStream::pair().unwrap().0;
        assert!(is_gone(first.pid), "it waits though nobody can tell it any more");
        assert!(second.run(SOON).unwrap().status.success());
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let preforked = Preforked::prepare(&["sleep", "100"]).unwrap();
        let pid = preforked.pid;
        assert_eq!(preforked.run(Duration::from_millis(50)).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(is_gone(pid));
    }

    #[test]
    fn a_program_that_is_not_there_is_told_before_it_is_needed() {
        let why = Preforked::prepare(&["no-such-program"]).unwrap_err();
        assert_eq!(
            (why.kind(), why.to_string().as_str()),
            (io::ErrorKind::NotFound, "there is no program `no-such-program`")
        );
        assert!(Preforked::prepare::<&str>(&[]).is_err());
    }
}
