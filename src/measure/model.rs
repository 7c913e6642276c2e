//! Model time: what an interval would have been had declared waits passed as slowly as they are declared.
//!
//! Where time runs N times faster, boot, install, configure and the cadences of reconciler and config agent are waited
//! for in 1/N of their time; nothing else is. **Model time = measured + (N − 1) × the declared waits that lie on the
//! way.** With N = 1 it is what was measured.
//!
//! - A *wait* is what [`Event::DeclaredWait`] recorded. The wait for a tick begins when there is something to be found:
//!   with the last fault on its server, or its last boot, but not before the tick before.
//! - A *way* is the waits of one server, one after the other, until it is what its role says again (ready, or put right
//!   by the config agent).
//! - *On the way* of something that the system recorded are waits that were over by then. On the way of something that
//!   users saw (an outage's end) are only whole ways, done when the first good answer came: an outage that a standby
//!   ended does not consist of the wait for a replacement. Such a wait counts whole, though the request that ended the
//!   outage was due a little before its end. Done may be on record a little later than users profit from it: by up to
//!   100 ms, or a tenth of what was waited where that is more. Where it is later still, it can't be told what ended the outage, and
//!   its length is known to lie between both.
//! - Ways of several servers that go on side by side are waited for side by side: the longest counts. Ways that follow
//!   each other add up.
//! - A detection by the reconciler's tick comes no later than what else the system noticed, which waits for no tick.
//! - What did not end while it was watched lies on every way, for as much as was waited.

use std::collections::BTreeMap;

use crate::history::{DeclaredDelay, Event, History, Request};
use crate::plan::Interval;

use super::downtime::Downtime;
use super::milestones::detection::detected_otherwise;
use super::moments::{server_of, watched};
use super::sample::Sample;
use super::span::{Observed, Span};
use super::timeline::Timeline;

/// How much later than users profit from a server its readiness may be on record, in microseconds, even where next to
/// nothing was waited for: it is looked for every few milliseconds, by whole requests.
const READY_LATE_US: u64 = 100_000;
/// The same, as a share of what was waited for. On a machine that has no time for it, 101 ms were seen.
const READY_LATE_SHARE: u64 = 10;

/// The declared waits of a history, ready to be put back.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTime {
    faster: u64,
    ways: Vec<RecoveryPath>,
}

/// One wait, as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// What was waited for.
    pub part: DeclaredDelay,
    /// From when until when.
    pub span: Span,
}

/// The waits of one server until it is what its role says.
#[derive(Debug, Clone, PartialEq)]
struct RecoveryPath {
    server: String,
    waits: Vec<Wait>,
    /// When it was; `None` where it never was.
    done_us: Option<u64>,
}

/// What ended a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Something on record, at the span's end.
    Recorded,
    /// A good answer, that came then.
    Answered(u64),
    /// The same, where a server may have been ready long before that is on record.
    PerhapsAnswered(u64),
    /// Nothing yet.
    Open,
}

impl ModelTime {
    /// Reads the waits off a history, finished or not.
    pub fn of(history: &History) -> ModelTime {
        ModelTime { faster: u64::from(history.plan.settings.time.faster.max(1)), ways: ways(history) }
    }

    /// Whether anything was waited for in less than its declared time.
    pub fn is_scaled(&self) -> bool {
        self.faster > 1
    }

    /// How many times faster declared waits passed.
    pub fn faster(&self) -> u64 {
        self.faster
    }

    /// Every wait with its server, in the order of their begins.
    pub fn waits(&self) -> Vec<(&str, Wait)> {
        let mut waits = Vec::new();
        for way in &self.ways {
            waits.extend(way.waits.iter().map(|wait| (way.server.as_str(), *wait)));
        }
        waits.sort_by_key(|(server, wait)| (wait.span.from_us, *server));
        waits
    }

    /// How long an interval took from t0, in microseconds of model time; of what never came, at least so long.
    pub fn interval_us(&self, history: &History, timeline: &Timeline, interval: Interval, end: Observed) -> u64 {
        self.interval_since_us(
            history,
            timeline,
            interval,
            Span::new(timeline.moments.t0_us.unwrap_or(0), end.known_us()),
            end,
        )
    }

