//! The moments a fault is told by: noticed, taken out, replaced, back. All are about the first strike's victims.
//!
//! | milestone | the moment |
//! |---|---|
//! | first error | the first bad request due since injecting began |
//! | detected | the first record by the system itself: a check of a victim that fails or a balancer that has it down, another server taking over its virtual IP, the reconciler missing it |
//! | removed | no living balancer has a victim in rotation, or another server holds its virtual IP: of the last victim |
//! | booted, configured | a victim's instance (or its replacement) runs again, then fulfils its role: of the last victim |

use crate::checker::Interval;
use crate::history::{Event, History, Record};
use crate::provider::PowerState;

use super::fleet::Fleet;
use super::moments::watched;
use super::sample::Sample;
use super::span::{Reached, Span};
use super::timeline::Timeline;

/// The first bad request due since injecting began, in microseconds on the run's clock.
pub fn first_error_us(history: &History, timeline: &Timeline) -> Option<u64> {
    let moments = &timeline.moments;
    let sample = Sample::of(history).within(Span::new(moments.injection_us?, moments.end_us));
    sample.requests().iter().find(|request| !sample.is_good(request)).map(|request| request.due_us)
}

/// When an interval ended. `None` when no fault was confirmed, or nothing on this stack could have seen it.
pub fn interval_end(history: &History, timeline: &Timeline, interval: Interval) -> Option<Reached> {
    timeline.moments.t0_us?;
    match interval {
        Interval::Detection => detected(history, timeline),
        Interval::Removal => removed(history, timeline),
        Interval::Failover => timeline.service,
        Interval::Replacement => Some(configured(history, timeline)),
        Interval::Redundancy => timeline.redundancy,
        Interval::Recovery => timeline.recovery,
    }
}

/// The system's own first record of the fault. `None` when nothing of the system's own was observed at all.
pub fn detected(history: &History, timeline: &Timeline) -> Option<Reached> {
    let events = watched(history);
    let observed = history.plan.settings.reconciler.enabled
        || events
            .iter()
            .any(|record| matches!(record.event, Event::BalancerView { .. } | Event::VirtualIpHolders { .. }));
    let noticed = since_injection(history, timeline).find(|record| notices(record, history, timeline));
    observed.then(|| reached(noticed, timeline))
}

/// The system's own first record of the fault but for the reconciler's, in microseconds on the run's clock.
pub fn detected_otherwise(history: &History, timeline: &Timeline) -> Option<u64> {
    let mut noticed = since_injection(history, timeline).filter(|record| notices(record, history, timeline));
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
        Event::ReconcilerMissing { server, .. } => victims.contains(server),
        _ => false,
    }
}

/// Whether HAProxy counts misses of a server that it still has up: `UP 2/3`, `* L4TOUT`.
fn is_falling(status: &str, check: &str) -> bool {
    let check = check.trim_start_matches("* ");
    let undecided = ["", "INI", "UNK", "SOCKERR"].contains(&check) || check.contains("OK");
    (status.starts_with("UP ") && status.contains('/')) || !undecided
}

/// When the last victim was out of rotation. `None` when none was ever in any rotation.
pub fn removed(history: &History, timeline: &Timeline) -> Option<Reached> {
    let ends: Vec<Reached> =
        timeline.moments.victims().iter().filter_map(|victim| removed_one(history, timeline, victim)).collect();
    last_of(ends)
}

fn removed_one(history: &History, timeline: &Timeline, victim: &str) -> Option<Reached> {
    let infrastructure = &history.plan.infrastructure;
    let injected = timeline.moments.injection_us?;
    let held: Vec<&str> = (infrastructure.virtual_ips.iter())
        .filter(|address| holders_before(history, timeline, &address.name).iter().any(|holder| holder == victim))
        .map(|address| address.name.as_str())
        .collect();
    let mut fleet = Fleet::new(infrastructure);
    let mut known = !held.is_empty();
    for record in watched(history) {
        fleet.apply(record);
        let rotation = fleet.out_of_rotation(victim);
        known |= rotation.is_some();
        let away = held.iter().all(|name| fleet.holders(name).is_some_and(|now| taken_over(now, victim)));
        let out = rotation.unwrap_or(!held.is_empty()) && away;
        if out && record.at_us >= injected {
            return Some(reached(Some(record), timeline));
        }
    }
    known.then(|| reached(None, timeline))
}

/// When the last victim's instance, or its replacement, ran again.
pub fn booted(history: &History, timeline: &Timeline) -> Reached {
    each_victim(history, timeline, |record, victim| match &record.event {
        Event::InstanceBooted { server, .. } => server == victim,
        Event::InstanceState { server, state: PowerState::Running, .. } => server == victim,
        _ => false,
    })
}

