//! As much of nfnetlink_queue as a delayer needs: bind one queue, receive its packets, give verdicts.
//!
//! The layouts are those of `linux/netfilter/nfnetlink_queue.h`; everything in a netfilter attribute is big-endian,
//! everything in a netlink header as the machine has it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The mark of what we let go, which the rule lets pass: `chim`.
pub(in crate::agent) const MARK: u32 = 0x6368_696d;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) enum Verdict {
    /// It goes, with our mark, and sees the rules of its chain from the first on: others' too, and not ours again.
    Go,
    Drop,
}

/// Bytes of a netlink header, of the netfilter header after it, and of an attribute's header.
const HEADER: usize = 16;
const FAMILY: usize = 4;
const ATTRIBUTE: usize = 4;
/// Bytes of one verdict's message.
const VERDICT: usize = HEADER + FAMILY + ATTRIBUTE + 8 + ATTRIBUTE + 4;
/// Verdicts that go to the kernel in one call.
const BATCH: usize = 64;
/// What the kernel may have told and we have not read yet: some 5,000 packets of 1,500 bytes.
const RECEIVE_BUFFER: libc::c_int = 16 << 20;
/// Bytes of the kernel's longest answer to a configuration.
const ANSWER: usize = 4096;
/// Bytes of a packet's notice: as long as IPv4 packets can be, and what the kernel tells of it.
pub(super) const NOTICE: usize = (1 << 16) + 4096;

/// A packet that waits in the kernel for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) struct Packet<'a> {
    pub number: u32,
    /// All of it, from its IP header on; empty where only the numbers were asked for.
    pub content: &'a [u8],
}

/// How much the kernel tells of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) enum Copy {
    Nothing,
    All,
}

/// One bound queue. Dropped, the kernel removes it, with the packets that wait in it.
#[derive(Debug)]
pub(crate) struct Queue {
    socket: OwnedFd,
    number: u16,
    verdicts: [u8; VERDICT * BATCH],
    filled: usize,
}

