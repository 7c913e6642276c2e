//! Each strike of a scenario: whom it hit, when, what its witness saw, and how soon everything was as before.

use crate::history::History;
use crate::measure::Timeline;
use crate::measure::moments::StrikeTimes;
use crate::measure::recovery::normal_from;
use crate::report::record::StrikeOutcome;

use super::scenario::{origin_us, since};

/// In the order of their injections, a record for each target.
pub(super) fn strikes_of(history: &History, timeline: &Timeline) -> Vec<StrikeOutcome> {
    let of_strike = |strike: &StrikeTimes| -> Vec<StrikeOutcome> {
        let normal_after_onset_s = normal_after_onset_s(history, timeline, strike);
        let record = |target: &String| strike_record(strike, target, origin_us(timeline), normal_after_onset_s);
        strike.targets.iter().map(record).collect()
    };
    timeline.moments.strikes.iter().flat_map(of_strike).collect()
}

/// How long after a strike's t0 everything was as before, whatever else was struck meanwhile.
fn normal_after_onset_s(history: &History, timeline: &Timeline, strike: &StrikeTimes) -> Option<f64> {
    let (t0, over) = (strike.t0_us()?, strike.over_us()?);
    let reached = normal_from(history, &timeline.moments, &timeline.whole, over.max(t0));
    reached.us().map(|us| since(us, t0))
}

fn strike_record(strike: &StrikeTimes, target: &str, zero_us: u64, normal_after_onset_s: Option<f64>) -> StrikeOutcome {
    let confirmed = strike.confirmed.get(target);
    let denied = || strike.denied.get(target).map(|saw| format!("not confirmed: {saw}"));
    let witness = confirmed.map(|found| found.evidence.clone()).or_else(denied);
    StrikeOutcome {
        strike: strike.strike,
        fault: strike.fault.clone(),
        step: strike.step.clone(),
        line: strike.line,
        target: target.into(),
        why: strike.why.clone(),
        injected_at_s: strike.injected_us.map(|at| since(at, zero_us)),
        onset_at_s: confirmed.map(|found| since(found.onset.not_before_us, zero_us)),
        witnessed_at_s: confirmed.map(|found| since(found.onset.by_us, zero_us)),
        witness: witness.unwrap_or_else(|| "no witness reported anything".into()),
        healed_at_s: strike.healed_us.map(|at| since(at, zero_us)),
        normal_after_onset_s,
    }
}