/// When the last victim's instance, or its replacement, fulfilled its role.
pub fn configured(history: &History, timeline: &Timeline) -> Reached {
    each_victim(history, timeline, |record, victim| match &record.event {
        Event::ServerReady { server, .. } | Event::ReconcilerReplaced { server, .. } => server == victim,
        _ => false,
    })
}

fn each_victim(history: &History, timeline: &Timeline, is_it: impl Fn(&Record, &str) -> bool) -> Reached {
    let one =
        |victim: &String| reached(since_injection(history, timeline).find(|record| is_it(record, victim)), timeline);
    last_of(timeline.moments.victims().iter().map(one).collect()).unwrap_or_else(|| reached(None, timeline))
}

/// The last of several; what never came is known until the watch's end, so it is later than any that did.
fn last_of(ends: Vec<Reached>) -> Option<Reached> {
    ends.into_iter().max_by_key(|end| end.known_us())
}

fn reached(record: Option<&Record>, timeline: &Timeline) -> Reached {
    match record {
        Some(record) => Reached::At { us: record.at_us, within_us: record.resolution_us },
        None => Reached::NotBefore { us: timeline.moments.end_us },
    }
}

fn since_injection<'a>(history: &'a History, timeline: &Timeline) -> impl Iterator<Item = &'a Record> + use<'a> {
    let injected = timeline.moments.injection_us.unwrap_or(u64::MAX);
    watched(history).iter().filter(move |record| record.at_us >= injected)
}

/// Who held a virtual IP when injecting began.
fn holders_before<'a>(history: &'a History, timeline: &Timeline, virtual_ip: &str) -> &'a [String] {
    let injected = timeline.moments.injection_us.unwrap_or(u64::MAX);
    let before = watched(history).iter().take_while(|record| record.at_us < injected);
    let last = before.filter_map(|record| match &record.event {
        Event::VirtualIpHolders { name, holders } if name == virtual_ip => Some(holders.as_slice()),
        _ => None,
    });
    last.last().unwrap_or_default()
}

