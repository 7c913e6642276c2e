//! A testbed's place in the file system: its socket, which at most one testbed has.
//!
//! The socket's file outlives a testbed that was killed, until its [sweeper](super::socket_sweeper) has removed it; so the
//! lock is an abstract unix socket beside it, which ends with the last process that holds it. It is held by the process that was started and, by
//! inheritance, by those that it makes: the lock is free only when all of the testbed is gone.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, umask};
use sha2::{Digest, Sha256};

use super::protocol::{Request, Response};
use super::socket_sweeper::SocketSweeper;
use super::{SOCKET, Testbed, TestbedError};

/// A testbed that was killed is gone within this.
const GOING: Duration = Duration::from_secs(5);
/// How long a living testbed may take to say who it is.
const WHO: Duration = Duration::from_secs(2);
/// From one try to the next.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// Why a testbed can't listen there.
#[derive(Debug, thiserror::Error)]
pub enum SocketLockError {
    /// Another testbed does.
    #[error("a testbed is at {} already: pid {pid}, with {}; end it with `chimp down --testbed {}`, or choose another socket with --testbed", .socket.display(), .file.display(), .socket.display())]
    Taken { socket: PathBuf, pid: u32, file: PathBuf },
    /// Another testbed does, and does not say who it is.
    #[error("a testbed is at {} already, and does not answer: {why}; choose another socket with --testbed", .socket.display())]
    Silent { socket: PathBuf, why: String },
    /// Something else is in the way.
    #[error("{} is there already and is not a socket; choose another path with --testbed", .0.display())]
    NoSocket(PathBuf),
    /// The file system or the kernel refused.
    #[error("{}: {action}: {source}", .path.display())]
    System { path: PathBuf, action: &'static str, source: io::Error },
}

/// A testbed's place, for as long as it lives. Dropping it removes the socket's file, and its folder if the testbed made
/// it and nothing else is in it.
#[derive(Debug)]
pub struct SocketLock {
    socket: PathBuf,
    made_folder: bool,
    _lock: UnixListener,
    _sweeper: SocketSweeper,
}

impl SocketLock {
    /// Takes the place, with mode 0600. What a dead testbed left there is replaced. Must be called while the process
    /// has one thread.
    ///
    /// # Errors
    /// When a living testbed has it, or something that is no socket is there.
    pub fn take(socket: &Path) -> Result<(SocketLock, UnixListener), SocketLockError> {
        let failed = |action| move |source| SocketLockError::System { path: socket.into(), action, source };
        let socket = &std::path::absolute(socket).map_err(failed("finding it"))?;
        let folder = socket.parent().unwrap_or(Path::new("/"));
        let made_folder = !folder.exists();
        fs::create_dir_all(folder).map_err(failed("making its folder"))?;
        let lock = lock(socket)?;
        let made_folder = made_folder || socket == Path::new(SOCKET);
        match fs::symlink_metadata(socket) {
            Ok(found) if !found.file_type().is_socket() => return Err(SocketLockError::NoSocket(socket.clone())),
            Ok(_) => fs::remove_file(socket).map_err(failed("removing a dead testbed's socket"))?,
            Err(_) => {}
        }
        // Nobody else may open it, from its first moment on.
        let before = umask(Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(socket);
        umask(before);
        let listener = bound.map_err(failed("making the socket"))?;
        let sweeper = SocketSweeper::start(socket, Some(folder).filter(|_| made_folder));
        let sweeper = sweeper.map_err(failed("starting what removes it after a kill"))?;
        Ok((SocketLock { socket: socket.clone(), made_folder, _lock: lock, _sweeper: sweeper }, listener))
    }

    /// Whether no process of a testbed that was there is left, and no file.
    pub fn is_free(socket: &Path) -> bool {
        let Ok(socket) = std::path::absolute(socket) else { return true };
        !socket.exists() && try_lock(&socket).is_ok()
    }
}

impl Drop for SocketLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
        if let (true, Some(folder)) = (self.made_folder, self.socket.parent()) {
            // Refused where something else is in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Takes the lock; waits for a testbed that is just ending.
fn lock(socket: &Path) -> Result<UnixListener, SocketLockError> {
    let begun = Instant::now();
    loop {
        match try_lock(socket) {
            Ok(lock) => return Ok(lock),
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => {}
            Err(source) => {
                return Err(SocketLockError::System { path: socket.into(), action: "taking its lock", source });
            }
        }
        match (Testbed::at(socket).ask_within(&Request::Who, WHO), begun.elapsed() > GOING) {
            (Ok((Response::Testbed { pid, file }, _)), _) => {
                return Err(SocketLockError::Taken { socket: socket.into(), pid, file });
            }
            (Ok((other, _)), true) => return Err(silent(socket, Testbed::at(socket).unexpected(&other))),
            (Err(why), true) => return Err(silent(socket, why)),
            (_, false) => std::thread::sleep(TRY_EVERY),
        }
    }
}

fn silent(socket: &Path, why: TestbedError) -> SocketLockError {
    SocketLockError::Silent { socket: socket.into(), why: why.to_string() }
}

fn try_lock(socket: &Path) -> io::Result<UnixListener> {
    // A path may be longer than the name of an abstract socket; its folder may have several names.
    let folder = socket.parent().and_then(|folder| folder.canonicalize().ok());
    let whole = folder.map(|folder| folder.join(socket.file_name().unwrap_or_default()));
    let path = whole.as_deref().unwrap_or(socket).as_os_str().as_encoded_bytes();
    let digest: String = Sha256::digest(path).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("anarcho-chimp testbed {digest}");
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_socket_is_the_owners_alone_and_goes_with_the_folder_that_was_made_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("made/testbed.sock");
        let (lock, _listener) = SocketLock::take(&socket).unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!SocketLock::is_free(&socket));
        drop(lock);
        let deadline = Instant::now() + GOING;
        // What other tests start has this lock as well for a moment.
        while !SocketLock::is_free(&socket) && Instant::now() < deadline {
            std::thread::sleep(TRY_EVERY);
        }
        assert!(SocketLock::is_free(&socket));
        assert!(!folder.path().join("made").exists() && folder.path().exists());
    }

    #[test]
    fn what_a_dead_testbed_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("testbed.sock");
        drop(UnixListener::bind(&socket).unwrap());
        assert!(socket.exists());
        let (lock, _listener) = SocketLock::take(&socket).unwrap();
        assert!(std::os::unix::net::UnixStream::connect(&socket).is_ok());
        drop(lock);
        assert!(folder.path().exists(), "a folder that was there before stays");
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(SocketLock::take(&path), Err(SocketLockError::NoSocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
