//! What removes a testbed's socket when the testbed was killed: a process outside of it, which does nothing else.
//!
//! It waits at a pipe whose other end the testbed's processes hold by inheritance, so that it wakes up when the last of
//! them is gone, however they went. It is no child of the testbed, is in a session of its own, and has nothing of the
//! testbed open.

use std::ffi::c_int;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The end of the pipe that a testbed holds.
#[derive(Debug)]
pub(super) struct SocketSweeper {
    _lives: PipeWriter,
}

/// A socket's file as it was made, with the folder that goes with it.
struct Made {
    socket: PathBuf,
    inode: u64,
    folder: Option<PathBuf>,
}

impl SocketSweeper {
    /// Starts it for a socket that was just made; `folder` goes too, where nothing else is in it. Must be called while the
    /// process has one thread.
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn start(socket: &Path, folder: Option<&Path>) -> io::Result<SocketSweeper> {
        let inode = fs::symlink_metadata(socket)?.ino();
        let made = Made { socket: socket.into(), inode, folder: folder.map(Path::to_path_buf) };
        let (end, lives) = io::pipe()?;
        // SAFETY: the process has one thread, so that the child may do whatever a process may.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => begin(end, lives, &made),
            child => {
                let mut status: c_int = 0;
                // SAFETY: waits for the child that was just made, which ends at once.
                unsafe { libc::waitpid(child, &raw mut status, 0) };
                Ok(SocketSweeper { _lives: lives })
            }
        }
    }
}

/// In the child: leaves its session, and lets a child of its own do the work, which is not waited for.
fn begin(end: PipeReader, lives: PipeWriter, made: &Made) -> ! {
    drop(lives);
    // Before it makes the other, so that nothing is open any more once the testbed goes on.
    // SAFETY: system calls in a process of one thread.
    unsafe {
        if libc::setsid() == -1 || !keeps_only(&end) || libc::fork() != 0 {
            libc::_exit(0);
        }
    }
    await_end(end);
    made.sweep();
    // SAFETY: ends this process, without what its copy of the program would do at its end.
    unsafe { libc::_exit(0) }
}

/// Closes everything but the pipe: whoever reads what the testbed prints waits for the end of it.
fn keeps_only(end: &PipeReader) -> bool {
    // SAFETY: the descriptors are this process's own, and nothing uses them any more.
    unsafe {
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        let pipe = end.as_raw_fd();
        nothing > 2
            && pipe > 2
            && (0..3).all(|stream| libc::dup2(nothing, stream) != -1)
            && libc::syscall(libc::SYS_close_range, 3, pipe - 1, 0) == 0
            && libc::syscall(libc::SYS_close_range, pipe + 1, c_int::MAX, 0) == 0
            && libc::chdir(c"/".as_ptr()) == 0
    }
}

/// Nothing is ever written there.
fn await_end(mut end: impl Read) {
    let mut nothing = [0; 1];
    while end.read(&mut nothing).is_err_and(|why| why.kind() == io::ErrorKind::Interrupted) {}
}

impl Made {
    /// Removes the file once nothing listens there, unless it is gone, or another testbed has put its own there.
    ///
    /// The kernel closes what a dying process had open in no order that could be relied on: the pipe may be at its end
    /// while the socket still accepts, for a moment.
    fn sweep(&self) {
        while self.is_ours() {
            match UnixStream::connect(&self.socket) {
                // Ends with what listens.
                Ok(listening) => await_end(listening),
                Err(_) => return self.remove(),
            }
        }
    }

    fn is_ours(&self) -> bool {
        fs::symlink_metadata(&self.socket).is_ok_and(|found| found.ino() == self.inode)
    }

    fn remove(&self) {
        if fs::remove_file(&self.socket).is_ok() {
            // Refused where something else is in it.
            let _ = self.folder.as_deref().map(fs::remove_dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn made(socket: &Path) -> Made {
        let inode = fs::symlink_metadata(socket).unwrap().ino();
        Made { socket: socket.into(), inode, folder: socket.parent().map(Path::to_path_buf) }
    }

    #[test]
    fn a_dead_socket_goes_with_its_folder() {
        let above = tempfile::tempdir().unwrap();
        let socket = above.path().join("run/testbed.sock");
        fs::create_dir(socket.parent().unwrap()).unwrap();
        drop(UnixListener::bind(&socket).unwrap());
        let made = made(&socket);
        made.sweep();
        assert!(!socket.parent().unwrap().exists());
        made.sweep();
    }

    #[test]
    fn a_socket_that_is_just_being_closed_goes_once_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("testbed.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let made = made(&socket);
        std::thread::scope(|threads| {
            let sweeping = threads.spawn(|| made.sweep());
            // It has found that something still listens.
            let (asked, _) = listener.accept().unwrap();
            assert!(socket.exists(), "one that lives stays");
            drop(listener);
            drop(asked);
            sweeping.join().unwrap();
        });
        assert!(!socket.exists());
    }

    #[test]
    fn the_socket_of_another_testbed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("testbed.sock");
        drop(UnixListener::bind(&socket).unwrap());
        let before = made(&socket);
        // Beside it, so that it has another number.
        let other = folder.path().join("other.sock");
        drop(UnixListener::bind(&other).unwrap());
        fs::rename(&other, &socket).unwrap();
        before.sweep();
        assert!(socket.exists());
    }
}
