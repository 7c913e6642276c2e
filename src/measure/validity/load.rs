//! Whether the site was really asked, by the prober and by the users, as often as was intended.

use crate::clock::micros;
use crate::history::{Event, History, Outcome};
use crate::measure::moments::watched;
use crate::measure::phases::{phase_name, phase_span};
use crate::measure::resolution::lateness_p99_us;
use crate::measure::sample::{Sample, probing};
use crate::measure::span::Span;
use crate::measure::timeline::Timeline;
use crate::plan::Phase;
use crate::units::{show_duration, trimmed};

/// The share of the intended probes that must be on record.
const RECORDED: f64 = 0.99;
/// Not sent may be at most this share of what was due, unless less than half of what was bad.
const NOT_SENT: f64 = 0.01;

/// Why the load was not what was asked for.
pub fn reasons(history: &History, timeline: &Timeline) -> Vec<String> {
    let mut reasons = probes(history, timeline);
    reasons.extend(lateness(history));
    reasons.extend(users(history, timeline));
    reasons
}

fn probes(history: &History, timeline: &Timeline) -> Vec<String> {
    let Ok(throughout) = phase_span(timeline, Phase::Throughout) else { return Vec::new() };
    let sample = Sample::of(history).within(throughout.span);
    let intended = probing(history).0 * throughout.span.length_us() as f64 / 1e6;
    let mut reasons = Vec::new();
    if (sample.due() as f64) < intended * RECORDED || sample.due() == 0 {
        reasons.push(format!("only {} of {} intended probes were recorded", sample.due(), intended.round()));
    }
    for phase in [Phase::Before, Phase::Degraded] {
        if let Ok(found) = phase_span(timeline, phase)
            && sample.within(found.span).due() == 0
        {
            reasons.push(format!("no probe was recorded {}", phase_name(phase)));
        }
    }
    let not_sent = sample.requests().iter().filter(|request| request.outcome == Outcome::NotSent).count() as f64;
    let (due, bad) = (sample.due() as f64, (sample.due() - sample.good()) as f64);
    if not_sent > due * NOT_SENT && not_sent * 2.0 > bad {
        reasons.push(format!("{not_sent} of {due} probes were not sent: too many were under way"));
    }
    reasons
}

fn lateness(history: &History) -> Option<String> {
    let limit = history.plan.settings.steady.lateness;
    let late = lateness_p99_us(history).filter(|late| *late > micros(limit))?;
    let late = trimmed(late as f64 / 1000.0, 0);
    Some(format!("the prober was starved: p99 of its lateness was {late} ms, more than {}", show_duration(limit)))
}

fn users(history: &History, timeline: &Timeline) -> Vec<String> {
    let wanted = history.plan.settings.load.users;
    let lost = watched(history).iter().find_map(|record| match &record.event {
        Event::UsersLost { detail } => Some(format!("the users' process ended by itself: {detail}")),
        _ => None,
    });
    let mut reasons: Vec<String> = lost.into_iter().collect();
    if wanted == 0 {
        return reasons;
    }
    if let Ok(throughout) = phase_span(timeline, Phase::Throughout) {
        let sent = sent_by_users(history, throughout.span);
        if sent < u64::from(wanted) {
            reasons.push(format!("{wanted} users were asked for, but they sent only {sent} requests"));
            return reasons;
        }
    }
    reasons.extend([Phase::Before, Phase::Degraded].into_iter().filter_map(|phase| idle(history, timeline, phase)));
    reasons
}

/// Users wait for their answers: in a phase shorter than the deadline and a pause they may have had no turn.
fn idle(history: &History, timeline: &Timeline, phase: Phase) -> Option<String> {
    let span = phase_span(timeline, phase).ok()?.span;
    let turn_us = probing(history).1 + micros(history.plan.settings.load.pause_max);
    let due_a_turn = phase == Phase::Before || span.length_us() > turn_us;
    let idle = due_a_turn && sent_by_users(history, span) == 0;
    idle.then(|| format!("the users sent nothing {}", phase_name(phase)))
}

fn sent_by_users(history: &History, span: Span) -> u64 {
    let sent = history.users.iter().filter(|request| request.outcome != Outcome::NotSent);
    sent.filter(|request| span.contains(request.due_us)).count() as u64
}
