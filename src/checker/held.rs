//! Something that exactly one of several servers has at a time, and who had it when: a virtual IP, the right to write.
//!
//! Two holders at once always fail. No holder is allowed for a while after a candidate was struck, as long as another one
//! takes it over before the site has recovered. Where an observer was blind, what it could not see is not judged.

use crate::measure::phases::{phase_name, phase_span};
use crate::measure::sight::Blind;
use crate::measure::{Observed, Span, Timeline};

use super::Judgement;
use super::judgement::show_us;
use crate::plan::Phase;
use crate::verdict::Verdict;

/// Who had it during a stretch of time.
pub(super) struct Holding {
    pub span: Span,
    pub holders: Vec<String>,
    /// Others were recorded after them.
    pub taken_over: bool,
}

/// The stretch that is judged.
///
/// # Errors
/// Why there is none, or nothing in it.
pub(super) fn stretch(timeline: &Timeline, phase: Phase) -> Result<Span, String> {
    match phase_span(timeline, phase) {
        Ok(found) if found.span.is_empty() => Err(format!("nothing lies {}: service was never out", phase_name(phase))),
        Ok(found) => Ok(found.span),
        Err(why) => Err(why.into()),
    }
}

/// Who had it over every stretch that meets the phase, from each change of those who did.
pub(super) fn over(changes: impl Iterator<Item = (u64, Vec<String>)>, phase: Span, end_us: u64) -> Vec<Holding> {
    let mut held: Vec<Holding> = Vec::new();
    for (at_us, holders) in changes {
        if let Some(last) = held.last_mut() {
            last.span.to_us = at_us;
            last.taken_over = true;
        }
        held.push(Holding { span: Span::new(at_us, end_us), holders, taken_over: false });
    }
    held.retain(|held| !held.span.meet(phase).is_empty());
    held
}

/// Judges who had it during a phase: `unit` is what they are. Two at once that were seen are a fact whatever else could
/// not be seen; everything else can't be told where an observer was blind.
pub(super) fn judge(held: &[Holding], phase: Span, excused: &[Span], blind: &[Blind<'_>], unit: &str) -> Judgement {
    let blind: Vec<&Blind<'_>> = blind.iter().filter(|blind| !blind.span.meet(phase).is_empty()).collect();
    let fact = held.iter().filter(|held| is_seen(held, phase, &blind)).find_map(|held| wrong(held, phase, excused));
    match (fact, blind.first()) {
        (None, Some(blind)) => Judgement::invalid("1".into(), unit, 0, blind.why()),
        (fact, _) => told(held, "1".into(), unit, fact),
    }
}

/// Whether all that is said of a stretch was seen: its start of one with several, the whole of any other.
fn is_seen(held: &Holding, phase: Span, blind: &[&Blind<'_>]) -> bool {
    let shared = held.span.meet(phase);
    match held.holders.len() {
        0 | 1 => blind.iter().all(|blind| blind.span.meet(shared).is_empty()),
        _ => !blind.iter().any(|blind| blind.span.contains(shared.from_us)),
    }
}

fn told(held: &[Holding], expected: String, unit: &str, wrong: Option<String>) -> Judgement {
    let most = held.iter().map(|held| held.holders.len()).max().unwrap_or(0);
    let last = held.last().map_or(&[][..], |held| &held.holders);
    let verdict = Verdict::of(wrong.is_none());
    Judgement {
        observed: wrong.clone().unwrap_or_else(|| format!("1 ({})", last.join(", "))),
        value: Some(if wrong.is_none() || most > 1 { most as f64 } else { 0.0 }),
        n: Some(held.len() as u64),
        reason: wrong,
        ..Judgement::blank(verdict, expected, unit)
    }
}

/// What is wrong with who had it, if anything is. `excused` is where it may have begun to have no holder.
fn wrong(held: &Holding, phase: Span, excused: &[Span]) -> Option<String> {
    let lasted = show_us(held.span.meet(phase).length_us());
    match held.holders.as_slice() {
        [] => {
            let passing = held.taken_over && excused.iter().any(|span| span.contains(held.span.from_us));
            (!passing).then(|| format!("no holder for {lasted}"))
        }
        [_] => None,
        several => Some(format!("{} at once ({}) for {lasted}", several.len(), several.join(", "))),
    }
}

/// From each strike on those that may have it until the site had recovered; so nowhere before the fault or after
/// recovery.
pub(super) fn excused(timeline: &Timeline, candidates: &[String]) -> Vec<Span> {
    let recovered = timeline.recovery.and_then(Observed::us).unwrap_or(timeline.moments.end_us);
    let strikes = timeline.moments.strikes.iter();
    strikes
        .filter(|strike| strike.targets.iter().any(|target| candidates.contains(target)))
        .filter_map(|strike| Some(Span::new(strike.injected_us?, recovered)))
        .collect()
}
