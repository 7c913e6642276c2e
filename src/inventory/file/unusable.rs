//! Keys, known hosts and programs that can't be used. They come last: what else is wrong with a file or a plan can be judged without them.

use std::collections::BTreeSet;
use std::path::Path;

use super::Reader;
use crate::document::DocumentError;
use crate::document::yaml::PathSegment;
use crate::inventory::key::{Key, Unusable};

/// A key that can't be used; or the known hosts, or the agent's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableKey {
    /// The hosts that need the key: for themselves, or for their jump host.
    pub hosts: BTreeSet<String>,
    /// Why, where the first of them names it.
    pub why: DocumentError,
}

impl Reader<'_> {
    /// The key in this file, for what an entry says at `at`. One that can't be used is noted.
    pub(super) fn key(&self, at: &[PathSegment], path: &Path, origin: &str) -> Option<Key> {
        Key::read(path).map_err(|why| self.note(at, why, origin)).ok()
    }

    fn note(&self, at: &[PathSegment], why: Unusable, origin: &str) {
        let host = self.entries.iter().find(|(index, _)| at.get(1) == Some(&PathSegment::Index(*index)));
        let host = host.map(|(_, entry)| entry.name.clone());
        let why = self.source.error(at, why.detail + origin, Some(why.hint));
        let mut all = self.unusable.borrow_mut();
        match all.iter_mut().find(|other| (&other.why.detail, &other.why.hint) == (&why.detail, &why.hint)) {
            Some(known) => known.hosts.extend(host),
            None => all.push(UnusableKey { hosts: host.into_iter().collect(), why }),
        }
    }

    /// A file that concerns all hosts can't be used.
    pub(super) fn unusable_file(&self, at: &[PathSegment], detail: String, hint: &str) {
        let why = self.source.error(at, detail, Some(hint.into()));
        self.unusable.borrow_mut().push(UnusableKey { hosts: BTreeSet::new(), why });
    }

    /// Says of each whose it is, where several hosts name it.
    pub(super) fn unusable(&self) -> Vec<UnusableKey> {
        let mut all = self.unusable.take();
        for UnusableKey { hosts, why } in all.iter_mut().filter(|key| key.hosts.len() > 1) {
            let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
            why.detail = format!("{}; it is the key of {}", why.detail, hosts.join(", "));
        }
        all
    }
}
