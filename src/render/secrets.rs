//! Passwords of one run: made from what only this run knows, the same wherever they are asked for, written nowhere.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::Object;
use sha2::{Digest, Sha256};

/// Gives a password for any name.
#[derive(Clone)]
pub struct Secrets {
    key: Arc<[u8; 32]>,
}

impl Secrets {
    /// Those of the run that holds this key, which nobody else may know: the one that opens its instances.
    pub fn of(key: &str) -> Secrets {
        Secrets { key: Arc::new(Sha256::digest(key).into()) }
    }

    /// To try templates with.
    pub fn imagined() -> Secrets {
        Secrets { key: Arc::new([0; 32]) }
    }

    /// The password of this name: 32 letters and digits, so that it needs quoting nowhere.
    pub fn named(&self, name: &str) -> String {
        let digest = Sha256::new().chain_update(self.key.as_slice()).chain_update(name).finalize();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Object for Secrets {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        key.as_str().map(|name| Value::from(self.named(name)))
    }
}

/// Keeps the names that templates ask for, and gives each a text.
#[derive(Debug, Default)]
pub(super) struct AskedFor(Mutex<BTreeSet<String>>);

impl AskedFor {
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Object for AskedFor {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into());
        Some(Secrets::imagined().named(name).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_depends_on_its_run_and_its_name_and_shows_nowhere() {
        let secrets = Secrets::of("one");
        assert_eq!(secrets.named("site"), Secrets::of("one").named("site"));
        assert_ne!(secrets.named("site"), secrets.named("check"));
        assert_ne!(secrets.named("site"), Secrets::of("other").named("site"));
        assert!(secrets.named("site").chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(format!("{secrets:?}"), "Secrets(…)");
    }
}
