//! Something that exactly one of several servers has at a time, and who had it when: a virtual IP, the right to write.
//!
//! Two at once are never fine. Nobody is fine for a while after one of those that may have it was struck, as long as
//! somebody takes it over before the site has recovered.

use crate::measure::phases::{phase_name, phase_span};
use crate::measure::{Reached, Span, Timeline};

use super::judgement::show_us;
use super::{Judgement, Phase, Verdict};

/// Who had it during a stretch of time.
pub(super) struct Held {
    pub span: Span,
    pub holders: Vec<String>,
    /// Somebody else was recorded after them.
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
pub(super) fn over(changes: impl Iterator<Item = (u64, Vec<String>)>, phase: Span, end_us: u64) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for (at_us, holders) in changes {
        if let Some(last) = held.last_mut() {
            last.span.to_us = at_us;
            last.taken_over = true;
        }
        held.push(Held { span: Span::new(at_us, end_us), holders, taken_over: false });
    }
    held.retain(|held| !held.span.meet(phase).is_empty());
    held
}

/// Judges who had it: `unit` is what they are.
pub(super) fn judge(held: &[Held], expected: String, unit: &str, wrong: Option<String>) -> Judgement {
    let most = held.iter().map(|held| held.holders.len()).max().unwrap_or(0);
    let last = held.last().map_or(&[][..], |held| &held.holders);
    Judgement {
        verdict: if wrong.is_some() { Verdict::Fail } else { Verdict::Pass },
        expected,
        observed: wrong.clone().unwrap_or_else(|| format!("1 ({})", last.join(", "))),
        value: Some(if wrong.is_none() || most > 1 { most as f64 } else { 0.0 }),
        unit: unit.into(),
        margin_pct: None,
        n: held.len() as u64,
        reason: wrong,
    }
}

/// What is wrong with who had it, if anything is. `excused` is where nobody may have begun to have it.
pub(super) fn wrong(held: &Held, phase: Span, excused: &[Span]) -> Option<String> {
    let lasted = show_us(held.span.meet(phase).length_us());
    match held.holders.as_slice() {
        [] => {
            let passing = held.taken_over && excused.iter().any(|span| span.contains(held.span.from_us));
            (!passing).then(|| format!("nobody for {lasted}"))
        }
        [_] => None,
        several => Some(format!("{} at once ({}) for {lasted}", several.len(), several.join(", "))),
    }
}

/// From each strike on those that may have it until the site had recovered; so nowhere before the fault or after
/// recovery.
pub(super) fn excused(timeline: &Timeline, candidates: &[String]) -> Vec<Span> {
    let recovered = timeline.recovery.and_then(Reached::us).unwrap_or(timeline.moments.end_us);
    let strikes = timeline.moments.strikes.iter();
    strikes
        .filter(|strike| strike.targets.iter().any(|target| candidates.contains(target)))
        .filter_map(|strike| Some(Span::new(strike.injected_us?, recovered)))
        .collect()
}
