//! Whether what was to break did break.

use crate::history::{Event, History};
use crate::measure::moments::{StrikeTimes, watched};
use crate::measure::timeline::Timeline;

/// Why it cannot be said that every fault was in effect.
pub fn reasons(history: &History, timeline: &Timeline) -> Vec<String> {
    let strikes = &timeline.moments.strikes;
    let mut reasons = never_struck(history, strikes);
    if !reasons.is_empty() {
        reasons.extend(held_back(history));
    }
    reasons.extend(strikes.iter().filter_map(unconfirmed));
    reasons.extend(
        strikes
            .iter()
            .filter(|strike| strike.lasts && strike.healed_us.is_none())
            .map(|strike| format!("“{}” was not lifted before the watch ended", strike.step)),
    );
    reasons.extend(watched(history).iter().filter_map(|record| match &record.event {
        Event::HealFailed { detail, .. } => Some(format!("a fault could not be lifted: {detail}")),
        Event::FaultLapsed { target, evidence, .. } => {
            Some(format!("the fault at {target} was over before it was to be lifted: {evidence}"))
        }
        _ => None,
    }));
    reasons
}

fn never_struck(history: &History, strikes: &[StrikeTimes]) -> Vec<String> {
    let asked = history.plan.acts.iter().filter_map(|act| Some(&act.orders().first()?.step));
    asked
        .filter(|step| !strikes.iter().any(|strike| strike.line == step.line && strike.injected_us.is_some()))
        .map(|step| format!("“{}” never struck", step.text))
        .collect()
}

/// What the safeguards kept from happening.
fn held_back(history: &History) -> Vec<String> {
    let held = watched(history).iter().filter_map(|record| match &record.event {
        Event::StrikeHeldBack { detail, .. } => Some(format!("a safeguard held a strike back: {detail}")),
        _ => None,
    });
    held.collect()
}

fn unconfirmed(strike: &StrikeTimes) -> Option<String> {
    if strike.targets.is_empty() {
        return Some(format!("“{}” hit no server", strike.step));
    }
    let target = strike.targets.iter().find(|target| !strike.confirmed.contains_key(*target))?;
    let saw = strike.denied.get(target).map_or("its witness reported nothing", String::as_str);
    Some(format!("“{}”: the fault was not confirmed at {target}: {saw}", strike.step))
}
