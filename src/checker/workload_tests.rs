//! For each Then a history that passes, one that fails, and one that cannot be told.

use std::time::Duration;

use super::*;
use crate::history::synthetic::Script;
use crate::history::work::Saw;
use crate::plan::Expectation;
use crate::units::Percent;
use crate::verdict::Verdict;
use crate::workload::{CallSpec, Model, Workload, WorkloadSource};

/// A history of users who work with all kinds of data. Operations take 5 ms; moments are in milliseconds, and nothing is struck.
struct Story(Vec<Work>);

impl Story {
    fn new() -> Story {
        Story(Vec::new())
    }

    fn with(mut self, process: u32, call: Call, at_ms: u64, outcome: Ended) -> Story {
        let invoked_us = at_ms * 1000;
        let (key, detail, served_by) = (0, None, Some("app-1".to_string()));
        self.0.push(Work { process, key, call, invoked_us, ended_us: invoked_us + 5000, outcome, detail, served_by });
        self
    }

    fn does(self, process: u32, call: Call, at_ms: u64) -> Story {
        self.with(process, call, at_ms, Ended::Ok)
    }

    fn judge(&self, expectation: Expectation) -> (Verdict, String) {
        let mut history = Script::website(1, 1).history();
        let call = CallSpec::default;
        history.works = self.0.clone();
        history.plan.workload = Some(Workload {
            source: WorkloadSource::File("all.workload.yaml".into()),
            database: None,
            models: vec![
                Model::Set { add: call(), read: call() },
                Model::Register { keys: 1, write: call(), read: call(), compare_and_set: None },
                Model::Counter { keys: 1, increment: call(), read: call() },
                Model::Queue { keys: 1, enqueue: call(), dequeue: call() },
            ],
            reads: Percent(20.0),
            settle: Duration::ZERO,
            value_size: 0,
            served_by: None,
        });
        let judgement = crate::checker::of(&expectation).check(&history);
        (judgement.verdict, judgement.reason.unwrap_or_default())
    }

    fn passes(&self, expectation: Expectation) {
        assert_eq!(self.judge(expectation), (Verdict::Pass, String::new()));
    }

    fn is(&self, expectation: Expectation, verdict: Verdict, because: &str) {
        let (found, reason) = self.judge(expectation);
        assert!(found == verdict && reason.contains(because), "{found:?}: {reason}");
    }
}

fn all(values: &[u32]) -> Call {
    Call::ReadAll(Some(Saw { values: values.iter().copied().collect(), ..Saw::default() }))
}

fn read(value: u32) -> Call {
    Call::Read(Some(Shown::Value(value)))
}

fn taken(message: u32) -> Call {
    Call::Dequeue(Some(Shown::Value(message)))
}

const EMPTY: Call = Call::Dequeue(Some(Shown::Nothing));

/// Users change one of each.
fn changed() -> Story {
    Story::new().does(1, Call::Add(1), 1000).does(1, Call::Write(2), 1100).does(1, Call::Increment(1), 1200).does(
        1,
        Call::Enqueue(3),
        1300,
    )
}

/// And all is read in the end.
fn whole() -> Story {
    changed().does(OBSERVER, all(&[1]), 3000).does(OBSERVER, read(2), 3010).does(OBSERVER, Call::Count(Some(1)), 3020)
}

fn emptied(story: Story) -> Story {
    story.does(OBSERVER, taken(3), 3030).does(OBSERVER, EMPTY, 3040)
}

#[test]
fn what_was_acknowledged_is_there_in_the_end() {
    let lost = Expectation::NoAcknowledgedWriteLost;
    emptied(whole()).passes(lost.clone());
    let without = |value: &str| {
        emptied(
            changed()
                .does(OBSERVER, all(if value == "set" { &[] } else { &[1] }), 3000)
                .does(OBSERVER, if value == "register" { Call::Read(Some(Shown::Nothing)) } else { read(2) }, 3010)
                .does(OBSERVER, Call::Count(Some(i64::from(value != "counter"))), 3020),
        )
    };
    without("set").is(
        lost.clone(),
        Verdict::Fail,
        "value 1 (added by user 1 through app-1, at 1 s) is missing in the last read",
    );
    without("register").is(lost.clone(), Verdict::Fail, "register 0 shows nothing in the end");
    without("counter").is(lost.clone(), Verdict::Fail, "counter 0 showed 0");
    whole().does(OBSERVER, EMPTY, 3040).is(lost, Verdict::Fail, "message 3 (sent by user 1");
}

