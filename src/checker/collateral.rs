//! `no other node fails`: no server that was not struck stopped running, or was down to a living balancer.

use std::collections::BTreeMap;

use crate::history::{Event, History, Record};
use crate::instance::PowerState;
use crate::measure::fleet::Fleet;
use crate::measure::moments::watched;
use crate::measure::sight::{BALANCER, INSTANCES, unseen};
use crate::measure::{Moments, Span};

use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct NoOtherFails;

impl Checker for NoOtherFails {
    fn check(&self, history: &History) -> Judgement {
        let expected = "0".to_string();
        let moments = Moments::of(history);
        let Some(zero) = moments.zero_us else {
            return Judgement::invalid(expected, "servers", 0, "the baseline was never steady");
        };
        let others = history.plan.infrastructure.servers.keys().filter(|name| !moments.was_struck(name)).count();
        if others == 0 {
            return Judgement::invalid(expected, "servers", 0, "every node was struck: there was no other");
        }
        if !watched(history).iter().any(is_an_observation) {
            return Judgement::invalid(expected, "servers", 0, "no observer recorded any node's state");
        }
        let failed = failures(history, &moments, zero);
        let rests_on = |observer: &str, _: &str| [INSTANCES, BALANCER].contains(&observer);
        let unseen = unseen(history, &moments, Span::new(zero, moments.end_us), rests_on);
        let named: Vec<String> = failed.iter().map(|(name, how)| format!("{name} {how}")).collect();
        Judgement {
            observed: failed.len().to_string(),
            value: Some(failed.len() as f64),
            n: Some(others as u64),
            reason: (!failed.is_empty()).then(|| named.join(", ")),
            ..Judgement::blank(Verdict::of(failed.is_empty()), expected, "servers")
        }
        .unless_unseen(unseen)
    }
}

fn is_an_observation(record: &Record) -> bool {
    matches!(record.event, Event::InstanceState { .. } | Event::BalancerView { .. })
}

/// The servers that failed without having been struck, and how each first did.
fn failures<'a>(history: &'a History, moments: &Moments, zero_us: u64) -> BTreeMap<&'a str, String> {
    let mut fleet = Fleet::new(&history.plan.infrastructure);
    let mut failed = BTreeMap::new();
    for record in watched(history) {
        fleet.apply(record);
        let Some((server, how)) = failure(record, &fleet) else { continue };
        if record.at_us >= zero_us && !moments.was_struck(server) {
            failed.entry(server).or_insert(how);
        }
    }
    failed
}

fn failure<'a>(record: &'a Record, fleet: &Fleet<'_>) -> Option<(&'a str, String)> {
    match &record.event {
        Event::InstanceState { server, state, .. } if *state != PowerState::Running => {
            Some((server, format!("was {state}")))
        }
        Event::BalancerView { balancer, server, up: false, standby: false, .. }
            if fleet.runs(balancer) && !fleet.is_in_doubt(balancer) =>
        {
            Some((server, format!("was down to {balancer}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    fn judged(script: &Script) -> Judgement {
        crate::checker::of(&Expectation::NoOtherFails).check(&script.history())
    }

    fn dies() -> Script {
        Script::website(4, 2).dies(6000, "web-1").view(8000, "lb-1", "web-1", "DOWN")
    }

    #[test]
    fn a_backup_that_stands_by_again_has_not_failed() {
        let script = dies().view(6100, "lb-1", "web-3", "UP").view(9000, "lb-1", "web-3", "standby");
        assert_eq!(judged(&script).verdict, Verdict::Pass);
        assert_eq!(judged(&script.view(9500, "lb-1", "web-3", "DOWN")).verdict, Verdict::Fail);
    }

    #[test]
    fn the_victims_own_failure_does_not_count() {
        let judgement = judged(&dies());
        assert_eq!((judgement.verdict, judgement.n, judgement.observed.as_str()), (Verdict::Pass, Some(5), "0"));
    }

    #[test]
    fn another_that_stopped_or_was_down_counts() {
        let stopped = judged(&dies().state(9000, "web-2", 1, PowerState::Stopped));
        assert_eq!((stopped.verdict, stopped.reason.as_deref()), (Verdict::Fail, Some("web-2 was stopped")));
        let down = judged(&dies().view(9000, "lb-2", "web-3", "DOWN"));
        assert_eq!((down.verdict, down.reason.as_deref()), (Verdict::Fail, Some("web-3 was down to lb-2")));
        let running = dies().state(9000, "web-2", 1, PowerState::Running).view(9000, "lb-1", "web-3", "UP 2/3");
        assert_eq!(judged(&running).verdict, Verdict::Pass);
    }

    #[test]
    fn what_a_dead_balancer_said_or_what_was_before_zero_does_not_count() {
        let dead = Script::website(4, 2).dies(6000, "lb-1").view(6100, "lb-1", "web-2", "DOWN");
        assert_eq!(judged(&dead).verdict, Verdict::Pass);
        let doubtful = Script::website(4, 2).strike(6000, "process", &["lb-1"]).view(6100, "lb-1", "web-2", "DOWN");
        assert_eq!(judged(&doubtful).verdict, Verdict::Pass);
        assert_eq!(judged(&dies().view(900, "lb-1", "web-2", "DOWN")).verdict, Verdict::Pass);
    }

    #[test]
    fn without_another_or_an_observer_it_cannot_be_told() {
        assert_eq!(judged(&Script::website(1, 0).dies(6000, "web-1")).verdict, Verdict::Invalid);
        assert_eq!(judged(&Script::website(2, 0).strike(6000, "dies", &["web-1"])).verdict, Verdict::Invalid);
    }
}
