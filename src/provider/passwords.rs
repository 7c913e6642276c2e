//! Passwords: a JSON object of server → root password.
//!
//! ```json
//! { "web-1": "correct horse", "web-2": "battery staple" }
//! ```
//! The file must be readable by its owner alone. What was read is zeroed when it is dropped, and shown nowhere: not in
//! errors, not in `Debug`. The schema and an example lie in `fixtures/attacks/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::document::DocumentError;
use crate::document::by_server;
use crate::document::by_server::{Format, complaint, found_otherwise};
use crate::provider::secret::{Secret, read_private};

/// Root passwords by server. Not every server needs one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passwords(BTreeMap<String, Secret>);

impl Passwords {
    /// Reads a file; `servers` are all that there are.
    ///
    /// # Errors
    /// The first mistake, with its place and what to do: a file that others may read, not JSON, an unknown server, a
    /// server twice, no server, a value that is no string, an empty one.
    pub fn read(path: &Path, servers: &BTreeSet<String>) -> Result<Self, DocumentError> {
        let text = read_private(path).map_err(|why| DocumentError::unreadable(path, &why))?;
        by_server::read(path, &text, servers, Password).map(Passwords)
    }

    /// A server's password.
    pub fn of(&self, server: &str) -> Option<&Secret> {
        self.0.get(server)
    }
}

#[derive(Clone, Copy)]
struct Password;

impl Format for Password {
    type Read = Secret;
    const EXAMPLE: &'static str = r#"{ "SERVER": "PASSWORD" }"#;
}

impl<'de> DeserializeSeed<'de> for Password {
    type Value = Secret;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Password {
    type Value = Secret;

    found_otherwise!("a password: a string"; visit_bool(bool) = "true or false", visit_i64(i64) = "a number",
        visit_u64(u64) = "a number", visit_f64(f64) = "a number");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(A::Error::custom("found a list, expected a password: a string"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(A::Error::custom("found an object, expected a password: a string"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        let usable = !text.is_empty() && !text.contains(['\0', '\n']);
        let refused = || complaint("this can't be a password", "it is empty, or holds a line's end or a zero byte");
        if usable { Ok(Secret::new(text.to_string())) } else { Err(refused()) }
    }
}

#[cfg(test)]
#[path = "passwords_tests.rs"]
mod tests;