#[test]
fn what_was_not_read_in_the_end_cannot_be_told() {
    let lost = Expectation::NoAcknowledgedWriteLost;
    emptied(changed()).is(lost.clone(), Verdict::Invalid, "1 values were added and not asked for by a read since");
    emptied(changed()).is(lost.clone(), Verdict::Invalid, "register 0 could not be read when the load was over");
    whole().is(lost.clone(), Verdict::Invalid, "the queue was not seen to be empty");
    let taken_along = whole().with(2, Call::Dequeue(None), 2000, Ended::Info).does(OBSERVER, EMPTY, 3040);
    taken_along.is(lost.clone(), Verdict::Invalid, "may have taken them along");
    Story::new().does(1, all(&[]), 1000).is(lost, Verdict::Invalid, "no write was ever acknowledged");
}

#[test]
fn what_is_there_twice_or_was_never_sent_is_found() {
    let twice = Expectation::NoWriteTwice;
    emptied(whole()).passes(twice.clone());
    let saw = Saw { values: [1].into_iter().collect(), twice: vec![1], strange: vec!["apples".into()] };
    let story = emptied(whole()).does(2, Call::ReadAll(Some(saw)), 2000);
    story.is(twice.clone(), Verdict::Fail, "value 1 is there twice (read by user 2");
    story.is(twice.clone(), Verdict::Fail, "“apples”, which was never added");
    emptied(whole()).does(2, Call::Count(Some(2)), 2000).is(twice.clone(), Verdict::Fail, "counter 0 showed 2");
    emptied(whole()).does(2, taken(3), 2000).is(twice.clone(), Verdict::Fail, "message 3 came out again");
    changed().is(twice, Verdict::Invalid, "the set was never read");
}

#[test]
fn messages_come_out_once() {
    emptied(whole()).passes(Expectation::NoMessageLost);
    emptied(whole()).passes(Expectation::NoMessageTwice);
    whole().does(OBSERVER, EMPTY, 3040).is(Expectation::NoMessageLost, Verdict::Fail, "never came out");
    emptied(whole()).does(2, taken(9), 2000).is(Expectation::NoMessageTwice, Verdict::Fail, "was never sent");
    whole().is(Expectation::NoMessageTwice, Verdict::Invalid, "no message came out");
}

#[test]
fn users_see_what_they_wrote_and_never_less_than_before() {
    let (own, less) = (Expectation::OwnWritesRead, Expectation::NeverLess);
    let seen = || changed().does(1, all(&[1]), 1500).does(1, read(2), 1600);
    seen().passes(own.clone());
    seen().does(1, all(&[1]), 1700).passes(less.clone());
    changed().does(1, all(&[]), 1500).is(own.clone(), Verdict::Fail, "did not show its own write");
    seen().does(1, all(&[]), 1700).is(less.clone(), Verdict::Fail, "did not show what it had seen before");
    changed().is(own, Verdict::Invalid, "no user read after a write of its own");
    changed().is(less, Verdict::Invalid, "no user read twice");
}

#[test]
fn every_register_has_an_order_of_its_operations() {
    let linearizable = Expectation::RegistersLinearizable;
    whole().passes(linearizable.clone());
    let story = whole().does(2, Call::Write(7), 1200).does(3, read(2), 1300);
    story.is(linearizable.clone(), Verdict::Fail, "no order of its operations explains the read of value 2 (by user 3");
    changed().is(linearizable, Verdict::Invalid, "no register was ever read");
}
