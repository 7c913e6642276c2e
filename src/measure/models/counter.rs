//! A counter, judged as Jepsen's `counter`: each read lies between what it must be at least, as that was acknowledged before
//! it was sent, and what it can be at most, with all that had been sent when its answer came.

use std::collections::{BTreeMap, HashMap};

use crate::history::Ended;
use crate::history::work::{Call, Work};

/// What was found about the counters of a history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counters<'a> {
    /// The reads that lie outside of their bounds, by time.
    pub outside: Vec<Outside<'a>>,
    /// How many reads there were to judge.
    pub reads: usize,
    /// How many increments were acknowledged.
    pub acknowledged: usize,
}

/// A read with a value that the counter can't have had.
#[derive(Debug, PartialEq, Eq)]
pub struct Outside<'a> {
    /// The read.
    pub read: &'a Work,
    /// What it showed.
    pub saw: i64,
    /// What it could show, from here…
    pub least: i64,
    /// …to here.
    pub most: i64,
}

/// What happens to a counter. Of one moment, in this order, so that a read is never judged too strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// A change is sent: from now on the counter may have it.
    MayHave,
    /// A read's answer is there.
    ReadEnds,
    /// A read is sent.
    ReadBegins,
    /// A change is acknowledged: from now on the counter must have it.
    MustHave,
}

/// The sums of changes that raise a counter, and of those that lower it.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    raise: i64,
    lower: i64,
}

impl Sums {
    fn add(&mut self, by: i64) {
        *(if by < 0 { &mut self.lower } else { &mut self.raise }) += by;
    }
}

/// Judges the counters of a history.
pub fn judge(works: &[Work]) -> Counters<'_> {
    let mut found = Counters::default();
    let mut of_key: BTreeMap<u32, Vec<&Work>> = BTreeMap::new();
    for work in works.iter().filter(|work| matches!(work.call, Call::Increment(_) | Call::Count(_))) {
        of_key.entry(work.key).or_default().push(work);
    }
    of_key.values().for_each(|works| judge_one(works, &mut found));
    found.outside.sort_by_key(|outside| outside.read.invoked_us);
    found
}

fn judge_one<'a>(works: &[&'a Work], found: &mut Counters<'a>) {
    let (mut must, mut may) = (Sums::default(), Sums::default());
    let mut began: HashMap<usize, Sums> = HashMap::new();
    for (moment, at) in moments(works) {
        let work = works[at];
        match (moment, &work.call) {
            (Moment::MayHave, Call::Increment(by)) => may.add(*by),
            (Moment::MustHave, Call::Increment(by)) => {
                found.acknowledged += 1;
                must.add(*by);
            }
            (Moment::ReadBegins, _) => drop(began.insert(at, must)),
            (Moment::ReadEnds, Call::Count(Some(saw))) => {
                // A read that took no time begins after its end here.
                let must = began.remove(&at).unwrap_or(must);
                let (least, most) = (must.raise + may.lower, may.raise + must.lower);
                found.reads += 1;
                if *saw < least || *saw > most {
                    found.outside.push(Outside { read: work, saw: *saw, least, most });
                }
            }
            _ => {}
        }
    }
}

/// By time; changes that were refused are none.
fn moments(works: &[&Work]) -> impl Iterator<Item = (Moment, usize)> {
    let mut moments = Vec::new();
    for (at, work) in works.iter().enumerate() {
        match (&work.call, work.outcome) {
            (Call::Increment(_), Ended::Ok) => {
                moments.extend([(work.invoked_us, Moment::MayHave, at), (work.ended_us, Moment::MustHave, at)]);
            }
            (Call::Increment(_), Ended::Info) => moments.push((work.invoked_us, Moment::MayHave, at)),
            (Call::Count(Some(_)), Ended::Ok) => {
                moments.extend([(work.invoked_us, Moment::ReadBegins, at), (work.ended_us, Moment::ReadEnds, at)]);
            }
            _ => {}
        }
    }
    moments.sort_unstable();
    moments.into_iter().map(|(_, moment, at)| (moment, at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn work(call: Call, invoked_us: u64, ended_us: u64, outcome: Ended) -> Work {
        Work { process: 1, key: 0, call, invoked_us, ended_us, outcome, detail: None, served_by: None }
    }

    #[test]
    fn a_read_lies_between_what_is_certain_and_what_is_possible() {
        let history = |saw| {
            vec![
                work(Call::Increment(2), 0, 10, Ended::Ok),
                work(Call::Increment(3), 5, 50, Ended::Ok),
                work(Call::Increment(7), 6, 7, Ended::Fail),
                work(Call::Increment(-1), 8, 9, Ended::Info),
                work(Call::Count(Some(saw)), 20, 30, Ended::Ok),
            ]
        };
        for saw in 1..=5 {
            assert_eq!(judge(&history(saw)).outside, [], "{saw}");
        }
        for saw in [0, 6] {
            let works = history(saw);
            let found = judge(&works);
            assert_eq!((found.reads, found.acknowledged), (1, 2));
            assert_eq!(found.outside, [Outside { read: &works[4], saw, least: 1, most: 5 }]);
        }
    }

    fn random() -> impl Strategy<Value = Work> {
        let call = prop_oneof![(-2_i64..4).prop_map(Call::Increment), (-6_i64..12).prop_map(|n| Call::Count(Some(n)))];
        let outcome = prop_oneof![Just(Ended::Ok), Just(Ended::Ok), Just(Ended::Info), Just(Ended::Fail)];
        (call, 0_u64..20, 0_u64..8, outcome).prop_map(|(call, at, took, outcome)| work(call, at, at + took, outcome))
    }

    /// Every choice of what a read may have met, tried out.
    fn brute_force(works: &[Work]) -> Vec<u64> {
        let possible = |read: &Work| {
            let mut least_most = (i64::MAX, i64::MIN);
            let changes: Vec<(i64, bool)> = (works.iter())
                .filter_map(|work| match (&work.call, work.outcome) {
                    (Call::Increment(by), Ended::Ok | Ended::Info) if work.invoked_us <= read.ended_us => {
                        Some((*by, work.outcome == Ended::Ok && work.ended_us < read.invoked_us))
                    }
                    _ => None,
                })
                .collect();
            for chosen in 0..1_u32 << changes.len() {
                let is_in = |at: usize, must: bool| must || chosen >> at & 1 == 1;
                let sum =
                    changes.iter().enumerate().filter(|(at, (_, must))| is_in(*at, *must)).map(|(_, (by, _))| by).sum();
                least_most = (least_most.0.min(sum), least_most.1.max(sum));
            }
            least_most
        };
        let reads = works.iter().filter(|work| work.outcome == Ended::Ok);
        let outside = reads.filter(|read| match read.call {
            Call::Count(Some(saw)) => {
                let (least, most) = possible(read);
                saw < least || saw > most
            }
            _ => false,
        });
        let mut moments: Vec<u64> = outside.map(|read| read.invoked_us).collect();
        moments.sort_unstable();
        moments
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn it_finds_what_trying_everything_finds(works in proptest::collection::vec(random(), 0..10)) {
            let found: Vec<u64> = judge(&works).outside.iter().map(|outside| outside.read.invoked_us).collect();
            prop_assert_eq!(found, brute_force(&works));
        }
    }
}
