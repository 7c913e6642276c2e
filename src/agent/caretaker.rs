//! What stays beside an uploaded program and removes it: a process of that program, started with the upload. The program
//! goes when no run has a lease on it any more and no holder of a fault runs it, however the runs have ended.
//!
//! Each run that uses the program is a *user* of it and renews its lease. The caretaker depends on no holder, and no
//! holder on it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lease_holder::{heard, now, settle, tell};
use super::program::{FOLDER, NAME, hex};
use super::{detach, process};

/// How long a new caretaker may take to answer.
const START: Duration = Duration::from_secs(5);
/// How long one may take to answer, or to be asked.
const ANSWER: Duration = Duration::from_secs(2);
/// Leases are looked at this often, since a wait does not count the time that a machine is suspended; and this often
/// whether the last holder has gone.
const LOOK: Duration = Duration::from_secs(1);
const HOLDER_GONE: Duration = Duration::from_millis(200);
/// From one try to reach a caretaker that starts to the next.
const AGAIN: Duration = Duration::from_millis(2);

/// Where it listens, in the program's folder.
const SOCKET: &str = "socket";
/// Says that the folder above was made with the upload.
pub(super) const MADE_ABOVE: &str = "made-above";

/// Why a caretaker did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CaretakerError {
    #[error("{} was not uploaded by a run, so it has no caretaker", .0.display())]
    NotUploaded(PathBuf),
    #[error("{0:?} is not the name of a run that uses a program")]
    User(String),
    #[error("{0:?} is not a lease in milliseconds")]
    Lease(String),
    #[error("{action}: {source}")]
    System { action: &'static str, source: io::Error },
    #[error("the caretaker of the program answers: {0}")]
    Refused(String),
}

fn at(action: &'static str) -> impl Fn(io::Error) -> CaretakerError {
    move |source| CaretakerError::System { action, source }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    /// The user's lease runs from now.
    Stay { user: String, lease_ms: u64 },
    /// The user needs it no more.
    Leave { user: String },
}

/// The strikes whose holders keep it there though the last user has left; none where it is gone, or others use it.
type CaretakerAnswer = Result<Vec<String>, String>;

/// The lease of a user runs from now; answers the program's version.
///
/// # Errors
/// When it was not uploaded, or no caretaker can be started.
pub(super) fn stay(user: &str, lease: &str) -> Result<String, CaretakerError> {
    let (home, lease_ms) = (home()?, milliseconds(lease)?);
    check(user)?;
    let ask = Ask::Stay { user: user.into(), lease_ms };
    if let Some(answer) = asked(&home, &ask) {
        return answer.map(|_| super::version()).map_err(CaretakerError::Refused);
    }
    let starting = at("starting the caretaker");
    detach::start(&format!("keep-{user}"), &["keep", user, lease]).map_err(&starting)?;
    let until = Instant::now() + START;
    loop {
        match asked(&home, &ask) {
            Some(answer) => return answer.map(|_| super::version()).map_err(CaretakerError::Refused),
            None if Instant::now() > until => return Err(starting(io::ErrorKind::TimedOut.into())),
            None => std::thread::sleep(AGAIN),
        }
    }
}

/// A user needs the program no more. It is gone when this returns, unless others use it, or holders run it: these are
/// named, and it goes with the last of them.
///
/// # Errors
/// When it was not uploaded, or could not be removed.
pub(super) fn leave(user: &str) -> Result<Vec<String>, CaretakerError> {
    let home = home()?;
    check(user)?;
    match asked(&home, &Ask::Leave { user: user.into() }) {
        Some(answer) => answer.map_err(CaretakerError::Refused),
        // Whoever kept it was killed, and every other user's lease with it.
        None => {
            let holders = holders();
            if holders.is_empty() {
                remove(&home).map_err(at("removing the program"))?;
            }
            Ok(holders)
        }
    }
}

/// The hash of this program's file, in hex.
///
/// # Errors
/// When it can't be read.
pub(super) fn sha256() -> Result<String, CaretakerError> {
    let bytes = fs::read("/proc/self/exe").map_err(at("reading its own program"))?;
    Ok(hex(&Sha256::digest(bytes)))
}

/// Lives as the caretaker of this program, for this user first.
///
/// # Errors
/// When it was not uploaded, or the caretaker can't listen. Nothing to do where another one lives.
pub(super) fn keep(user: &str, lease: &str) -> Result<(), CaretakerError> {
    let (home, lease) = (home()?, Duration::from_millis(milliseconds(lease)?));
    check(user)?;
    let signals = settle().map_err(at("settling"))?;
    let folder = File::open(&home).map_err(at("opening its folder"))?;
    let Ok(lock) = Flock::lock(folder, FlockArg::LockExclusiveNonblock) else { return Ok(()) };
    let socket = home.join(SOCKET);
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(socket).map_err(at("listening"))?;
    let users = BTreeMap::from([(user.to_string(), now() + lease)]);
    Caretaker { home, _lock: lock, listener, signals, users }.live()
}

struct Caretaker {
    home: PathBuf,
    _lock: Flock<File>,
    listener: UnixListener,
    signals: SignalFd,
    /// When the lease of each is over.
    users: BTreeMap<String, Duration>,
}

impl Caretaker {
    fn live(mut self) -> Result<(), CaretakerError> {
        loop {
            self.users.retain(|_, over| *over > now());
            if self.users.is_empty() && holders().is_empty() && remove(&self.home).is_ok() {
                return Ok(());
            }
            let [asked, told_to_end] = self.wait()?;
            if told_to_end {
                while let Ok(Some(_)) = self.signals.read_signal() {}
                self.users.clear();
            }
            if asked && self.serve() {
                return Ok(());
            }
        }
    }

