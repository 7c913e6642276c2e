//! What became of an application's data, by what its workload's users wrote and read. Definitions are in [`crate::measure::models`].
//!
//! What is wrong was seen, and fails. Where nothing wrong was seen, but not everything could be looked at, it can't be told.

use std::collections::BTreeMap;

use crate::history::work::{Call, OBSERVER, Shown};
use crate::history::{Ended, History, Work};
use crate::measure::Moments;
use crate::measure::models::counter::{self, Outside};
use crate::measure::models::read::Read;
use crate::measure::models::{queue, reads, register, set};
use crate::workload::Workload;

use super::judgement::show_us;
use super::{Checker, Judgement};

/// How many findings a reason names.
const NAMED: usize = 3;
/// How many orders of a register's operations are tried, at most: some seconds.
const STEPS: u64 = 5_000_000;

/// What was found of a kind of data.
#[derive(Default)]
struct Found {
    /// What is wrong, in words.
    wrong: Vec<String>,
    /// Among how many.
    n: usize,
    /// Why more may be wrong.
    doubts: Vec<String>,
}

impl Found {
    fn judge(self, unit: &str) -> Judgement {
        if self.wrong.is_empty() && !self.doubts.is_empty() {
            return Judgement::invalid("0".into(), unit, self.n as u64, self.doubts.join("; "));
        }
        Judgement::none_of(unit, &self.wrong, self.n as u64, NAMED)
    }
}

/// What the checkers look at.
struct Evidence<'h> {
    works: &'h [Work],
    moments: Moments,
}

impl<'h> Evidence<'h> {
    /// # Errors
    /// Why nothing can be told: nobody wrote, or nothing was acknowledged since the fault.
    fn of(history: &'h History) -> Result<Evidence<'h>, String> {
        let works = history.works.as_slice();
        let moments = Moments::of(history);
        match unacknowledged(works, &moments, "write", |work| work.call.is_write()) {
            Some(why) => Err(why),
            None => Ok(Evidence { works, moments }),
        }
    }

    /// Who did it, where, and when it was acknowledged or sent.
    fn by(&self, work: &Work) -> String {
        let who = if work.process == OBSERVER { "the observer".into() } else { format!("user {}", work.process) };
        let through = work.served_by.as_ref().map(|server| format!(" through {server}")).unwrap_or_default();
        let when = match self.moments.t0_us {
            None => format!("at {}", show_us(work.ended_us)),
            Some(t0_us) if work.ended_us >= t0_us => format!("{} after t0", show_us(work.ended_us - t0_us)),
            Some(t0_us) => format!("{} before t0", show_us(t0_us - work.ended_us)),
        };
        format!("by {who}{through}, {when}")
    }

    fn set_lost(&self, found: &mut Found) {
        let set = set::judge(self.works);
        found.n += set.acknowledged;
        found.wrong.extend(
            set.lost
                .iter()
                .map(|added| format!("{} (added {}) is missing in the last read", named(&added.call), self.by(added))),
        );
        if set.never_read > 0 {
            let why = format!("{} values were added and not asked for by a read since{}", set.never_read, self.why());
            found.doubts.push(why);
        }
    }

    /// Why the last read failed, where one did.
    fn why(&self) -> String {
        let last = self.works.iter().rfind(|work| work.process == OBSERVER && work.outcome != Ended::Ok);
        last.and_then(|work| work.detail.as_ref()).map(|why| format!(" (the last read: {why})")).unwrap_or_default()
    }

    fn queue_lost(&self, found: &mut Found) {
        let queue = queue::judge(self.works);
        found.n += queue.acknowledged;
        if !queue.not_emptied.is_empty() {
            found.doubts.push(format!("the queue was not seen to be empty in the end{}", self.why()));
        } else if queue.lost.len() > queue.indeterminate {
            found.wrong.extend(
                queue.lost.iter().map(|sent| format!("{} (sent {}) never came out", named(&sent.call), self.by(sent))),
            );
        } else if !queue.lost.is_empty() {
            found.doubts.push(format!(
                "{} messages never came out, and {} were asked for without a whole answer, which may have taken them along",
                queue.lost.len(),
                queue.indeterminate
            ));
        }
    }

    fn queue_twice(&self, found: &mut Found) {
        let queue = queue::judge(self.works);
        found.n += queue.delivered;
        let again = |read: &&Work| format!("{} came out again ({})", named(&read.call), self.by(read));
        found.wrong.extend(queue.again.iter().map(again));
        let unexpected =
            |read: &&Work| format!("{} came out and was never sent ({})", named(&read.call), self.by(read));
        found.wrong.extend(queue.unexpected.iter().map(unexpected));
    }

    /// In the end: a read of before may be stale, and what it lacks still come.
    fn counter_lost(&self, found: &mut Found) {
        let counters = counter::judge(self.works);
        found.n += counters.acknowledged;
        let last = self.last(|call| matches!(call, Call::Count(Some(_))));
        let below = counters.outside.iter().filter(|outside| outside.saw < outside.least);
        let at_last = below.filter(|outside| last.get(&outside.read.key).is_some_and(|read| **read == *outside.read));
        found.wrong.extend(at_last.map(|outside| self.outside(outside)));
        self.unread(found, &last, |call| matches!(call, Call::Increment(_)), "counter");
    }

    fn register_lost(&self, found: &mut Found) {
        let last = self.last(|call| matches!(call, Call::Read(Some(_))));
        let writes = |work: &&Work| matches!(work.call, Call::Write(_) | Call::CompareAndSet(..));
        found.n += self.works.iter().filter(writes).filter(|work| work.outcome == Ended::Ok).count();
        for read in register::reads(self.works).iter().filter(|read| last.get(&read.read.key) == Some(&read.read)) {
            if let Some(stale_us) = read.stale_us {
                let shows = named(&read.read.call);
                let key = read.read.key;
                let late = show_us(stale_us);
                found.wrong.push(format!(
                    "register {key} shows {shows} in the end ({}), though something newer had been acknowledged {late} before",
                    self.by(read.read)
                ));
            }
        }
        self.unread(found, &last, |call| matches!(call, Call::Write(_) | Call::CompareAndSet(..)), "register");
    }

    /// The last good read of each key by the observer, when the load was over.
    fn last(&self, is_read: impl Fn(&Call) -> bool) -> BTreeMap<u32, &'h Work> {
        let good = self.works.iter().filter(|work| work.process == OBSERVER && work.outcome == Ended::Ok);
        let by_users = self.works.iter().filter(|work| work.process != OBSERVER && work.call.is_write());
        let last_write = by_users.map(|work| work.ended_us).max();
        let at_last = good.filter(|work| Some(work.invoked_us) >= last_write && is_read(&work.call));
        at_last.map(|work| (work.key, work)).collect()
    }

