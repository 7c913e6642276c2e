//! Hosts behind a jump host: their TCP connections go through an SSH session to it, as `ssh -J` makes them.
//!
//! A session carries one connection at a time. libssh2 opens one channel of a session after the other, so a host that
//! does not answer would hold up all others. Sessions are kept and used again.

mod pump;

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ssh2::Channel;

use super::link::{Link, Trouble, is_timeout, remaining};
use super::{Dial, Login, SshRemote};

/// So many log in to one jump host at once: OpenSSH's server drops some of more than 10 (`MaxStartups`).
const LOGINS_AT_ONCE: usize = 4;
/// libssh2's `LIBSSH2_ERROR_CHANNEL_FAILURE`: the session is fine, the channel was refused.
const CHANNEL_FAILURE: i32 = -21;

/// A jump host.
pub struct Jump {
    name: String,
    remote: SshRemote,
    logging_in: Gate,
}

/// What is wrong with a jump host, rather than with the host behind it.
#[derive(Debug, thiserror::Error)]
pub enum JumpError {
    /// It can't be logged in to.
    #[error("the jump host `{jump}` ({host}), through which {target} is reached: {detail}")]
    Unreached { jump: String, host: String, target: String, detail: String },
    /// It lets its user in, and forwards nothing.
    #[error(
        "the jump host `{jump}` ({host}) does not forward a connection to {target}: {detail}; its sshd_config must allow it \
         (`AllowTcpForwarding`, `PermitOpen`)"
    )]
    Forbidden { jump: String, host: String, target: String, detail: String },
}

impl JumpError {
    /// Whether a failed connection says nothing of the host that it was to lead to.
    pub fn is_cause_of(why: &io::Error) -> bool {
        why.get_ref().is_some_and(|cause| cause.is::<JumpError>())
    }
}

impl Jump {
    /// Nothing is connected to yet. `name` is what users call it.
    pub fn new(name: impl Into<String>, login: Login) -> Self {
        Jump { name: name.into(), remote: SshRemote::new(login), logging_in: Gate::of(LOGINS_AT_ONCE) }
    }

    /// What users call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs commands on the jump host itself.
    pub fn remote(&self) -> &SshRemote {
        &self.remote
    }

    fn open(&self, address: Ipv4Addr, port: u16, deadline: Instant) -> io::Result<(Link, Channel)> {
        let target = format!("{address}:{port}");
        loop {
            let idle = self.remote.shared.idle().pop();
            let is_new = idle.is_none();
            let link = match idle {
                Some(link) => link,
                None => self.log_in(deadline).map_err(|why| self.unreached(&target, why))?,
            };
            link.limit(deadline).map_err(|_| io::ErrorKind::TimedOut)?;
            match link.session.channel_direct_tcpip(&address.to_string(), port, None) {
                Ok(channel) => return Ok((link, channel)),
                Err(why) if why.code() == ssh2::ErrorCode::Session(CHANNEL_FAILURE) => {
                    self.remote.shared.idle().push(link);
                    return Err(self.refused(target, why.message()));
                }
                Err(why) => {
                    link.abandon();
                    if is_timeout(&why) {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    // An idle session may have ended meanwhile.
                    if is_new {
                        return Err(self.unreached(&target, why.into()));
                    }
                }
            }
        }
    }

    fn log_in(&self, deadline: Instant) -> Result<Link, Trouble> {
        let _turn = self.logging_in.enter(remaining(deadline)?).ok_or(Trouble::TimedOut)?;
        self.remote.shared.log_in(deadline)
    }

    fn unreached(&self, target: &str, why: Trouble) -> io::Error {
        let (jump, host, target) = (self.name.clone(), self.remote.host(), target.to_string());
        io::Error::other(JumpError::Unreached { jump, host, target, detail: why.told() })
    }

    /// The jump host's own answer: it may not, or it can't.
    fn refused(&self, target: String, detail: &str) -> io::Error {
        let (jump, host) = (self.name.clone(), self.remote.host());
        if !detail.contains("connect failed") {
            return io::Error::other(JumpError::Forbidden { jump, host, target, detail: detail.into() });
        }
        let detail = format!("the jump host `{jump}` ({host}) gets no connection to {target}");
        io::Error::new(io::ErrorKind::ConnectionRefused, detail)
    }
}

impl Dial for Jump {
    fn dial(&self, address: Ipv4Addr, port: u16, timeout: Duration) -> io::Result<TcpStream> {
        let (link, channel) = self.open(address, port, Instant::now() + timeout)?;
        let (near, far) = UnixStream::pair()?;
        pump::start(port, link, channel, far, Arc::downgrade(&self.remote.shared))?;
        Ok(TcpStream::from(OwnedFd::from(near)))
    }
}

/// Lets so many in at once.
struct Gate {
    free: Mutex<usize>,
    left: Condvar,
}

/// A turn inside; dropping it leaves.
struct Turn<'g>(&'g Gate);

impl Gate {
    fn of(places: usize) -> Self {
        Gate { free: Mutex::new(places), left: Condvar::new() }
    }

    /// `None` where no place came free in time.
    fn enter(&self, within: Duration) -> Option<Turn<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_timeout_while(free, within, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_lets_in_as_many_as_it_has_places() {
        let gate = Gate::of(2);
        let (first, second) = (gate.enter(Duration::ZERO).unwrap(), gate.enter(Duration::ZERO).unwrap());
        assert!(gate.enter(Duration::from_millis(1)).is_none());
        drop(first);
        let third = gate.enter(Duration::ZERO);
        assert!(third.is_some() && gate.enter(Duration::ZERO).is_none());
        drop((second, third));
    }
}
