//! Processes: a JSON object of server → names of processes, out of which one is picked at random.
//!
//! ```json
//! { "web-1": ["nginx", "cron"], "lb-1": ["haproxy", "keepalived"] }
//! ```
//! A name is compared as the kernel keeps it: its first 15 bytes. Any characters may be in it but a zero byte and `/`;
//! it is never spliced into a shell line. The schema and an example lie in `fixtures/attacks/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::document::DocumentError;
use crate::document::by_server;
use crate::document::by_server::{Format, at, complaint, found_otherwise};
use crate::text;

/// Names of processes by server, in the order of the file; each list has at least one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes(BTreeMap<String, Vec<String>>);

impl Processes {
    /// Reads a file; `servers` are all that there are.
    ///
    /// # Errors
    /// The first mistake, with its place and what to do: not JSON, an unknown server, a server twice, no server, a
    /// value that is no list of strings, an empty list, an empty or impossible name, a process twice.
    pub fn read(path: &Path, servers: &BTreeSet<String>) -> Result<Self, DocumentError> {
        let text = text::read(path).map_err(|why| DocumentError::unreadable(path, &why))?;
        by_server::read(path, &text, servers, List).map(Processes)
    }

    /// The processes of a server; none where it is not named.
    #[cfg(test)]
    pub fn of(&self, server: &str) -> &[String] {
        self.0.get(server).map_or(&[], Vec::as_slice)
    }

    /// The servers that are named, and their processes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(server, names)| (server.as_str(), names.as_slice()))
    }
}

#[derive(Clone, Copy)]
struct List;

impl Format for List {
    type Read = Vec<String>;
    const EXAMPLE: &'static str = r#"{ "SERVER": ["PROCESS"] }"#;
}

impl<'de> DeserializeSeed<'de> for List {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

const EXPECTED: &str = "a list of names of processes";

impl<'de> Visitor<'de> for List {
    type Value = Vec<String>;

    found_otherwise!(EXPECTED; visit_bool(bool) = "true or false", visit_i64(i64) = "a number",
        visit_u64(u64) = "a number", visit_f64(f64) = "a number", visit_str(&str) = "a string");

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Vec<String>, A::Error> {
        Err(A::Error::custom(format!("found an object, expected {EXPECTED}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut names: Vec<String> = Vec::new();
        while let Some(name) =
            items.next_element_seed(Name).map_err(|why| at(&format!("entry {}", names.len() + 1), &why))?
        {
            if names.contains(&name) {
                let detail = format!("the process {name:?} is given twice");
                return Err(complaint(detail, "each is as likely as any other: leave one of the two out"));
            }
            names.push(name);
        }
        match names.is_empty() {
            true => Err(complaint("the list is empty", "name at least one process, or leave the server out")),
            false => Ok(names),
        }
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let name = String::deserialize(deserializer)?;
        match name.is_empty() || name.contains(['\0', '/']) {
            true => Err(complaint(format!("{name:?} can't be a process's name"), "write it as `ps -o comm` shows it")),
            false => Ok(name),
        }
    }
}

#[cfg(test)]
#[path = "processes_tests.rs"]
mod tests;
