//! A set, judged as Jepsen's `set-full`: each value that is known to be in it is in every read that was sent later.
//!
//! A value is *known* from when its addition was acknowledged, or from when the first read that showed it came back. It is *lost* if the
//! last read that could show it does not; *stale* if one does not and a later one does again, for as long as it had been known
//! before the last such read; *never read* if no read was sent once it was known.

use std::collections::{BTreeMap, HashMap};

use crate::history::Ranges;

use super::read::Read;
use crate::history::Ended;
use crate::history::work::{Call, Saw, Work};

/// What was found about the set of a history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Set<'a> {
    /// Values that are known and missing in the last read, with the operation that has added them, by value.
    pub lost: Vec<&'a Work>,
    /// Values that were missing for a while, by value.
    pub stale: Vec<Stale<'a>>,
    /// Values that were shown and that no operation can have added, with the read that showed them first.
    pub unexpected: Vec<(String, &'a Work)>,
    /// Values that a read showed more than once, with the first that did, by value.
    pub twice: Vec<(u32, &'a Work)>,
    /// How many additions were acknowledged.
    pub acknowledged: usize,
    /// How many values were shown though it was not known whether they had been added.
    pub recovered: usize,
    /// How many values are known and were asked for by no read since.
    pub never_read: usize,
    /// How many reads there were.
    pub reads: usize,
}

/// A value that was missing in a read and was there again later.
#[derive(Debug, PartialEq, Eq)]
pub struct Stale<'a> {
    /// What has added it.
    pub added: &'a Work,
    /// The last read in which it was missing.
    pub missed_by: &'a Work,
    /// How long before that it had been known.
    pub stale_us: u64,
}

/// What happens to a set. Of one moment, in this order, so that a read is never judged too strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    ReadSent,
    Acknowledged,
    ReadCame,
}

/// Judges the set of a history.
pub fn judge(works: &[Work]) -> Set<'_> {
    let mut set = Set::default();
    let additions = additions(works);
    let mut sweep = Sweep::default();
    for (at_us, moment, at) in moments(works) {
        let work = &works[at];
        match (moment, &work.call) {
            (Moment::Acknowledged, Call::Add(value)) => {
                set.acknowledged += 1;
                sweep.know(*value, at_us);
            }
            (Moment::ReadSent, Call::ReadAll(Some(saw))) => {
                set.reads += 1;
                sweep.read_is_sent(work, saw);
            }
            (Moment::ReadCame, Call::ReadAll(Some(saw))) => {
                for value in saw.values.without(&sweep.known).iter() {
                    sweep.know(value, at_us);
                }
                sweep.shown.take_in(saw, work);
            }
            _ => {}
        }
    }
    let added = |value: u32| additions.get(&value).copied();
    set.lost = sweep.missing.iter().filter_map(added).collect();
    set.never_read = sweep.known.without(&sweep.asked_for).iter().filter_map(added).count();
    for (value, (missed_by, stale_us)) in sweep.missed {
        if let Some(added) = added(value).filter(|_| !sweep.missing.contains(value)) {
            set.stale.push(Stale { added, missed_by, stale_us });
        }
    }
    sweep.shown.settle(&additions, &mut set);
    set
}

/// Every read of the set, by time, beside what had been acknowledged before it was sent.
pub fn reads(works: &[Work]) -> Vec<Read<'_>> {
    let (mut known, mut known_us) = (Ranges::default(), BTreeMap::new());
    let (mut own, mut seen): (HashMap<u32, Ranges>, HashMap<u32, Ranges>) = Default::default();
    let mut reads = Vec::new();
    for (at_us, moment, at) in moments(works) {
        let work = &works[at];
        match (moment, &work.call) {
            (Moment::Acknowledged, Call::Add(value)) => {
                known.insert(*value);
                known_us.insert(*value, at_us);
                own.entry(work.process).or_default().insert(*value);
            }
            (Moment::ReadSent, Call::ReadAll(Some(saw))) => {
                let misses = |of: &Ranges| !of.without(&saw.values).is_empty();
                let oldest = known.without(&saw.values).iter().map(|value| known_us[&value]).min();
                reads.push(Read {
                    read: work,
                    stale_us: oldest.map(|known_us| at_us - known_us),
                    misses_own: own.get(&work.process).map(misses),
                    goes_back: seen.get(&work.process).map(misses),
                });
                let seen = seen.entry(work.process).or_default();
                for value in saw.values.without(seen).iter() {
                    seen.insert(value);
                }
            }
            _ => {}
        }
    }
    reads
}

/// Each value's addition. One that was refused has added nothing.
fn additions(works: &[Work]) -> BTreeMap<u32, &Work> {
    let value = |work: &Work| match work.call {
        Call::Add(value) if work.outcome != Ended::Fail => Some(value),
        _ => None,
    };
    works.iter().filter_map(|work| Some((value(work)?, work))).collect()
}

