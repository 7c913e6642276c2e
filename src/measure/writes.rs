//! What became of what users wrote: acknowledged, refused or indeterminate; there in the end, lost, or there unasked.
//!
//! A write is *acknowledged* when the site said so, *refused* when it said that nothing was done (or it was never sent),
//! *indeterminate* when nobody can tell. It is *lost* when it was acknowledged and a living database does not have it
//! after the load is over. What a database has although nobody's acknowledged or indeterminate write put it there is
//! *unasked*.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::final_state::{Content, Reading};
use crate::history::operation::key_of;
use crate::history::{Ended, Event, History, Op, Operation};

use super::fleet::Fleet;
use super::moments::{Moments, watched};

/// What the servers of the site's data are called.
pub const DATABASE: &str = "database";

/// The writes of a history, by how they ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writes<'a> {
    /// The site said that it was applied.
    pub acknowledged: Vec<&'a Operation>,
    /// It may have been applied or not.
    pub indeterminate: Vec<&'a Operation>,
    /// It was not applied.
    pub refused: Vec<&'a Operation>,
}

impl<'a> Writes<'a> {
    /// The writes of a history.
    pub fn of(history: &'a History) -> Self {
        let mut writes = Writes::default();
        for operation in history.operations.iter().filter(|operation| operation.op.is_write()) {
            match operation.outcome {
                Ended::Ok => writes.acknowledged.push(operation),
                Ended::Info => writes.indeterminate.push(operation),
                Ended::Fail => writes.refused.push(operation),
            }
        }
        writes
    }

    /// The same, if they are enough to tell something from.
    ///
    /// # Errors
    /// Why they are not: nobody wrote, not everything is on record, nothing was acknowledged since the fault.
    pub fn telling(history: &'a History) -> Result<Self, String> {
        operations_are_whole(history)?;
        let writes = Writes::of(history);
        if writes.acknowledged.is_empty() {
            return Err("no write was ever acknowledged".into());
        }
        let moments = Moments::of(history);
        let since = |t0_us| writes.acknowledged.iter().any(|write| write.ended_us >= t0_us);
        if moments.t0_us.is_some_and(|t0_us| !since(t0_us)) {
            return Err("no write was acknowledged after the fault".into());
        }
        Ok(writes)
    }
}

/// Whether everything that users did is on record.
///
/// # Errors
/// Why it is not.
pub fn operations_are_whole(history: &History) -> Result<(), String> {
    if history.operations.is_empty() {
        return Err("no operation of a user is on record".into());
    }
    // It is recorded while the users stop, hence after the watch has ended.
    let cut = history.events.iter().find_map(|record| match &record.event {
        Event::OperationsCut { detail } => Some(format!("not every operation is on record: {detail}")),
        _ => None,
    });
    cut.map_or(Ok(()), Err)
}

/// What every living database held in the end.
///
/// # Errors
/// Which one is not known, and why; that there is none.
pub fn contents(history: &History) -> Result<Vec<(&str, &Content)>, String> {
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
    let contents: Vec<_> = last.contents().collect();
    if contents.is_empty() { Err("what the databases held in the end is not on record".into()) } else { Ok(contents) }
}

/// A write that was acknowledged and is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost<'a> {
    /// The write.
    pub write: &'a Operation,
    /// The living databases that do not have it.
    pub missing_on: Vec<&'a str>,
}

/// Every acknowledged write that some living database does not have.
pub fn lost<'a>(writes: &Writes<'a>, contents: &[(&'a str, &'a Content)]) -> Vec<Lost<'a>> {
    let missing = |write: &'a Operation| {
        let missing_on: Vec<&str> =
            contents.iter().filter(|(_, content)| !holds(content, write)).map(|(server, _)| *server).collect();
        (!missing_on.is_empty()).then_some(Lost { write, missing_on })
    };
    writes.acknowledged.iter().filter_map(|write| missing(write)).collect()
}

/// Whether a database has what a write asked for.
pub fn holds(content: &Content, write: &Operation) -> bool {
    let by = &write.process;
    match &write.op {
        Op::Signup { name } => content.users.get(name) == Some(by),
        Op::Post { seq } => content.posts.contains(by, *seq),
        Op::Follow { followee } => content.follows.get(followee).is_some_and(|followers| followers.contains(by)),
        Op::Read { .. } => true,
    }
}

/// What is in a database though no acknowledged or indeterminate write asked for it, in words.
pub fn unasked(writes: &Writes<'_>, content: &Content) -> Vec<String> {
    let asked: BTreeSet<String> =
        writes.acknowledged.iter().chain(&writes.indeterminate).map(|write| named(&write.process, &write.op)).collect();
    let posts = content.posts.iter().map(|(author, seq)| named(author, &Op::Post { seq }));
    let users = content.users.iter().map(|(name, by)| named(by, &Op::Signup { name: name.clone() }));
    let follows = content.follows.iter().flat_map(|(followee, followers)| {
        followers.iter().map(|follower| named(follower, &Op::Follow { followee: followee.clone() }))
    });
    let strange = content.strange.iter().map(|key| format!("post {key}"));
    posts.chain(users).chain(follows).filter(|row| !asked.contains(row)).chain(strange).collect()
}

/// What an operation asks for, in words that no other write shares: `post u7-3-12`, `name u7-3 for u7-3`.
pub fn named(process: &str, op: &Op) -> String {
    match op {
        Op::Signup { name } => format!("name {name} for {process}"),
        Op::Post { seq } => format!("post {}", key_of(process, *seq)),
        Op::Follow { followee } => format!("follow of {followee} by {process}"),
        Op::Read { .. } => format!("read by {process}"),
    }
}

/// Names that two users were both told they own, with those users.
pub fn owned_twice<'a>(writes: &Writes<'a>) -> Vec<(&'a str, BTreeSet<&'a str>)> {
    let owners = asked_for(&writes.acknowledged);
    owners.into_iter().filter(|(_, owners)| owners.len() > 1).collect()
}

/// How many names more than one user asked for.
pub fn contended(history: &History) -> usize {
    let signups: Vec<&Operation> = history.operations.iter().collect();
    asked_for(&signups).values().filter(|askers| askers.len() > 1).count()
}

fn asked_for<'a>(operations: &[&'a Operation]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut askers: BTreeMap<&str, BTreeSet<&str>> = Default::default();
    for operation in operations {
        if let Op::Signup { name } = &operation.op {
            askers.entry(name).or_default().insert(&operation.process);
        }
    }
    askers
}

/// The users of a database whose counter of followers is not the number of those who follow them, in words.
pub fn miscounted(content: &Content) -> Vec<String> {
    let names: BTreeSet<&String> = content.followers.keys().chain(content.follows.keys()).collect();
    let counted = |name: &String| content.followers.get(name).copied().unwrap_or(0);
    let followed = |name: &String| content.follows.get(name).map_or(0, |followers| followers.len() as i64);
    let wrong = names.into_iter().filter(|name| counted(name) != followed(name));
    wrong.map(|name| format!("{name} counts {} of {} followers", counted(name), followed(name))).collect()
}
