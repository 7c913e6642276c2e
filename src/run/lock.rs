//! One run at a time on a machine: two would spoil each other's figures.
//!
//! The lock is an abstract unix socket, so it leaves no file and ends with its holder, however that ends; the kernel
//! tells who holds it.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

const NAME: &[u8] = b"anarcho-chimp run";
/// From one try to the next while another run holds the lock.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// Held for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    _socket: UnixListener,
}

/// Waits until no other run is under way on this machine; says once on stderr whom it waits for.
///
/// # Errors
/// When the kernel refuses the socket for another reason than its being held.
pub fn acquire() -> io::Result<Lock> {
    let mut said = false;
    loop {
        match UnixListener::bind_addr(&SocketAddr::from_abstract_name(NAME)?) {
            Ok(socket) => return Ok(Lock { _socket: socket }),
            Err(why) if why.kind() != io::ErrorKind::AddrInUse => return Err(why),
            Err(_) if !said => {
                eprintln!("waiting for another run on this machine to end: {}", holder());
                said = true;
            }
            Err(_) => std::thread::sleep(TRY_EVERY),
        }
    }
}

fn holder() -> String {
    let address = SocketAddr::from_abstract_name(NAME).expect("the name has no NUL and is short");
    let peer = UnixStream::connect_addr(&address).and_then(|stream| Ok(getsockopt(&stream, PeerCredentials)?.pid()));
    match peer {
        Ok(pid) => {
            let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            format!("pid {pid} ({})", arguments.replace('\0', " ").trim())
        }
        Err(_) => "it is just ending".into(),
    }
}