/// By time.
fn moments(works: &[Work]) -> Vec<(u64, Moment, usize)> {
    let mut moments = Vec::new();
    for (at, work) in works.iter().enumerate().filter(|(_, work)| work.outcome == Ended::Ok) {
        match work.call {
            Call::Add(_) => moments.push((work.ended_us, Moment::Acknowledged, at)),
            Call::ReadAll(Some(_)) => {
                moments.extend([(work.invoked_us, Moment::ReadSent, at), (work.ended_us, Moment::ReadCame, at)]);
            }
            _ => {}
        }
    }
    moments.sort_unstable();
    moments
}

/// How things are at a moment.
#[derive(Default)]
struct Sweep<'a> {
    known: Ranges,
    known_us: BTreeMap<u32, u64>,
    /// What was known before some read was sent.
    asked_for: Ranges,
    /// What the read that was sent last does not show, though it was known.
    missing: Ranges,
    last_sent: Option<&'a Work>,
    /// Of what was missing and came back: the last read in which it was missing, and how long before that it had been known.
    missed: BTreeMap<u32, (&'a Work, u64)>,
    shown: Shown<'a>,
}

impl<'a> Sweep<'a> {
    fn know(&mut self, value: u32, at_us: u64) {
        if self.known.insert(value) {
            self.known_us.insert(value, at_us);
        }
    }

    fn read_is_sent(&mut self, read: &'a Work, saw: &Saw) {
        self.asked_for = self.known.clone();
        let missing = self.known.without(&saw.values);
        let back = self.missing.without(&missing);
        if let Some(missed_by) = self.last_sent.replace(read) {
            let stale_us = |value| missed_by.invoked_us - self.known_us[&value];
            self.missed.extend(back.iter().map(|value| (value, (missed_by, stale_us(value)))));
        }
        self.missing = missing;
    }
}

/// What reads showed.
#[derive(Default)]
struct Shown<'a> {
    /// The first read that showed each range of new values.
    first: Vec<(Ranges, &'a Work)>,
    all: Ranges,
    twice: BTreeMap<u32, &'a Work>,
    strange: BTreeMap<String, &'a Work>,
}

impl<'a> Shown<'a> {
    fn take_in(&mut self, saw: &Saw, read: &'a Work) {
        let new = saw.values.without(&self.all);
        for value in new.iter() {
            self.all.insert(value);
        }
        if !new.is_empty() {
            self.first.push((new, read));
        }
        for value in &saw.twice {
            self.twice.entry(*value).or_insert(read);
        }
        for text in &saw.strange {
            self.strange.entry(text.clone()).or_insert(read);
        }
    }

