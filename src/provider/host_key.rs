//! How a host proves to be the one: its key, and the file of known ones.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssh2::{CheckResult, KnownHostFileKind, MethodType, Session};

use crate::text;

/// How a host proves to be the one.
#[derive(Debug, Clone)]
pub enum HostKey {
    /// It need not: right for a sandbox, where nobody else can answer.
    Unchecked,
    /// By a key that these know for its address.
    Known(KnownHosts),
}

/// The lines of a `known_hosts` file in OpenSSH's form, hashed ones too. Lines with a marker (`@revoked`,
/// `@cert-authority`) are not understood, and left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts {
    path: PathBuf,
    lines: Arc<[String]>,
}

impl KnownHosts {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let text = text::read(path)?;
        Ok(KnownHosts::parse(path, &text))
    }

    fn parse(path: &Path, text: &str) -> Self {
        let says = |line: &&str| !line.is_empty() && !line.starts_with(['#', '@']);
        let lines = text.lines().map(str::trim).filter(says).map(str::to_string).collect();
        KnownHosts { path: path.into(), lines }
    }

    /// The kinds of keys that a host may be known by: those of lines that name it, or that nobody can read.
    fn kinds(&self, address: Ipv4Addr, port: u16) -> Vec<&str> {
        let names = [address.to_string(), format!("[{address}]:{port}")];
        let may_name =
            |hosts: &str| hosts.starts_with('|') || hosts.split(',').any(|host| names.contains(&host.into()));
        let named = |line: &&String| line.split_whitespace().next().is_some_and(may_name);
        self.lines.iter().filter(named).filter_map(|line| line.split_whitespace().nth(1)).collect()
    }
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
    /// Says whether the key is another one than is known, or none is known, and what to do.
    pub(super) fn check(&self, session: &Session, address: Ipv4Addr, port: u16) -> Result<(), String> {
        let HostKey::Known(known) = self else { return Ok(()) };
        let (key, _) = session.host_key().ok_or("the host showed no key")?;
        let mut hosts = session.known_hosts().map_err(|why| why.to_string())?;
        for line in known.lines.iter() {
            // A line of a kind that libssh2 does not know can't match either.
            let _ = hosts.read_str(line, KnownHostFileKind::OpenSSH);
        }
        let file = known.path.display();
        let scan =
            if port == 22 { format!("ssh-keyscan {address}") } else { format!("ssh-keyscan -p {port} {address}") };
        match hosts.check_port(&address.to_string(), port, key) {
            CheckResult::Match => Ok(()),
            CheckResult::Mismatch => {
                Err(format!("its host key is not the one that {file} knows: is it another machine?"))
            }
            CheckResult::NotFound => {
                Err(format!("{file} knows no key of it; compare what `{scan}` prints with the host's own, then add it"))
            }
            CheckResult::Failure => Err(format!("its host key could not be compared with {file}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\n192.0.2.1 ssh-ed25519 AAAA\n[192.0.2.1]:2222,other ecdsa-sha2-nistp256 BBBB\n\
                        |1|salt=|hash= ssh-rsa CCCC\n@revoked 192.0.2.1 ssh-dss DDDD\n\n192.0.2.2 ssh-dss EEEE\n";

    #[test]
    fn the_kinds_are_those_of_the_hosts_own_lines_and_of_hashed_ones() {
        let known = KnownHosts::parse(Path::new("known_hosts"), FILE);
        let kinds = known.kinds(Ipv4Addr::new(192, 0, 2, 1), 2222);
        assert_eq!(kinds, ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]);
        assert_eq!(known.kinds(Ipv4Addr::new(192, 0, 2, 3), 22), ["ssh-rsa"]);
    }
}
