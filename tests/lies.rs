//! Lies that must be caught: sabotaged twins of the card's scenario, and parts that silently do nothing.
//! Here a green scenario is a broken harness.

mod support;

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::Value;
use support::{Folder, Needs, chimp, named, run};

fn main() -> ExitCode {
    support::tests(&[
        (Needs::Nothing, named![every_fault_has_a_scenario]),
        (
            Needs::Scenarios,
            named![
                no_sabotaged_twin_of_the_card_passes,
                a_strike_that_does_nothing_is_invalid,
                no_fault_that_does_nothing_is_ever_a_verdict,
                a_load_that_sends_nothing_is_invalid,
                users_that_were_asked_for_and_never_came_are_invalid,
                an_acknowledged_post_that_vanishes_from_every_database_is_a_failure,
                updates_that_two_masters_lose_are_a_failure,
                what_a_master_takes_along_is_a_failure,
                the_card_without_its_users_is_invalid
            ],
        ),
    ])
}

fn verdicts(record: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let scenarios = record["scenarios"].as_array().unwrap();
    scenarios.iter().map(|s| (text(&s["name"]), text(&s["verdict"]), text(&s["reason"]))).collect()
}

fn no_sabotaged_twin_of_the_card_passes() {
    let out = Folder::new("twins");
    let output = run(chimp(&["run", "tests/sabotage", "--retries", "1", "--seed", "7", "--jobs", "3"])
        .args(["--config", "tests/sabotage/chimp.toml", "--out"])
        .arg(out.path()));
    let verdicts = verdicts(&out.record());
    assert_eq!(verdicts.len(), 3, "{verdicts:?}");
    for (name, verdict, reason) in verdicts {
        assert_eq!(verdict, "fail", "{name}: {reason}");
    }
    assert_eq!(output.status.code(), Some(1));
}

/// Runs the short scenario with a lie planted; it must come to `invalid`, for the reason given.
fn a_lie_is_invalid(lie: &str, because: &str) {
    let out = Folder::new(lie);
    let output = run(chimp(&["run", "tests/features/short.feature", "--retries", "0", "--sabotage", lie])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    let (_, verdict, reason) = verdicts(&out.record()).remove(0);
    assert_eq!(verdict, "invalid", "{reason}");
    assert!(reason.contains(because), "{reason}");
    assert_eq!(output.status.code(), Some(3));
}

fn a_strike_that_does_nothing_is_invalid() {
    a_lie_is_invalid("faults", "not confirmed");
}

/// A scenario for each row of the table, named after its fault.
const EVERY_FAULT: &str = "tests/features/every-fault.feature";

/// The faults of each planned scenario of [`EVERY_FAULT`].
fn planned() -> BTreeMap<String, Vec<String>> {
    let planned = chimp(&["plan", "--json", EVERY_FAULT]).output().unwrap();
    let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let faults = |scenario: &Value| -> Vec<String> {
        let acts = scenario["acts"].as_array().unwrap().iter();
        acts.filter_map(|act| act["strike"]["fault"].as_str()).map(str::to_string).collect()
    };
    plan["scenarios"].as_array().unwrap().iter().map(|s| (s["name"].as_str().unwrap().into(), faults(s))).collect()
}

fn every_fault_has_a_scenario() {
    let planned = planned();
    for fault in anarcho_chimp::fault::FAULTS.iter().map(|fault| fault.name()) {
        let of_scenario = planned.get(fault).unwrap_or_else(|| panic!("{EVERY_FAULT} has no scenario `{fault}`"));
        assert!(of_scenario.iter().any(|struck| struck == fault), "{fault}: {of_scenario:?}");
    }
}

/// None of these scenarios, in each of which a strike does nothing, is anything but invalid. Where the machine was so busy that
/// one ended before its strike, which then has not lied, it is run again by itself.
fn no_fault_that_does_nothing_is_ever_a_verdict() {
    let all = a_lying_strike_in(&["--jobs", "6"]);
    assert_eq!(all.len(), planned().len());
    for (mut name, mut verdict, mut reason) in all {
        for _ in 0..2 {
            if !reason.contains("never struck") {
                break;
            }
            assert_eq!(verdict, "invalid", "{name}: {reason}");
            let again = format!("{}::{name}", EVERY_FAULT.trim_end_matches(".feature"));
            (name, verdict, reason) = a_lying_strike_in(&["--name", &again, "--exact"]).remove(0);
        }
        assert_eq!(verdict, "invalid", "{name}: {reason}");
        assert!(reason.contains("not confirmed"), "{name}: {reason}");
    }
}

/// The verdicts of these scenarios, each with a strike that does nothing.
fn a_lying_strike_in(which: &[&str]) -> Vec<(String, String, String)> {
    let out = Folder::new("every-fault");
    let output = run(chimp(&["run", EVERY_FAULT, "--retries", "0", "--sabotage", "faults"])
        .args(which)
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    assert_eq!(output.status.code(), Some(3));
    verdicts(&out.record())
}

fn a_load_that_sends_nothing_is_invalid() {
    a_lie_is_invalid("probes", "probe");
}

fn users_that_were_asked_for_and_never_came_are_invalid() {
    a_lie_is_invalid("users", "users");
}

/// The same scenario as without the lie, which must pass: else its failure would prove nothing.
fn an_acknowledged_post_that_vanishes_from_every_database_is_a_failure() {
    for (lie, expected) in [(None, "pass"), (Some("writes"), "fail")] {
        let out = Folder::new(&format!("writes-{expected}"));
        let mut chimp = chimp(&["run", "tests/features/writes.feature", "--retries", "1", "--seed", "7"]);
        chimp.args(["--config", "tests/features/short.toml", "--out"]).arg(out.path());
        run(chimp.args(lie.map(|lie| ["--sabotage", lie]).into_iter().flatten()));
        let record = out.record();
        let (_, verdict, reason) = verdicts(&record).remove(0);
        assert_eq!(verdict, expected, "{reason}");
        let data = &record["scenarios"][0]["data"];
        assert!(data["writes_acked"].as_u64().unwrap() > 20, "{data}");
        assert_eq!(data["writes_lost"], u64::from(lie.is_some()), "{data}");
    }
}

/// A scenario in which the site certainly loses what it had acknowledged: the verdict must be that it failed, and say of what.
fn it_is_caught_losing(feature: &str, what: &str) {
    let out = Folder::new(feature);
    let path = format!("tests/features/{feature}.feature");
    run(chimp(&["run", &path, "--retries", "1", "--seed", "7"])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    let (_, verdict, reason) = verdicts(&out.record()).remove(0);
    assert_eq!(verdict, "fail", "{reason}");
    assert!(reason.contains(what), "{reason}");
}

/// Two masters that are written to at once acknowledge both of two additions to one count, and keep one of them: seldom
/// while they hear each other at once, certainly while they do not.
fn updates_that_two_masters_lose_are_a_failure() {
    it_is_caught_losing("both-masters", "followers");
}

/// An asynchronous master acknowledges what nobody else has, and takes it along when it dies.
fn what_a_master_takes_along_is_a_failure() {
    it_is_caught_losing("async-loses", "no acknowledged write is lost");
}

fn the_card_without_its_users_is_invalid() {
    let out = Folder::new("no-users");
    let output = run(chimp(&["run", "features/card.feature", "--retries", "0", "--sabotage", "users"])
        .args(["--config", "tests/sabotage/chimp.toml", "--out"])
        .arg(out.path()));
    let (_, verdict, reason) = verdicts(&out.record()).remove(0);
    assert_eq!(verdict, "invalid", "{reason}");
    assert_eq!(output.status.code(), Some(3));
}
