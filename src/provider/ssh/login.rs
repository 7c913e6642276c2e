//! Who logs in where, and how: the user's proof, the host's key, the route.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use ssh2::Session;

use super::route::Route;
use crate::provider::host_key::HostKey;
use crate::provider::secret::Secret;

/// Who logs in where.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its address. Names are not looked up: a stale record would lead to somebody else's machine.
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
}

impl Login {
    pub(super) fn connect(&self, timeout: Duration) -> io::Result<TcpStream> {
        self.route.connect(self.address, self.port, timeout)
    }

    /// Logs the user in. What is told of a failure holds nothing of the proof.
    pub(super) fn prove(&self, session: &Session) -> Result<(), String> {
        let user = &self.user;
        let (proved, proof) = match &self.proof {
            Proof::Key(key) => (session.userauth_pubkey_memory(user, None, key.reveal(), None), "key"),
            Proof::Password(password) => (session.userauth_password(user, password.reveal()), "password"),
        };
        proved.map_err(|why| format!("the {proof} was not accepted for user {user}: {why}"))
    }
}
