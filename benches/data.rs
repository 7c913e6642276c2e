//! How long the checkers of data take, and what it costs to record an operation.
//! `cargo bench --bench data`

use std::collections::HashMap;
use std::time::Instant;

use anarcho_chimp::clock::Clock;
use anarcho_chimp::history::work::{Call, Saw, Shown};
use anarcho_chimp::history::{DataRecord, Ended, Ranges, RunRecorder, Work};
use anarcho_chimp::measure::models::{counter, queue, register, set};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const MANY: u32 = 1_000_000;
const USERS: u32 = 20;
/// From one operation to the next, in microseconds, and how long each takes.
const EVERY_US: u64 = 50;
const TAKES_US: u64 = 900;
/// As the checker of registers has it.
const STEPS: u64 = 5_000_000;

fn work(nth: u32, key: u32, call: Call) -> Work {
    let invoked_us = u64::from(nth) * EVERY_US;
    let ended_us = invoked_us + TAKES_US;
    let process = nth % USERS;
    Work { process, key, call, invoked_us, ended_us, outcome: Ended::Ok, detail: None, served_by: None }
}

fn took<T>(what: &str, operations: usize, judge: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let found = judge();
    println!("| {what} | {operations} | {:.2} s |", begun.elapsed().as_secs_f64());
    found
}

fn sets() {
    let mut known = Ranges::default();
    let call = |nth: u32| {
        if nth % 200 == 199 {
            return Call::ReadAll(Some(Saw { values: known.clone(), ..Saw::default() }));
        }
        if let Some(acknowledged) = nth.checked_sub(USERS) {
            known.insert(acknowledged);
        }
        Call::Add(nth)
    };
    let mut call = call;
    let works: Vec<Work> = (0..MANY).map(|nth| work(nth, 0, call(nth))).collect();
    took("set, one read in 200", works.len(), || set::judge(&works).reads);
}

fn counters() {
    let call =
        |nth: u32| if nth.is_multiple_of(2) { Call::Increment(1) } else { Call::Count(Some(i64::from(nth / 2))) };
    let works: Vec<Work> = (0..MANY).map(|nth| work(nth, 0, call(nth))).collect();
    took("counter, half of them reads", works.len(), || counter::judge(&works).reads);
}

fn queues() {
    let call =
        |nth: u32| if nth.is_multiple_of(2) { Call::Enqueue(nth) } else { Call::Dequeue(Some(Shown::Value(nth - 1))) };
    let works: Vec<Work> = (0..MANY).map(|nth| work(nth, 0, call(nth))).collect();
    took("queue", works.len(), || queue::judge(&works).delivered);
}

/// Each operation of 20 users takes 1 to 20 ms, and has its effect at a random moment of that.
fn registers() {
    let mut chance = StdRng::seed_from_u64(7);
    let mut effects = Vec::new();
    for process in 0..USERS {
        let mut at_us = u64::from(process) * 13;
        for _ in 0..5_000 {
            let takes_us = chance.random_range(1_000..20_000);
            let effect_us = at_us + chance.random_range(0..takes_us);
            let (key, is_read) = (chance.random_range(0..100), chance.random_bool(0.5));
            effects.push((effect_us, at_us, at_us + takes_us, process, key, is_read));
            at_us += takes_us + 100;
        }
    }
    effects.sort_unstable();
    let mut values: HashMap<u32, u32> = HashMap::new();
    let mut works = Vec::new();
    for (nth, (_, invoked_us, ended_us, process, key, is_read)) in (1..).zip(effects) {
        let call = if is_read {
            Call::Read(Some(values.get(&key).copied().into()))
        } else {
            values.insert(key, nth);
            Call::Write(nth)
        };
        works.push(Work { process, invoked_us, ended_us, ..work(0, key, call) });
    }
    let found = took("100 registers, linearizable", works.len(), || register::linearizable(&works, STEPS));
    assert!(found.wrong.is_empty() && found.unknown.is_empty());
}

fn recording() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunRecorder::create(folder.path(), Clock::start()).unwrap();
    let recorder = run.scenario(0);
    let count = 200_000;
    let begun = Instant::now();
    for nth in 0..count {
        recorder.data(vec![DataRecord::Work(work(nth, 0, Call::Add(nth)))]);
    }
    let given = begun.elapsed();
    recorder.flush().unwrap();
    let each = |took: std::time::Duration| took.as_secs_f64() * 1e6 / f64::from(count);
    println!(
        "\nrecording an operation: {:.1} µs of its user, {:.1} µs until it is on disk",
        each(given),
        each(begun.elapsed())
    );
}

fn main() {
    println!("| checker | operations | took |\n|---|---|---|");
    sets();
    counters();
    queues();
    registers();
    recording();
}
