//! When a victim no longer got any traffic.

use crate::history::{History, Record};

use super::super::fleet::Fleet;
use super::super::moments::watched;
use super::super::sight::{BALANCER, Blind, blind};
use super::super::timeline::Timeline;
use super::detection::{holders_before, taken_over};
use super::{Milestone, reached};

/// When no living balancer had a victim in rotation any more, or another server held its virtual IP.
pub fn removed(history: &History, timeline: &Timeline, victim: &str) -> Milestone {
    let infrastructure = &history.plan.infrastructure;
    let t0 = timeline.moments.t0_us.unwrap_or(u64::MAX);
    let held: Vec<&str> = (infrastructure.virtual_ips.iter())
        .filter(|address| holders_before(history, timeline, &address.name).iter().any(|holder| holder == victim))
        .map(|address| address.name.as_str())
        .collect();
    let mut fleet = Fleet::new(infrastructure);
    let mut blind = blind(history, &timeline.moments);
    blind.retain(|blind| blind.observer == BALANCER);
    // Since when it was out to all balancers but those that can't be seen, and why they can't.
    let (mut unseen_us, mut why) = (None, None);
    let (mut known, mut out_before) = (!held.is_empty(), false);
    for record in watched(history) {
        fleet.apply(record);
        let rotation = fleet.out_of_rotation(victim);
        known |= rotation.is_some();
        let away = held.iter().all(|name| fleet.holders(name).is_some_and(|now| taken_over(now, victim)));
        let out = rotation.unwrap_or(!held.is_empty()) && away;
        match out {
            _ if record.at_us < t0 => out_before = out,
            true if out_before => return Milestone::not_needed("it was out of rotation already"),
            true => match blind.iter().find(|blind| may_differ(blind, record.at_us, timeline)) {
                Some(blind) => (unseen_us, why) = (unseen_us.or(Some(record.at_us)), Some(blind.why())),
                None => return reached_since(record, unseen_us),
            },
            false => (out_before, unseen_us) = (false, None),
        }
    }
    // It may have been removed, though it was never seen to be.
    if let Some(why) = why {
        return Milestone::Unobservable { why };
    }
    match known {
        true => reached(None, timeline),
        false if fleet.balancers().is_empty() => {
            Milestone::Unobservable { why: "no balancer's view of it was recorded".into() }
        }
        false => Milestone::not_needed("it was in no rotation"),
    }
}

/// Whether a balancer can't be seen at a moment, or never again from then on.
fn may_differ(blind: &Blind<'_>, at_us: u64, timeline: &Timeline) -> bool {
    blind.span.contains(at_us) || (blind.span.to_us == timeline.moments.end_us && blind.span.to_us <= at_us)
}

/// It was out at a record, and may have been out since an earlier moment.
fn reached_since(record: &Record, since_us: Option<u64>) -> Milestone {
    let unseen_us = since_us.map_or(0, |since_us| record.at_us.saturating_sub(since_us));
    Milestone::At { us: record.at_us, within_us: record.resolution_us.max(unseen_us) }
}
