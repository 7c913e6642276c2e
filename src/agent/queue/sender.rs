//! Sends packets that were kept, as they were: through the victim's interface, past the rule that brought them here.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::netlink::{MARK, check, set};

/// What may be on its way into the interface at once.
const SEND_BUFFER: libc::c_int = 8 << 20;

/// A raw socket for whole IPv4 packets.
#[derive(Debug)]
pub(super) struct Sender(OwnedFd);

impl Sender {
    /// Bound to this interface of this thread's network namespace.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_RAW` and `CAP_NET_ADMIN`; `ENODEV` without such an interface.
    pub fn open(interface: &str) -> io::Result<Sender> {
        // SAFETY: takes numbers only; the descriptor is new and ours.
        let socket = unsafe {
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, kind, libc::IPPROTO_RAW))?)
        };
        set(&socket, libc::SOL_SOCKET, libc::SO_MARK, MARK as libc::c_int)?;
        set(&socket, libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
        set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, SEND_BUFFER)?;
        // Who listens here has heard it already, from the sender itself.
        set(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP, 0)?;
        let (name, length) = (interface.as_ptr().cast(), interface.len() as libc::socklen_t);
        // SAFETY: the name outlives the call, and its length is right.
        check(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name, length) })?;
        Ok(Sender(socket))
    }

    /// Sends one packet to where its header says. What can't be sent is lost, as on a wire: somebody's rule forbids it,
    /// the interface is down, there is no way to the receiver any more.
    pub fn send(&self, packet: &[u8]) {
        let Some(receiver) = packet.get(16..20).and_then(|address| address.try_into().ok()) else { return };
        let to = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: 0,
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(receiver) },
            sin_zero: [0; 8],
        };
        let size = size_of_val(&to) as libc::socklen_t;
        // SAFETY: packet and address outlive the call, and their sizes are right.
        unsafe {
            let (fd, bytes) = (self.0.as_raw_fd(), packet.as_ptr().cast());
            libc::sendto(fd, bytes, packet.len(), 0, (&raw const to).cast(), size)
        };
    }
}
