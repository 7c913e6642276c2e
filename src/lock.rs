//! What only one process of a machine may do at a time.
//!
//! A lock is an abstract unix socket, so it leaves no file and ends with its holder, however that ends; the kernel
//! tells who holds it.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// Held for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _socket: UnixListener,
}

/// Somebody else holds it: who, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBy(pub String);

impl Lock {
    /// Takes the lock of this name, of at most 80 bytes without NUL, if nobody holds it.
    ///
    /// # Errors
    /// When the kernel refuses the socket for another reason than its being held.
    pub fn take(name: &str) -> io::Result<Result<Lock, HeldBy>> {
        let address = SocketAddr::from_abstract_name(format!("anarcho-chimp {name}"))?;
        match UnixListener::bind_addr(&address) {
            Ok(socket) => Ok(Ok(Lock { _socket: socket })),
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => Ok(Err(HeldBy(holder(&address)))),
            Err(why) => Err(why),
        }
    }
}

fn holder(address: &SocketAddr) -> String {
    let peer = UnixStream::connect_addr(address).and_then(|stream| Ok(getsockopt(&stream, PeerCredentials)?.pid()));
    match peer {
        Ok(pid) => {
            let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            format!("pid {pid} ({})", arguments.replace('\0', " ").trim())
        }
        Err(_) => "it is just ending".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_free_when_that_is_gone() {
        let name = format!("test of locks {}", std::process::id());
        let first = Lock::take(&name).unwrap().unwrap();
        let held = Lock::take(&name).unwrap().unwrap_err();
        assert!(held.0.starts_with(&format!("pid {} (", std::process::id())), "{}", held.0);
        drop(first);
        assert!(Lock::take(&name).unwrap().is_ok());
    }
}