    /// The same of an interval that is counted from another moment of the strike's onset.
    pub fn interval_since_us(
        &self,
        history: &History,
        timeline: &Timeline,
        interval: Interval,
        span: Span,
        end: Observed,
    ) -> u64 {
        let victims = timeline.moments.victims();
        let is_victim = |server: &str| victims.iter().any(|victim| victim == server);
        match (end, interval) {
            (Observed::NotBefore { .. }, _) => self.length_us(span, End::Open, |_| true),
            (_, Interval::Failover) => self.length_us(span, answered(history, span.to_us), |_| true),
            (_, Interval::Detection) => {
                let ticked = |server: &str| is_victim(server) && missed(history, server, span.to_us);
                let by_tick = self.length_us(span, End::Recorded, ticked);
                let otherwise = detected_otherwise(history, timeline).map(|at_us| at_us.saturating_sub(span.from_us));
                otherwise.map_or(by_tick, |measured| by_tick.min(measured))
            }
            // Balancers take it out; nobody waits for anything declared.
            (_, Interval::Removal) => span.length_us(),
            (_, Interval::Replacement) => self.length_us(span, End::Recorded, is_victim),
            (_, Interval::Redundancy | Interval::Recovery) => self.length_us(span, End::Recorded, |_| true),
        }
    }

    /// How long it took from t0 until the victims ran again, in microseconds of model time.
    pub fn booted_us(&self, timeline: &Timeline, booted_us: u64) -> u64 {
        let victims = timeline.moments.victims();
        let span = Span::new(timeline.moments.t0_us.unwrap_or(0), booted_us);
        self.length_us(span, End::Recorded, |server| victims.iter().any(|victim| victim == server))
    }

    /// How long each outage was, in microseconds of model time.
    pub fn outages_us(&self, history: &History, downtime: &Downtime) -> Vec<u64> {
        let last = downtime.windows.len().wrapping_sub(1);
        let outages = downtime.windows.iter().enumerate();
        outages.map(|(nth, outage)| self.outage_us(history, *outage, downtime.open && nth == last)).collect()
    }

    /// The same, if it was a server that ended an outage whose readiness is on record only later: on a machine without time
    /// for it, 1.4 s were seen. Whether it was, or another server, can't be told.
    pub fn outages_at_most_us(&self, history: &History, downtime: &Downtime) -> Vec<u64> {
        let closed = downtime.windows.len() - usize::from(downtime.open && !downtime.windows.is_empty());
        let at_most = |outage: &Span| self.length_us(*outage, perhaps_answered(history, outage.to_us), |_| true);
        let mut lengths = self.outages_us(history, downtime);
        lengths.iter_mut().zip(&downtime.windows[..closed]).for_each(|(length, outage)| *length = at_most(outage));
        lengths
    }

    /// How long an outage was; `open` if it was still going on.
    fn outage_us(&self, history: &History, outage: Span, open: bool) -> u64 {
        let end = if open { End::Open } else { answered(history, outage.to_us) };
        self.length_us(outage, end, |_| true)
    }

    /// How much time passed, in microseconds of model time, where nothing has ended yet.
    pub fn elapsed_us(&self, span: Span) -> u64 {
        self.length_us(span, End::Open, |_| true)
    }

    fn length_us(&self, span: Span, end: End, of: impl Fn(&str) -> bool) -> u64 {
        let ways = self.ways.iter().filter(|way| of(&way.server));
        let mut waited: Vec<(Span, u64)> = ways.filter_map(|way| on_the_way(way, span, end)).collect();
        span.length_us() + (self.faster - 1) * longest_us(&mut waited)
    }
}

impl RecoveryPath {
    /// Whether it can have led to a good answer that came then: all its waits were over, and it was done, but for the
    /// time that passes until that is on record.
    fn ended(&self, answered_us: u64) -> bool {
        let waited_us: u64 = self.waits.iter().map(|wait| wait.span.length_us()).sum();
        let late_us = READY_LATE_US.max(waited_us / READY_LATE_SHARE);
        self.may_have_ended(answered_us) && self.done_us.is_some_and(|done| done <= answered_us + late_us)
    }

    /// Whether all its waits were over, and it was done sooner or later.
    fn may_have_ended(&self, answered_us: u64) -> bool {
        self.waits.iter().all(|wait| wait.span.to_us <= answered_us) && self.done_us.is_some()
    }
}

