//! Entries that users number themselves, such as the posts of a site: sets of numbers, one for each who wrote them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ranges::Ranges;

/// The numbers of each writer's entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entries(pub BTreeMap<String, Ranges>);

/// What a page showed of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The entries.
    pub entries: Entries,
    /// Nothing was cut off. Otherwise the page shows the newest of each writer.
    pub whole: bool,
}

impl Page {
    /// The page that a read showed, as it stands on record; `None` where it showed nothing.
    ///
    /// # Errors
    /// In words: it is no page.
    pub fn of_saw(saw: &Value) -> Result<Option<Page>, String> {
        if saw.is_null() { Ok(None) } else { Page::deserialize(saw).map(Some).map_err(|why| why.to_string()) }
    }

    /// Whether this entry must be among what was shown, if it was visible at all: what is older than everything that was shown of its writer may
    /// have been cut off.
    pub fn reaches(&self, writer: &str, number: u32) -> bool {
        self.whole || self.entries.0.get(writer).and_then(Ranges::lowest).is_some_and(|lowest| number > lowest)
    }

    /// Whether it lacks an entry that it would show, were it visible.
    pub fn misses(&self, writer: &str, number: u32) -> bool {
        self.reaches(writer, number) && !self.entries.contains(writer, number)
    }
}

impl Entries {
    /// Whether an entry is among them.
    pub fn contains(&self, writer: &str, number: u32) -> bool {
        self.0.get(writer).is_some_and(|numbers| numbers.contains(number))
    }

    /// Adds an entry; whether it was new.
    pub fn insert(&mut self, writer: &str, number: u32) -> bool {
        match self.0.get_mut(writer) {
            Some(numbers) => numbers.insert(number),
            None => self.0.entry(writer.into()).or_default().insert(number),
        }
    }

    /// Every entry: who wrote it, and its number.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().flat_map(|(writer, numbers)| numbers.iter().map(move |number| (writer.as_str(), number)))
    }
}

impl<'e> FromIterator<(&'e str, u32)> for Entries {
    fn from_iter<I: IntoIterator<Item = (&'e str, u32)>>(all: I) -> Entries {
        let mut entries = Entries::default();
        for (writer, number) in all {
            entries.insert(writer, number);
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_all_that_was_shown_may_have_been_cut_off() {
        let mut page = Page::default();
        assert!(!page.reaches("u7-3", 5));
        assert!(page.entries.insert("u7-3", 5) && !page.entries.insert("u7-3", 5));
        assert!(page.misses("u7-3", 6) && !page.reaches("u7-3", 4) && !page.reaches("u7-4", 9));
        page.whole = true;
        assert!(page.misses("u7-4", 9) && !page.misses("u7-3", 5));
    }
}
