//! A command whose output is read while it runs: a session of its own, on a thread of its own.
//!
//! The thread polls the connection, and a socket whose other end the [`Lines`] hold: when they are dropped it wakes up and
//! ends the session. No libssh2 keepalive. The pulse on the command's standard input is what tells the command that its
//! reader still lives, and what makes the kernel notice a dead path.

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ssh2::Channel;
use tokio::sync::{mpsc, oneshot};

use super::link::{Link, Trouble, read_some};
use super::{LOGIN, Shared, SshRemote, command_line, shown};
use crate::instance::Command;
use crate::provider::RemoteError;
use crate::provider::lines::{Lines, MOST_LINE, PULSE};

/// Lines that may wait for their reader. When there are more, nothing is read from the connection.
const WAITING: usize = 1024;
/// What is kept of what a command complains, in bytes.
const COMPLAINT: usize = 4096;

type Line = Result<String, RemoteError>;

/// Starts the command; returns once the server has accepted it.
pub(super) async fn start(remote: &SshRemote, command: &Command) -> Result<Lines, RemoteError> {
    let shown = shown(&command.argv);
    let line = command_line(&command.argv).map_err(|why| remote.broken(shown.clone(), why))?;
    let (theirs, ours) = UnixStream::pair().map_err(|why| remote.broken(shown.clone(), why))?;
    let (out, lines) = mpsc::channel(WAITING);
    let (started, accepted) = oneshot::channel();
    let reading =
        Reading { shared: Arc::clone(&remote.shared), host: remote.host(), command: shown.clone(), out, ours };
    let thread = std::thread::Builder::new().name("ssh stream".into());
    thread.spawn(move || reading.run(&line, started)).map_err(|why| remote.broken(shown.clone(), why))?;
    accepted.await.map_err(|_| remote.broken(shown, "its thread ended"))??;
    Ok(Lines::new(lines, theirs))
}

/// What the thread has.
struct Reading {
    shared: Arc<Shared>,
    host: String,
    command: String,
    out: mpsc::Sender<Line>,
    /// Readable once the lines were dropped.
    ours: UnixStream,
}

impl Reading {
    fn run(self, line: &str, started: oneshot::Sender<Result<(), RemoteError>>) {
        let (link, mut channel) = match self.open(line) {
            Ok(open) => open,
            Err(trouble) => return drop(started.send(Err(self.error(trouble)))),
        };
        if started.send(Ok(())).is_ok()
            && let Err(trouble) = self.read(&link, &mut channel)
        {
            let _ = self.out.blocking_send(Err(self.error(trouble)));
        }
        // The server ends the command's input and output with the connection.
        link.abandon();
    }

    fn open(&self, line: &str) -> Result<(Link, Channel), Trouble> {
        let deadline = Instant::now() + LOGIN;
        let link = self.shared.log_in(deadline)?;
        link.limit(deadline)?;
        let mut channel = link.session.channel_session()?;
        channel.exec(line)?;
        link.session.set_blocking(false);
        Ok((link, channel))
    }

    /// Until the command ends, the connection breaks, or no reader is left.
    fn read(&self, link: &Link, channel: &mut Channel) -> Result<(), Trouble> {
        let (mut printed, mut complaint) = (Vec::new(), Vec::new());
        let mut pulse = Instant::now() + PULSE;
        loop {
            let some = read_some(channel, &mut printed)? | read_some(&mut channel.stderr(), &mut complaint)?;
            complaint.drain(..complaint.len().saturating_sub(COMPLAINT));
            if !self.pass_on(&mut printed)? {
                return Ok(());
            }
            if !some && channel.eof() {
                return self.ended(link, channel, &complaint);
            }
            if Instant::now() >= pulse {
                pulse = Instant::now() + PULSE;
                beat(channel)?;
            }
            if !some && channel.read_window().available == 0 && self.wait(link, pulse)? {
                return Ok(());
            }
        }
    }

    /// Sends on what is whole; whether there is a reader.
    fn pass_on(&self, printed: &mut Vec<u8>) -> Result<bool, Trouble> {
        let Some(end) = printed.iter().rposition(|byte| *byte == b'\n') else {
            return match printed.len() > MOST_LINE {
                true => Err(too_long()),
                false => Ok(!self.out.is_closed()),
            };
        };
        let whole: Vec<u8> = printed.drain(..=end).collect();
        for line in whole[..end].split(|byte| *byte == b'\n') {
            if line.len() > MOST_LINE {
                return Err(too_long());
            }
            if self.out.blocking_send(Ok(String::from_utf8_lossy(line).into_owned())).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Until something comes or the pulse is due; whether no reader is left.
    fn wait(&self, link: &Link, pulse: Instant) -> Result<bool, Trouble> {
        let left = pulse.saturating_duration_since(Instant::now()).as_millis() + 1;
        let mut watched =
            [PollFd::new(link.socket.as_fd(), PollFlags::POLLIN), PollFd::new(self.ours.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
            Ok(_) => Ok(watched[1].any().unwrap_or(true)),
            Err(nix::errno::Errno::EINTR) => Ok(false),
            Err(errno) => Err(Trouble::Broken(errno.to_string())),
        }
    }

    fn ended(&self, link: &Link, channel: &mut Channel, complaint: &[u8]) -> Result<(), Trouble> {
        link.session.set_blocking(true);
        link.limit(Instant::now() + LOGIN)?;
        channel.wait_close()?;
        let how = match channel.exit_signal()?.exit_signal {
            Some(signal) => format!("signal {signal}"),
            None if channel.exit_status()? == 0 => return Ok(()),
            None => format!("status {}", channel.exit_status()?),
        };
        let complaint = String::from_utf8_lossy(complaint);
        Err(Trouble::Broken(format!("it ended with {how}: {}", complaint.trim())))
    }

    fn error(&self, trouble: Trouble) -> RemoteError {
        let (host, command) = (self.host.clone(), self.command.clone());
        match trouble {
            Trouble::Connect(detail) => RemoteError::Connect { host, detail },
            Trouble::Broken(detail) => RemoteError::Broken { host, command, detail },
            Trouble::TimedOut => RemoteError::TimedOut { host, command, timeout: LOGIN },
        }
    }
}

fn too_long() -> Trouble {
    Trouble::Broken(format!("it printed a line of more than {MOST_LINE} bytes"))
}

/// One that can't be sent now is left out: the next one is due soon.
fn beat(channel: &mut Channel) -> Result<(), Trouble> {
    match channel.write(b"\n") {
        Err(why) if why.kind() != ErrorKind::WouldBlock => Err(why.into()),
        _ => Ok(()),
    }
}