    fn unread(&self, found: &mut Found, last: &BTreeMap<u32, &Work>, is_write: impl Fn(&Call) -> bool, what: &str) {
        let written = self.works.iter().filter(|work| work.outcome == Ended::Ok && is_write(&work.call));
        if let Some(work) = written.into_iter().find(|work| !last.contains_key(&work.key)) {
            let why = self.why();
            found.doubts.push(format!("{what} {} could not be read when the load was over{why}", work.key));
        }
    }

    fn outside(&self, outside: &Outside<'_>) -> String {
        let Outside { read, saw, least, most } = outside;
        format!("counter {} showed {saw} ({}), where {least} to {most} were possible", read.key, self.by(read))
    }
}

/// Why nothing can be told: users did nothing of a kind that was acknowledged, or nothing since the fault.
fn unacknowledged(works: &[Work], moments: &Moments, kind: &str, is_of: impl Fn(&Work) -> bool) -> Option<String> {
    let acknowledged = works.iter().filter(|work| work.outcome == Ended::Ok && work.process != OBSERVER && is_of(work));
    match (acknowledged.map(|work| work.ended_us).max(), moments.t0_us) {
        (None, _) => Some(format!("no {kind} was ever acknowledged")),
        (Some(last_us), Some(t0_us)) if last_us < t0_us => Some(format!("no {kind} was acknowledged after the fault")),
        _ => None,
    }
}

/// What a pass lacks that is judged of registered workloads of these names: users who work with one of them, something that was acknowledged, or a
/// read in the end. Nothing, where there is no name.
pub(super) fn lacking(history: &History, names: &[&str]) -> Option<String> {
    let first = names.first()?;
    let worked = history.plan.workload.as_ref().and_then(Workload::registered_name);
    if !worked.is_some_and(|name| names.contains(&name)) {
        return Some(format!("no user worked with “{first}”"));
    }
    let works = history.works.as_slice();
    // Where users only read, their reads must be answered.
    let writes = works.iter().any(|work| work.call.is_write());
    let kind = if writes { "write" } else { "read" };
    unacknowledged(works, &Moments::of(history), kind, |work| work.call.is_write() == writes).or_else(|| {
        let mut last: BTreeMap<String, &Work> = BTreeMap::new();
        last.extend(works.iter().filter(|work| work.is_last()).map(|work| (work.asked().to_string(), work)));
        let (asked, unread) = last.into_iter().find(|(_, work)| work.outcome != Ended::Ok)?;
        let why = unread.detail.as_deref().unwrap_or("no answer");
        Some(format!("{asked} could not be asked when the load was over: {why}"))
    })
}

/// What an operation is about, in words.
fn named(call: &Call) -> String {
    match call {
        Call::Add(value) | Call::Write(value) | Call::CompareAndSet(_, value) => format!("value {value}"),
        Call::Enqueue(message) | Call::Dequeue(Some(Shown::Value(message))) => format!("message {message}"),
        Call::Read(Some(Shown::Value(value))) => format!("value {value}"),
        Call::Read(_) | Call::Dequeue(_) => "nothing".into(),
        Call::Increment(by) => format!("{by} more"),
        Call::Count(_) | Call::ReadAll(_) => "a read".into(),
        Call::Registered(asked) => asked.asked.to_string(),
    }
}

