//! What users saw of the entries that had been written: their own, never less than before, and how stale it was.
//!
//! A read is *judged* when something of what it asks for had been acknowledged before it was sent. It is *stale* when
//! such an entry is not among what it showed; its *staleness* is then how long ago the oldest of those missing had been
//! acknowledged, else 0. What the application cut off at a limit of its own is never missed.

use std::collections::BTreeMap;

use crate::history::Ended;
use crate::history::entries::Entries;

use super::meaning::{Deeds, Read, Row};

/// A read of somebody's entries, beside what had been acknowledged before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedRead<'d> {
    /// The read.
    pub read: &'d Read<'d>,
    /// The reader is the writer.
    pub own: bool,
    /// How long ago the oldest entry that is missing had been acknowledged.
    pub stale_us: Option<u64>,
}

/// Every judged read, by time.
pub fn judged<'d>(deeds: &'d Deeds<'_>) -> Vec<JudgedRead<'d>> {
    let acknowledged = acknowledged(deeds);
    let mut judged = Vec::new();
    for read in &deeds.reads {
        let Some(writer) = read.of.as_deref() else { continue };
        let Some(entries) = acknowledged.get(writer) else { continue };
        let invoked_us = read.work.invoked_us;
        let mut before = entries.iter().take_while(|(ended_us, _)| *ended_us <= invoked_us).peekable();
        if before.peek().is_none() {
            continue;
        }
        let oldest = before.find(|(_, number)| read.saw.misses(writer, *number));
        let stale_us = oldest.map(|(ended_us, _)| invoked_us - ended_us);
        judged.push(JudgedRead { read, own: writer == read.by, stale_us });
    }
    judged
}

/// The reads that showed less than an earlier one of the same user and page, and how many there were to compare.
pub fn going_back<'d>(deeds: &'d Deeds<'_>) -> (Vec<&'d Read<'d>>, u64) {
    let mut seen: BTreeMap<(&str, &str), Entries> = BTreeMap::new();
    let (mut back, mut compared) = (Vec::new(), 0);
    for read in &deeds.reads {
        let before = seen.entry((&read.by, &read.page)).or_default();
        if !before.0.is_empty() {
            compared += 1;
            if before.iter().any(|(writer, number)| read.saw.misses(writer, number)) {
                back.push(read);
            }
        }
        for (writer, number) in read.saw.entries.iter() {
            before.insert(writer, number);
        }
    }
    (back, compared)
}

/// Each writer's acknowledged entries: when, and their number, by time.
fn acknowledged<'d>(deeds: &'d Deeds<'_>) -> BTreeMap<&'d str, Vec<(u64, u32)>> {
    let mut entries: BTreeMap<&str, Vec<(u64, u32)>> = BTreeMap::new();
    for write in deeds.writes.iter().filter(|write| write.work.outcome == Ended::Ok) {
        if let Row::Entry { by, number } = &write.row {
            entries.entry(by).or_default().push((write.work.ended_us, *number));
        }
    }
    entries.values_mut().for_each(|of_writer| of_writer.sort_unstable());
    entries
}
