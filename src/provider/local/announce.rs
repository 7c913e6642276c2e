//! Telling the neighbours who is there: a gratuitous ARP, as a machine's network scripts send one at boot.
//!
//! Without it, whoever asked in vain while the server was away asks again only a second later, and that second would
//! count as the server's.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::text::naming;

const BROADCAST: [u8; 6] = [0xff; 6];
/// After the instance's end of the link is up: the bridge's follows within a millisecond or so, later on a busy machine.
const MOMENTS: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_millis(4),
    Duration::from_millis(16),
    Duration::from_millis(64),
    Duration::from_millis(500),
];

/// The announcements of one boot that are still to be sent.
pub(super) struct Announcements {
    address: Ipv4Addr,
    begun: Instant,
    sent: usize,
}

impl Announcements {
    /// Begins now, for the address of `eth0`.
    pub fn begin(address: Ipv4Addr) -> Self {
        Announcements { address, begun: Instant::now(), sent: 0 }
    }

    /// Sends what is due; returns how long until the next, `None` after the last. A failure is not worth a boot: the
    /// neighbours find the server a second later.
    pub fn send_due(&mut self) -> Option<Duration> {
        loop {
            let due = self.begun + *MOMENTS.get(self.sent)?;
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Some(left);
            }
            let _ = announce(self.address);
            self.sent += 1;
        }
    }
}

fn announce(address: Ipv4Addr) -> io::Result<()> {
    let hardware = hardware_address()?;
    let protocol = (libc::ETH_P_ARP as u16).to_be();
    // SAFETY: the descriptor is new; the address lives over the call and its length is given.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, protocol.into());
        if socket == -1 {
            return Err(io::Error::last_os_error());
        }
        let socket = OwnedFd::from_raw_fd(socket);
        let mut to: libc::sockaddr_ll = std::mem::zeroed();
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_protocol = protocol;
        to.sll_ifindex = nix::net::if_::if_nametoindex("eth0")? as i32;
        to.sll_halen = 6;
        to.sll_addr[..6].copy_from_slice(&BROADCAST);
        let packet = packet(hardware, address);
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        let sent =
            libc::sendto(socket.as_raw_fd(), packet.as_ptr().cast(), packet.len(), 0, (&raw const to).cast(), length);
        if sent == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

fn hardware_address() -> io::Result<[u8; 6]> {
    let path = Path::new("/sys/class/net/eth0/address");
    let text = fs::read_to_string(path).map_err(naming(path))?;
    let bytes: Option<Vec<u8>> = text.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// A request for one's own address (RFC 5227, section 3), over Ethernet and IPv4.
fn packet(hardware: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let header = [0, 1, 8, 0, 6, 4, 0, 1];
    let (own, nobody) = (address.octets(), [0_u8; 6]);
    [&header[..], &hardware, &own, &nobody, &own].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_asks_for_its_senders_own_address() {
        let packet = packet([2, 1, 2, 3, 4, 5], Ipv4Addr::new(198, 18, 0, 2));
        assert_eq!(packet.len(), 28);
        assert_eq!(packet[8..14], [2, 1, 2, 3, 4, 5]);
        assert_eq!(packet[14..18], packet[24..28]);
    }
}
