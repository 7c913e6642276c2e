//! Who logs in where, and how: the user's proof, the host's key, the route.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use ssh2::{ErrorCode, Session};

use super::jump::JumpError;
use super::link::is_timeout;
use super::route::Route;
use super::ssh_agent::SshAgentKeys;
use crate::provider::host_key::{HostKey, Named};
use crate::provider::secret::Secret;

/// libssh2's `LIBSSH2_ERROR_BANNER_RECV`: what came was no greeting of SSH.
const BANNER_RECV: i32 = -2;
/// libssh2's `LIBSSH2_ERROR_SOCKET_DISCONNECT`.
const SOCKET_DISCONNECT: i32 = -13;
/// libssh2's `LIBSSH2_ERROR_SOCKET_RECV`.
const SOCKET_RECV: i32 = -43;

/// Who logs in where.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name that led to the address: its host key must be known by it. `None` where there was none.
    pub name: Option<String>,
    /// Its address.
    pub address: Ipv4Addr,
    /// TCP port, usually 22.
    pub port: u16,
    /// User name.
    pub user: String,
    /// How the user proves to be the one.
    pub proof: Proof,
    /// How the host proves to be the one.
    pub host_key: HostKey,
    /// How its TCP connections are made.
    pub route: Route,
}

/// How a user proves to be the one.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The private key, in OpenSSH's form and without a passphrase.
    Key(Secret),
    /// The password.
    Password(Secret),
    /// A key that an agent holds.
    Agent(SshAgentKeys),
}

impl Login {
    pub(super) fn connect(&self, timeout: Duration) -> io::Result<TcpStream> {
        self.route.connect(self.address, self.port, timeout)
    }

    /// The host as files of known hosts name it.
    pub(super) fn named(&self) -> Named<'_> {
        Named { name: self.name.as_deref(), address: self.address, port: self.port }
    }

    /// The host for people: its name and address.
    pub(super) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.address),
            None => self.address.to_string(),
        }
    }

    /// The message for a connection that did not come about.
    pub(super) fn unreached(&self, why: &io::Error) -> String {
        if JumpError::is_cause_of(why) { why.to_string() } else { format!("port {}: {why}", self.port) }
    }

    /// The message for a connection on which no SSH session came about.
    pub(super) fn no_handshake(&self, why: &ssh2::Error) -> String {
        let (port, detail) = (self.port, why.message());
        match why.code() {
            _ if is_timeout(why) => format!("port {port} accepts connections, but no SSH server answers there"),
            ErrorCode::Session(BANNER_RECV | SOCKET_DISCONNECT | SOCKET_RECV) => {
                format!("port {port} ended the connection, or is not an SSH server's: {detail}")
            }
            _ => format!("port {port}: no session with the SSH server: {detail}"),
        }
    }

    /// Logs the user in. The error holds nothing of the proof.
    pub(super) fn prove(&self, session: &Session) -> Result<(), String> {
        let user = &self.user;
        let refused = |proof: &str, why: ssh2::Error| {
            format!("the {proof} was not accepted for user {user}: {}{}", why.message(), accepted(session, user))
        };
        match &self.proof {
            Proof::Key(key) => {
                let proved = session.userauth_pubkey_memory(user, None, key.reveal(), None);
                proved.map_err(|why| refused("key", why))
            }
            Proof::Password(password) => {
                session.userauth_password(user, password.reveal()).map_err(|why| refused("password", why))
            }
            Proof::Agent(keys) => keys.prove(session, user).map_err(|why| format!("{why}{}", accepted(session, user))),
        }
    }
}

/// What the server accepts instead, where it says so.
fn accepted(session: &Session, user: &str) -> String {
    session.auth_methods(user).map_or_else(|_| String::new(), |methods| format!("; the server accepts {methods}"))
}