impl Queue {
    /// Binds a queue of this thread's network namespace. Allocates nothing, so it may be called between fork and exec.
    ///
    /// # Errors
    /// `EPERM` without `CAP_NET_ADMIN` or when somebody else has this number, `EPROTONOSUPPORT` or `EINVAL` where the
    /// kernel has no NFQUEUE.
    pub fn bind(number: u16, copy: Copy, most_waiting: u32) -> io::Result<Queue> {
        // SAFETY: takes numbers only; the descriptor is new and ours.
        let socket = unsafe {
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_NETFILTER))?)
        };
        set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER)?;
        // A notice that does not fit in lets its packet through (FAIL_OPEN); that is no error of ours.
        set(&socket, libc::SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, 1)?;
        let queue = Queue { socket, number, verdicts: [0; VERDICT * BATCH], filled: 0 };
        queue.configure(copy, most_waiting)?;
        Ok(queue)
    }

    /// Binds the number. Packets are asked for as they go over the wire (no GSO): what a sender hands over at once is cut
    /// into packets first, and each has its own verdict.
    fn configure(&self, copy: Copy, most_waiting: u32) -> io::Result<()> {
        let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        let mut message = Message::<96>::new(libc::NFQNL_MSG_CONFIG, flags, self.number);
        let (mode, range) = match copy {
            Copy::Nothing => (libc::NFQNL_COPY_META, 0_u32),
            Copy::All => (libc::NFQNL_COPY_PACKET, 0xffff),
        };
        let mut parameters = [0, 0, 0, 0, mode as u8];
        parameters[..4].copy_from_slice(&range.to_be_bytes());
        let flags = (libc::NFQA_CFG_F_FAIL_OPEN as u32).to_be_bytes();
        message.attribute(libc::NFQA_CFG_CMD, &[libc::NFQNL_CFG_CMD_BIND as u8, 0, 0, 0]);
        message.attribute(libc::NFQA_CFG_PARAMS, &parameters);
        message.attribute(libc::NFQA_CFG_QUEUE_MAXLEN, &most_waiting.to_be_bytes());
        message.attribute(libc::NFQA_CFG_FLAGS, &flags);
        message.attribute(libc::NFQA_CFG_MASK, &flags);
        self.send(message.finish())?;
        // The kernel answers before sendto returns.
        let mut answer = [0; ANSWER];
        match self.receive(&mut answer)? {
            Some(length) => acknowledged(&answer[..length]),
            None => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel did not answer a queue's configuration"))
            }
        }
    }

    /// The next packet that came; `None` when there is none now. Room for [`NOTICE`] bytes holds any.
    ///
    /// # Errors
    /// When the socket fails: the queue is of no use then.
    pub fn packet<'a>(&self, room: &'a mut [u8]) -> io::Result<Option<Packet<'a>>> {
        while let Some(length) = self.receive(room)? {
            // The kernel tells of each packet in a datagram of its own. Anything else is a verdict it refused because
            // the packet is gone, with its interface say.
            if messages(&room[..length]).any(|message| packet(message).is_some()) {
                return Ok(messages(&room[..length]).find_map(packet));
            }
        }
        Ok(None)
    }

    /// Gives a verdict; it reaches the kernel at the latest with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn verdict(&mut self, packet: u32, verdict: Verdict) -> io::Result<()> {
        let mut message = Message::<VERDICT>::new(libc::NFQNL_MSG_VERDICT, libc::NLM_F_REQUEST, self.number);
        let verdict = if verdict == Verdict::Go { libc::NF_REPEAT } else { libc::NF_DROP };
        let mut header = [0; 8];
        header[..4].copy_from_slice(&(verdict as u32).to_be_bytes());
        header[4..].copy_from_slice(&packet.to_be_bytes());
        message.attribute(libc::NFQA_VERDICT_HDR, &header);
        message.attribute(libc::NFQA_MARK, &MARK.to_be_bytes());
        self.verdicts[self.filled..self.filled + VERDICT].copy_from_slice(message.finish());
        self.filled += VERDICT;
        if self.filled == self.verdicts.len() { self.flush() } else { Ok(()) }
    }

    /// Sends the verdicts that were given.
    ///
    /// # Errors
    /// When the kernel does not take them.
    pub fn flush(&mut self) -> io::Result<()> {
        let filled = std::mem::take(&mut self.filled);
        if filled == 0 { Ok(()) } else { self.send(&self.verdicts[..filled]) }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: the buffer outlives the call.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// One datagram; `None` when there is none.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // SAFETY: the buffer outlives the call.
        let length = unsafe { libc::recv(self.socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if length >= 0 {
            return Ok(Some(length as usize));
        }
        match io::Error::last_os_error() {
            why if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            why => Err(why),
        }
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

pub(super) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub(super) fn set(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value outlives the call, and its size is right.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size) }).map(drop)
}

/// A message to nfnetlink_queue while it is written, of at most `N` bytes.
struct Message<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Message<N> {
    fn new(kind: libc::c_int, flags: libc::c_int, queue: u16) -> Self {
        let mut message = Message { bytes: [0; N], length: HEADER + FAMILY };
        let kind = ((libc::NFNL_SUBSYS_QUEUE << 8) | kind) as u16;
        message.bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        message.bytes[6..8].copy_from_slice(&(flags as u16).to_ne_bytes());
        message.bytes[HEADER + 2..HEADER + FAMILY].copy_from_slice(&queue.to_be_bytes());
        message
    }

    fn attribute(&mut self, kind: libc::c_int, value: &[u8]) {
        let at = self.length;
        self.bytes[at..at + 2].copy_from_slice(&((ATTRIBUTE + value.len()) as u16).to_ne_bytes());
        self.bytes[at + 2..at + 4].copy_from_slice(&(kind as u16).to_ne_bytes());
        self.bytes[at + ATTRIBUTE..at + ATTRIBUTE + value.len()].copy_from_slice(value);
        self.length += padded(ATTRIBUTE + value.len());
    }

    fn finish(&mut self) -> &[u8] {
        self.bytes[..4].copy_from_slice(&(self.length as u32).to_ne_bytes());
        &self.bytes[..self.length]
    }
}

const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// The messages of a datagram, each with its header.
fn messages(mut datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(datagram.get(..4)?.try_into().ok()?) as usize;
        let message = datagram.get(..length).filter(|message| message.len() >= HEADER)?;
        datagram = datagram.get(padded(length)..).unwrap_or_default();
        Some(message)
    })
}

fn kind(message: &[u8]) -> u16 {
    u16::from_ne_bytes([message[4], message[5]])
}

