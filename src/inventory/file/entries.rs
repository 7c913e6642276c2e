//! A list of the file, whose entries are read one by one: a mistake in one hides none in another.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::document::DocumentError;
use crate::document::yaml::{Source, at};

/// Of so many entries of a list the mistakes are looked for: each takes one more reading of the file.
const MOST: usize = 50;

pub(super) struct Entries<T> {
    /// Those that could be read, each with its place in the list.
    pub read: Vec<(usize, T)>,
    /// The names of all, as far as they are known.
    pub names: BTreeSet<String>,
    /// How many there are; `None` where this is no list.
    pub written: Option<usize>,
}

impl<T: DeserializeOwned> Entries<T> {
    /// The list `field`; of each entry that can't be read the first mistake is added to `mistakes`.
    pub(super) fn of(
        source: &Source,
        field: &str,
        name: impl Fn(&T) -> Option<&String>,
        mistakes: &mut Vec<DocumentError>,
    ) -> Entries<T> {
        match source.parse_at::<Vec<T>>(&at![field]) {
            Ok(all) => {
                let read: Vec<_> = all.into_iter().flatten().enumerate().collect();
                let names = read.iter().filter_map(|(_, entry)| name(entry).cloned()).collect();
                Entries { written: Some(read.len()), read, names }
            }
            Err(first) => Entries::one_by_one(source, field, first, mistakes),
        }
    }

    fn one_by_one(source: &Source, field: &str, first: DocumentError, mistakes: &mut Vec<DocumentError>) -> Entries<T> {
        let values = source.parse_at::<Vec<Value>>(&at![field]).ok().flatten();
        let written = values.as_ref().map(Vec::len);
        let values = values.unwrap_or_default();
        let name = |value: &Value| value.get("name").and_then(Value::as_str).map(String::from);
        let names = values.iter().filter_map(name).collect();
        let (mut read, mut found) = (Vec::new(), Vec::new());
        for (index, value) in values.into_iter().enumerate() {
            match serde_yaml::from_value(value) {
                Ok(entry) => read.push((index, entry)),
                Err(_) if found.len() >= MOST => {}
                Err(_) => match source.parse_at(&at![field, index]) {
                    Ok(entry) => read.extend(entry.map(|entry| (index, entry))),
                    Err(why) => found.push(why),
                },
            }
        }
        if found.is_empty() {
            found.push(first);
        }
        mistakes.append(&mut found);
        Entries { read, names, written }
    }
}
