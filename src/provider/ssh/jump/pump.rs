//! Carries the bytes of one connection between a socket of this process and a channel of a session to a jump host, on a
//! thread of its own, which ends when either side does.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Weak;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ssh2::{BlockDirections, Channel};

use crate::provider::ssh::Shared;
use crate::provider::ssh::link::Link;

/// How long closing a channel may take before its session is given up.
const CLOSE: Duration = Duration::from_secs(2);
/// How often a side that is full is looked at again: what it waits for may have been read along with something else.
const LOOK_AGAIN: u16 = 50;

/// Starts the thread, which is named after the port that the connection leads to. The session goes back `home` when the connection has ended in order.
///
/// # Errors
/// When no thread can be started.
pub(super) fn start(port: u16, link: Link, channel: Channel, near: UnixStream, home: Weak<Shared>) -> io::Result<()> {
    near.set_nonblocking(true)?;
    let carry = move || {
        let mut flow = Flow { link, channel, near, out: Waiting::default(), back: Waiting::default() };
        let carried = flow.carry();
        let Flow { link, mut channel, near, .. } = flow;
        drop(near);
        let closed =
            carried.is_ok() && link.limit(Instant::now() + CLOSE).is_ok() && close(&link, &mut channel).is_ok();
        match home.upgrade().filter(|_| closed) {
            Some(home) => {
                drop(channel);
                home.idle().push(link);
            }
            None => link.abandon(),
        }
    };
    thread::Builder::new().name(format!("jump {port}")).spawn(carry).map(drop)
}

fn close(link: &Link, channel: &mut Channel) -> Result<(), ssh2::Error> {
    link.session.set_blocking(true);
    // It waits for the other side's answer.
    channel.close()
}

/// Both directions of a connection.
struct Flow {
    link: Link,
    channel: Channel,
    near: UnixStream,
    out: Waiting,
    back: Waiting,
}

/// Bytes that were read, and wait to be written.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    written: usize,
    ended: bool,
}

impl Flow {
    /// Until this side closes the connection, or the other has and was read to its end.
    fn carry(&mut self) -> io::Result<()> {
        self.link.session.set_blocking(false);
        loop {
            let (read, written) = (self.out.read(&mut self.near), self.back.write(&mut self.near));
            // This side was closed, with something unread perhaps.
            if [&read, &written].iter().any(|done| done.as_ref().is_err_and(is_hung_up)) {
                return Ok(());
            }
            let mut moved = read? | written?;
            moved |= self.out.write(&mut self.channel)?;
            moved |= self.back.read(&mut self.channel)?;
            let near_closed = self.out.ended && self.out.is_empty();
            let far_closed = self.back.ended && self.back.is_empty();
            if near_closed || far_closed {
                return Ok(());
            }
            // Writing may have read packets of the channel along: a poll would not wake for them.
            if !moved && self.channel.read_window().available == 0 {
                self.wait()?;
            }
        }
    }

    fn wait(&self) -> io::Result<()> {
        let far = match self.link.session.block_directions() {
            BlockDirections::Outbound | BlockDirections::Both => PollFlags::POLLIN | PollFlags::POLLOUT,
            _ => PollFlags::POLLIN,
        };
        let mut near = PollFlags::empty();
        near.set(PollFlags::POLLIN, self.out.is_empty() && !self.out.ended);
        near.set(PollFlags::POLLOUT, !self.back.is_empty());
        let is_full = !self.out.is_empty() || !self.back.is_empty();
        let timeout = if is_full { PollTimeout::from(LOOK_AGAIN) } else { PollTimeout::NONE };
        let mut watched = [PollFd::new(self.link.socket.as_fd(), far), PollFd::new(self.near.as_fd(), near)];
        match poll(&mut watched, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Whether anything came. Reads only when everything was written.
    fn read(&mut self, from: &mut impl Read) -> io::Result<bool> {
        if self.ended || !self.is_empty() {
            return Ok(false);
        }
        self.bytes.resize(32 * 1024, 0);
        self.written = 0;
        let read = from.read(&mut self.bytes);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => {
                self.ended = true;
                Ok(true)
            }
            Ok(_) => Ok(true),
            Err(why) if would_block(&why) => Ok(false),
            Err(why) => Err(why),
        }
    }

    /// Whether anything went.
    fn write(&mut self, to: &mut impl Write) -> io::Result<bool> {
        if self.is_empty() {
            return Ok(false);
        }
        match to.write(&self.bytes[self.written..]) {
            Ok(length) => {
                self.written += length;
                Ok(length > 0)
            }
            Err(why) if would_block(&why) => Ok(false),
            Err(why) => Err(why),
        }
    }
}

fn is_hung_up(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

fn would_block(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
