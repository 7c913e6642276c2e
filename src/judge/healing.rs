//! What was done, after the first strike, to bring back what was declared: by whom, when, and what could not be done.

use crate::history::{Event, History};
use crate::measure::Timeline;
use crate::measure::moments::watched;
use crate::report::record::HealingRecord;

use super::scenario::{origin_us, since};

/// What may be said of one server again without a word of news between.
const UNDONE: &str = "wait";
/// What Auto Scaling says of what it did not do.
const FAILED: [&str; 2] = ["Failed", "Cancelled"];

/// In the order in which it came.
pub(super) fn healing(history: &History, timeline: &Timeline) -> Vec<HealingRecord> {
    let Some(from_us) = timeline.moments.injection_us else { return Vec::new() };
    let zero_us = origin_us(timeline);
    let told = watched(history).iter().filter(|record| record.at_us >= from_us).filter_map(|record| {
        let (server, what, detail, done) = told(&record.event)?;
        Some(HealingRecord { at_s: since(record.at_us, zero_us), server, what, detail, done })
    });
    told.collect()
}

/// Server, what was done, the detail, and whether it was done.
fn told(event: &Event) -> Option<(String, String, String, bool)> {
    let all = || "(all)".to_string();
    Some(match event {
        Event::ReconcilerMissing { server, found } => (server.clone(), "missing".into(), found.clone(), true),
        Event::ReconcilerBoots { server } => (server.clone(), "boot".into(), "asked for".into(), true),
        Event::ReconcilerTerminates { server, instance, why } => {
            (server.clone(), "terminate".into(), format!("{instance}: {why}"), true)
        }
        Event::SparePromoted { spare, instead_of } => {
            (spare.clone(), "promote the spare".into(), format!("to the place of {instead_of}"), true)
        }
        Event::DatabaseStep { server, step, detail } => (server.clone(), step.clone(), detail.clone(), step != UNDONE),
        Event::ReconcilerReplaced { server, instance } => {
            (server.clone(), "replaced".into(), format!("by {instance}, which serves"), true)
        }
        Event::AutoScalingActivity { server, description, detail, status } => {
            let detail = format!("{description}: {status}: {detail}");
            (server.clone(), "Auto Scaling".into(), detail, !FAILED.contains(&status.as_str()))
        }
        Event::AutoScalingReplaced { server, instance } => {
            (server.clone(), "replaced".into(), format!("by {instance}, which serves"), true)
        }
        Event::AutoScalingFailed { server, detail } => (server.clone(), "failed".into(), detail.clone(), false),
        Event::ReconcilerFailed { server, detail } => (server.clone(), "failed".into(), detail.clone(), false),
        Event::FloatingIpAsked { name, from, to, why } => {
            (to.clone(), "lead the address".into(), format!("{name} from {from}: {why}"), true)
        }
        Event::FloatingIpLed { name, to } => (to.clone(), "has the address".into(), name.clone(), true),
        Event::FloatingIpFailed { name, detail } => (name.clone(), "failover failed".into(), detail.clone(), false),
        Event::ConfigAgentChanged { server, what } => (server.clone(), "config agent".into(), what.join(", "), true),
        Event::ConfigAgentFailed { server, detail } => (server.clone(), "config agent".into(), detail.clone(), false),
        Event::AgentKilled { agent, step } => (all(), format!("{agent} killed"), format!("at its step {step}"), false),
        Event::AgentStopped { agent } => (all(), format!("{agent} stopped"), String::new(), false),
        Event::AgentStarted { agent } => (all(), format!("{agent} started"), String::new(), true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;

    #[test]
    fn what_was_done_and_what_could_not_be_is_told_from_the_first_strike_on() {
        let step = |step: &str, detail: &str| Event::DatabaseStep {
            server: "db-1".into(),
            step: step.into(),
            detail: detail.into(),
        };
        let script = Script::website(2, 1)
            .event(1000, step("promote", "before anything was struck"))
            .dies(6000, "web-1")
            .event(6200, step("wait", "there is no donor"))
            .replaced(6500, 7000, 8000, "web-1");
        let history = script.history();
        let found = healing(&history, &Timeline::of(&history));
        let told: Vec<_> = found.iter().map(|one| (one.server.as_str(), one.what.as_str(), one.done)).collect();
        assert_eq!(told, [("db-1", "wait", false), ("web-1", "missing", true), ("web-1", "replaced", true)]);
    }
}
