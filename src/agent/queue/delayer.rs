//! The thread that lets packets wait.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use super::netlink::{Queue, Verdict};
use super::schedule::Schedule;
use super::{MOST_WAITING, Shaping};

/// Packets that are taken from the kernel before what has come due meanwhile is let go.
const AT_ONCE: u32 = 64;

/// A running delayer. Dropped, it lets go at once of all that waits, then ends. The rule should be gone before: what
/// comes at the very last is lost otherwise.
pub(crate) struct Delayer {
    ends: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Delayer {
    /// Binds the queue in this network namespace and begins. Returns when packets are delayed as soon as a rule
    /// sends them here.
    ///
    /// # Errors
    /// When the number is taken or the kernel has no NFQUEUE, see [`Queue::bind`]; when no thread can be started.
    pub fn start(number: u16, shaping: Shaping, seed: u64) -> io::Result<Delayer> {
        let queue = Queue::bind(number, MOST_WAITING)?;
        let schedule = Schedule::new(shaping, seed);
        let (ended, ends) = io::pipe()?;
        let run = move || {
            go_first();
            delay(queue, schedule, &ended)
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

/// Until `ended` is closed at its other end, or the queue fails.
fn delay(mut queue: Queue, mut schedule: Schedule, ended: &PipeReader) -> io::Result<()> {
    while !wait(&queue, &schedule, ended)? {
        take(&mut queue, &mut schedule)?;
        let_go(&mut queue, &mut schedule, now()?)?;
    }
    for _ in 0..MOST_WAITING / AT_ONCE {
        if take(&mut queue, &mut schedule)? == 0 {
            break;
        }
    }
    let_go(&mut queue, &mut schedule, u64::MAX)
}

/// Takes the next packets from the kernel, at most [`AT_ONCE`]; says how many came.
fn take(queue: &mut Queue, schedule: &mut Schedule) -> io::Result<u32> {
    for taken in 0..AT_ONCE {
        let Some(packet) = queue.packet()? else { return Ok(taken) };
        if !schedule.arrive(now()?, packet) {
            queue.verdict(packet, Verdict::Drop)?;
        }
    }
    Ok(AT_ONCE)
}

/// Lets all go that are due.
fn let_go(queue: &mut Queue, schedule: &mut Schedule, now: u64) -> io::Result<()> {
    while let Some(packet) = schedule.due(now) {
        queue.verdict(packet, Verdict::Accept)?;
    }
    queue.flush()
}

/// Waits for a packet to come or to come due; `true` when it is told to end.
fn wait(queue: &Queue, schedule: &Schedule, ended: &PipeReader) -> io::Result<bool> {
    let left = match schedule.next() {
        Some(due) => Some(TimeSpec::from(Duration::from_nanos(due.saturating_sub(now()?)))),
        None => None,
    };
    let mut watched = [PollFd::new(queue.as_fd(), PollFlags::POLLIN), PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
    match ppoll(&mut watched, left, None) {
        Ok(_) => Ok(watched[1].any().unwrap_or(true)),
        Err(Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::process::Command;
    use std::time::Instant;

    use nix::sched::{CloneFlags, unshare};

    use super::*;
    use crate::agent::queue::listened;

    const QUEUE: u16 = 4711;

    fn program(line: &str) {
        let mut words = line.split(' ');
        let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
        assert!(status.success(), "{line}");
    }

    /// In a network namespace of its own, where what leaves through the loopback goes to the queue.
    fn with_a_rule(test: fn()) {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: a network namespace needs root");
            return;
        }
        let inside = move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            program("ip link set lo up");
            program("iptables -w 5 -t mangle -A POSTROUTING -o lo -j NFQUEUE --queue-num 4711 --queue-bypass");
            test();
        };
        std::thread::spawn(inside).join().unwrap();
    }

    fn shaping(delay_ms: u64, loss: f64) -> Shaping {
        Shaping { delay: Duration::from_millis(delay_ms), jitter: Duration::ZERO, loss }
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
    fn packets_wait_until_it_stops_and_then_go_at_once() {
        with_a_rule(|| {
            let socket = socket();
            let delayer = Delayer::start(QUEUE, shaping(50, 0.0), 7).unwrap();
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
    fn what_waits_when_it_stops_is_not_lost() {
        with_a_rule(|| {
            let socket = socket();
            let delayer = Delayer::start(QUEUE, shaping(3_600_000, 0.0), 7).unwrap();
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
    fn a_share_is_lost() {
        with_a_rule(|| {
            let socket = socket();
            let _delayer = Delayer::start(QUEUE, shaping(0, 0.5), 7).unwrap();
            for _ in 0..400 {
                socket.send(b"x").unwrap();
            }
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let came = (0..400).take_while(|_| socket.recv(&mut [0; 8]).is_ok()).count();
            assert!((140..260).contains(&came), "{came} of 400");
        });
    }

    #[test]
    fn a_number_that_somebody_has_is_refused() {
        with_a_rule(|| {
            let _first = Delayer::start(QUEUE, shaping(0, 0.0), 7).unwrap();
            assert!(Delayer::start(QUEUE, shaping(0, 0.0), 7).is_err());
        });
    }
}