fn taken_over(holders: &[String], from: &str) -> bool {
    !holders.is_empty() && holders.iter().all(|holder| holder != from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;

    fn told(script: &Script, interval: Interval) -> Option<Reached> {
        let history = script.history();
        interval_end(&history, &Timeline::of(&history), interval)
    }

    fn at(ms: u64) -> Option<Reached> {
        Some(Reached::at(ms * 1000))
    }

    const NEVER: Option<Reached> = Some(Reached::NotBefore { us: 20_000_000 });

    fn web_dies() -> Script {
        Script::website(4, 2).dies(6000, "web-1")
    }

    #[test]
    fn a_falling_check_is_a_detection_and_a_passing_one_is_not() {
        let script = web_dies().view(6100, "lb-1", "web-2", "DOWN").view(6150, "lb-1", "web-1", "UP");
        assert_eq!(told(&script, Interval::Detection), NEVER);
        assert_eq!(told(&script.clone().view(6200, "lb-2", "web-1", "UP 2/3"), Interval::Detection), at(6200));
        assert_eq!(told(&script.view(6300, "lb-2", "web-1", "DOWN"), Interval::Detection), at(6300));
    }

    #[test]
    fn a_check_that_times_out_is_a_detection_before_it_counts() {
        assert!(is_falling("UP", "* L4TOUT") && is_falling("UP", "L7STS") && is_falling("UP 1/3", "L7OK"));
        assert!(!is_falling("UP", "L7OK") && !is_falling("UP", "* L7OK") && !is_falling("UP", "INI"));
        assert!(!is_falling("UP", "") && !is_falling("DOWN 1/2", "L7OK"));
    }

    #[test]
    fn the_reconciler_detects_what_it_misses() {
        assert_eq!(told(&web_dies().replaced(6500, 7000, 8000, "web-1"), Interval::Detection), at(6500));
        assert_eq!(told(&web_dies().replaced(6500, 7000, 8000, "web-2"), Interval::Detection), NEVER);
    }

    #[test]
    fn a_virtual_ip_that_another_takes_is_a_detection_and_its_loss_is_not() {
        let script = Script::website(4, 2).dies(6000, "lb-1").holders(6020, &[]);
        assert_eq!(told(&script, Interval::Detection), NEVER);
        assert_eq!(told(&script.holders(6090, &["lb-2"]), Interval::Detection), at(6090));
        let standby = Script::website(4, 2).dies(6000, "lb-2").holders(6020, &["lb-2"]);
        assert_eq!(told(&standby, Interval::Detection), NEVER, "the victim did not hold it");
    }

    #[test]
    fn what_nothing_could_see_is_unobserved() {
        let mut script = Script::website(2, 0).dies(6000, "web-1");
        assert_eq!(told(&script, Interval::Detection), NEVER, "the reconciler could have");
        script.settings.reconciler.enabled = false;
        assert_eq!(told(&script, Interval::Detection), None);
        assert_eq!(told(&script, Interval::Removal), None);
    }

    #[test]
    fn a_victim_is_removed_when_no_living_balancer_has_it() {
        let script = web_dies().view(7000, "lb-1", "web-1", "DOWN");
        assert_eq!(told(&script, Interval::Removal), NEVER);
        assert_eq!(told(&script.view(7500, "lb-2", "web-1", "DOWN"), Interval::Removal), at(7500));
    }

    #[test]
    fn several_victims_are_removed_with_the_last() {
        let script = Script::website(4, 1).strike(6000, "dies", &["web-1", "web-2"]);
        let script = script.view(7000, "lb-1", "web-1", "DOWN");
        assert_eq!(told(&script, Interval::Removal), NEVER);
        assert_eq!(told(&script.view(8000, "lb-1", "web-2", "DOWN"), Interval::Removal), at(8000));
    }

    #[test]
    fn a_balancer_is_removed_when_another_holds_its_address() {
        let script = Script::website(4, 2).dies(6000, "lb-1").holders(6020, &[]);
        assert_eq!(told(&script, Interval::Removal), NEVER);
        assert_eq!(told(&script.holders(6090, &["lb-2"]), Interval::Removal), at(6090));
        assert_eq!(told(&Script::website(4, 2).dies(6000, "lb-2"), Interval::Removal), None, "it was in no rotation");
    }

    #[test]
    fn booted_and_configured_are_of_the_replacement() {
        let history = web_dies().replaced(6500, 7000, 8000, "web-1").history();
        let timeline = Timeline::of(&history);
        assert_eq!(Some(booted(&history, &timeline)), at(7000));
        assert_eq!(Some(configured(&history, &timeline)), at(8000));
        assert_eq!(told(&web_dies().replaced(6500, 7000, 8000, "web-1"), Interval::Replacement), at(8000));
        assert_eq!(told(&web_dies(), Interval::Replacement), NEVER);
    }

    #[test]
    fn the_last_of_several_victims_counts() {
        let script =
            Script::website(4, 1).strike(6000, "dies", &["web-1", "web-2"]).replaced(6500, 7000, 8000, "web-1");
        assert_eq!(told(&script, Interval::Replacement), NEVER);
        assert_eq!(told(&script.replaced(6500, 7000, 9000, "web-2"), Interval::Replacement), at(9000));
    }

    #[test]
    fn a_restart_of_the_very_instance_is_a_boot() {
        use PowerState::{Running, Stopped};
        let script = web_dies().state(6020, "web-1", 1, Stopped).state(7000, "web-1", 1, Running);
        let history = script.history();
        assert_eq!(Some(booted(&history, &Timeline::of(&history))), at(7000));
    }

    #[test]
    fn the_first_error_is_the_first_since_injection() {
        let script = web_dies().bad(3000.0, 3002.0, Outcome::Refused).bad(6004.0, 6100.0, Outcome::Refused);
        let history = script.history();
        assert_eq!(first_error_us(&history, &Timeline::of(&history)), Some(6_004_000));
    }

    #[test]
    fn what_was_polled_is_known_to_the_pollers_resolution() {
        let mut history = web_dies().view(7000, "lb-1", "web-1", "DOWN").history();
        let last = history.events.iter_mut().rev().find(|r| matches!(r.event, Event::BalancerView { .. }));
        last.expect("a view").resolution_us = 20_000;
        let detected = detected(&history, &Timeline::of(&history));
        assert_eq!(detected, Some(Reached::At { us: 7_000_000, within_us: 20_000 }));
    }

    #[test]
    fn without_a_confirmed_fault_no_interval_begins() {
        for interval in [Interval::Detection, Interval::Removal, Interval::Replacement, Interval::Recovery] {
            assert_eq!(told(&Script::website(2, 1), interval), None);
        }
    }

    #[test]
    fn what_was_out_of_rotation_already_is_removed_at_once() {
        let script = Script::website(2, 1).view(5000, "lb-1", "web-1", "DOWN").dies(6000, "web-1");
        assert_eq!(told(&script, Interval::Removal), at(6000));
    }
}