/// From when until when a way lies on a span's, and how much of that was waited, in microseconds.
fn on_the_way(way: &RecoveryPath, span: Span, end: End) -> Option<(Span, u64)> {
    let counted = |wait: &Wait| match end {
        End::Recorded => (wait.span.to_us <= span.to_us).then_some(wait.span),
        End::Answered(at_us) => way.ended(at_us).then_some(wait.span),
        End::PerhapsAnswered(at_us) => way.may_have_ended(at_us).then_some(wait.span),
        End::Open => Some(wait.span.meet(Span::new(0, span.to_us))),
    };
    let since = |wait: Span| Span::new(wait.from_us.max(span.from_us), wait.to_us);
    let waits: Vec<Span> = way.waits.iter().filter_map(counted).map(since).filter(|wait| !wait.is_empty()).collect();
    let whole = Span::new(waits.first()?.from_us, waits.last()?.to_us);
    Some((whole, waits.iter().map(|wait| wait.length_us()).sum()))
}

/// The most that was waited by ways none of which overlap, in microseconds.
fn longest_us(ways: &mut [(Span, u64)]) -> u64 {
    ways.sort_by_key(|(span, _)| span.to_us);
    // The best among the first k, for every k.
    let mut best = vec![0];
    for (k, (span, waited)) in ways.iter().enumerate() {
        let before = ways[..k].iter().take_while(|(other, _)| other.to_us <= span.from_us).count();
        best.push((best[before] + waited).max(best[k]));
    }
    best.last().copied().unwrap_or(0)
}

/// When the request that ended an outage, due at `due_us`, was answered.
fn answered(history: &History, due_us: u64) -> End {
    let sample = Sample::of(history).within(Span::new(due_us, due_us + 1));
    let answer = |request: &Request| End::Answered(request.due_us + u64::from(request.latency_us));
    sample.requests().first().map_or(End::Answered(due_us), answer)
}

fn perhaps_answered(history: &History, due_us: u64) -> End {
    match answered(history, due_us) {
        End::Answered(at_us) => End::PerhapsAnswered(at_us),
        other => other,
    }
}

/// Whether it was at this moment that the reconciler missed a server.
fn missed(history: &History, server: &str, at_us: u64) -> bool {
    watched(history).iter().any(|record| {
        record.at_us == at_us
            && matches!(&record.event, Event::ReconcilerMissing { server: missing, .. } if missing == server)
    })
}

fn ways(history: &History) -> Vec<RecoveryPath> {
    let mut ways: BTreeMap<(String, Option<u64>), Vec<Wait>> = BTreeMap::new();
    for (server, wait) in waits(history) {
        let done_us = done_us(history, &server, wait.span.to_us);
        ways.entry((server, done_us)).or_default().push(wait);
    }
    let way = |((server, done_us), mut waits): (_, Vec<Wait>)| {
        waits.sort_by_key(|wait| wait.span.from_us);
        RecoveryPath { server, waits, done_us }
    };
    ways.into_iter().map(way).collect()
}

fn waits(history: &History) -> Vec<(String, Wait)> {
    let events = watched(history).iter();
    events
        .filter_map(|record| match &record.event {
            Event::DeclaredWait { part, server, waited_ms, .. } => {
                let span = Span::new(record.at_us, record.at_us + (waited_ms * 1000.0).round() as u64);
                let span = if part.is_tick() { since_cause(history, server, span)? } else { span };
                Some((server.clone(), Wait { part: *part, span }))
            }
            _ => None,
        })
        .collect()
}

/// The part of a tick's wait in which there was something to be found: since the server's last fault, or its last boot.
fn since_cause(history: &History, server: &str, tick: Span) -> Option<Span> {
    let causes = watched(history).iter().filter_map(|record| match &record.event {
        Event::FaultConfirmed { target, onset, .. } if server_of(target) == server => Some(onset.not_before_us),
        Event::InstanceBooted { server: booted, .. } if booted == server => Some(record.at_us),
        _ => None,
    });
    let cause_us = causes.take_while(|at_us| *at_us <= tick.to_us).last()?;
    Some(Span::new(tick.from_us.max(cause_us), tick.to_us))
}

/// When a server was what its role says, after a wait that ended then.
fn done_us(history: &History, server: &str, from_us: u64) -> Option<u64> {
    let done = |event: &Event| match event {
        Event::ServerReady { server: ready, .. }
        | Event::ReconcilerReplaced { server: ready, .. }
        | Event::ConfigAgentChanged { server: ready, .. } => ready == server,
        _ => false,
    };
    watched(history).iter().find(|record| record.at_us >= from_us && done(&record.event)).map(|record| record.at_us)
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
