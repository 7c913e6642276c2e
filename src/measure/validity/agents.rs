//! Whether the agents that were to be killed were.

use crate::history::{Event, History};
use crate::measure::moments::watched;
use crate::plan::Act;

/// Why it cannot be said that every agent died where it was to die.
pub fn reasons(history: &History) -> Vec<String> {
    let mut killed: Vec<&str> = watched(history)
        .iter()
        .filter_map(|record| match &record.event {
            Event::AgentKilled { step, .. } => Some(step.as_str()),
            _ => None,
        })
        .collect();
    let mut reasons = Vec::new();
    for act in &history.plan.acts {
        let Act::ReconcilerDies(step) = act else { continue };
        match killed.iter().position(|at| *at == step.name()) {
            Some(place) => drop(killed.remove(place)),
            None => reasons.push(format!("the reconciler was to be killed at its step “{step}”, and never came to it")),
        }
    }
    reasons
}
