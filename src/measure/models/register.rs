//! Registers: whether each is linearizable, and what their users saw of what had been written.
//!
//! One value is *older* than another if its write had been acknowledged before the other's was sent. Values are written once, so a read names its write.

use std::collections::{BTreeMap, HashMap};

use super::linear::{self, Found, Span, Touch};
use super::read::Read;
use crate::history::Ended;
use crate::history::work::{Call, Work};

/// What was found about the registers of a history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Registers<'a> {
    /// Of each register that is not linearizable, the first operation whose answer no order explains, by time.
    pub wrong: Vec<&'a Work>,
    /// Registers of which it could not be told within the steps that are allowed.
    pub unknown: Vec<u32>,
    /// How many registers there were, and operations on them whose end is known.
    pub registers: usize,
    pub operations: usize,
}

/// Judges whether each register of a history is linearizable; at most `steps` are tried for each.
pub fn linearizable(works: &[Work], steps: u64) -> Registers<'_> {
    let mut found = Registers::default();
    for (key, works) in by_key(works) {
        let spans: Vec<(Span, &Work)> = works.into_iter().filter_map(|work| Some((span(work)?, work))).collect();
        let (spans, works): (Vec<Span>, Vec<&Work>) = spans.into_iter().unzip();
        found.registers += 1;
        found.operations += spans.iter().filter(|span| span.ended_us.is_some()).count();
        match linear::judge(&spans, steps) {
            Found::Linearizable => {}
            Found::Not(culprit) => found.wrong.push(works[culprit]),
            Found::Unknown => found.unknown.push(key),
        }
    }
    found.wrong.sort_by_key(|work| work.ended_us);
    found
}

fn by_key(works: &[Work]) -> BTreeMap<u32, Vec<&Work>> {
    let mut of_key: BTreeMap<u32, Vec<&Work>> = BTreeMap::new();
    for work in works {
        if let Call::Write(_) | Call::CompareAndSet(..) | Call::Read(_) = work.call {
            of_key.entry(work.key).or_default().push(work);
        }
    }
    of_key
}

fn span(work: &Work) -> Option<Span> {
    let touch = match work.call {
        Call::Write(value) => Touch::Write(value),
        Call::CompareAndSet(from, to) => Touch::CompareAndSet(from, to),
        Call::Read(Some(shown)) => Touch::Read(shown.value()),
        _ => return None,
    };
    let ended_us = match (work.outcome, touch) {
        (Ended::Ok, _) => Some(work.ended_us),
        (Ended::Info, Touch::Write(_) | Touch::CompareAndSet(..)) => None,
        _ => return None,
    };
    Some(Span { touch, invoked_us: work.invoked_us, ended_us })
}

/// Every read of a value that some write asked for, or of none, by register and time.
pub fn reads(works: &[Work]) -> Vec<Read<'_>> {
    by_key(works).into_values().flat_map(|works| reads_of_one(&works)).collect()
}

/// When a value was sent, and when it was acknowledged.
#[derive(Debug, Clone, Copy)]
struct Written {
    invoked_us: u64,
    ended_us: Option<u64>,
}

impl Written {
    fn of(work: &Work) -> Option<(u32, Written)> {
        let (Call::Write(value) | Call::CompareAndSet(_, value)) = work.call else { return None };
        let ended_us = (work.outcome == Ended::Ok).then_some(work.ended_us);
        (work.outcome != Ended::Fail).then_some((value, Written { invoked_us: work.invoked_us, ended_us }))
    }

    /// A register without a value is older than all that is written to it.
    fn is_older(value: Option<Written>, than: Written) -> bool {
        value.is_none_or(|value| value.ended_us.is_some_and(|ended_us| ended_us < than.invoked_us))
    }
}

fn reads_of_one<'a>(works: &[&'a Work]) -> Vec<Read<'a>> {
    let written: HashMap<u32, Written> = works.iter().filter_map(|work| Written::of(work)).collect();
    let newer = Newer::of(&written);
    // Of each process, what it wrote last, and the newest that it saw.
    let mut own: HashMap<u32, Written> = HashMap::new();
    let mut seen: HashMap<u32, Written> = HashMap::new();
    let mut reads = Vec::new();
    let mut in_order: Vec<&&Work> = works.iter().collect();
    in_order.sort_by_key(|work| work.invoked_us);
    for work in in_order.into_iter().filter(|work| work.outcome == Ended::Ok) {
        if let Some((_, written)) = Written::of(work) {
            own.insert(work.process, written);
        }
        let Call::Read(Some(shown)) = work.call else { continue };
        let value = shown.value();
        let shown = value.and_then(|value| written.get(&value).copied());
        if value.is_some() && shown.is_none() {
            continue;
        }
        let is_older = |than: &Written| Written::is_older(shown, *than);
        reads.push(Read {
            read: work,
            stale_us: newer.acknowledged_first(shown).filter(|us| *us < work.invoked_us).map(|us| work.invoked_us - us),
            misses_own: own.get(&work.process).map(is_older),
            goes_back: seen.get(&work.process).map(is_older),
        });
        if let Some(shown) = shown
            && seen.get(&work.process).is_none_or(|before| !Written::is_older(Some(shown), *before))
        {
            seen.insert(work.process, shown);
        }
    }
    reads
}

