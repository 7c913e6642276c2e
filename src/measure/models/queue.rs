//! A queue, judged as Jepsen's `total-queue`: every message that was acknowledged comes out, once, and nothing else does.
//! That can be told only where the queue was emptied at the end.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::Ended;
use crate::history::work::{Call, Shown, Work};

/// What was found about the queues of a history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Queues<'a> {
    /// Acknowledged messages that never came out, by time.
    pub lost: Vec<&'a Work>,
    /// Deliveries of a message that had been delivered before, by time.
    pub again: Vec<&'a Work>,
    /// Deliveries of what was never sent, or was refused, by time.
    pub unexpected: Vec<&'a Work>,
    /// Messages that came out though it was not known whether they had got in.
    pub recovered: usize,
    /// How many messages were acknowledged.
    pub acknowledged: usize,
    /// How many messages came out.
    pub delivered: usize,
    /// Dequeues without a known end: each may have taken a message along that is not seen here.
    pub indeterminate: usize,
    /// Queues that were not seen to be empty in the end, so that a message may still be in them.
    pub not_emptied: BTreeSet<u32>,
}

/// Judges the queues of a history.
pub fn judge(works: &[Work]) -> Queues<'_> {
    let mut found = Queues::default();
    let mut sent: BTreeMap<(u32, u32), &Work> = BTreeMap::new();
    let mut delivered: BTreeSet<(u32, u32)> = BTreeSet::new();
    for work in works {
        if let Call::Enqueue(message) = work.call {
            sent.insert((work.key, message), work);
        }
    }
    for work in works {
        match (&work.call, work.outcome) {
            (Call::Enqueue(_), Ended::Ok) => found.acknowledged += 1,
            (Call::Dequeue(_), Ended::Info) => found.indeterminate += 1,
            (Call::Dequeue(Some(Shown::Value(message))), Ended::Ok) => {
                found.delivered += 1;
                let outcome = sent.get(&(work.key, *message)).map(|sent| sent.outcome);
                match outcome {
                    None | Some(Ended::Fail) => found.unexpected.push(work),
                    Some(_) if !delivered.insert((work.key, *message)) => found.again.push(work),
                    Some(Ended::Info) => found.recovered += 1,
                    Some(Ended::Ok) => {}
                }
            }
            _ => {}
        }
    }
    let missing = sent.iter().filter(|(message, work)| work.outcome == Ended::Ok && !delivered.contains(message));
    found.lost = missing.map(|(_, work)| *work).collect();
    found.lost.sort_by_key(|work| work.ended_us);
    found.not_emptied = not_emptied(works);
    found
}

