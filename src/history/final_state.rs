//! What every living database held when the load was over: the other half of the evidence about writes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::operation::Posts;
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
}

/// What came of reading a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It was read whole.
    Content(Content),
    /// It could not be read, and why.
    Unreadable(String),
}

/// The content of a database of the site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// The posts whose key says author and number.
    pub posts: Posts,
    /// Keys that no user could have made, or that stand beside another author.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strange: Vec<String>,
    /// Rows that are there more than once: `post u7-3-12`, `user u7-3`, `follow u7-3 u7-4`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub twice: Vec<String>,
    /// Name → who asked for it.
    pub users: BTreeMap<String, String>,
    /// Whom follows whom: followee → followers.
    pub follows: BTreeMap<String, BTreeSet<String>>,
    /// The counters of followers that are not 0, by name.
    pub followers: BTreeMap<String, i64>,
    /// `CHECKSUM TABLE` of each table.
    pub checksums: BTreeMap<String, String>,
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
