//! The entries of hosts as they are written, each read by itself: a mistake in one hides none in another.

use std::collections::BTreeSet;

use serde_yaml::Value;

use super::hosts::HostEntry;
use crate::document::DocumentError;
use crate::document::yaml::{Source, at};

/// Of so many entries the mistakes are looked for: each takes one more reading of the file.
const MOST: usize = 50;

pub(super) struct Entries {
    /// Those that could be read, each with its place in the list.
    pub hosts: Vec<(usize, HostEntry)>,
    /// The names of all, as far as they are known.
    pub names: BTreeSet<String>,
    /// Of each of the others the first.
    pub mistakes: Vec<DocumentError>,
}

impl Entries {
    /// None where the file has no list of hosts, which is another mistake.
    pub(super) fn of(source: &Source) -> Entries {
        match source.parse_at::<Vec<HostEntry>>(&at!["hosts"]) {
            Ok(hosts) => {
                let hosts: Vec<_> = hosts.into_iter().flatten().enumerate().collect();
                let names = hosts.iter().map(|(_, entry)| entry.name.clone()).collect();
                Entries { hosts, names, mistakes: Vec::new() }
            }
            Err(first) => Entries::one_by_one(source, first),
        }
    }

    fn one_by_one(source: &Source, first: DocumentError) -> Entries {
        let values = source.parse_at::<Vec<Value>>(&at!["hosts"]).ok().flatten().unwrap_or_default();
        let name = |value: &Value| value.get("name").and_then(Value::as_str).map(String::from);
        let names = values.iter().filter_map(name).collect();
        let (mut hosts, mut mistakes) = (Vec::new(), Vec::new());
        for (index, value) in values.into_iter().enumerate() {
            match serde_yaml::from_value(value) {
                Ok(entry) => hosts.push((index, entry)),
                Err(_) if mistakes.len() >= MOST => {}
                Err(_) => match source.parse_at(&at!["hosts", index]) {
                    Ok(entry) => hosts.extend(entry.map(|entry| (index, entry))),
                    Err(why) => mistakes.push(why),
                },
            }
        }
        if mistakes.is_empty() {
            mistakes.push(first);
        }
        Entries { hosts, names, mistakes }
    }
}