    fn settle(self, additions: &BTreeMap<u32, &'a Work>, set: &mut Set<'a>) {
        for (values, read) in self.first {
            for value in values.iter() {
                match additions.get(&value).map(|added| added.outcome) {
                    None => set.unexpected.push((value.to_string(), read)),
                    Some(Ended::Info) => set.recovered += 1,
                    Some(_) => {}
                }
            }
        }
        set.unexpected.extend(self.strange);
        set.twice = self.twice.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn work(call: Call, invoked_us: u64, ended_us: u64, outcome: Ended) -> Work {
        Work { process: 1, key: 0, call, invoked_us, ended_us, outcome, detail: None, served_by: None }
    }

    fn read(values: &[u32], invoked_us: u64, ended_us: u64) -> Work {
        let saw = Saw { values: values.iter().copied().collect(), ..Saw::default() };
        work(Call::ReadAll(Some(saw)), invoked_us, ended_us, Ended::Ok)
    }

    #[test]
    fn what_is_acknowledged_or_was_seen_stays() {
        let works = [
            work(Call::Add(1), 0, 1, Ended::Ok),
            work(Call::Add(2), 2, 90, Ended::Info),
            work(Call::Add(3), 4, 5, Ended::Fail),
            work(Call::Add(4), 6, 30, Ended::Ok),
            read(&[1], 10, 12),
            read(&[1, 2], 14, 16),
            read(&[1, 2, 4], 40, 41),
        ];
        let set = judge(&works);
        assert_eq!((set.acknowledged, set.recovered, set.reads, set.never_read), (2, 1, 3, 0));
        assert_eq!((set.lost, set.stale, set.unexpected, set.twice), Default::default());
    }

    #[test]
    fn what_is_lost_stale_made_up_or_there_twice_is_found() {
        let works = [
            work(Call::Add(1), 0, 1, Ended::Ok),
            work(Call::Add(2), 2, 3, Ended::Ok),
            work(Call::Add(3), 4, 50, Ended::Info),
            work(Call::Add(4), 5, 6, Ended::Ok),
            work(Call::Add(5), 7, 8, Ended::Fail),
            read(&[1, 2, 3], 10, 11),
            read(&[1, 4, 5], 20, 21),
            read(&[1, 2, 4, 9], 30, 31),
            work(Call::Add(6), 40, 41, Ended::Ok),
        ];
        let set = judge(&works);
        assert_eq!(set.lost, [&works[2]], "it was seen, so it had been added");
        let stale: Vec<_> = set.stale.iter().map(|stale| (&stale.added.call, stale.stale_us)).collect();
        assert_eq!(stale, [(&Call::Add(2), 17), (&Call::Add(4), 4)]);
        assert_eq!(set.unexpected, [("5".to_string(), &works[6]), ("9".to_string(), &works[7])]);
        assert_eq!(set.never_read, 1);
        let saw = Saw { twice: vec![1], strange: vec!["7 apples".into()], ..Saw::default() };
        let works = [work(Call::Add(1), 0, 1, Ended::Ok), work(Call::ReadAll(Some(saw)), 2, 3, Ended::Ok)];
        let set = judge(&works);
        assert_eq!((set.twice, set.unexpected), (vec![(1, &works[1])], vec![("7 apples".to_string(), &works[1])]));
    }

    #[test]
    fn what_a_reader_misses_is_measured() {
        let of = |process, work: Work| Work { process, ..work };
        let works = [
            of(2, read(&[], 0, 1)),
            of(1, work(Call::Add(1), 2, 10, Ended::Ok)),
            of(2, work(Call::Add(2), 3, 12, Ended::Ok)),
            of(1, read(&[2], 20, 21)),
            of(2, read(&[1, 2], 20, 21)),
            of(2, read(&[2], 30, 31)),
        ];
        let found: Vec<_> = reads(&works).iter().map(|read| (read.stale_us, read.misses_own, read.goes_back)).collect();
        let expected = [
            (None, None, None),
            (Some(10), Some(true), None),
            (None, Some(false), Some(false)),
            (Some(20), Some(false), Some(true)),
        ];
        assert_eq!(found, expected);
    }

    fn random() -> impl Strategy<Value = Work> {
        let call = prop_oneof![
            (0_u32..6).prop_map(Call::Add),
            proptest::collection::btree_set(0_u32..7, 0..7).prop_map(|values| {
                Call::ReadAll(Some(Saw { values: values.into_iter().collect(), ..Saw::default() }))
            }),
        ];
        let outcome = prop_oneof![Just(Ended::Ok), Just(Ended::Ok), Just(Ended::Info), Just(Ended::Fail)];
        (call, 0_u64..30, 1_u64..9, outcome).prop_map(|(call, at, took, outcome)| work(call, at, at + took, outcome))
    }

    /// Value by value, read by read.
    fn brute_force(works: &[Work]) -> (Vec<u32>, Vec<u32>, usize) {
        let (mut lost, mut stale, mut never_read) = (Vec::new(), Vec::new(), 0);
        let mut reads: Vec<(&Work, &Saw)> = Vec::new();
        for work in works.iter().filter(|work| work.outcome == Ended::Ok) {
            if let Call::ReadAll(Some(saw)) = &work.call {
                reads.push((work, saw));
            }
        }
        // As moments are sorted: reads of one moment by their place.
        reads.sort_by_key(|(read, _)| read.invoked_us);
        for value in 0..7 {
            let adds = || works.iter().filter(|work| work.call == Call::Add(value));
            let acknowledged = adds().filter(|work| work.outcome == Ended::Ok).map(|work| work.ended_us).min();
            let seen = reads.iter().filter(|(_, saw)| saw.values.contains(value)).map(|(read, _)| read.ended_us).min();
            let Some(known_us) = acknowledged.into_iter().chain(seen).min() else { continue };
            let later: Vec<bool> = reads
                .iter()
                .filter(|(read, _)| read.invoked_us > known_us)
                .map(|(_, saw)| saw.values.contains(value))
                .collect();
            let was_added = adds().any(|work| work.outcome != Ended::Fail);
            match later.last() {
                None => never_read += usize::from(was_added),
                Some(false) if was_added => lost.push(value),
                Some(true) if was_added && later.contains(&false) => stale.push(value),
                Some(_) => {}
            }
        }
        (lost, stale, never_read)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn it_finds_what_looking_at_each_value_finds(works in proptest::collection::vec(random(), 0..16)) {
            let mut works = works;
            // A value is added once.
            let mut sent = std::collections::BTreeSet::new();
            works.retain(|work| match work.call { Call::Add(value) => sent.insert(value), _ => true });
            let value = |work: &Work| match work.call { Call::Add(value) => value, _ => u32::MAX };
            let set = judge(&works);
            let lost: Vec<u32> = set.lost.iter().map(|work| value(work)).collect();
            let stale: Vec<u32> = set.stale.iter().map(|stale| value(stale.added)).collect();
            prop_assert_eq!((lost, stale, set.never_read), brute_force(&works));
        }
    }
}
