//! What became of the rows that users wrote: acknowledged, refused or indeterminate; there in the end, lost, or there unasked.
//!
//! A write is *acknowledged* when the application said so, *refused* when it said that nothing was done (or it was never sent),
//! *indeterminate* when that can't be known. It is *lost* when it was acknowledged and a living database does not have its row
//! after the load is over. What a database has although no acknowledged or indeterminate write put it there is
//! *unasked*.

use std::collections::BTreeSet;

use crate::history::final_state::{Content, DatabaseRead, Reading};
use crate::history::{Ended, History};

use super::fleet::Fleet;
use super::meaning::{Deeds, Row, Write, tables_of};
use super::moments::{Moments, watched};

/// What the servers of the site's data are called.
pub const DATABASE: &str = "database";

/// The writes of a history, by how they ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Writes<'h> {
    /// What an entry is called.
    pub noun: &'static str,
    /// The application said that it was applied.
    pub acknowledged: Vec<Write<'h>>,
    /// It may have been applied or not.
    pub indeterminate: Vec<Write<'h>>,
    /// It was not applied.
    pub refused: Vec<Write<'h>>,
    /// What of the record is no operation of the workload: then nothing may pass.
    pub unclear: Option<String>,
}

impl<'h> Writes<'h> {
    /// The writes of a history whose workload has a meaning.
    pub fn of(history: &'h History) -> Option<Self> {
        Deeds::of(history).map(Writes::among)
    }

    /// The writes among what users did.
    pub fn among(Deeds { noun, writes: all, unclear, .. }: Deeds<'h>) -> Self {
        let (acknowledged, indeterminate, refused) = Default::default();
        let mut writes = Writes { noun, acknowledged, indeterminate, refused, unclear };
        for write in all {
            match write.work.outcome {
                Ended::Ok => writes.acknowledged.push(write),
                Ended::Info => writes.indeterminate.push(write),
                Ended::Fail => writes.refused.push(write),
            }
        }
        writes
    }

    /// The same, if they are enough to tell something from.
    ///
    /// # Errors
    /// Why they are not: nothing of a user was acknowledged, or nothing since the fault.
    pub fn telling(history: &'h History) -> Result<Self, String> {
        let none = "no write was ever acknowledged";
        let writes = Writes::of(history).ok_or(none)?;
        let by_users = writes.acknowledged.iter().filter(|write| !write.work.is_last());
        let last_us = by_users.map(|write| write.work.ended_us).max().ok_or(none)?;
        if Moments::of(history).t0_us.is_some_and(|t0_us| last_us < t0_us) {
            return Err("no write was acknowledged after the fault".into());
        }
        Ok(writes)
    }
}

/// Every living database, as it was read in the end.
///
/// # Errors
/// Which one is not known, and why; that there is none.
pub fn databases(history: &History) -> Result<&[DatabaseRead], String> {
    let infrastructure = &history.plan.infrastructure;
    let mut fleet = Fleet::new(infrastructure);
    watched(history).iter().for_each(|record| fleet.apply(record));
    let last = &history.final_state;
    for read in &last.databases {
        if let Reading::Unreadable(why) = &read.found {
            return Err(format!("{} could not be read in the end: {why}", read.server));
        }
    }
    let declared = infrastructure.servers_called(DATABASE);
    if let Some(server) = declared.iter().find(|s| fleet.runs(&s.name) && last.content(&s.name).is_none()) {
        return Err(format!("{} runs, but what it held in the end is not on record", server.name));
    }
    match last.databases.as_slice() {
        [] => Err("what the databases held in the end is not on record".into()),
        databases => Ok(databases),
    }
}

/// What every living database held in the end, by the tables of the scenario's workload.
///
/// # Errors
/// Which one is not known, and why; that there is none; that the tables are not known, so that no row was read.
pub fn contents(history: &History) -> Result<Vec<(&str, &Content)>, String> {
    tables_of(&history.plan).ok_or("no workload of this scenario knows the tables of the databases")?;
    databases(history).map(|_| history.final_state.contents().collect())
}

/// A write that was acknowledged and is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost<'w, 'h> {
    /// The write.
    pub write: &'w Write<'h>,
    /// The living databases that do not have its row.
    pub missing_on: Vec<&'w str>,
}

/// Every acknowledged write whose row some living database does not have.
pub fn lost<'w, 'h>(writes: &'w Writes<'h>, contents: &[(&'w str, &Content)]) -> Vec<Lost<'w, 'h>> {
    let missing = |write: &'w Write<'h>| {
        let missing_on: Vec<&str> =
            contents.iter().filter(|(_, content)| !holds(content, &write.row)).map(|(server, _)| *server).collect();
        (!missing_on.is_empty()).then_some(Lost { write, missing_on })
    };
    writes.acknowledged.iter().filter_map(missing).collect()
}

/// Whether a database has a row.
pub fn holds(content: &Content, row: &Row) -> bool {
    match row {
        Row::Entry { by, number } => content.entries.contains(by, *number),
        Row::Named(words) => content.rows.contains(words),
    }
}

/// What is in a database though no acknowledged or indeterminate write asked for it, in words.
pub fn unasked(writes: &Writes<'_>, content: &Content) -> Vec<String> {
    let asked: BTreeSet<String> =
        writes.acknowledged.iter().chain(&writes.indeterminate).map(|write| write.row.words(writes.noun)).collect();
    let entries = content.entries.iter();
    let entries = entries.map(|(by, number)| Row::Entry { by: by.into(), number }.words(writes.noun));
    let there = entries.chain(content.rows.iter().cloned());
    there.filter(|row| !asked.contains(row)).chain(content.strange.iter().cloned()).collect()
}
