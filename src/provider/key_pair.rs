//! A key pair of a run's own: which opens the servers that it boots, or by which one of them proves to be the one.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::secret::{Secret, read_private};

/// What kind it is.
pub const KIND: &str = "ssh-ed25519";

/// Both halves, in OpenSSH's form.
#[derive(Debug)]
pub struct KeyPair {
    /// The private key, without a passphrase.
    pub private: Secret,
    /// The public key: one line, without its end.
    pub public: String,
}

/// Starts `ssh-keygen`, which makes a key of Ed25519 in this file, and its public half beside it.
///
/// # Errors
/// `NotFound` where there is no such program.
pub fn begin(file: &Path) -> io::Result<std::process::Child> {
    Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "chimp", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
}

/// A folder that only its owner can enter, and that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("anarcho-chimp-{:016x}", rand::random::<u64>()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl KeyPair {
    /// Makes one with `ssh-keygen`; nothing of it stays on the disk. Blocks.
    ///
    /// # Errors
    /// `NotFound` where there is no such program; else why it could not be made.
    pub fn make() -> io::Result<KeyPair> {
        let folder = Folder::make()?;
        let file = folder.0.join("key");
        let status = begin(&file)?.wait()?;
        if !status.success() {
            return Err(io::Error::other(format!("ssh-keygen: {status}")));
        }
        let private = read_private(&file).map_err(io::Error::from)?;
        let public = fs::read_to_string(file.with_extension("pub"))?;
        Ok(KeyPair { private: Secret::new(private.to_string()), public: public.trim_end().into() })
    }

    /// The public key as SSH sends it; nothing where it is not in OpenSSH's form.
    pub fn public_bytes(&self) -> Vec<u8> {
        self.public.split(' ').nth(1).and_then(|base64| STANDARD.decode(base64).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_in_the_form_of_openssh() {
        let pair = KeyPair::make().unwrap();
        assert!(pair.private.reveal().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(pair.public.starts_with("ssh-ed25519 ") && !pair.public.contains('\n'), "{}", pair.public);
        let bytes = pair.public_bytes();
        assert_eq!((bytes.len(), &bytes[4..15]), (51, &b"ssh-ed25519"[..]));
    }
}
