//! What a scenario left behind: nothing, as it must be.

use crate::history::{Event, History};

/// Faults that were not seen to be lifted, and what was found on the machine when the scenario was over.
pub(super) fn leaks(history: &History) -> Vec<String> {
    let told = |event: &Event| match event {
        Event::HealFailed { strike, detail } => Some(format!("strike {strike} was not lifted: {detail}")),
        Event::LeftBehind { detail } => Some(detail.clone()),
        _ => None,
    };
    history.events.iter().filter_map(|record| told(&record.event)).collect()
}
