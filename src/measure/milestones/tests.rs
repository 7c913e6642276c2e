use super::*;
use crate::history::synthetic::{Script, Stretch};
use crate::history::{Event, Outcome};
use crate::instance::PowerState;
use crate::plan::Schedule;

fn told(script: &Script, interval: Interval) -> Option<Milestone> {
    let history = script.history();
    interval_end(&history, &Timeline::of(&history), interval).map(|row| row.milestone)
}

fn of(script: &Script, name: Name) -> MilestoneTally {
    let history = script.history();
    row(&history, &Timeline::of(&history), name)
}

fn unobservable(found: Option<Milestone>) -> bool {
    matches!(found, Some(Milestone::Unobservable { .. }))
}

fn not_needed(found: Option<Milestone>) -> bool {
    matches!(found, Some(Milestone::NotNeeded { .. }))
}

fn at(ms: u64) -> Option<Milestone> {
    Some(Milestone::At { us: ms * 1000, within_us: 0 })
}

const NEVER: Option<Milestone> = Some(Milestone::Never { us: 20_000_000 });

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
    let is_falling = detection::is_falling;
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
    assert!(unobservable(told(&script, Interval::Detection)));
    assert!(unobservable(told(&script, Interval::Removal)));
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
    let standby = told(&Script::website(4, 2).dies(6000, "lb-2"), Interval::Removal);
    assert!(not_needed(standby), "it was in no rotation");
}

#[test]
fn booted_and_configured_are_of_the_replacement() {
    let script = web_dies().replaced(6500, 7000, 8000, "web-1");
    assert_eq!(Some(of(&script, Name::Booted).milestone), at(7000));
    assert_eq!(Some(of(&script, Name::Configured).milestone), at(8000));
    assert_eq!(told(&script, Interval::Replacement), at(8000));
    assert_eq!(told(&web_dies(), Interval::Replacement), NEVER);
}

/// Two webservers die at 6 s.
fn two_die() -> Script {
    let script = Script::website(4, 1).strike(6000, "dies", &["web-1", "web-2"]);
    let gone = PowerState::Terminated;
    script.state(6005, "web-1", 1, gone).state(6005, "web-2", 1, gone)
}

#[test]
fn the_last_of_several_victims_counts_and_it_is_said_of_how_many() {
    let one = two_die().replaced(6500, 7000, 8000, "web-1");
    let row = of(&one, Name::Configured);
    assert_eq!((Some(row.milestone), row.of), (NEVER, Some(Of { done: 1, total: 2 })));
    let both = of(&one.replaced(6500, 7000, 9000, "web-2"), Name::Configured);
    assert_eq!((Some(both.milestone), both.of), (at(9000), Some(Of { done: 2, total: 2 })));
}

#[test]
fn a_victim_whose_instance_ran_on_needs_no_replacement() {
    let script = Script::website(4, 1).strike(6000, "loses network", &["web-1", "web-2"]);
    assert!(not_needed(Some(of(&script, Name::Booted).milestone)));
    assert!(not_needed(told(&script, Interval::Replacement)));
    let one = script.state(9000, "web-1", 1, PowerState::Terminated).replaced(9500, 10_000, 11_000, "web-1");
    let booted = of(&one, Name::Booted);
    assert_eq!((Some(booted.milestone), booted.of), (at(10_000), Some(Of { done: 1, total: 2 })));
}

#[test]
fn whether_instances_stopped_is_not_known_where_their_observer_was_blind() {
    let script = Script::website(4, 1).strike(6000, "loses network", &["web-1"]);
    let blind = script.blind(7000, super::super::sight::INSTANCES, "the provider");
    assert!(unobservable(told(&blind, Interval::Replacement)));
}

#[test]
fn a_restart_of_the_very_instance_is_a_boot_and_a_thaw_is_not() {
    use PowerState::{Frozen, Running, Stopped};
    let script = web_hangs().state(6020, "web-1", 1, Stopped).state(7000, "web-1", 1, Running);
    assert_eq!(Some(of(&script, Name::Booted).milestone), at(7000));
    assert!(not_needed(Some(of(&script, Name::Configured).milestone)), "it kept its role");
    let thawed = web_hangs().state(6020, "web-1", 1, Frozen).state(7000, "web-1", 1, Running);
    assert!(not_needed(Some(of(&thawed, Name::Booted).milestone)));
}

fn web_hangs() -> Script {
    Script::website(4, 2).strike(6000, "hangs", &["web-1"])
}

#[test]
fn what_the_site_does_to_configure_a_server_of_an_inventory_is_not_seen() {
    let mut history = web_dies().history();
    history.plan.infrastructure.entry.url = Some("http://192.0.2.1".to_string().try_into().unwrap());
    let found = row(&history, &Timeline::of(&history), Name::Configured).milestone;
    assert!(unobservable(Some(found.clone())), "{found:?}");
    let mut history = web_hangs().history();
    history.plan.infrastructure.entry.url = Some("http://192.0.2.1".to_string().try_into().unwrap());
    assert!(not_needed(Some(row(&history, &Timeline::of(&history), Name::Configured).milestone)), "it kept its role");
}

