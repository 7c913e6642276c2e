//! The key that a user logs in with, as its file has it: private, private with a passphrase, or the public half alone.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::provider::secret::{Secret, read_private};
use crate::provider::ssh::Identity;
use crate::text;

/// A user's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A private key without a passphrase.
    Private(Secret),
    /// A key that only an SSH agent can use: what is read of it is its public half.
    Held {
        /// Which key.
        identity: Identity,
        /// Why: its private half has a passphrase. Otherwise the file has no private half.
        is_encrypted: bool,
    },
}

/// Why a file can't be used as a key, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub detail: String,
    pub hint: String,
}

impl Key {
    /// Reads a file: OpenSSH's form, PEM, or, where its name ends in `.pub`, a public key.
    ///
    /// # Errors
    /// It can't be read, others may read it, or an agent could not be asked for it.
    pub(super) fn read(path: &Path) -> Result<Key, Unusable> {
        if path.extension().is_some_and(|end| end == "pub") {
            return Ok(Key::Held { identity: public(path, path)?, is_encrypted: false });
        }
        let text = read_private(path).map_err(|why| unreadable(path, &std::io::Error::from(why)))?;
        if text.trim_start().starts_with("PuTTY-User-Key-File") {
            let hint = format!("convert it: puttygen {} -O private-openssh -o NEW", path.display());
            return Err(Unusable { detail: format!("the key {} is in PuTTY's form", path.display()), hint });
        }
        if is_public(&text) {
            let detail = format!("{} is a public key", path.display());
            let hint = "name the private key, or, where an SSH agent holds it, a file whose name ends in `.pub`";
            return Err(Unusable { detail, hint: hint.into() });
        }
        match half_open(&text) {
            HalfOpen::No => Ok(Key::Private(Secret::new(text.to_string()))),
            HalfOpen::Encrypted { public: Some(public) } => {
                let identity = Identity { path: path.into(), public };
                Ok(Key::Held { identity, is_encrypted: true })
            }
            HalfOpen::Encrypted { public: None } => {
                let beside = PathBuf::from(format!("{}.pub", path.display()));
                let identity = public(&beside, path).map_err(|_| encrypted_alone(path, &beside))?;
                Ok(Key::Held { identity, is_encrypted: true })
            }
        }
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Unusable {
    let hint = "name a private key in OpenSSH's form or PEM, by its path relative to this file";
    Unusable { detail: format!("the key {}: {why}", path.display()), hint: hint.into() }
}

fn encrypted_alone(path: &Path, beside: &Path) -> Unusable {
    let (path, beside) = (path.display(), beside.display());
    Unusable {
        detail: format!("the key {path} is encrypted, and its passphrase is not asked for"),
        hint: format!(
            "let an SSH agent hold it (`ssh-add {path}`) and put its public half beside it (`ssh-keygen -y -f {path} > {beside}`), \
             or remove the passphrase: ssh-keygen -p -f {path}"
        ),
    }
}

/// The public key in this file, which is that of the key at `of`.
fn public(file: &Path, of: &Path) -> Result<Identity, Unusable> {
    let text = text::read(file).map_err(|why| unreadable(file, &std::io::Error::from(why)))?;
    let key = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let public = key.and_then(|line| STANDARD.decode(line.split_whitespace().nth(1)?).ok());
    match public.filter(|_| is_public(&text)) {
        Some(public) => Ok(Identity { path: of.into(), public }),
        None => Err(unreadable(file, &"it is not a public key of OpenSSH")),
    }
}

fn is_public(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| text.trim_start().starts_with(start))
}

/// Whether a private key has a passphrase.
#[derive(Debug, PartialEq, Eq)]
enum HalfOpen {
    No,
    /// OpenSSH's form has the public half in clear; PEM has not.
    Encrypted {
        public: Option<Vec<u8>>,
    },
}

fn half_open(text: &str) -> HalfOpen {
    let is_pem = text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
    if is_pem {
        return HalfOpen::Encrypted { public: None };
    }
    match of_openssh(text) {
        Some((cipher, public)) if cipher != b"none" => HalfOpen::Encrypted { public: Some(public) },
        _ => HalfOpen::No,
    }
}

/// The cipher and the public half of a key in OpenSSH's form (`PROTOCOL.key` of its sources).
fn of_openssh(text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END OPENSSH PRIVATE KEY-----")?;
    let body: String = body.split_whitespace().collect();
    let bytes = STANDARD.decode(body).ok()?;
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (cipher, rest) = string(rest)?;
    let (_function, rest) = string(rest)?;
    let (_options, rest) = string(rest)?;
    let (public, _) = string(rest.get(4..)?)?;
    Some((cipher.into(), public.into()))
}

/// A string as SSH sends it, and what follows: its length, big endian, then its bytes.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}
