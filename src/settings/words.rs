//! Serde for the texts of settings: those that must say something, and those that are one of some words.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{Error as AnyError, StrDeserializer};
use serde::de::{DeserializeOwned, Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};

/// A text that is not empty.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Said(String);

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let nothing = || D::Error::custom("found an empty text, expected a name, an id or a path; or leave it out");
        if text.trim().is_empty() { Err(nothing()) } else { Ok(Said(text)) }
    }
}

/// Reads a text.
///
/// # Errors
/// It is none, or empty.
pub(super) fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Said::deserialize(deserializer).map(|said| said.0)
}

/// Reads a text of a setting that may be left out.
///
/// # Errors
/// It is none, or empty.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    said(deserializer).map(Some)
}

/// Reads a list of texts of a setting that may be left out.
///
/// # Errors
/// It is none, or it or one of them is empty.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let all = Vec::<Said>::deserialize(deserializer)?;
    let nothing = || D::Error::custom("found an empty list, expected one name or id at least; or leave it out");
    if all.is_empty() { Err(nothing()) } else { Ok(Some(all.into_iter().map(|said| said.0).collect())) }
}

/// Reads texts by texts.
///
/// # Errors
/// They are none, or one of them is empty.
pub(super) fn map<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let all = BTreeMap::<Said, Said>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|(key, value)| (key.0, value.0)).collect())
}

/// Reads one of the words of an enum. Of what is no text at all, the words are told; toml's own readers of enums do not.
///
/// # Errors
/// It is none of them.
pub(super) fn one_of<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(Word(PhantomData))
}

/// The same of a setting that may be left out.
///
/// # Errors
/// It is none of them.
pub(super) fn optional_of<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    one_of(deserializer).map(Some)
}

struct Word<T>(PhantomData<T>);

impl<T: DeserializeOwned> Visitor<'_> for Word<T> {
    type Value = T;

    /// The words, as an enum tells them of one that it does not know.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing: StrDeserializer<'_, AnyError> = "".into_deserializer();
        let told = T::deserialize(nothing).err().map(|why| why.to_string()).unwrap_or_default();
        f.write_str(told.rsplit_once(", expected ").map_or("one of its words", |(_, words)| words))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::deserialize(text.into_deserializer())
    }
}
