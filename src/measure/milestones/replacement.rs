//! When a victim that was gone was there again: booted, then configured.

use crate::history::{Event, History, Record};
use crate::instance::PowerState;

use super::super::timeline::Timeline;
use super::{Milestone, reached, sight, since_t0};

/// When a victim's instance, or its replacement, ran again.
pub fn booted(history: &History, timeline: &Timeline, victim: &str) -> Milestone {
    let mut stopped = false;
    let found = since_t0(history, timeline).find(|record| {
        stopped |= stops(record, victim);
        match &record.event {
            Event::InstanceBooted { server, .. } => server == victim,
            Event::InstanceState { server, state: PowerState::Running, .. } => server == victim && stopped,
            _ => false,
        }
    });
    let stops = |record: &Record| stops(record, victim) || misses(record, victim);
    outcome(history, timeline, found, stops, "its instance ran on")
}

/// When a victim's replacement fulfilled its role, or its own instance did again. An instance that was only stopped and
/// started keeps its role: it needs no configuring.
pub fn configured(history: &History, timeline: &Timeline, victim: &str) -> Milestone {
    // Puppet's agent reports itself when it is done; a database is not there until it has its data, too.
    let reports =
        history.plan.settings.config_agent.reports(victim) && !history.plan.infrastructure.databases.has(victim);
    let done = |record: &&Record| match &record.event {
        Event::ReconcilerReplaced { server, .. } => server == victim && !reports,
        Event::ServerReady { server, .. } => server == victim,
        _ => false,
    };
    // Of a server that the reconciler replaces, ready is not yet done.
    let replaced =
        |record: &&Record| matches!(&record.event, Event::ReconcilerReplaced { server, .. } if server == victim);
    let missed =
        |record: &&Record| matches!(&record.event, Event::ReconcilerMissing { server, .. } if server == victim);
    let by_reconciler = since_t0(history, timeline).any(|record| missed(&record)) && !reports;
    let found = match by_reconciler {
        true => since_t0(history, timeline).find(replaced),
        false => since_t0(history, timeline).find(done),
    };
    let ends = |record: &Record| ends(record, victim) || misses(record, victim);
    if found.is_none() && history.plan.infrastructure.is_attached() && since_t0(history, timeline).any(&ends) {
        return Milestone::Unobservable {
            why: "a server of an inventory is configured by the site itself, and no observer sees when".into(),
        };
    }
    outcome(history, timeline, found, ends, "its instance was not replaced")
}

/// What was found; else that it never came, where a record shows that it was needed.
fn outcome(
    history: &History,
    timeline: &Timeline,
    found: Option<&Record>,
    needs_it: impl Fn(&Record) -> bool,
    otherwise: &str,
) -> Milestone {
    match found {
        Some(record) => reached(Some(record), timeline),
        None if since_t0(history, timeline).any(needs_it) => reached(None, timeline),
        None => match sight::instances_unseen(history, timeline) {
            Some(why) => Milestone::Unobservable { why },
            None => Milestone::not_needed(otherwise),
        },
    }
}

/// Its instance is gone for good.
fn ends(record: &Record, victim: &str) -> bool {
    let is_end = |state: &PowerState| *state == PowerState::Terminated;
    matches!(&record.event, Event::InstanceState { server, state, .. } if server == victim && is_end(state))
}

fn stops(record: &Record, victim: &str) -> bool {
    let down = |state: &PowerState| matches!(state, PowerState::Stopped | PowerState::Terminated);
    matches!(&record.event, Event::InstanceState { server, state, .. } if server == victim && down(state))
}

fn misses(record: &Record, victim: &str) -> bool {
    matches!(&record.event, Event::ReconcilerMissing { server, .. } if server == victim)
}
