//! Text that nobody may read but who logs in with it: passwords and private keys.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::text::{self, TextError};

/// A password or a private key. Zeroed when its last clone goes; shown as `***`, and never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes the text over, without another copy of it.
    pub fn new(text: String) -> Self {
        Secret(Arc::new(Zeroizing::new(text)))
    }

    /// The text itself: for the one call that logs in.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads a whole file of secrets, which nobody but its owner may be able to read.
///
/// # Errors
/// Why it can't be read, or, as `PermissionDenied`, who else could, with the command that fixes it.
pub fn read_private(path: &Path) -> Result<Zeroizing<String>, TextError> {
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        let detail = format!("others than its owner may read it (mode {mode:03o}); run: chmod 600 '{path}'");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, detail).into());
    }
    // Room for all of it at once: a text that grows leaves copies behind.
    let room = usize::try_from(found.len()).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.read_to_end(&mut bytes)?;
    Ok(Zeroizing::new(text::decode(std::mem::take(&mut *bytes))?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2".into());
        assert_eq!(format!("{secret:?} {:?}", vec![secret.clone()]), "*** [***]");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "text").unwrap();
        for mode in [0o640, 0o604, 0o644, 0o660, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let why = read_private(&path).expect_err("it is open to others").to_string();
            assert!(why.contains(&format!("{mode:o}")) && why.contains("chmod 600"), "{why}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(*read_private(&path).unwrap(), "text");
    }
}
