//! What the operations of a registered workload mean, so that the Thens of this crate can judge them.
//!
//! A workload says in its own words what its users ask for and are shown. Its [`Meaning`] translates that into *rows* that are written, and *pages* of
//! numbered entries that are read. [`Deeds`] are a history's operations, translated.

use serde_json::Value;

use crate::document::error::one_of;
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
///     fn deed(&self, asked: &Value, saw: &Value) -> Result<Option<Deed>, String> {
///         let by = asked["by"].as_str().ok_or("no user")?.to_string();
///         let did = match (asked["says"].as_u64(), asked["messages_of"].as_str()) {
///             (Some(number), _) => Did::Wrote(Row::Entry { by: by.clone(), number: number as u32 }),
///             (_, Some(of)) => Did::Read { page: of.into(), of: Some(of.into()), saw: Page::of_saw(saw)? },
///             // It joined the chat.
///             _ => return Ok(None),
///         };
///         Ok(Some(Deed { by, did }))
///     }
/// }
///
/// anarcho_chimp::register!(meaning "chat", Chat);
///
/// let saw = json!({ "entries": { "bea": [[1, 12]] }, "whole": true });
/// let deed = Chat.deed(&json!({ "by": "ada", "messages_of": "bea" }), &saw).expect("an operation of the chat");
/// let Some(Deed { did: Did::Read { saw: Some(page), .. }, .. }) = deed else { panic!("it saw a page") };
/// assert!(page.entries.contains("bea", 7) && page.misses("bea", 13));
/// ```
pub trait Meaning: Sync {
    /// What a numbered entry is called, such as `post`; an `s` makes its plural.
    fn noun(&self) -> &'static str;

    /// Who did an operation, and what; `None` for one that neither writes a row nor reads a page.
    ///
    /// `asked` and `saw` are the [`Work`]'s. What it wrote does not depend on how it ended.
    ///
    /// # Errors
    /// What is on record is no operation of this workload. Then no Then about its data passes.
    fn deed(&self, asked: &Value, saw: &Value) -> Result<Option<Deed>, String>;

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
        /// The writer, where the page shows all entries of one.
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
    /// The file and the line.
    pub place: (&'static str, u32),
}

cucumber::codegen::collect!(RegisteredMeaning);

/// Those that are linked in, by place.
pub fn meanings() -> Vec<RegisteredMeaning> {
    let mut all: Vec<RegisteredMeaning> =
        cucumber::codegen::inventory::iter::<RegisteredMeaning>.into_iter().copied().collect();
    all.sort_by_key(|registered| registered.place);
    all
}

/// What is wrong with these, beside workloads of these names: the place of each, what, and what to do.
pub fn wrong(all: &[RegisteredMeaning], workloads: &[&str]) -> Vec<((&'static str, u32), String)> {
    let mut wrong = Vec::new();
    for (at, RegisteredMeaning { workload, place, .. }) in all.iter().enumerate() {
        if !workloads.contains(workload) {
            let hint = one_of(workload, "registered workloads", workloads.iter().copied());
            wrong.push((*place, format!("there is no workload `{workload}` to give a meaning\n  help: {hint}")));
        } else if all[..at].iter().any(|other| other.workload == *workload) {
            let why = format!("the workload `{workload}` has a meaning already");
            wrong.push((*place, format!("{why}\n  help: register one of the two")));
        }
    }
    wrong
}

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
    /// The reads of users that showed a page.
    pub reads: Vec<Read<'h>>,
    /// Why not everything on record is among them.
    pub unclear: Option<String>,
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
    /// The writer, where the page shows all entries of one.
    pub of: Option<String>,
    /// What it showed.
    pub saw: Page,
}

impl<'h> Deeds<'h> {
    /// The operations of a history whose workload has a meaning.
    pub fn of(history: &'h History) -> Option<Deeds<'h>> {
        let meaning = of_workload(history.plan.workload.as_ref())?;
        let mut deeds = Deeds { noun: meaning.noun(), writes: Vec::new(), reads: Vec::new(), unclear: None };
        for work in &history.works {
            match meaning.deed(work.asked(), work.saw()) {
                Ok(Some(deed)) => deeds.add(work, deed),
                Ok(None) => {}
                Err(why) => deeds.is_unclear(work, &why),
            }
        }
        Some(deeds)
    }

    fn add(&mut self, work: &'h Work, Deed { by, did }: Deed) {
        match did {
            Did::Wrote(row) => self.writes.push(Write { work, by, row }),
            Did::Read { saw: None, .. } if work.outcome == Ended::Ok => self.is_unclear(work, "it shows no page"),
            // What the observer reads in the end, no user saw.
            Did::Read { page, of, saw: Some(saw) } if work.outcome == Ended::Ok && !work.is_last() => {
                self.reads.push(Read { work, by, page, of, saw });
            }
            Did::Read { .. } => {}
        }
    }

    fn is_unclear(&mut self, work: &Work, why: &str) {
        self.unclear.get_or_insert_with(|| {
            format!("an operation on record, {}, is none of the workload's: {why}", work.asked())
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::history::synthetic::Script;
    use crate::history::work::{Asked, Call, OBSERVER};

    /// A post of `u-1`, and a read of it that shows `saw` to a process.
    fn read(process: u32, saw: Value) -> History {
        let mut history = Script::website(2, 1).posts("u-1", 1, 2000).history();
        let asked = Asked { asked: json!({ "by": "u-1", "posts_of": "u-1" }), changes: false, saw };
        let call = Call::Registered(Box::new(asked));
        history.works.push(Work { process, call, invoked_us: 3_000_000, ..history.works[0].clone() });
        history
    }

    #[test]
    fn only_what_users_saw_is_a_read() {
        let page = json!({ "entries": { "u-1": [[1, 1]] }, "whole": true });
        let found = |process| {
            let history = read(process, page.clone());
            let deeds = Deeds::of(&history).unwrap();
            assert_eq!((deeds.writes.len(), &deeds.unclear), (1, &None));
            deeds.reads.len()
        };
        assert_eq!([found(1), found(OBSERVER)], [1, 0]);
    }

    #[test]
    fn what_is_no_operation_of_the_workload_is_told() {
        let unclear = |history: &History| Deeds::of(history).unwrap().unclear.unwrap_or_default();
        assert!(unclear(&read(1, Value::Null)).ends_with("it shows no page"));
        let mut history = read(1, json!({ "entries": {}, "whole": true }));
        let Call::Registered(asked) = &mut history.works[1].call else { panic!("it is registered") };
        asked.asked = json!({ "by": "u-1", "likes": 7 });
        assert!(unclear(&history).starts_with(r#"an operation on record, {"by":"u-1","likes":7}, is none"#));
    }

    #[test]
    fn a_workload_has_one_meaning_and_is_there() {
        struct Mute;
        impl Meaning for Mute {
            fn noun(&self) -> &'static str {
                "word"
            }
            fn deed(&self, _: &Value, _: &Value) -> Result<Option<Deed>, String> {
                Ok(None)
            }
        }
        let of = |workload, line| RegisteredMeaning { workload, meaning: &Mute, place: ("chaos.rs", line) };
        let found = wrong(&[of("chat", 1), of("chat", 2), of("chats", 3)], &["chat"]);
        let found: Vec<String> = found.iter().map(|((path, line), why)| format!("{path}:{line}: {why}")).collect();
        insta::assert_snapshot!(found.join("\n"), @r"
        chaos.rs:2: the workload `chat` has a meaning already
          help: register one of the two
        chaos.rs:3: there is no workload `chats` to give a meaning
          help: did you mean `chat`?
        ");
    }

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
