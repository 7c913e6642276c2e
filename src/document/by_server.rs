//! JSON objects with an entry for each server, read strictly: every mistake is one error with its place and a hint.
//!
//! serde_json alone would keep the last of two entries with the same name, and show values, which may be passwords,
//! in its complaints. Here nothing of the file is ever shown but names of servers that are known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::document::DocumentError;
use crate::document::error::one_of;

/// Between what is wrong and what to do, inside serde's message.
const HELP: &str = "\n  help: ";

/// Reads `text`, the content of `path`: an object with at least one entry, whose names are of `servers` and whose
/// values are what `value` reads.
///
/// # Errors
/// The first mistake, with line and column: not JSON, not an object, a server that is unknown or given twice, no
/// entry, and those of `value`.
pub(crate) fn read<V: Format>(
    path: &Path,
    text: &str,
    servers: &BTreeSet<String>,
    value: V,
) -> Result<BTreeMap<String, V::Read>, DocumentError> {
    let located = |why: serde_json::Error| located(path, &why, V::EXAMPLE);
    // What is no JSON at all is told as such, wherever the reader below would meet it.
    serde_json::from_str::<IgnoredAny>(text).map_err(located)?;
    Entries { servers, value }.deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(located)
}

/// What reads an entry's value.
pub(crate) trait Format: Copy + for<'de> DeserializeSeed<'de, Value = Self::Read> {
    /// What a value becomes.
    type Read;
    /// A whole small file, for errors.
    const EXAMPLE: &'static str;
}

/// An error of ours: what is wrong, and what to do.
pub(crate) fn complaint<E: Error>(detail: impl fmt::Display, hint: impl fmt::Display) -> E {
    E::custom(format!("{detail}{HELP}{hint}"))
}

fn located(path: &Path, why: &serde_json::Error, example: &str) -> DocumentError {
    let shown = why.to_string();
    let message = shown.rsplit_once(" at line ").map_or(shown.as_str(), |(message, _)| message);
    let (detail, hint) = match (message.split_once(HELP), why.is_data()) {
        (Some((detail, hint)), _) => (detail.to_string(), hint.to_string()),
        (None, true) => (message.to_string(), format!("write it so: {example}")),
        (None, false) => (
            format!("this is not JSON: {message}"),
            format!("look for a bracket, a quote or a comma just before this place; the form is {example}"),
        ),
    };
    let (line, column) = (why.line() > 0).then(|| (why.line(), why.column())).unzip();
    DocumentError { file: Some(path.into()), line, column, hint: Some(hint), ..DocumentError::new(detail) }
}

/// Names the kind of what was found instead of what is read, and nothing of its content.
macro_rules! found_otherwise {
    ($expected:expr; $($method:ident($kind:ty) = $found:literal),*) => {
        $(fn $method<E: serde::de::Error>(self, _: $kind) -> Result<Self::Value, E> {
            Err(E::custom(format!("found {}, expected {}", $found, $expected)))
        })*
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Err(E::custom(format!("found null, expected {}", $expected)))
        }
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str($expected)
        }
    };
}
pub(crate) use found_otherwise;

struct Entries<'s, V> {
    servers: &'s BTreeSet<String>,
    value: V,
}

impl<'de, V: Format> DeserializeSeed<'de> for Entries<'_, V> {
    type Value = BTreeMap<String, V::Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, V: Format> Visitor<'de> for Entries<'_, V> {
    type Value = BTreeMap<String, V::Read>;

    found_otherwise!("an object with an entry for each server"; visit_bool(bool) = "true or false",
        visit_i64(i64) = "a number", visit_u64(u64) = "a number", visit_f64(f64) = "a number",
        visit_str(&str) = "a string");

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom("found a list, expected an object with an entry for each server"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(name) = map.next_key_seed(Name(self.servers))? {
            if entries.contains_key(&name) {
                return Err(complaint(format!("the server `{name}` is given twice"), "leave one of the two out"));
            }
            let value = map.next_value_seed(self.value).map_err(|why| at(&format!("`{name}`"), &why))?;
            entries.insert(name, value);
        }
        match entries.is_empty() {
            true => Err(complaint("no server is named", format!("write it so: {}", V::EXAMPLE))),
            false => Ok(entries),
        }
    }
}

/// The same with where in the document it is. serde_json reads the place back from the text.
pub(crate) fn at<E: Error>(path: &str, why: &E) -> E {
    E::custom(format!("{path}: {why}"))
}

/// A server's name, checked where it is read, so that the place is right.
struct Name<'s>(&'s BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let name = String::deserialize(deserializer)?;
        match self.0.contains(&name) {
            true => Ok(name),
            // Not shown: in a file turned upside down, it is the password.
            false => Err(complaint(
                "this is not the name of a server",
                one_of(&name, "servers", self.0.iter().map(String::as_str)),
            )),
        }
    }
}