/// Emptied is a queue that answered, after the last message had been sent to it and with no dequeue under way, that it has none.
fn not_emptied(works: &[Work]) -> BTreeSet<u32> {
    let mut last_sent: BTreeMap<u32, u64> = BTreeMap::new();
    for work in works.iter().filter(|work| matches!(work.call, Call::Enqueue(_)) && work.outcome != Ended::Fail) {
        let last = last_sent.entry(work.key).or_default();
        *last = (*last).max(work.ended_us);
    }
    let is_empty = |key: u32, sent_us: u64| {
        let mut answers = works.iter().filter(|work| work.key == key && work.outcome == Ended::Ok);
        answers.any(|work| work.call == Call::Dequeue(Some(Shown::Nothing)) && work.invoked_us > sent_us)
    };
    last_sent.into_iter().filter(|(key, sent_us)| !is_empty(*key, *sent_us)).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn work(call: Call, invoked_us: u64, outcome: Ended) -> Work {
        Work { process: 1, key: 0, call, invoked_us, ended_us: invoked_us + 1, outcome, detail: None, served_by: None }
    }

    fn taken(message: u32, at: u64) -> Work {
        work(Call::Dequeue(Some(Shown::Value(message))), at, Ended::Ok)
    }

    fn empty(at: u64) -> Work {
        work(Call::Dequeue(Some(Shown::Nothing)), at, Ended::Ok)
    }

    #[test]
    fn each_message_comes_out_once() {
        let works = [
            work(Call::Enqueue(1), 0, Ended::Ok),
            work(Call::Enqueue(2), 2, Ended::Info),
            work(Call::Enqueue(3), 4, Ended::Fail),
            taken(1, 6),
            taken(2, 8),
            empty(10),
        ];
        let found = judge(&works);
        assert_eq!((found.acknowledged, found.delivered, found.recovered), (1, 2, 1));
        assert_eq!((found.lost, found.again, found.unexpected, found.not_emptied), Default::default());
    }

    #[test]
    fn what_is_lost_delivered_twice_or_made_up_is_found() {
        let works = [
            work(Call::Enqueue(1), 0, Ended::Ok),
            work(Call::Enqueue(2), 2, Ended::Ok),
            work(Call::Enqueue(3), 4, Ended::Fail),
            taken(1, 6),
            taken(1, 8),
            taken(3, 10),
            taken(9, 12),
            work(Call::Dequeue(None), 14, Ended::Info),
            empty(16),
        ];
        let found = judge(&works);
        assert_eq!(found.lost, [&works[1]]);
        assert_eq!(found.again, [&works[4]]);
        assert_eq!(found.unexpected, [&works[5], &works[6]]);
        assert_eq!((found.indeterminate, found.not_emptied.len()), (1, 0));
    }

    #[test]
    fn a_queue_that_was_not_emptied_may_still_have_it() {
        let sent = work(Call::Enqueue(1), 4, Ended::Ok);
        assert_eq!(judge(&[empty(1), sent.clone()]).not_emptied, [0].into());
        assert!(judge(&[sent, empty(9)]).not_emptied.is_empty());
        assert!(judge(&[]).not_emptied.is_empty());
    }

    fn random() -> impl Strategy<Value = Work> {
        let call = prop_oneof![
            (0_u32..6).prop_map(Call::Enqueue),
            (0_u32..7).prop_map(|message| Call::Dequeue(Some(Shown::Value(message)))),
        ];
        let outcome = prop_oneof![Just(Ended::Ok), Just(Ended::Ok), Just(Ended::Info), Just(Ended::Fail)];
        (call, 0_u64..20, outcome).prop_map(|(call, at, outcome)| work(call, at, outcome))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        /// By multisets, as Jepsen writes it.
        #[test]
        fn it_finds_what_multisets_say(works in proptest::collection::vec(random(), 0..14)) {
            let mut works = works;
            // A message is sent once.
            let mut sent = BTreeSet::new();
            works.retain(|work| match work.call { Call::Enqueue(message) => sent.insert(message), _ => true });
            let count = |wanted: &dyn Fn(&Work) -> Option<u32>| {
                let mut counts = BTreeMap::<u32, usize>::new();
                works.iter().filter_map(wanted).for_each(|message| *counts.entry(message).or_default() += 1);
                counts
            };
            let enqueued = |outcomes: &'static [Ended]| move |work: &Work| match work.call {
                Call::Enqueue(message) if outcomes.contains(&work.outcome) => Some(message),
                _ => None,
            };
            let acknowledged = count(&enqueued(&[Ended::Ok]));
            let attempted = count(&enqueued(&[Ended::Ok, Ended::Info]));
            let out = count(&|work| match work.call {
                Call::Dequeue(Some(Shown::Value(message))) if work.outcome == Ended::Ok => Some(message),
                _ => None,
            });
            let found = judge(&works);
            let lost = acknowledged.keys().filter(|message| !out.contains_key(message)).count();
            let unexpected: usize = out.iter().filter(|(message, _)| !attempted.contains_key(message)).map(|(_, n)| n).sum();
            let again: usize = out.iter().filter(|(message, _)| attempted.contains_key(message)).map(|(_, n)| n - 1).sum();
            prop_assert_eq!((found.lost.len(), found.unexpected.len(), found.again.len()), (lost, unexpected, again));
        }
    }
}
