//! The other end of a testbed's socket. Every request has a connection of its own, so that none waits for another.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::protocol::{Kept, LONGEST_ANSWER, Request, Response};
use super::{SocketLock, TestbedError, rights};
use crate::provider::ssh::Dial;

/// How long an answer may take: a site that is just coming up is waited for, and a stop that drags.
const ANSWER: Duration = Duration::from_secs(60);
/// What an answer may take beyond what was asked for.
const GRACE: Duration = Duration::from_secs(5);
/// How long a testbed may take to end: its launcher kills it after 10 s.
const END: Duration = Duration::from_secs(20);
/// From one look whether it is gone to the next.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A testbed, by its socket. All methods block.
#[derive(Debug, Clone)]
pub struct Testbed {
    socket: PathBuf,
}

impl Testbed {
    /// The testbed that listens there, if one does; nothing is sent yet.
    pub fn at(socket: &Path) -> Self {
        Testbed { socket: socket.into() }
    }

    /// Whether a testbed sits there.
    pub fn lives(socket: &Path) -> bool {
        !SocketLock::is_free(socket)
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks, and waits for the answer, a minute at most.
    ///
    /// # Errors
    /// When there is no answer; a [`Response::Refused`] is one as well.
    pub fn ask(&self, request: &Request) -> Result<Response, TestbedError> {
        self.ask_within(request, ANSWER).map(|(answer, _)| answer)
    }

    /// What it keeps.
    ///
    /// # Errors
    /// See [`ask`](Self::ask).
    pub fn kept(&self) -> Result<Kept, TestbedError> {
        match self.ask(&Request::Infrastructure)? {
            Response::Kept(kept) => Ok(*kept),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Asks for something that is answered with [`Response::Done`].
    ///
    /// # Errors
    /// See [`ask`](Self::ask).
    pub fn tell(&self, request: &Request) -> Result<(), TestbedError> {
        match self.ask(request)? {
            Response::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Ends it and waits until it is gone, with everything it kept.
    ///
    /// # Errors
    /// When there is none, or it is still there after 20 s.
    pub fn down(&self) -> Result<(), TestbedError> {
        self.tell(&Request::Down)?;
        let begun = Instant::now();
        while !SocketLock::is_free(&self.socket) {
            if begun.elapsed() > END {
                return Err(TestbedError::Stays { socket: self.socket.clone(), after: END });
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// The same, and waits this long at most; with what came with the answer.
    ///
    /// # Errors
    /// See [`ask`](Self::ask).
    pub fn ask_within(&self, request: &Request, within: Duration) -> Result<(Response, Option<OwnedFd>), TestbedError> {
        let absent = |source| TestbedError::Absent { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).map_err(absent)?;
        match converse(&stream, request, within) {
            Ok((Response::Refused { detail }, _)) => Err(TestbedError::Refused { socket: self.socket.clone(), detail }),
            Ok(answered) => Ok(answered),
            Err(source) => Err(TestbedError::Broken { socket: self.socket.clone(), source }),
        }
    }

    /// An error about an answer to something else.
    pub fn unexpected(&self, answer: &Response) -> TestbedError {
        let kind = match answer {
            Response::Login { .. } => "a login".into(),
            other => format!("{other:?}"),
        };
        let source = io::Error::new(io::ErrorKind::InvalidData, format!("it answered something else: {kind}"));
        TestbedError::Broken { socket: self.socket.clone(), source }
    }
}

fn converse(stream: &UnixStream, request: &Request, within: Duration) -> io::Result<(Response, Option<OwnedFd>)> {
    stream.set_read_timeout(Some(within))?;
    stream.set_write_timeout(Some(within))?;
    rights::write_line(stream, request)?;
    let (line, carried) = rights::read_line(stream, LONGEST_ANSWER).map_err(|why| match why.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => why,
    })?;
    Ok((serde_json::from_slice(&line)?, carried))
}

impl Dial for Testbed {
    fn dial(&self, address: Ipv4Addr, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        match self.ask_within(&Request::Dial { address, port, timeout }, timeout + GRACE) {
            Ok((Response::Dialled, Some(connection))) => Ok(TcpStream::from(connection)),
            Ok((Response::NotDialled { errno }, _)) => Err(io::Error::from_raw_os_error(errno)),
            Ok((other, _)) => Err(io::Error::other(self.unexpected(&other))),
            Err(why) => Err(io::Error::other(why)),
        }
    }
}
