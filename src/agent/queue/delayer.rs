//! The thread that lets packets wait.
//!
//! What the kernel itself lets wait, it counts as still being sent by its socket: TCP then has two packets under way in
//! each delay and no more. So the thread takes a copy, lets the kernel drop the packet, which its sender takes
//! for sent, and sends the copy when it is due. Only what is longer than the interface carries at once (a long
//! datagram, before it is cut) waits in the kernel.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use super::netlink::{Copy, NOTICE, Queue, Verdict};
use super::schedule::{Fate, Schedule};
use super::sender::Sender;
use super::store::{Slot, Store};
use super::{MOST_WAITING, Shaping};

/// Packets that are taken from the kernel before what has come due meanwhile is let go.
const AT_ONCE: u32 = 64;

/// Where packets come from and go to.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// The queue's number.
    pub queue: u16,
    /// The interface they leave through.
    pub interface: String,
    /// The longest packet it carries.
    pub mtu: usize,
}

/// A running delayer. Dropped, it lets go at once of all that waits, then ends. The rule should be gone before: what
/// comes at the very last is lost otherwise.
pub(crate) struct Delayer {
    ends: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Delayer {
    /// Binds the queue in this network namespace and begins. Returns when packets are delayed as soon as a rule
    /// sends them here, all but those with the mark of [`MARK`](super::MARK).
    ///
    /// # Errors
    /// When the number is taken or the kernel has no NFQUEUE, see [`Queue::bind`]; when no thread can be started.
    pub fn start(path: &Path, shaping: Shaping, seed: u64) -> io::Result<Delayer> {
        let waits = shaping.delay > Duration::ZERO || shaping.jitter > Duration::ZERO;
        let copy = if waits { Copy::All } else { Copy::Nothing };
        let mut work = Work {
            queue: Queue::bind(path.queue, copy, MOST_WAITING)?,
            sender: Sender::open(&path.interface)?,
            mtu: path.mtu,
            schedule: Schedule::new(shaping, seed),
            store: Store::default(),
            room: vec![0; NOTICE],
        };
        let (ended, ends) = io::pipe()?;
        let run = move || {
            go_first();
            work.go_on(&ended)
        };
        let thread = std::thread::Builder::new().name("delayer".into()).spawn(run)?;
        Ok(Delayer { ends: Some(ends), thread: Some(thread) })
    }
}

impl Drop for Delayer {
    fn drop(&mut self) {
        drop(self.ends.take());
        // Why it ended matters to nobody any more: without it, the rule lets everything through.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A packet that waits for a CPU waits longer than it was asked to. All of this is best effort: without the right, the
/// delays are as exact as the machine is idle.
fn go_first() {
    // Above every ordinary process, below whatever else the system runs in real time.
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: these calls take numbers, and one structure that outlives its call; all concern this thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
        if libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) != 0 {
            libc::setpriority(libc::PRIO_PROCESS, 0, -20);
        }
    }
}

fn now() -> io::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// A packet that waits: as a copy of ours, or in the kernel by its number.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Waiting {
    Copied(Slot),
    Held(u32),
}

/// What the thread works with.
struct Work {
    queue: Queue,
    sender: Sender,
    mtu: usize,
    schedule: Schedule<Waiting>,
    store: Store,
    room: Vec<u8>,
}

impl Work {
    /// Until `ended` is closed at its other end, or the queue fails.
    fn go_on(&mut self, ended: &PipeReader) -> io::Result<()> {
        while !self.wait(ended)? {
            self.take()?;
            self.let_go(now()?)?;
        }
        for _ in 0..MOST_WAITING / AT_ONCE {
            if self.take()? == 0 {
                break;
            }
        }
        self.let_go(u64::MAX)
    }

    /// Takes the next packets from the kernel, at most [`AT_ONCE`]; says how many came.
    fn take(&mut self) -> io::Result<u32> {
        for taken in 0..AT_ONCE {
            let Some(packet) = self.queue.packet(&mut self.room)? else { return Ok(taken) };
            let now = now()?;
            let (number, content) = (packet.number, packet.content);
            match self.schedule.draw(now) {
                Fate::Lost => self.queue.verdict(number, Verdict::Drop)?,
                Fate::Due(due) if due <= now || self.schedule.len() >= MOST_WAITING as usize => {
                    self.queue.verdict(number, Verdict::Go)?;
                }
                Fate::Due(due) if content.is_empty() || content.len() > self.mtu => {
                    self.schedule.wait(due, Waiting::Held(number));
                }
                Fate::Due(due) => {
                    self.schedule.wait(due, Waiting::Copied(self.store.put(content)));
                    self.queue.verdict(number, Verdict::Drop)?;
                }
            }
        }
        Ok(AT_ONCE)
    }

    /// Lets all go that are due.
    fn let_go(&mut self, now: u64) -> io::Result<()> {
        while let Some(packet) = self.schedule.due(now) {
            match packet {
                Waiting::Held(number) => self.queue.verdict(number, Verdict::Go)?,
                Waiting::Copied(slot) => self.sender.send(self.store.take(slot)),
            }
        }
        self.queue.flush()
    }

