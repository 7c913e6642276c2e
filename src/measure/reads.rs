//! What users saw of what had been written: their own writes, never less than before, and how stale it was.
//!
//! A read is *judged* when something of what it asks for had been acknowledged before it was sent. It is *stale* when
//! such a post is not among what it showed; its *staleness* is then how long ago the oldest of those missing had been
//! acknowledged, else 0. What the site cut off at its limit is never missed.

use std::collections::BTreeMap;

use crate::history::operation::{Page, Posts, Saw};
use crate::history::{Ended, History, Op, Operation};

/// A read of somebody's posts, beside what had been acknowledged before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedRead<'a> {
    /// The read.
    pub read: &'a Operation,
    /// The reader is the author.
    pub own: bool,
    /// How long ago the oldest post that is missing had been acknowledged.
    pub stale_us: Option<u64>,
}

/// Every judged read of a history, by time.
pub fn judged(history: &History) -> Vec<JudgedRead<'_>> {
    let posts = acknowledged_posts(history);
    let mut judged = Vec::new();
    for (read, page, saw) in reads(history) {
        let Page::PostsOf(author) = page else { continue };
        let Some(posts) = posts.get(author.as_str()) else { continue };
        let mut before = posts.iter().take_while(|(ended_us, _)| *ended_us <= read.invoked_us).peekable();
        if before.peek().is_none() {
            continue;
        }
        let missing = |seq| saw.reaches(author, seq) && !saw.posts.contains(author, seq);
        let oldest = before.find(|(_, seq)| missing(*seq));
        let stale_us = oldest.map(|(ended_us, _)| read.invoked_us - ended_us);
        judged.push(JudgedRead { read, own: *author == read.process, stale_us });
    }
    judged
}

/// The reads that showed less than an earlier one of the same user and page, and how many there were to compare.
pub fn going_back(history: &History) -> (Vec<&Operation>, u64) {
    let mut seen: BTreeMap<(&str, &Page), Posts> = BTreeMap::new();
    let (mut back, mut compared) = (Vec::new(), 0);
    for (read, page, saw) in reads(history) {
        let before = seen.entry((&read.process, page)).or_default();
        if !before.0.is_empty() {
            compared += 1;
            if before.iter().any(|(author, seq)| saw.reaches(author, seq) && !saw.posts.contains(author, seq)) {
                back.push(read);
            }
        }
        for (author, seq) in saw.posts.iter() {
            before.insert(author, seq);
        }
    }
    (back, compared)
}

/// Each author's acknowledged posts: when, and their number, by time.
fn acknowledged_posts(history: &History) -> BTreeMap<&str, Vec<(u64, u32)>> {
    let mut posts: BTreeMap<&str, Vec<(u64, u32)>> = BTreeMap::new();
    for operation in history.operations.iter().filter(|operation| operation.outcome == Ended::Ok) {
        if let Op::Post { seq } = operation.op {
            posts.entry(&operation.process).or_default().push((operation.ended_us, seq));
        }
    }
    posts.values_mut().for_each(|of_author| of_author.sort_unstable());
    posts
}

fn reads(history: &History) -> impl Iterator<Item = (&Operation, &Page, &Saw)> {
    history.operations.iter().filter_map(|operation| match &operation.op {
        Op::Read { page, saw: Some(saw) } if operation.outcome == Ended::Ok => Some((operation, page, saw)),
        _ => None,
    })
}