/// The packet in a notice; `None` for any other message.
fn packet(message: &[u8]) -> Option<Packet<'_>> {
    if kind(message) != ((libc::NFNL_SUBSYS_QUEUE << 8) | libc::NFQNL_MSG_PACKET) as u16 {
        return None;
    }
    let attribute = |asked| attributes(message).find(|(kind, _)| *kind == asked).map(|(_, value)| value);
    let number = attribute(libc::NFQA_PACKET_HDR)?.get(..4)?.try_into().ok().map(u32::from_be_bytes)?;
    Some(Packet { number, content: attribute(libc::NFQA_PAYLOAD).unwrap_or_default() })
}

/// The attributes of a message, each with its kind.
fn attributes(message: &[u8]) -> impl Iterator<Item = (libc::c_int, &[u8])> {
    let mut left = message.get(HEADER + FAMILY..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(left.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(left.get(2..4)?.try_into().ok()?);
        let value = left.get(ATTRIBUTE..length)?;
        left = left.get(padded(length)..).unwrap_or_default();
        Some((kind.into(), value))
    })
}

/// What an answer says of the request it answers.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let errno = |message: &[u8]| -> Option<i32> {
        let is_answer = i32::from(kind(message)) == libc::NLMSG_ERROR;
        let errno = message.get(HEADER..HEADER + 4).filter(|_| is_answer)?;
        errno.try_into().ok().map(i32::from_ne_bytes)
    };
    match messages(answer).find_map(errno) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(-errno)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(attributes: &[(libc::c_int, &[u8])]) -> Vec<u8> {
        let mut message = Message::<256>::new(libc::NFQNL_MSG_PACKET, 0, 7);
        attributes.iter().for_each(|(kind, value)| message.attribute(*kind, value));
        message.finish().to_vec()
    }

    fn numbers(datagram: &[u8]) -> Vec<u32> {
        messages(datagram).filter_map(packet).map(|packet| packet.number).collect()
    }

    #[test]
    fn a_packets_number_is_found_wherever_it_stands() {
        let header: &[u8] = &[0, 0, 1, 2, 8, 0, 4];
        let first = notice(&[(libc::NFQA_PACKET_HDR, header), (libc::NFQA_MARK, &[0; 4])]);
        let second = notice(&[(libc::NFQA_HWADDR, &[1; 5]), (libc::NFQA_PACKET_HDR, header)]);
        assert_eq!(numbers(&[first, second].concat()), [258, 258]);
    }

    #[test]
    fn a_packets_content_is_all_of_it_and_nothing_more() {
        let header: &[u8] = &[0, 0, 0, 9, 8, 0, 4];
        let told = notice(&[(libc::NFQA_PACKET_HDR, header), (libc::NFQA_PAYLOAD, b"12345")]);
        let packets: Vec<_> = messages(&told).filter_map(packet).collect();
        assert_eq!(packets, [Packet { number: 9, content: b"12345" }]);
    }

    #[test]
    fn what_is_cut_short_or_something_else_has_no_number() {
        let whole = notice(&[(libc::NFQA_PACKET_HDR, &[0, 0, 0, 1, 8, 0, 4])]);
        for length in 0..HEADER + FAMILY + 8 {
            assert!(numbers(&whole[..length]).is_empty(), "{length} bytes");
        }
        let mut endless = notice(&[(libc::NFQA_MARK, &[0; 4])]);
        endless[HEADER + FAMILY] = 0;
        assert!(numbers(&endless).is_empty());
        let other = Message::<64>::new(libc::NFQNL_MSG_CONFIG, 0, 7).finish().to_vec();
        assert!(numbers(&other).is_empty());
    }

    #[test]
    fn an_answer_is_told_from_a_refusal() {
        let answer = |errno: i32| {
            let mut bytes = [0; HEADER + 4];
            bytes[..4].copy_from_slice(&(HEADER as u32 + 4).to_ne_bytes());
            bytes[4..6].copy_from_slice(&(libc::NLMSG_ERROR as u16).to_ne_bytes());
            bytes[HEADER..].copy_from_slice(&errno.to_ne_bytes());
            acknowledged(&bytes)
        };
        assert!(answer(0).is_ok());
        assert_eq!(answer(-libc::EPERM).unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert!(acknowledged(&[]).is_err());
    }
}
