//! What the operations of a registered workload mean, so that the Thens of this crate can judge them.
//!
//! A workload says in its own words what its users ask for and are shown. Its [`Meaning`] translates that into *rows* that are written, and *pages* of
//! numbered entries that are read. [`Deeds`] are a history's operations, translated.

use serde_json::Value;

use crate::history::entries::Page;
use crate::history::final_state::Content;
use crate::history::{Ended, History, Work};
use crate::plan::ScenarioPlan;
use crate::workload::Workload;

/// What the operations of a registered workload do to an application's rows. Pure.
///
/// ```
/// use anarcho_chimp::extend::{Deed, Did, Meaning, Page, Row, Value, json};
///
/// /// Users who say something in a chat, and see what others said.
/// struct Chat;
///
/// impl Meaning for Chat {
///     fn noun(&self) -> &'static str {
///         "message"
///     }
///
///     fn deed(&self, asked: &Value, saw: &Value) -> Option<Deed> {
///         let by = asked["by"].as_str()?.to_string();
///         let did = match (asked["says"].as_u64(), asked["messages_of"].as_str()) {
///             (Some(number), _) => Did::Wrote(Row::Entry { by: by.clone(), number: number.try_into().ok()? }),
///             (_, Some(of)) => Did::Read { page: of.into(), of: Some(of.into()), saw: serde_json::from_value(saw.clone()).ok() },
///             _ => return None,
///         };
///         Some(Deed { by, did })
///     }
/// }
///
/// anarcho_chimp::register!(meaning "chat", Chat);
///
/// let saw = json!({ "entries": { "bea": [[1, 12]] }, "whole": true });
/// let deed = Chat.deed(&json!({ "by": "ada", "messages_of": "bea" }), &saw).expect("a read");
/// let Did::Read { saw: Some(page), .. } = deed.did else { panic!("it saw a page") };
/// assert!(page.entries.contains("bea", 7) && page.misses("bea", 13));
/// ```
pub trait Meaning: Sync {
    /// What a numbered entry is called, such as `post`.
    fn noun(&self) -> &'static str;

    /// Who did an operation, and what; `None` for one that neither writes a row nor reads a page.
    ///
    /// `asked` and `saw` are the [`Work`]'s. What it wrote does not depend on how it ended.
    fn deed(&self, asked: &Value, saw: &Value) -> Option<Deed>;

    /// How databases that the harness formed are read when the load is over. Without it, no Then can say whether a write was lost.
    fn tables(&self) -> Option<&dyn Tables> {
        None
    }
}

/// The tables of an application, as each database of the scenario holds them.
pub trait Tables: Sync {
    /// SQL that selects every row, in one session of MariaDB's client.
    fn select(&self) -> &'static str;

    /// What the rows that came say; each is the text of its columns.
    ///
    /// # Errors
    /// The row that is none of the tables'.
    fn content(&self, rows: &[Vec<String>]) -> Result<Content, String>;

    /// For tests of the harness: SQL that takes a row away, where there is some.
    fn delete(&self, _row: &Row) -> Option<String> {
        None
    }
}

/// What a user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who: the user's own name, which stays the same when its process does not.
    pub by: String,
    /// What.
    pub did: Did,
}

/// What is done to rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// A row was to be written.
    Wrote(Row),
    /// A page was asked for.
    Read {
        /// Which: what a user read on a page, it must find there again.
        page: String,
        /// Whose entries it shows, where it shows all of somebody's.
        of: Option<String>,
        /// What it showed, once it succeeded.
        saw: Option<Page>,
    },
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// An entry that its writer numbered; no number is used twice.
    Entry {
        /// Who wrote it.
        by: String,
        /// Its number.
        number: u32,
    },
    /// Any other, in words that no other row shares: `name ada for u7-3`.
    Named(String),
}

impl Row {
    /// In words that no other row shares: `post u7-3-12`.
    pub fn words(&self, noun: &str) -> String {
        match self {
            Row::Entry { by, number } => format!("{noun} {}", key_of(by, *number)),
            Row::Named(words) => words.clone(),
        }
    }
}

/// The key of an entry: `u7-3-12`.
pub fn key_of(writer: &str, number: u32) -> String {
    format!("{writer}-{number}")
}

/// Writer and number of a key that [`key_of`] made; `None` for any other.
pub fn entry_of(key: &str) -> Option<(&str, u32)> {
    let (writer, number) = key.rsplit_once('-')?;
    let number = number.parse().ok()?;
    (key_of(writer, number) == key).then_some((writer, number))
}

/// The meaning of a registered workload.
#[derive(Clone, Copy)]
pub struct RegisteredMeaning {
    /// The workload's name.
    pub workload: &'static str,
    /// What its operations mean.
    pub meaning: &'static dyn Meaning,
}

cucumber::codegen::collect!(RegisteredMeaning);

/// The meaning of a workload, where another crate registered one.
pub fn of_workload(workload: Option<&Workload>) -> Option<&'static dyn Meaning> {
    let name = workload?.registered_name()?;
    let mut all = cucumber::codegen::inventory::iter::<RegisteredMeaning>.into_iter();
    all.find(|registered| registered.workload == name).map(|registered| registered.meaning)
}

/// The tables that a scenario's databases are read by.
pub fn tables_of(plan: &ScenarioPlan) -> Option<&'static dyn Tables> {
    of_workload(plan.workload.as_ref())?.tables()
}

/// The operations of a history, translated; of each kind by start.
pub struct Deeds<'h> {
    /// What an entry is called.
    pub noun: &'static str,
    /// What was written.
    pub writes: Vec<Write<'h>>,
    /// The reads that showed a page.
    pub reads: Vec<Read<'h>>,
}

/// A row that a user was to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Write<'h> {
    /// How that went.
    pub work: &'h Work,
    /// Who.
    pub by: String,
    /// The row.
    pub row: Row,
}

/// A page that a user saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<'h> {
    /// How that went.
    pub work: &'h Work,
    /// Who.
    pub by: String,
    /// Which page.
    pub page: String,
    /// Whose entries it shows, where it shows all of somebody's.
    pub of: Option<String>,
    /// What it showed.
    pub saw: Page,
}

impl<'h> Deeds<'h> {
    /// The operations of a history whose workload has a meaning.
    pub fn of(history: &'h History) -> Option<Deeds<'h>> {
        let meaning = of_workload(history.plan.workload.as_ref())?;
        let mut deeds = Deeds { noun: meaning.noun(), writes: Vec::new(), reads: Vec::new() };
        for work in &history.works {
            let Some(Deed { by, did }) = meaning.deed(work.asked(), work.saw()) else { continue };
            match did {
                Did::Wrote(row) => deeds.writes.push(Write { work, by, row }),
                Did::Read { page, of, saw: Some(saw) } if work.outcome == Ended::Ok => {
                    deeds.reads.push(Read { work, by, page, of, saw });
                }
                Did::Read { .. } => {}
            }
        }
        Some(deeds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_its_writer_and_number() {
        assert_eq!(entry_of(&key_of("u7-3", 12)), Some(("u7-3", 12)));
        for other in ["", "hello", "u7-3-012", "u7-3-+1", "u7-3-"] {
            assert_eq!(entry_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_row_has_words_of_its_own() {
        let entry = Row::Entry { by: "u7-3".into(), number: 12 };
        assert_eq!(entry.words("post"), "post u7-3-12");
        assert_eq!(Row::Named("name ada for u7-3".into()).words("post"), "name ada for u7-3");
    }
}