#[test]
fn what_a_site_that_was_there_already_detects_itself_is_not_claimed_to_be_nothing() {
    let mut history = Script::website(2, 0).dies(6000, "web-1").history();
    history.plan.infrastructure.entry.url = Some("http://192.0.2.1".to_string().try_into().unwrap());
    history.plan.settings.reconciler.enabled = false;
    let Milestone::Unobservable { why } = row(&history, &Timeline::of(&history), Name::Detected).milestone else {
        panic!("nothing is observed there")
    };
    assert!(why.ends_with("what the site has besides is not known"), "{why}");
}

#[test]
fn what_was_ready_is_not_replaced_before_the_reconciler_says_so() {
    let ready = Event::ServerReady { server: "web-1".into(), instance: "web-1.2".into() };
    let script = web_dies().replaced(6500, 7000, 8000, "web-1").event(7500, ready);
    assert_eq!(told(&script, Interval::Replacement), at(8000));
}

#[test]
fn where_puppet_configures_its_agent_says_when_and_not_the_reconciler() {
    let mut script = web_dies().replaced(6500, 7000, 8000, "web-1");
    script.settings.config_agent.enabled = true;
    script.settings.config_agent.kind = crate::settings::ConfigAgentKind::Puppet;
    assert_eq!(told(&script, Interval::Replacement), NEVER, "it serves, but its agent did not end well");
    let ready = Event::ServerReady { server: "web-1".into(), instance: "web-1.2".into() };
    assert_eq!(told(&script.event(9500, ready), Interval::Replacement), at(9500));
}

#[test]
fn the_first_error_is_the_first_that_was_due_or_under_way_at_t0() {
    let first = |script: &Script| Timeline::of(&script.history()).first_error_us;
    let script = web_dies().bad(3000.0, 3002.0, Outcome::Refused);
    assert_eq!(first(&script.clone().bad(6004.0, 6100.0, Outcome::Refused)), Some(6_004_000));
    let late =
        Stretch { from_ms: 5998.0, to_ms: 6000.0, outcome: Some(Outcome::Broken), latency_ms: 3.0, late_ms: 0.0 };
    assert_eq!(first(&script.clone().stretch(late)), Some(6_000_000), "it was under way");
    assert_eq!(first(&script), None);
}

#[test]
fn a_row_begins_with_the_onset_and_nothing_comes_before_its_cause() {
    let script = Script::website(4, 2).strike_unconfirmed(6000, "dies", &["lb-1"], Schedule::Once);
    let script = script.came_into_force(6000, 6066, 0, &["lb-1"]).state(6070, "lb-1", 1, PowerState::Terminated);
    let script = script.holders(6020, &[]).holders(6090, &["lb-2"]).bad(6001.0, 6094.0, Outcome::Timeout);
    let history = script.replaced(6500, 7000, 8000, "lb-1").history();
    let rows = rows(&history, &Timeline::of(&history));
    let told: Vec<_> = rows.iter().map(|row| (row.name.word(), row.milestone.us().map(|us| us / 1000))).collect();
    assert_eq!(
        told,
        [
            ("first error", Some(6002)),
            ("witnessed", Some(6066)),
            ("detected", Some(6090)),
            ("removed", Some(6090)),
            ("service back", Some(6094)),
            ("booted", Some(7000)),
            ("configured", Some(8000)),
            ("redundant", Some(8000)),
            ("normal", Some(8000)),
        ]
    );
}

#[test]
fn service_that_was_never_out_need_not_come_back() {
    assert!(not_needed(told(&web_dies().replaced(6500, 7000, 8000, "web-1"), Interval::Failover)));
    assert_eq!(told(&web_dies().bad(6004.0, 6100.0, Outcome::Refused), Interval::Failover), at(6100));
}

#[test]
fn what_a_blind_observer_may_have_missed_is_not_told() {
    let blind = || web_dies().blind(6100, "haproxy", "lb-2");
    let script = blind().view(7000, "lb-1", "web-1", "DOWN");
    assert!(unobservable(told(&script, Interval::Detection)), "lb-2 may have noticed before");
    assert!(unobservable(told(&script, Interval::Removal)), "lb-2 may still have it");
    let seen = script.view(7500, "lb-2", "web-1", "DOWN").sees_again(7500, "haproxy", "lb-2");
    assert_eq!(told(&seen, Interval::Removal), Some(Milestone::At { us: 7_500_000, within_us: 500_000 }));
    assert!(unobservable(told(&blind(), Interval::Recovery)), "it counts as missing only because it is not seen");
    assert_eq!(told(&web_dies(), Interval::Recovery), NEVER);
}

#[test]
fn what_was_polled_is_known_to_the_pollers_resolution() {
    let mut history = web_dies().view(7000, "lb-1", "web-1", "DOWN").history();
    let last = history.events.iter_mut().rev().find(|r| matches!(r.event, Event::BalancerView { .. }));
    last.expect("a view").resolution_us = 20_000;
    let detected = detection::detected(&history, &Timeline::of(&history));
    assert_eq!(detected, Milestone::At { us: 7_000_000, within_us: 20_000 });
}

#[test]
fn without_a_confirmed_fault_no_interval_begins() {
    for interval in [Interval::Detection, Interval::Removal, Interval::Replacement, Interval::Recovery] {
        assert_eq!(told(&Script::website(2, 1), interval), None);
    }
}

#[test]
fn what_was_out_of_rotation_already_need_not_be_removed() {
    let script = Script::website(2, 1).view(5000, "lb-1", "web-1", "DOWN").dies(6000, "web-1");
    assert!(not_needed(told(&script, Interval::Removal)));
}
