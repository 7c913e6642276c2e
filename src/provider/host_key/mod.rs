//! How a host proves to be the one: by its key, and the file of known keys.

use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use ssh2::{MethodType, Session};

pub mod known_hosts;
mod pattern;

pub use known_hosts::{KnownHosts, KnownHostsError};
pub(crate) use pattern::matches;

use known_hosts::Trust;

use super::key_pair;

/// How a host proves to be the one.
#[derive(Debug, Clone)]
pub enum HostKey {
    /// It need not: right for a sandbox, where no other machine can answer.
    Unchecked,
    /// By a key that is known for its name, or, where it has none, for its address.
    Known(KnownHosts),
    /// By this very key, as SSH sends it: the host was made with it.
    Given(Arc<[u8]>),
}

/// A host as files of known hosts name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    /// The name that led to the address.
    pub name: Option<&'a str>,
    pub address: Ipv4Addr,
    pub port: u16,
}

/// The fingerprint of a key, as OpenSSH writes it.
pub fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

impl Named<'_> {
    /// The name, or the address where there is none.
    fn first(&self) -> String {
        self.name.map_or_else(|| self.address.to_string(), str::to_ascii_lowercase)
    }
}

impl HostKey {
    /// Before the handshake: asks for a kind of key that the host is known by. Else it might show another one.
    ///
    /// # Errors
    /// What libssh2 says.
    pub(super) fn prefer(&self, session: &Session, host: Named<'_>) -> Result<(), ssh2::Error> {
        let kinds = match self {
            HostKey::Unchecked => return Ok(()),
            HostKey::Known(known) => known.kinds(&host.first(), host.port),
            HostKey::Given(_) => vec![key_pair::KIND],
        };
        // An RSA key is shown under the name of its signature.
        let is_known = |method: &&str| kinds.contains(method) || (method.contains("rsa") && kinds.contains(&"ssh-rsa"));
        let (first, then): (Vec<&str>, Vec<&str>) =
            session.supported_algs(MethodType::HostKey)?.into_iter().partition(is_known);
        session.method_pref(MethodType::HostKey, &[first, then].concat().join(","))
    }

    /// After the handshake, before anything secret is sent. A host with a name must be known by that name; what the file
    /// says of its address must not contradict it.
    ///
    /// # Errors
    /// Says why the key is not accepted, by which line of which file, and what to do.
    pub(super) fn check(&self, session: &Session, host: Named<'_>) -> Result<(), String> {
        let shown = || session.host_key().map(|(key, _)| key).ok_or("the host showed no key");
        let (known, key) = match self {
            HostKey::Unchecked => return Ok(()),
            HostKey::Known(known) => (known, shown()?),
            HostKey::Given(given) => return is_given(given, shown()?),
        };
        let refused = |of: &str, trust: Trust| refusal(known, of, host.port, key, trust);
        let first = host.first();
        refused(&first, known.trust(&first, host.port, key))?;
        let address = host.address.to_string();
        match known.trust(&address, host.port, key) {
            contradiction @ (Trust::Revoked { .. } | Trust::Another { .. }) => refused(&address, contradiction),
            _ => Ok(()),
        }
    }
}

/// Whether a host showed the key that it was given.
fn is_given(given: &[u8], shown: &[u8]) -> Result<(), String> {
    if given == shown {
        return Ok(());
    }
    let (given, shown) = (fingerprint(given), fingerprint(shown));
    Err(format!(
        "its host key is not the one that it was made with: expected {given}, found {shown}: another machine answers at its address, \
         or its image does not take the keys of its user data"
    ))
}

/// Why a key that `of` showed is not accepted, if it is not.
fn refusal(known: &KnownHosts, of: &str, port: u16, key: &[u8], trust: Trust) -> Result<(), String> {
    let file = known.path().display();
    let scan = if port == 22 { format!("ssh-keyscan {of}") } else { format!("ssh-keyscan -p {port} {of}") };
    let add = format!("compare what `{scan}` prints with the host's own key, then add it to {file}");
    Err(match trust {
        Trust::Known => return Ok(()),
        Trust::Revoked { line } => format!(
            "its host key is revoked (`@revoked` in {file}:{line}): a machine that holds it must not be trusted; give \
             the host a new key, then {add}"
        ),
        Trust::Another { line, known } => format!(
            "its host key is not the one that {file}:{line} has for {of}: expected {known}, found {}: is it another \
             machine? If the host has a new key, remove that line, and {add}",
            fingerprint(key)
        ),
        Trust::Authority { line } => format!(
            "{file}:{line} trusts it by a certificate authority (`@cert-authority`), and host certificates are not \
             supported: {add}"
        ),
        Trust::Unreadable { line, why } => {
            format!("{file}:{line} names it, but can't be read and is skipped, as OpenSSH does: {why}; {add}")
        }
        Trust::Unknown => format!("{file} has no key for {of}; {add}"),
    })
}
