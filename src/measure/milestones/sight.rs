//! Milestones that no observer could have seen.

use crate::history::History;

use super::super::sight::{BALANCER, DATABASE, INSTANCES, VIRTUAL_IP, unseen};
use super::super::span::Span;
use super::super::timeline::Timeline;
use super::Milestone;

/// Why it is not known what the balancers saw and who held the virtual IPs, from t0 until then: an observer was blind.
pub(super) fn balancers_unseen(history: &History, timeline: &Timeline, until_us: Option<u64>) -> Option<String> {
    let moments = &timeline.moments;
    let span = Span::new(moments.t0_us?, until_us.unwrap_or(moments.end_us));
    unseen(history, moments, span, |observer, _| [BALANCER, VIRTUAL_IP].contains(&observer))
}

/// Why it is not known whether instances stopped and ran again.
pub(super) fn instances_unseen(history: &History, timeline: &Timeline) -> Option<String> {
    let moments = &timeline.moments;
    let span = Span::new(moments.t0_us?, moments.end_us);
    unseen(history, moments, span, |observer, _| observer == INSTANCES)
}

/// What can't be seen counts as missing; whether something was missing until the watch ended is then not known.
pub(super) fn or_unseen(history: &History, timeline: &Timeline, found: Milestone) -> Milestone {
    match (&found, unseen_at_the_end(history, timeline)) {
        (Milestone::Never { .. }, Some(why)) => Milestone::Unobservable { why },
        _ => found,
    }
}

/// Why it is not known whether everything declared was there when the watch ended.
pub fn unseen_at_the_end(history: &History, timeline: &Timeline) -> Option<String> {
    let end_us = timeline.moments.end_us;
    let last = Span::new(end_us.saturating_sub(1), end_us);
    let counts = |observer: &str, _: &str| [BALANCER, VIRTUAL_IP, DATABASE].contains(&observer);
    unseen(history, &timeline.moments, last, counts)
}
