//! The prober's books: results come in any order and leave in the order of their due times, in batches.
//!
//! What it holds is bounded by rate × deadline: nothing is under way longer than the deadline.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use crate::history::{Outcome, Recorder, Request, Source};

/// How the last second went.
const RECENT_US: u64 = 1_000_000;

/// What a prober knows right now; for progress, not for verdicts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LiveStats {
    /// Requests that were due so far.
    pub due: u64,
    /// Of these, good ones.
    pub good: u64,
    /// Of these, bad ones; the rest is under way.
    pub bad: u64,
    /// Under way now.
    pub in_flight: u64,
    /// For how long the oldest of them has been due, in milliseconds: a site that hangs shows here first.
    pub oldest_ms: f64,
    /// Requests that ended within the last second, good or bad.
    pub rate: f64,
    /// Bad ones among them.
    pub errors: u64,
    /// Their p99, in milliseconds; whatever is not good ranks as the deadline or more.
    pub p99_ms: f64,
}

/// The latest [`LiveStats`], shared with whoever shows them.
#[derive(Debug, Clone, Default)]
pub struct LiveView(Arc<Mutex<LiveStats>>);

impl LiveView {
    /// How it goes, at most a tenth of a second old.
    pub fn get(&self) -> LiveStats {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, LiveStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is under way, what waits for its turn to be recorded, and how it goes.
pub(super) struct Ledger {
    recorder: Recorder,
    live: LiveView,
    deadline_us: u32,
    /// The number of the first entry.
    first: u64,
    /// Due, in order: with a result, or under way.
    entries: VecDeque<Entry>,
    in_flight: usize,
    batch: Vec<Request>,
    totals: LiveStats,
    /// End and latency of what ended lately; bad ones rank as the deadline or more.
    recent: VecDeque<(u64, u32, bool)>,
}

enum Entry {
    UnderWay { due_us: u64, sent_us: u64, task: Option<AbortHandle> },
    Ended(Request),
}

impl Ledger {
    pub(super) fn new(recorder: Recorder, live: LiveView, deadline_us: u32) -> Ledger {
        Ledger {
            recorder,
            live,
            deadline_us,
            first: 0,
            entries: VecDeque::new(),
            in_flight: 0,
            batch: Vec::new(),
            totals: LiveStats::default(),
            recent: VecDeque::new(),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The next request is due and is seen to at `now_us`; its number.
    pub(super) fn due(&mut self, due_us: u64, now_us: u64) -> u64 {
        self.totals.due += 1;
        self.in_flight += 1;
        self.entries.push_back(Entry::UnderWay { due_us, sent_us: now_us, task: None });
        self.first + self.entries.len() as u64 - 1
    }

    /// The task that sends the request that was due last: it is ended if it misses its deadline.
    pub(super) fn sent_by(&mut self, by: AbortHandle) {
        if let Some(Entry::UnderWay { task, .. }) = self.entries.back_mut() {
            *task = Some(by);
        }
    }

    /// Request `number` ended, unless its deadline had passed already. What is complete in due order goes to the batch.
    pub(super) fn ended(&mut self, number: u64, request: Request) {
        let Some(at) = number.checked_sub(self.first) else { return };
        self.in_flight -= 1;
        self.count(&request);
        self.entries[at as usize] = Entry::Ended(request);
        while let Some(Entry::Ended(request)) = self.entries.front() {
            self.batch.push(*request);
            self.entries.pop_front();
            self.first += 1;
        }
    }

    /// Ends every request whose deadline has passed. Deadlines pass in the order of due times, so it looks at the
    /// oldest only, and no request needs a timer of its own.
    pub(super) fn expire(&mut self, now_us: u64) {
        while let Some(Entry::UnderWay { due_us, sent_us, task }) = self.entries.front() {
            let (due_us, took_us) = (*due_us, now_us.saturating_sub(*due_us));
            if took_us < u64::from(self.deadline_us) {
                break;
            }
            if let Some(task) = task {
                task.abort();
            }
            let late_us = clamped(sent_us - due_us);
            let timeout = Request { due_us, late_us, latency_us: clamped(took_us), outcome: Outcome::Timeout };
            self.ended(self.first, timeout);
        }
    }

    /// When the next deadline passes.
    pub(super) fn next_deadline_us(&self) -> Option<u64> {
        match self.entries.front()? {
            Entry::UnderWay { due_us, .. } | Entry::Ended(Request { due_us, .. }) => {
                Some(due_us + u64::from(self.deadline_us))
            }
        }
    }

    fn count(&mut self, request: &Request) {
        let good = request.outcome.is_good();
        *(if good { &mut self.totals.good } else { &mut self.totals.bad }) += 1;
        let rank = if good { request.latency_us } else { request.latency_us.max(self.deadline_us) };
        self.recent.push_back((request.due_us + u64::from(request.latency_us), rank, good));
    }

    /// Records the batch and shows how it goes.
    pub(super) fn flush(&mut self, now_us: u64) {
        if !self.batch.is_empty() {
            let more = Vec::with_capacity(self.batch.len() + 8);
            self.recorder.requests(Source::Prober, std::mem::replace(&mut self.batch, more));
        }
        let since = now_us.saturating_sub(RECENT_US);
        while self.recent.front().is_some_and(|(end_us, ..)| *end_us < since) {
            self.recent.pop_front();
        }
        let mut ranks: Vec<u32> = self.recent.iter().map(|(_, rank, _)| *rank).collect();
        let oldest_us = match self.entries.front() {
            Some(Entry::UnderWay { due_us, .. }) => now_us.saturating_sub(*due_us),
            _ => 0,
        };
        *self.live.lock() = LiveStats {
            in_flight: self.in_flight as u64,
            oldest_ms: oldest_us as f64 / 1e3,
            rate: ranks.len() as f64,
            errors: self.recent.iter().filter(|(.., good)| !good).count() as u64,
            p99_ms: p99(&mut ranks).map_or(0.0, |us| f64::from(us) / 1e3),
            ..self.totals
        };
    }
}

/// Microseconds as they are recorded: over an hour is an hour and more.
pub(super) fn clamped(us: u64) -> u32 {
    u32::try_from(us).unwrap_or(u32::MAX)
}

fn p99(ranks: &mut [u32]) -> Option<u32> {
    let at = (ranks.len() * 99).div_ceil(100).checked_sub(1)?;
    Some(*ranks.select_nth_unstable(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::history::Outcome;

    fn request(due_us: u64, latency_us: u32, outcome: Outcome) -> Request {
        Request { due_us, late_us: 0, latency_us, outcome }
    }

    #[test]
    fn results_leave_in_due_order_however_they_come() {
        let (recorder, memory) = Recorder::memory(Clock::start());
        let mut ledger = Ledger::new(recorder, LiveView::default(), 5_000_000);
        let numbers: Vec<u64> = (0..4).map(|k| ledger.due(k * 1000, k * 1000)).collect();
        let recorded = |ledger: &mut Ledger| {
            ledger.flush(10_000);
            memory.requests(Source::Prober).iter().map(|r| r.due_us).collect::<Vec<_>>()
        };
        ledger.ended(numbers[2], request(2000, 10, Outcome::Good));
        ledger.ended(numbers[1], request(1000, 10, Outcome::Good));
        assert_eq!(recorded(&mut ledger), [] as [u64; 0]);
        ledger.ended(numbers[0], request(0, 10, Outcome::Good));
        assert_eq!(recorded(&mut ledger), [0, 1000, 2000]);
        ledger.ended(numbers[3], request(3000, 10, Outcome::Good));
        let number = ledger.due(4000, 4000);
        ledger.ended(number, request(4000, 10, Outcome::Good));
        assert_eq!(recorded(&mut ledger), [0, 1000, 2000, 3000, 4000]);
        assert_eq!(ledger.in_flight(), 0);
    }

    #[test]
    fn the_live_view_covers_the_last_second_and_ranks_bad_as_slow() {
        let (recorder, _memory) = Recorder::memory(Clock::start());
        let live = LiveView::default();
        let mut ledger = Ledger::new(recorder, live.clone(), 5_000_000);
        for k in 0..200 {
            let number = ledger.due(k * 10_000, k * 10_000);
            let outcome = if k >= 190 { Outcome::Refused } else { Outcome::Good };
            ledger.ended(number, request(k * 10_000, 400, outcome));
        }
        ledger.due(2_000_000, 2_000_000);
        ledger.flush(2_000_400);
        let seen = live.get();
        assert_eq!((seen.due, seen.good, seen.bad, seen.in_flight), (201, 190, 10, 1));
        assert_eq!((seen.rate, seen.errors, seen.p99_ms, seen.oldest_ms), (100.0, 10, 5000.0, 0.4));
    }

    #[test]
    fn what_misses_its_deadline_ends_once_and_lets_the_others_go() {
        let (recorder, memory) = Recorder::memory(Clock::start());
        let mut ledger = Ledger::new(recorder, LiveView::default(), 100_000);
        let numbers: Vec<u64> = (0..3).map(|k| ledger.due(k * 50_000, k * 50_000 + 7)).collect();
        ledger.ended(numbers[1], request(50_000, 10, Outcome::Good));
        assert_eq!(ledger.next_deadline_us(), Some(100_000));
        ledger.expire(99_999);
        assert_eq!(ledger.in_flight(), 2);
        ledger.expire(100_500);
        ledger.ended(numbers[0], request(0, 100_600, Outcome::Good));
        assert_eq!((ledger.in_flight(), ledger.next_deadline_us()), (1, Some(200_000)));
        ledger.flush(100_500);
        let late = Request { late_us: 7, ..request(0, 100_500, Outcome::Timeout) };
        assert_eq!(memory.requests(Source::Prober), [late, request(50_000, 10, Outcome::Good)]);
    }
}