/// Acknowledged writes by when they were sent, each with the first acknowledgement from there on.
struct Newer(Vec<(u64, u64)>);

impl Newer {
    fn of(written: &HashMap<u32, Written>) -> Newer {
        let mut all: Vec<(u64, u64)> = written.values().filter_map(|w| Some((w.invoked_us, w.ended_us?))).collect();
        all.sort_unstable();
        let mut first = u64::MAX;
        for (_, ended_us) in all.iter_mut().rev() {
            first = first.min(*ended_us);
            *ended_us = first;
        }
        Newer(all)
    }

    /// When the first value that is newer had been acknowledged.
    fn acknowledged_first(&self, than: Option<Written>) -> Option<u64> {
        let at = match than {
            None => 0,
            Some(Written { ended_us, .. }) => self.0.partition_point(|(invoked_us, _)| Some(*invoked_us) <= ended_us),
        };
        // Of a value whose end is unknown, nothing is known to be newer.
        than.is_none_or(|than| than.ended_us.is_some()).then(|| self.0.get(at).map(|(_, first)| *first)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(process: u32, call: Call, invoked_us: u64, ended_us: u64, outcome: Ended) -> Work {
        Work { process, key: 3, call, invoked_us, ended_us, outcome, detail: None, served_by: None }
    }

    fn write(process: u32, value: u32, at: u64) -> Work {
        work(process, Call::Write(value), at, at + 5, Ended::Ok)
    }

    fn read(process: u32, value: impl Into<Option<u32>>, at: u64) -> Work {
        work(process, Call::Read(Some(value.into().into())), at, at + 5, Ended::Ok)
    }

    #[test]
    fn each_register_is_judged_by_itself() {
        let mut works = vec![write(1, 1, 0), write(1, 2, 10), read(2, 2, 20), read(2, 1, 30)];
        let found = linearizable(&works, 1_000_000);
        assert_eq!((found.wrong, found.registers, found.operations), (vec![&works[3]], 1, 4));
        works[3].key = 4;
        works[0].key = 4;
        let found = linearizable(&works, 1_000_000);
        assert_eq!((found.wrong.len(), found.unknown.len(), found.registers), (0, 0, 2));
        let found = linearizable(&works, 1);
        assert_eq!(found.unknown, [3, 4]);
    }

    #[test]
    fn a_write_of_unknown_end_that_nothing_saw_is_no_burden() {
        let lost = (100..160).map(|value| work(value, Call::Write(value), 1, 2, Ended::Info));
        let works: Vec<Work> = lost.chain([write(1, 1, 0), read(1, 1, 10), read(2, 2, 20)]).collect();
        let found = linearizable(&works, 1_000);
        assert_eq!(found.wrong, [works.last().unwrap()]);
    }

    #[test]
    fn what_a_reader_misses_is_measured() {
        let works = [
            read(1, None, 0),
            write(1, 1, 10),
            write(2, 2, 20),
            read(1, 1, 30),
            read(2, 1, 40),
            read(1, 2, 50),
            read(1, 1, 60),
            read(3, None, 70),
            read(3, 9, 80),
        ];
        let found: Vec<_> = reads(&works).iter().map(|read| (read.stale_us, read.misses_own, read.goes_back)).collect();
        let expected = [
            (None, None, None),
            (Some(5), Some(false), None),
            (Some(15), Some(true), None),
            (None, Some(false), Some(false)),
            (Some(35), Some(false), Some(true)),
            (Some(55), None, None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn values_that_were_written_side_by_side_may_be_seen_in_any_order() {
        let works = [
            work(1, Call::Write(1), 0, 30, Ended::Ok),
            work(2, Call::Write(2), 10, 20, Ended::Ok),
            work(3, Call::Write(3), 0, 9, Ended::Info),
            read(4, 2, 40),
            read(4, 1, 50),
            read(4, 3, 60),
        ];
        assert!(reads(&works).iter().all(|read| read.stale_us.is_none() && read.goes_back != Some(true)));
    }
}
