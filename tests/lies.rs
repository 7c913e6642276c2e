//! Lies that must be caught: sabotaged twins of the card's scenario, and parts that silently do nothing.
//! Here a green scenario is a broken harness.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Folder, can_run, chimp, run};

fn verdicts(record: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let scenarios = record["scenarios"].as_array().unwrap();
    scenarios.iter().map(|s| (text(&s["name"]), text(&s["verdict"]), text(&s["reason"]))).collect()
}

#[test]
fn no_sabotaged_twin_of_the_card_passes() {
    if !can_run("no_sabotaged_twin_of_the_card_passes") {
        return;
    }
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
    if !can_run(lie) {
        return;
    }
    let out = Folder::new(lie);
    let output = run(chimp(&["run", "tests/features/short.feature", "--retries", "0", "--sabotage", lie])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    let (_, verdict, reason) = verdicts(&out.record()).remove(0);
    assert_eq!(verdict, "invalid", "{reason}");
    assert!(reason.contains(because), "{reason}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_strike_that_does_nothing_is_invalid() {
    a_lie_is_invalid("faults", "not confirmed");
}

/// Every row of the table has a scenario of its own, whose strike does nothing: none of them is anything but invalid.
#[test]
fn no_fault_that_does_nothing_is_ever_a_verdict() {
    const FEATURE: &str = "tests/features/every-fault.feature";
    let planned = chimp(&["plan", FEATURE]).output().unwrap();
    let plan: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let faults = |scenario: &Value| -> Vec<String> {
        let acts = scenario["acts"].as_array().unwrap().iter();
        acts.filter_map(|act| act["strike"]["fault"].as_str()).map(str::to_string).collect()
    };
    let planned: BTreeMap<String, Vec<String>> =
        plan["scenarios"].as_array().unwrap().iter().map(|s| (s["name"].as_str().unwrap().into(), faults(s))).collect();
    for fault in anarcho_chimp::fault::FAULTS.iter().map(|fault| fault.name()) {
        let of_scenario = planned.get(fault).unwrap_or_else(|| panic!("{FEATURE} has no scenario `{fault}`"));
        assert!(of_scenario.iter().any(|struck| struck == fault), "{fault}: {of_scenario:?}");
    }
    if !can_run("no_fault_that_does_nothing_is_ever_a_verdict") {
        return;
    }
    let out = Folder::new("every-fault");
    let output = run(chimp(&["run", FEATURE, "--retries", "0", "--jobs", "8", "--sabotage", "faults"])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    let verdicts = verdicts(&out.record());
    assert_eq!(verdicts.len(), planned.len());
    for (name, verdict, reason) in verdicts {
        assert_eq!(verdict, "invalid", "{name}: {reason}");
        assert!(reason.contains("not confirmed"), "{name}: {reason}");
    }
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_load_that_sends_nothing_is_invalid() {
    a_lie_is_invalid("probes", "probe");
}

#[test]
fn users_that_were_asked_for_and_never_came_are_invalid() {
    a_lie_is_invalid("users", "users");
}

/// The same scenario as without the lie, which must pass: else its failure would prove nothing.
#[test]
fn an_acknowledged_post_that_vanishes_from_every_database_is_a_failure() {
    const NAME: &str = "an_acknowledged_post_that_vanishes_from_every_database_is_a_failure";
    if !can_run(NAME) {
        return;
    }
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

/// Two masters that are written to at once acknowledge both of two additions to one count, and keep one of them: seldom
/// while they hear each other at once, certainly while they do not.
#[test]
fn updates_that_two_masters_lose_are_a_failure() {
    if !can_run("updates_that_two_masters_lose_are_a_failure") {
        return;
    }
    let out = Folder::new("both-masters");
    run(chimp(&["run", "tests/features/both-masters.feature", "--retries", "1", "--seed", "7"])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    let (_, verdict, reason) = verdicts(&out.record()).remove(0);
    assert_eq!(verdict, "fail", "{reason}");
    assert!(reason.contains("followers"), "{reason}");
}

#[test]
fn the_card_without_its_users_is_invalid() {
    if !can_run("the_card_without_its_users_is_invalid") {
        return;
    }
    let out = Folder::new("no-users");
    let output = run(chimp(&["run", "features/card.feature", "--retries", "0", "--sabotage", "users"])
        .args(["--config", "tests/sabotage/chimp.toml", "--out"])
        .arg(out.path()));
    let (_, verdict, reason) = verdicts(&out.record()).remove(0);
    assert_eq!(verdict, "invalid", "{reason}");
    assert_eq!(output.status.code(), Some(3));
}
