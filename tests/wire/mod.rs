//! What really goes over the wire from a victim, by ICMP echoes: its kernel answers by itself, so nothing must run
//! there, and only the answers leave through its interface.
#![allow(dead_code, reason = "each user uses a part")]

pub mod trial;

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// Echoes that are sent one by one, whatever comes back. One that is late delays those after it: a victim's kernel
/// keeps few answers waiting at once, so that a burst would lose some.
#[derive(Debug, Clone, Copy)]
pub struct Echoes {
    pub count: u16,
    pub per_s: u32,
    /// Bytes after the ICMP header.
    pub payload: usize,
    /// How long the last may take.
    pub patience: Duration,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// When it came, since the first echo was sent.
    pub at: Duration,
    pub round_trip: Duration,
    /// Bytes on the wire, Ethernet header included.
    pub bytes: usize,
}

/// Ethernet's header, which qdiscs count and a raw socket does not show.
const ETHERNET: usize = 14;
/// IPv4's header without options, and ICMP's of an echo.
const HEADERS: usize = 20 + 8;

/// Sends them and waits for what comes back.
pub fn measure(address: Ipv4Addr, echoes: Echoes) -> io::Result<Vec<Answer>> {
    go_first();
    let socket = Socket::open(address)?;
    let begun = Instant::now();
    let gap = Duration::from_secs(1) / echoes.per_s;
    let mut sent: Vec<Option<Instant>> = Vec::with_capacity(echoes.count.into());
    let mut answers = Vec::with_capacity(echoes.count.into());
    let mut buffer = vec![0; 65_536];
    let mut due = begun;
    let mut end = None;
    while answers.len() < echoes.count.into() && end.is_none_or(|end| Instant::now() < end) {
        if sent.len() == usize::from(echoes.count) {
            end.get_or_insert_with(|| Instant::now() + echoes.patience);
        } else if Instant::now() >= due {
            let sequence = sent.len() as u16;
            let now = Instant::now();
            socket.send(sequence, echoes.payload)?;
            sent.push(Some(now));
            due = now + gap;
        }
        socket.wait(end.unwrap_or(due))?;
        while let Some((sequence, length)) = socket.receive(&mut buffer)? {
            // Each counts once.
            if let Some(left) = sent.get_mut(usize::from(sequence)).and_then(Option::take) {
                let now = Instant::now();
                answers.push(Answer { at: now - begun, round_trip: now - left, bytes: length + ETHERNET });
            }
        }
    }
    Ok(answers)
}

/// Whoever measures time must have a CPU when a packet comes. Best effort; for this thread only.
fn go_first() {
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: the structure outlives the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, &raw const priority) };
}

struct Socket {
    socket: OwnedFd,
    /// Tells our answers from those of others in this network namespace.
    name: u16,
}

impl Socket {
    fn open(address: Ipv4Addr) -> io::Result<Socket> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes numbers only; the descriptor is new and ours.
        let socket = unsafe {
            let fd = libc::socket(libc::AF_INET, kind, libc::IPPROTO_ICMP);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        let buffer: libc::c_int = 16 << 20;
        let peer = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: 0,
            sin_addr: libc::in_addr { s_addr: u32::from(address).to_be() },
            sin_zero: [0; 8],
        };
        // SAFETY: both values outlive their calls and have the sizes that are given.
        let connected = unsafe {
            let size = size_of_val(&buffer) as libc::socklen_t;
            let fd = socket.as_raw_fd();
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, (&raw const buffer).cast(), size);
            libc::connect(fd, (&raw const peer).cast(), size_of_val(&peer) as libc::socklen_t)
        };
        if connected < 0 {
            return Err(io::Error::last_os_error());
        }
        let name = std::process::id() as u16 ^ socket.as_raw_fd() as u16;
        Ok(Socket { socket, name })
    }

    fn send(&self, sequence: u16, payload: usize) -> io::Result<()> {
        let mut packet = vec![0; 8 + payload];
        packet[0] = 8;
        packet[4..6].copy_from_slice(&self.name.to_be_bytes());
        packet[6..8].copy_from_slice(&sequence.to_be_bytes());
        // Everything else is zero, so these two words are the whole sum.
        let sum = 0x0800 + u32::from(self.name) + u32::from(sequence);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        // SAFETY: the packet outlives the call.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), packet.as_ptr().cast(), packet.len(), 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Until something comes, or this moment.
    fn wait(&self, until: Instant) -> io::Result<()> {
        let left = TimeSpec::from(until.saturating_duration_since(Instant::now()));
        match ppoll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], Some(left), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The sequence number and length of the next answer to us; `None` when there is none now.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(u16, usize)>> {
        loop {
            // SAFETY: the buffer outlives the call.
            let length = unsafe { libc::recv(self.socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            if length < 0 {
                let why = io::Error::last_os_error();
                return if why.kind() == io::ErrorKind::WouldBlock { Ok(None) } else { Err(why) };
            }
            let packet = &buffer[..length as usize];
            let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
            if packet.len() >= HEADERS && packet[20] == 0 && word(24) == self.name {
                return Ok(Some((word(26), packet.len())));
            }
        }
    }
}

/// The value below which this share of all lies.
pub fn quantile(answers: &[Answer], share: f64) -> Duration {
    let mut times: Vec<_> = answers.iter().map(|answer| answer.round_trip).collect();
    times.sort_unstable();
    times.get(((times.len().saturating_sub(1)) as f64 * share).round() as usize).copied().unwrap_or_default()
}

/// Bits a second from the first answer after `from` to the last.
pub fn throughput(answers: &[Answer], from: Duration) -> f64 {
    let steady: Vec<_> = answers.iter().filter(|answer| answer.at >= from).collect();
    let (Some(first), Some(last)) = (steady.first(), steady.last()) else { return 0.0 };
    let bytes: usize = steady[1..].iter().map(|answer| answer.bytes).sum();
    bytes as f64 * 8.0 / (last.at - first.at).as_secs_f64()
}
