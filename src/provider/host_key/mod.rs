//! How a host proves to be the one: by its key, and the file of known keys.

use std::net::Ipv4Addr;

use ssh2::{MethodType, Session};

pub mod known_hosts;
mod pattern;

pub use known_hosts::{KnownHosts, KnownHostsError};

use known_hosts::Trust;

/// How a host proves to be the one.
#[derive(Debug, Clone)]
pub enum HostKey {
    /// It need not: right for a sandbox, where no other machine can answer.
    Unchecked,
    /// By a key that is known for its address.
    Known(KnownHosts),
}

impl HostKey {
    /// Before the handshake: asks for a kind of key that the host is known by. Else it might show another one.
    ///
    /// # Errors
    /// What libssh2 says.
    pub(super) fn prefer(&self, session: &Session, address: Ipv4Addr, port: u16) -> Result<(), ssh2::Error> {
        let HostKey::Known(known) = self else { return Ok(()) };
        let kinds = known.kinds(address, port);
        // An RSA key is shown under the name of its signature.
        let is_known = |method: &&str| kinds.contains(method) || (method.contains("rsa") && kinds.contains(&"ssh-rsa"));
        let (first, then): (Vec<&str>, Vec<&str>) =
            session.supported_algs(MethodType::HostKey)?.into_iter().partition(is_known);
        session.method_pref(MethodType::HostKey, &[first, then].concat().join(","))
    }

    /// After the handshake, before anything secret is sent.
    ///
    /// # Errors
    /// Says why the key is not accepted, by which line of which file, and what to do.
    pub(super) fn check(&self, session: &Session, address: Ipv4Addr, port: u16) -> Result<(), String> {
        let HostKey::Known(known) = self else { return Ok(()) };
        let (key, _) = session.host_key().ok_or("the host showed no key")?;
        let file = known.path().display();
        let scan =
            if port == 22 { format!("ssh-keyscan {address}") } else { format!("ssh-keyscan -p {port} {address}") };
        let add = format!("compare what `{scan}` prints with the host's own key, then add it to {file}");
        match known.trust(address, port, key) {
            Trust::Known => Ok(()),
            Trust::Revoked { line } => Err(format!(
                "its host key is revoked (`@revoked` in {file}:{line}): a machine that holds it must not be trusted; give \
                 the host a new key, then {add}"
            )),
            Trust::Another { line } => {
                Err(format!("its host key is not the one that {file}:{line} knows: is it another machine?"))
            }
            Trust::Authority { line } => Err(format!(
                "{file}:{line} trusts it by a certificate authority (`@cert-authority`), and host certificates are not \
                 supported: {add}"
            )),
            Trust::Unreadable { line, why } => {
                Err(format!("{file}:{line} names it, but can't be read and is skipped, as OpenSSH does: {why}; {add}"))
            }
            Trust::Unknown => Err(format!("{file} knows no key of it; {add}")),
        }
    }
}
