//! Reports that Puppet's agent 7.23 left, cut down to a few resources.

use super::*;

/// Of a server that had nothing yet.
const CHANGED: &str = include_str!("reports/changed.yaml");
/// One of its commands ended with 3.
const FAILED: &str = include_str!("reports/failed.yaml");
/// Its certificate was revoked: it got no catalog, applied the one of the run before, and ended with 0.
const REMEMBERED: &str = include_str!("reports/remembered.yaml");

#[test]
fn a_report_says_when_everything_was_applied_and_what_was_changed() {
    let report = Report::read(CHANGED).unwrap();
    assert_eq!(report.failure, None);
    assert_eq!(report.changed, ["Exec[start nginx]", "File[/srv/d/e/f]"]);
    let last = "2026-11-29T06:50:23.2Z".parse::<Timestamp>().unwrap();
    let apart = report.applied.duration_since(last).abs();
    assert!(apart < SignedDuration::from_millis(300), "{} is not when its last line was logged", report.applied);
}

#[test]
fn what_is_only_asked_to_take_changes_in_is_not_changed() {
    assert!(CHANGED.contains("Exec[reload]") && CHANGED.contains("name: refresh"));
    assert!(!Report::read(CHANGED).unwrap().changed.iter().any(|name| name.contains("reload")));
}

#[test]
fn a_resource_that_failed_is_named_with_its_message_and_makes_the_run_a_failure() {
    let failure = Report::read(FAILED).unwrap().failure.unwrap();
    assert!(failure.starts_with("Exec[command 1]: ") && failure.contains("returned 3"), "{failure}");
}

#[test]
fn a_catalog_that_was_only_remembered_configures_nothing() {
    assert!(REMEMBERED.contains("status: unchanged") && REMEMBERED.contains("transaction_completed: true"));
    let failure = Report::read(REMEMBERED).unwrap().failure.unwrap();
    assert_eq!(failure, "it got no catalog, and applied one that it remembered");
    let own = REMEMBERED.replace("cached_catalog_status: on_failure", "cached_catalog_status: not_used");
    let own = Report::read(&own).unwrap();
    assert_eq!((own.failure, own.changed.len()), (None, 0), "an error of Facter's, or of a plugin, is none of the run");
}

#[test]
fn a_run_that_was_not_carried_through_is_a_failure() {
    for (from, to, why) in [
        ("transaction_completed: true", "transaction_completed: false", "it did not apply its catalog whole"),
        ("status: changed", "status: failed", "it did not apply its catalog whole"),
        ("noop: false", "noop: true", "it ran with `noop`, so it changed nothing"),
    ] {
        let changed = CHANGED.replace(&format!("\n{from}\n"), &format!("\n{to}\n"));
        let told = Report::read(&changed).unwrap().failure.unwrap();
        assert!(changed != CHANGED && told.starts_with(why), "{from}: {told}");
    }
}

#[test]
fn each_run_has_its_own_number() {
    let runs = [CHANGED, FAILED, REMEMBERED].map(|text| Report::read(text).unwrap().run);
    assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs.iter().all(|run| run.len() == 36), "{runs:?}");
}

#[test]
fn what_is_no_report_is_refused() {
    for text in
        ["", "[]", "time: now", &CHANGED[..CHANGED.len() / 2], &CHANGED.replace("\ntime: '2026", "\ntime: 'MMXXVI")]
    {
        let read = Report::read(text);
        assert!(matches!(read, Err(ReportError::Malformed(_) | ReportError::Time { .. })), "{read:?}");
    }
}
