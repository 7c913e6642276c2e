//! One open session, on a thread that may block: a command's conversation, never beyond its deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ssh2::{Channel, Session};

use super::conversation::Conversation;
use crate::instance::Output;

/// What is kept of each of a command's two streams; the rest is read and dropped.
const MOST_OUTPUT: usize = 4 << 20;
/// libssh2's `LIBSSH2_ERROR_TIMEOUT`.
const TIMEOUT: i32 = -9;

/// An open session and its connection.
pub(super) struct Link {
    pub(super) session: Session,
    pub(super) socket: TcpStream,
    /// An agent that listens on a channel of it.
    pub(super) conversation: Option<Conversation>,
}

impl Drop for Link {
    /// Ends the connection at once: what an orderly end would wait for may not come.
    fn drop(&mut self) {
        self.session.set_blocking(false);
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// What went wrong with a command, before the host and the command are named.
pub(super) enum Trouble {
    Connect(String),
    Broken(String),
    TimedOut,
}

impl Link {
    /// Lets libssh2's next call last until `deadline` at most.
    pub(super) fn limit(&self, deadline: Instant) -> Result<(), Trouble> {
        let left = remaining(deadline)?.as_millis();
        self.session.set_timeout(u32::try_from(left).unwrap_or(u32::MAX).max(1));
        Ok(())
    }

    /// Ends the connection at once.
    pub(super) fn abandon(self) {
        drop(self);
    }

    pub(super) fn converse(
        &self,
        channel: &mut Channel,
        line: &str,
        input: &[u8],
        deadline: Instant,
    ) -> Result<Output, Trouble> {
        channel.exec(line)?;
        for part in input.chunks(32 * 1024) {
            self.limit(deadline)?;
            channel.write_all(part)?;
        }
        self.limit(deadline)?;
        channel.send_eof()?;
        self.session.set_blocking(false);
        let read = self.read_all(channel, deadline);
        self.session.set_blocking(true);
        let (stdout, stderr) = read?;
        self.ended(channel, &stdout, &stderr, deadline)
    }

    /// How a command ended whose output has ended.
    pub(super) fn ended(
        &self,
        channel: &mut Channel,
        stdout: &[u8],
        stderr: &[u8],
        deadline: Instant,
    ) -> Result<Output, Trouble> {
        self.limit(deadline)?;
        channel.wait_close()?;
        // A command that a signal ended leaves status 0.
        let status = match channel.exit_signal()?.exit_signal {
            Some(_) => None,
            None => Some(channel.exit_status()?),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
    }

    /// Reads both streams as they come: reading one to its end first would stall on the other's window.
    fn read_all(&self, channel: &mut Channel, deadline: Instant) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            let read = read_some(channel, &mut stdout)? | read_some(&mut channel.stderr(), &mut stderr)?;
            if !read && channel.eof() {
                return Ok((stdout, stderr));
            }
            // Reading one stream takes the other's packets off the socket too: what is queued won't wake a poll.
            if !read && channel.read_window().available == 0 {
                self.wait(deadline)?;
            }
        }
    }

    /// Whether nothing has come that was not read.
    pub(super) fn is_silent(&self) -> bool {
        let mut watched = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        poll(&mut watched, PollTimeout::ZERO) == Ok(0)
    }

    /// Until something comes, or a signal.
    pub(super) fn wait(&self, deadline: Instant) -> Result<(), Trouble> {
        let left = remaining(deadline)?.as_millis() + 1;
        let mut watched = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(Trouble::Broken(errno.to_string())),
        }
    }
}

/// Whether anything was there to read.
pub(super) fn read_some(stream: &mut impl Read, kept: &mut Vec<u8>) -> Result<bool, Trouble> {
    let mut buffer = [0_u8; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(length) => {
            let room = MOST_OUTPUT.saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..length.min(room)]);
            Ok(length > 0)
        }
        Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(why) => Err(why.into()),
    }
}

pub(super) fn remaining(deadline: Instant) -> Result<Duration, Trouble> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Trouble::TimedOut) } else { Ok(left) }
}

pub(super) fn is_timeout(error: &ssh2::Error) -> bool {
    error.code() == ssh2::ErrorCode::Session(TIMEOUT)
}

impl From<ssh2::Error> for Trouble {
    fn from(error: ssh2::Error) -> Self {
        if is_timeout(&error) { Trouble::TimedOut } else { Trouble::Broken(error.to_string()) }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Trouble::TimedOut,
            _ => Trouble::Broken(error.to_string()),
        }
    }
}

impl Trouble {
    pub(super) fn told(self) -> String {
        match self {
            Trouble::Connect(detail) | Trouble::Broken(detail) => detail,
            Trouble::TimedOut => "no answer in time".into(),
        }
    }
}
