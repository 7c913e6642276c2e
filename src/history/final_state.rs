//! What every living database held when the load was over: the other half of the evidence about writes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entries::Entries;
use super::plausible;

/// The end of a scenario's data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FinalState {
    /// Whether and when the databases came to agree.
    pub settling: Option<Settling>,
    /// Each living database, as it was read.
    pub databases: Vec<DatabaseRead>,
}

/// The wait for equal positions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settling {
    /// When the load had stopped, in microseconds on the run's clock.
    #[serde(deserialize_with = "plausible::us")]
    pub from_us: u64,
    /// The first look from which on all positions were equal and stood still; `None`: not until the wait was given up.
    #[serde(default, deserialize_with = "plausible::optional_us")]
    pub agreed_us: Option<u64>,
    /// When the wait ended.
    #[serde(deserialize_with = "plausible::us")]
    pub until_us: u64,
    /// From one look to the next, at most.
    #[serde(deserialize_with = "plausible::us")]
    pub resolution_us: u64,
    /// The last position seen of each database, or why it could not be seen.
    pub positions: BTreeMap<String, String>,
}

/// One database, read at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseRead {
    /// The server.
    pub server: String,
    /// When it had been read.
    #[serde(deserialize_with = "plausible::us")]
    pub at_us: u64,
    /// What was in it.
    pub found: Reading,
    /// `CHECKSUM TABLE` of each table that is not the database's own, by `schema.table`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checksums: BTreeMap<String, String>,
}

/// What came of reading a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It was read whole; of an application whose tables are not known, its checksums alone.
    Content(Content),
    /// It could not be read, and why.
    Unreadable(String),
}

/// What a database held of an application, as the workload's tables say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// The entries that users numbered.
    pub entries: Entries,
    /// All other rows, in the words of the writes that ask for them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub rows: BTreeSet<String>,
    /// Rows that no user could have asked for, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strange: Vec<String>,
    /// Rows that are there more than once, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub twice: Vec<String>,
    /// What else the workload's own Thens look at.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub more: Value,
}

impl FinalState {
    /// What was read of a server; `None` where nothing, or not whole.
    pub fn content(&self, server: &str) -> Option<&Content> {
        self.contents().find(|(name, _)| *name == server).map(|(_, content)| content)
    }

    /// Every database that was read whole.
    pub fn contents(&self) -> impl Iterator<Item = (&str, &Content)> {
        self.databases.iter().filter_map(|read| match &read.found {
            Reading::Content(content) => Some((read.server.as_str(), content)),
            Reading::Unreadable(_) => None,
        })
    }
}
