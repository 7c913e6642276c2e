//! The system's own first record of a fault.

use crate::history::{Event, History, Record};

use super::super::moments::watched;
use super::super::timeline::Timeline;
use super::{Milestone, reached, sight, since_t0};

/// The system's own first record of the fault, from t0 on.
pub fn detected(history: &History, timeline: &Timeline) -> Milestone {
    let settings = &history.plan.settings;
    let observed = settings.reconciler.enabled
        || !settings.auto_scaling.replaces.is_empty()
        || watched(history)
            .iter()
            .any(|record| matches!(record.event, Event::BalancerView { .. } | Event::VirtualIpHolders { .. }));
    if !observed {
        let why = match history.plan.infrastructure.is_attached() {
            true => "no balancer and no virtual IP is observed here; what the site has besides is not known",
            false => "nothing on this stack could see it",
        };
        return Milestone::Unobservable { why: why.into() };
    }
    let found = reached(since_t0(history, timeline).find(|record| notices(record, history, timeline)), timeline);
    match sight::balancers_unseen(history, timeline, found.us()) {
        Some(why) => Milestone::Unobservable { why },
        None => found,
    }
}

/// The system's own first record of the fault but for the reconciler's, in microseconds on the run's clock.
pub fn detected_otherwise(history: &History, timeline: &Timeline) -> Option<u64> {
    let mut noticed = since_t0(history, timeline).filter(|record| notices(record, history, timeline));
    noticed.find(|record| !matches!(record.event, Event::ReconcilerMissing { .. })).map(|record| record.at_us)
}

fn notices(record: &Record, history: &History, timeline: &Timeline) -> bool {
    let victims = timeline.moments.victims();
    match &record.event {
        Event::BalancerView { server, status, check, up, standby, .. } => {
            victims.contains(server) && (!(*up || *standby) || is_falling(status, check))
        }
        Event::VirtualIpHolders { name, holders } => {
            let before = holders_before(history, timeline, name);
            before.iter().any(|holder| victims.contains(holder) && taken_over(holders, holder))
        }
        Event::ReconcilerMissing { server, .. } | Event::AutoScalingActivity { server, .. } => victims.contains(server),
        _ => false,
    }
}

/// Whether HAProxy counts misses of a server that it still has up: `UP 2/3`, `* L4TOUT`.
pub(super) fn is_falling(status: &str, check: &str) -> bool {
    let check = check.trim_start_matches("* ");
    let undecided = ["", "INI", "UNK", "SOCKERR"].contains(&check) || check.contains("OK");
    (status.starts_with("UP ") && status.contains('/')) || !undecided
}

/// Who held a virtual IP when the fault came into force.
pub(super) fn holders_before<'a>(history: &'a History, timeline: &Timeline, virtual_ip: &str) -> &'a [String] {
    let t0 = timeline.moments.t0_us.unwrap_or(u64::MAX);
    let before = watched(history).iter().take_while(|record| record.at_us < t0);
    let last = before.filter_map(|record| match &record.event {
        Event::VirtualIpHolders { name, holders } if name == virtual_ip => Some(holders.as_slice()),
        _ => None,
    });
    last.last().unwrap_or_default()
}

pub(super) fn taken_over(holders: &[String], from: &str) -> bool {
    !holders.is_empty() && holders.iter().all(|holder| holder != from)
}