fn judged(history: &History, unit: &str, look: impl FnOnce(&Evidence<'_>, &mut Found)) -> Judgement {
    let registered = history.plan.workload.as_ref().and_then(Workload::registered_name);
    let of_a_file = registered.map_or(Ok(()), |name| Err(format!("only Thens of “{name}” know what its users did")));
    match of_a_file.and_then(|()| Evidence::of(history)) {
        Err(why) => Judgement::invalid("0".into(), unit, 0, why),
        Ok(evidence) => {
            let mut found = Found::default();
            look(&evidence, &mut found);
            found.judge(unit)
        }
    }
}

fn has(history: &History, model: &str) -> bool {
    history.plan.workload.as_ref().is_some_and(|workload| workload.has(model))
}

/// `no acknowledged write is lost`
pub(super) fn lost(history: &History) -> Judgement {
    judged(history, "writes", |evidence, found| {
        if has(history, "set") {
            evidence.set_lost(found);
        }
        if has(history, "queue") {
            evidence.queue_lost(found);
        }
        if has(history, "counter") {
            evidence.counter_lost(found);
        }
        if has(history, "register") {
            evidence.register_lost(found);
        }
    })
}

/// `no write is applied twice`
pub(super) fn twice(history: &History) -> Judgement {
    judged(history, "writes", |evidence, found| {
        if has(history, "set") {
            let set = set::judge(evidence.works);
            found.n += set.acknowledged;
            let twice =
                |(value, read): &(u32, &Work)| format!("value {value} is there twice (read {})", evidence.by(read));
            found.wrong.extend(set.twice.iter().map(twice));
            let unexpected = |(text, read): &(String, &Work)| {
                format!("“{text}”, which was never added (read {})", evidence.by(read))
            };
            found.wrong.extend(set.unexpected.iter().map(unexpected));
            if set.reads == 0 {
                found.doubts.push(format!("the set was never read{}", evidence.why()));
            }
        }
        if has(history, "queue") {
            evidence.queue_twice(found);
        }
        if has(history, "counter") {
            let counters = counter::judge(evidence.works);
            found.n += counters.acknowledged;
            let above = counters.outside.iter().filter(|outside| outside.saw > outside.most);
            found.wrong.extend(above.map(|outside| evidence.outside(outside)));
            if counters.reads == 0 {
                found.doubts.push(format!("the counter was never read{}", evidence.why()));
            }
        }
    })
}

/// `users read their own writes`
pub(super) fn own_writes_read(history: &History) -> Judgement {
    of_reads(history, "no user read after a write of its own was acknowledged", "its own write", |read| read.misses_own)
}

/// `no user sees less than before`
pub(super) fn never_less(history: &History) -> Judgement {
    of_reads(history, "no user read twice", "what it had seen before", |read| read.goes_back)
}

fn of_reads(history: &History, none: &str, what: &str, misses: impl Fn(&Read<'_>) -> Option<bool>) -> Judgement {
    judged(history, "reads", |evidence, found| {
        for read in reads(evidence.works).iter().filter(|read| read.read.process != OBSERVER) {
            if let Some(misses) = misses(read) {
                found.n += 1;
                found.wrong.extend(misses.then(|| format!("a read {} did not show {what}", evidence.by(read.read))));
            }
        }
        if found.n == 0 {
            found.doubts.push(none.into());
        }
    })
}

pub(super) struct NoMessageLost;

impl Checker for NoMessageLost {
    fn check(&self, history: &History) -> Judgement {
        judged(history, "messages", |evidence, found| evidence.queue_lost(found))
    }
}

pub(super) struct NoMessageTwice;

impl Checker for NoMessageTwice {
    fn check(&self, history: &History) -> Judgement {
        judged(history, "messages", |evidence, found| {
            evidence.queue_twice(found);
            if found.n == 0 {
                found.doubts.push(format!("no message came out{}", evidence.why()));
            }
        })
    }
}

pub(super) struct RegistersLinearizable;

impl Checker for RegistersLinearizable {
    fn check(&self, history: &History) -> Judgement {
        judged(history, "registers", |evidence, found| {
            let registers = register::linearizable(evidence.works, STEPS);
            found.n = registers.registers;
            found.wrong.extend(registers.wrong.iter().map(|culprit| {
                let what = if culprit.call.is_write() { "the write of" } else { "the read of" };
                let (shows, key) = (named(&culprit.call), culprit.key);
                format!("register {key}: no order of its operations explains {what} {shows} ({})", evidence.by(culprit))
            }));
            if !registers.unknown.is_empty() {
                let (unknown, all) = (registers.unknown.len(), registers.registers);
                found.doubts.push(format!("too many orders would have to be tried of {unknown} of {all} registers: use more keys, or fewer users"));
            }
            if !evidence.works.iter().any(|work| matches!(work.call, Call::Read(Some(_)))) {
                found.doubts.push("no register was ever read".into());
            }
        })
    }
}

#[cfg(test)]
#[path = "workload_tests.rs"]
mod tests;
