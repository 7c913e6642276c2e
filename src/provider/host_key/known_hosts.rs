//! A `known_hosts` file, read as OpenSSH reads it, which `sshd(8)` describes: lines of names, a kind of key and the key.
//!
//! A line that OpenSSH can't read it skips; so does this, and says so where the line names the host in question. It is
//! stricter than OpenSSH in two things: a line with a marker that can't be read is an error, since what it was to revoke
//! must not be trusted; and a key that is revoked for a host is revoked for it at every port.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{fingerprint, pattern};
use crate::text;

/// The kinds of keys that OpenSSH knows, by the names that they have inside.
const KINDS: [&str; 8] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-dss",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The lines of a `known_hosts` file that say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts {
    path: PathBuf,
    lines: Arc<[Line]>,
}

/// Why a file is no list of known hosts.
#[derive(Debug, thiserror::Error)]
pub enum KnownHostsError {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line with a marker can't be read: passed over, what it revokes would be trusted.
    #[error("line {line} has a marker and can't be read: {why}")]
    Marked { line: usize, why: &'static str },
}

/// What the file says of a key that a host showed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is the host's.
    Known,
    /// It must not be trusted, whatever else the file says.
    Revoked { line: usize },
    /// The host is known by another one, which has this fingerprint.
    Another { line: usize, known: String },
    /// The host is known by its certificate authority alone.
    Authority { line: usize },
    /// A line names the host, and can't be read.
    Unreadable { line: usize, why: &'static str },
    /// The host is not known.
    Unknown,
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    /// From 1.
    number: usize,
    marker: Marker,
    hosts: String,
    key: Result<Key, &'static str>,
}

/// What a line says beside names and a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// Nothing: the key is the host's.
    None,
    /// `@revoked`: the key must not be trusted.
    Revoked,
    /// `@cert-authority`: the key signs hosts' certificates.
    Authority,
}

/// A key that a line has for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKey<'a> {
    /// The line, from 1.
    pub line: usize,
    /// What else the line says.
    pub marker: Marker,
    /// The key, as it is sent.
    pub bytes: &'a [u8],
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    kind: String,
    bytes: Vec<u8>,
}

impl KnownHosts {
    /// Where nothing could be read from this file: no host is known, and every one is refused.
    pub fn none(path: &Path) -> KnownHosts {
        KnownHosts { path: path.into(), lines: Arc::default() }
    }

    /// Reads a file. A byte order mark and Windows' ends of lines are passed over.
    ///
    /// # Errors
    /// Why it can't be read, or which line with a marker can't.
    pub fn read(path: &Path) -> Result<Self, KnownHostsError> {
        let text = text::read(path).map_err(std::io::Error::from)?;
        KnownHosts::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, KnownHostsError> {
        let lines = text.split('\n').enumerate().filter_map(|(index, line)| Line::parse(index + 1, line).transpose());
        Ok(KnownHosts { path: path.into(), lines: lines.collect::<Result<_, _>>()? })
    }

    /// Every key of the lines that name this host, which is `host`, or `[host]:port`.
    pub fn keys_of(&self, name: &str) -> impl Iterator<Item = KnownKey<'_>> {
        self.naming_exactly(name.into()).filter_map(|line| {
            let bytes = &line.key.as_ref().ok()?.bytes;
            Some(KnownKey { line: line.number, marker: line.marker, bytes })
        })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The kinds of keys that the host, a name or an address, is known by.
    pub(super) fn kinds(&self, host: &str, port: u16) -> Vec<&str> {
        let plain = self.naming(host, port).filter(|line| line.marker == Marker::None);
        plain.filter_map(|line| line.key.as_ref().ok()).map(|key| key.kind.as_str()).collect()
    }

    /// What the file says of a key that a host showed. Where its port is another than 22, the host's name without a port
    /// counts as well, as it does for OpenSSH.
    pub(super) fn trust(&self, host: &str, port: u16, shown: &[u8]) -> Trust {
        let is_shown = |line: &&Line| line.key.as_ref().is_ok_and(|key| key.bytes == shown);
        let marked = |marker| self.naming(host, port).filter(move |line| line.marker == marker);
        if let Some(line) = marked(Marker::Revoked).find(is_shown) {
            return Trust::Revoked { line: line.number };
        }
        if marked(Marker::None).any(|line| is_shown(&line)) {
            return Trust::Known;
        }
        if let Some((line, key)) = marked(Marker::None).find_map(|line| Some((line.number, line.key.as_ref().ok()?))) {
            return Trust::Another { line, known: fingerprint(&key.bytes) };
        }
        if let Some(line) = marked(Marker::Authority).next() {
            return Trust::Authority { line: line.number };
        }
        let unreadable = marked(Marker::None).find_map(|line| Some((line.number, *line.key.as_ref().err()?)));
        unreadable.map_or(Trust::Unknown, |(line, why)| Trust::Unreadable { line, why })
    }

    /// The lines that name the host, those that can't be read too: first those with its port.
    fn naming(&self, host: &str, port: u16) -> impl Iterator<Item = &Line> {
        let with_port = (port != 22).then(|| format!("[{host}]:{port}"));
        with_port.into_iter().chain([host.to_string()]).flat_map(|name| self.naming_exactly(name))
    }

    fn naming_exactly(&self, name: String) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| pattern::names(&line.hosts, &name) == Ok(true))
    }
}

impl Line {
    /// `None` for a comment, and for what is empty.
    fn parse(number: usize, text: &str) -> Result<Option<Line>, KnownHostsError> {
        let text = text.trim_matches([' ', '\t', '\r']);
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let unread = |why| KnownHostsError::Marked { line: number, why };
        let (marker, rest) = marker(text).map_err(unread)?;
        let (hosts, rest) = word(rest);
        let key = Key::parse(rest);
        if marker != Marker::None {
            pattern::names(hosts, "").map_err(unread)?;
            key.as_ref().map_err(|why| unread(why))?;
        }
        Ok(Some(Line { number, marker, hosts: hosts.into(), key }))
    }
}

fn marker(text: &str) -> Result<(Marker, &str), &'static str> {
    if !text.starts_with('@') {
        return Ok((Marker::None, text));
    }
    let (first, rest) = word(text);
    let marker = match first {
        "@revoked" => Marker::Revoked,
        "@cert-authority" => Marker::Authority,
        _ => return Err("a marker is `@revoked` or `@cert-authority`"),
    };
    if rest.starts_with('@') { Err("a line has one marker") } else { Ok((marker, rest)) }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

impl Key {
    /// Of a kind and its key in base64; a comment may follow.
    fn parse(text: &str) -> Result<Key, &'static str> {
        let (kind, rest) = word(text);
        let (bytes, _) = word(rest);
        if kind.is_empty() || kind.starts_with('#') || bytes.is_empty() {
            return Err("after the names a line has a kind of key and the key");
        }
        // A key is RSA, whatever its signatures are.
        let kind = if matches!(kind, "rsa-sha2-256" | "rsa-sha2-512") { "ssh-rsa" } else { kind };
        if !KINDS.contains(&kind) {
            return Err("OpenSSH does not know this kind of key");
        }
        let bytes = STANDARD.decode(bytes).map_err(|_| "the key is not in base64")?;
        match kind_within(&bytes) {
            Some(within) if within == kind.as_bytes() => Ok(Key { kind: kind.into(), bytes }),
            _ => Err("the key is not of the kind that the line says"),
        }
    }
}

/// A key begins with the name of its kind, after the length of that.
fn kind_within(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