    fn wait(&self) -> Result<[bool; 2], CaretakerError> {
        let next = self.users.values().min().map_or(HOLDER_GONE, |over| over.saturating_sub(now()).min(LOOK));
        let mut watched = [
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::try_from(next.as_millis() + 1).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(watched.map(|fd| fd.any().unwrap_or(true))),
            Err(errno) => Err(at("waiting")(errno.into())),
        }
    }

    /// Answers one question; says whether the program is gone.
    fn serve(&mut self) -> bool {
        let Ok((mut stream, _)) = self.listener.accept() else { return false };
        let Ok(ask) = heard::<Ask>(&stream, ANSWER) else { return false };
        let (answer, gone) = self.answer(ask);
        let _ = tell(&mut stream, &answer);
        if gone {
            // Whoever asked waits until this process has ended: then the kernel closes it.
            std::mem::forget(stream);
        }
        gone
    }

    fn answer(&mut self, ask: Ask) -> (CaretakerAnswer, bool) {
        match ask {
            Ask::Stay { user, lease_ms } => {
                self.users.insert(user, now() + Duration::from_millis(lease_ms));
                return (Ok(Vec::new()), false);
            }
            Ask::Leave { user } => self.users.remove(&user),
        };
        if !self.users.is_empty() {
            return (Ok(Vec::new()), false);
        }
        let holders = holders();
        if !holders.is_empty() {
            return (Ok(holders), false);
        }
        match remove(&self.home) {
            Ok(()) => (Ok(holders), true),
            Err(why) => (Err(why.to_string()), false),
        }
    }
}

/// The folder of this program, if it was uploaded: nothing else is ever removed.
fn home() -> Result<PathBuf, CaretakerError> {
    let program = std::env::current_exe().map_err(at("finding its own program"))?;
    let is_uploaded = program.file_name().is_some_and(|name| name == NAME);
    let folder = program.parent().filter(|folder| {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        is_uploaded && name.is_some_and(|name| name.starts_with(FOLDER))
    });
    folder.map(Path::to_path_buf).ok_or(CaretakerError::NotUploaded(program.clone()))
}

/// It becomes part of a file's name and of a unit's.
fn check(user: &str) -> Result<(), CaretakerError> {
    let fine = (1..=32).contains(&user.len()) && user.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fine { Ok(()) } else { Err(CaretakerError::User(user.into())) }
}

fn milliseconds(lease: &str) -> Result<u64, CaretakerError> {
    lease.parse().map_err(|_| CaretakerError::Lease(lease.into()))
}

/// `None` where no caretaker listens, or it did not answer in time. One that ends with its answer has ended when this
/// returns.
fn asked(home: &Path, ask: &Ask) -> Option<CaretakerAnswer> {
    let mut stream = UnixStream::connect(home.join(SOCKET)).ok()?;
    tell(&mut stream, ask).ok()?;
    let answer = heard(&stream, ANSWER).ok()?;
    let _ = stream.read(&mut [0]);
    Some(answer)
}

/// The strikes that are held by this very program.
fn holders() -> Vec<String> {
    let file = |pid: &str| fs::metadata(format!("/proc/{pid}/exe")).map(|file| (file.dev(), file.ino())).ok();
    let own = file("self");
    let strike = |(identity, words): (process::Identity, Vec<String>)| {
        let mut words = words.into_iter();
        let holds = words.next().is_some_and(|role| role == "hold") && file(&identity.pid.to_string()) == own;
        words.next().filter(|_| holds)
    };
    process::agents().into_iter().filter_map(strike).collect()
}

/// What others put there meanwhile stays, and its folder with it.
fn remove(home: &Path) -> io::Result<()> {
    let made_above = home.join(MADE_ABOVE);
    let above = home.parent().filter(|_| made_above.exists());
    for file in [&home.join(NAME), &home.join(SOCKET), &made_above] {
        match fs::remove_file(file) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
            _ => {}
        }
    }
    let _ = fs::remove_dir(home);
    if let Some(above) = above {
        let _ = fs::remove_dir(above);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_no_run_has_uploaded_is_never_removed() {
        for refused in [stay("a1", "1000").map(drop), leave("a1").map(drop), keep("a1", "1000")] {
            assert!(matches!(refused, Err(CaretakerError::NotUploaded(_))), "{refused:?}");
        }
        assert!(std::env::current_exe().unwrap().exists());
    }

    #[test]
    fn what_could_be_a_path_is_no_user() {
        for user in ["", "../a", "a b", "-a", "a.b", &"a".repeat(33)] {
            assert!(matches!(check(user), Err(CaretakerError::User(_))), "{user:?}");
        }
        assert!(check("7f3a9c").is_ok());
    }

    #[test]
    fn the_folder_above_goes_only_if_it_was_made_with_the_upload_and_is_empty() {
        for (mark, other, stays) in [(true, false, false), (true, true, true), (false, false, true)] {
            let root = tempfile::tempdir().unwrap();
            let home = root.path().join("run/agent-folder");
            fs::create_dir_all(&home).unwrap();
            for file in [NAME, SOCKET] {
                fs::write(home.join(file), "").unwrap();
            }
            if mark {
                fs::write(home.join(MADE_ABOVE), "").unwrap();
            }
            if other {
                fs::write(root.path().join("run/other"), "").unwrap();
            }
            remove(&home).unwrap();
            assert!(!home.exists());
            assert_eq!(root.path().join("run").exists(), stays, "mark {mark}, other {other}");
        }
    }
}