    /// Waits for a packet to come or to come due; `true` when it is told to end.
    fn wait(&self, ended: &PipeReader) -> io::Result<bool> {
        let left = match self.schedule.next() {
            Some(due) => Some(TimeSpec::from(Duration::from_nanos(due.saturating_sub(now()?)))),
            None => None,
        };
        let (came, told) = (self.queue.as_fd(), ended.as_fd());
        let mut watched = [came, told].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match ppoll(&mut watched, left, None) {
            Ok(_) => Ok(watched[1].any().unwrap_or(true)),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod as_root {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;
    use std::time::Instant;

    use nix::sched::{CloneFlags, unshare};

    use super::*;
    use crate::agent::queue::{MARK, listened};

    const QUEUE: u16 = 4711;

    fn program(line: &str) {
        let mut words = line.split(' ');
        let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
        assert!(status.success(), "{line}");
    }

    /// In a network namespace of its own, where what leaves through the loopback goes to the queue.
    fn with_a_rule(test: fn()) {
        let inside = move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            program("ip link set lo up");
            program(
                "iptables -w 5 -t mangle -A OUTPUT -o lo -m mark ! --mark 0x6368696d -j NFQUEUE --queue-num 4711 \
                 --queue-bypass",
            );
            test();
        };
        std::thread::spawn(inside).join().unwrap();
    }

    fn shaping(delay_ms: u64, loss: f64) -> Shaping {
        Shaping { delay: Duration::from_millis(delay_ms), jitter: Duration::ZERO, loss }
    }

    fn path() -> Path {
        assert_eq!(MARK, 0x6368_696d);
        Path { queue: QUEUE, interface: "lo".into(), mtu: 1500 }
    }

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(socket.local_addr().unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        socket
    }

    fn one_way(socket: &UdpSocket) -> Duration {
        let sent = Instant::now();
        socket.send(b"x").unwrap();
        socket.recv(&mut [0; 8]).unwrap();
        sent.elapsed()
    }

    #[test]
    #[ignore = "needs root"]
    fn packets_wait_until_it_stops_and_then_go_at_once() {
        with_a_rule(|| {
            let socket = socket();
            let delayer = Delayer::start(&path(), shaping(50, 0.0), 7).unwrap();
            assert!((0..5).all(|_| one_way(&socket) >= Duration::from_millis(50)));
            assert!(listened().unwrap().iter().any(|queue| queue.number == QUEUE && queue.seen == 5));
            drop(delayer);
            assert_eq!(listened().unwrap(), []);
            assert!(
                (0..5).any(|_| one_way(&socket) < Duration::from_millis(50)),
                "a rule without a listener lets through"
            );
        });
    }

    #[test]
    #[ignore = "needs root"]
    fn what_waits_when_it_stops_is_not_lost() {
        with_a_rule(|| {
            let socket = socket();
            let delayer = Delayer::start(&path(), shaping(3_600_000, 0.0), 7).unwrap();
            for _ in 0..200 {
                socket.send(b"x").unwrap();
            }
            drop(delayer);
            for _ in 0..200 {
                socket.recv(&mut [0; 8]).unwrap();
            }
        });
    }

    #[test]
    #[ignore = "needs root"]
    fn a_share_is_lost() {
        with_a_rule(|| {
            let socket = socket();
            let _delayer = Delayer::start(&path(), shaping(0, 0.5), 7).unwrap();
            for _ in 0..400 {
                socket.send(b"x").unwrap();
            }
            let came = (0..400).take_while(|_| socket.recv(&mut [0; 8]).is_ok()).count();
            assert!((140..260).contains(&came), "{came} of 400");
        });
    }

    #[test]
    #[ignore = "needs root"]
    fn what_is_longer_than_the_interface_carries_waits_too() {
        with_a_rule(|| {
            let socket = socket();
            let _delayer = Delayer::start(&path(), shaping(50, 0.0), 7).unwrap();
            let (sent, long) = (Instant::now(), [7; 5_000]);
            socket.send(&long).unwrap();
            let mut came = [0; 8_000];
            let length = socket.recv(&mut came).unwrap();
            assert!(sent.elapsed() >= Duration::from_millis(50));
            assert_eq!(came[..length], long);
        });
    }

    /// Two packets in each delay would take 13 s.
    #[test]
    #[ignore = "needs root"]
    fn a_connection_keeps_its_window_full_while_packets_wait() {
        with_a_rule(|| {
            program("ip link set lo mtu 1500");
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let _delayer = Delayer::start(&path(), shaping(20, 0.0), 7).unwrap();
            let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut receiver, _) = listener.accept().unwrap();
            let content: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
            let begun = Instant::now();
            let sent = content.clone();
            let sending = std::thread::spawn(move || sender.write_all(&sent).unwrap());
            let mut came = vec![0; content.len()];
            receiver.read_exact(&mut came).unwrap();
            sending.join().unwrap();
            assert!(came == content, "every byte is what was sent");
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        });
    }

    /// Whether its copy goes, itself later, or itself at once.
    #[test]
    #[ignore = "needs root"]
    fn rules_of_others_see_every_packet_that_is_let_go() {
        with_a_rule(|| {
            let socket = socket();
            let port = socket.local_addr().unwrap().port();
            program(&format!("iptables -w 5 -t mangle -A OUTPUT -p udp --dport {port} -j DROP"));
            socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            for (delay_ms, length) in [(20, 100), (20, 5_000), (0, 100)] {
                let _delayer = Delayer::start(&path(), shaping(delay_ms, 0.0), 7).unwrap();
                socket.send(&vec![0; length]).unwrap();
                assert!(socket.recv(&mut [0; 8_000]).is_err(), "{length} bytes after {delay_ms} ms");
            }
        });
    }

    #[test]
    #[ignore = "needs root"]
    fn a_number_that_somebody_has_is_refused() {
        with_a_rule(|| {
            let _first = Delayer::start(&path(), shaping(0, 0.0), 7).unwrap();
            assert!(Delayer::start(&path(), shaping(0, 0.0), 7).is_err());
        });
    }
}
