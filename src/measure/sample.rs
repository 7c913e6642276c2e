//! The prober's requests over a stretch of time: how many were due, how many were good.

use crate::history::{Event, History, Request};
use crate::units::Percent;

use super::moments::watched;
use super::span::Span;

/// Requests in the order of their due times, and the deadline they are judged with.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    requests: &'a [Request],
    deadline_us: u64,
}

impl<'a> Sample<'a> {
    /// The probes of a scenario, with the deadline they were sent with.
    pub fn of(history: &'a History) -> Self {
        Sample { requests: &history.probes, deadline_us: probing(history).1 }
    }

    /// Any requests, judged again with any deadline.
    pub fn new(requests: &'a [Request], deadline_us: u64) -> Self {
        Sample { requests, deadline_us }
    }

    /// Those that were due within a span.
    pub fn within(self, span: Span) -> Self {
        let first = self.requests.partition_point(|request| request.due_us < span.from_us);
        let last = self.requests.partition_point(|request| request.due_us < span.to_us);
        Sample { requests: &self.requests[first..last.max(first)], ..self }
    }

    /// The requests themselves.
    pub fn requests(&self) -> &'a [Request] {
        self.requests
    }

    /// The deadline, in microseconds.
    pub fn deadline_us(&self) -> u64 {
        self.deadline_us
    }

    /// How many were intended, sent or not.
    pub fn due(&self) -> u64 {
        self.requests.len() as u64
    }

    /// How many were good.
    pub fn good(&self) -> u64 {
        self.requests.iter().filter(|request| self.is_good(request)).count() as u64
    }

    /// Whether a request was answered as it should be, within the deadline.
    pub fn is_good(&self, request: &Request) -> bool {
        request.outcome.is_good() && u64::from(request.latency_us) <= self.deadline_us
    }

    /// The latency it counts with: its own if it was good, else the deadline or more.
    pub fn rank_us(&self, request: &Request) -> u64 {
        let latency = u64::from(request.latency_us);
        if self.is_good(request) { latency } else { latency.max(self.deadline_us) }
    }

    /// Good ÷ due; `None` when nothing was due.
    pub fn availability(&self) -> Option<Percent> {
        (self.due() > 0).then(|| Percent((self.good() * 100) as f64 / self.due() as f64))
    }
}

/// The rate (requests a second) and the deadline (microseconds) of the probes: as recorded, else as planned.
pub fn probing(history: &History) -> (f64, u64) {
    let load = &history.plan.settings.load;
    let recorded = watched(history).iter().rev().find_map(|record| match record.event {
        Event::ProbingStarted { rate, deadline_ms } => Some((rate, (deadline_ms * 1000.0).round() as u64)),
        _ => None,
    });
    recorded.unwrap_or((load.rate, crate::clock::micros(load.deadline)))
}

/// The time from one probe's due moment to the next's, in microseconds, rounded up.
pub fn spacing_us(history: &History) -> u64 {
    let (rate, _) = probing(history);
    if rate > 0.0 { (1e6 / rate).ceil() as u64 } else { u64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;

    fn request(due_us: u64, latency_us: u32, outcome: Outcome) -> Request {
        Request { due_us, late_us: 0, latency_us, outcome }
    }

    #[test]
    fn what_is_not_good_ranks_at_the_deadline_or_more() {
        let sample = Sample::new(&[], 1000);
        assert_eq!(sample.rank_us(&request(0, 10, Outcome::Good)), 10);
        assert_eq!(sample.rank_us(&request(0, 10, Outcome::Status(503))), 1000);
        assert_eq!(sample.rank_us(&request(0, 2500, Outcome::Timeout)), 2500);
    }

    #[test]
    fn a_good_answer_after_the_deadline_is_bad() {
        let sample = Sample::new(&[], 1000);
        assert!(sample.is_good(&request(0, 1000, Outcome::Good)));
        assert!(!sample.is_good(&request(0, 1001, Outcome::Good)));
        assert!(!sample.is_good(&request(0, 1, Outcome::NotSent)));
    }

    #[test]
    fn requests_belong_to_the_moment_they_were_due() {
        let requests: Vec<Request> = (0..10).map(|k| request(k * 10, 500, Outcome::Good)).collect();
        let sample = Sample::new(&requests, 1000).within(Span::new(20, 50));
        assert_eq!(sample.requests().iter().map(|r| r.due_us).collect::<Vec<_>>(), [20, 30, 40]);
        assert_eq!(sample.due(), 3);
    }

    #[test]
    fn availability_is_good_over_due() {
        let mut requests = vec![request(0, 1, Outcome::Good); 999];
        requests.push(request(0, 1, Outcome::Refused));
        assert_eq!(Sample::new(&requests, 10).availability(), Some(Percent(99.9)));
        assert_eq!(Sample::new(&requests, 10).good(), 999);
        assert_eq!(Sample::new(&[], 10).availability(), None);
    }
}
