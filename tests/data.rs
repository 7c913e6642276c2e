//! The data of any application: what it acknowledged and lost, wrote twice or showed late is found, with the operation, the moment and the server.
//! Here a green scenario of a liar is a broken harness.

mod support;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use support::{Folder, Needs, chimp, named, run, stderr};

fn main() -> ExitCode {
    support::tests(&[
        (Needs::Nothing, named![what_is_wrong_with_a_workload_is_reported_before_anything_boots]),
        (
            Needs::Scenarios,
            named![
                an_honest_application_passes,
                one_that_answers_before_it_writes_is_found,
                one_that_writes_to_its_disk_every_five_seconds_is_found,
                one_that_applies_a_part_of_its_journal_twice_is_found,
                one_that_shows_what_was_there_a_second_ago_is_found,
                one_that_is_not_empty_is_refused,
                a_file_that_means_something_else_is_no_failure_of_the_application
            ],
        ),
    ])
}

const EXAMPLE: &str = "fixtures/examples/orders";

/// The example in a folder of its own, with an application that lies so.
fn example(folder: &Path, lie: &str) {
    fs::create_dir(folder.join("features")).unwrap();
    for name in [
        "orders.py",
        "orders-app.yaml",
        "site.yaml",
        "orders.workload.yaml",
        "jobs.workload.yaml",
        "features/orders.feature",
    ] {
        let text = fs::read_to_string(Path::new(EXAMPLE).join(name)).unwrap();
        fs::write(folder.join(name), text.replace("LIE: none", &format!("LIE: {lie}"))).unwrap();
    }
}

/// What became of each Then: its step, verdict and reason.
fn judged(lie: &str, scenario: &str) -> Vec<(String, String, String)> {
    let folder = Folder::new(&format!("orders-{lie}"));
    example(folder.path(), lie);
    let out = Folder::new(&format!("orders-{lie}-out"));
    run(chimp(&["run", "--retries", "1", "--seed", "7", "--config", "tests/features/short.toml", "--name", scenario])
        .arg(folder.path().join("features"))
        .arg("--out")
        .arg(out.path()));
    let record = out.record();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let scenarios = record["scenarios"].as_array().unwrap();
    let hypotheses = scenarios.iter().flat_map(|scenario| scenario["hypotheses"].as_array().unwrap());
    hypotheses.map(|h| (text(&h["step"]), text(&h["verdict"]), text(&h["reason"]))).collect()
}

/// This Then fails, and its reason has all of these.
fn fails(judged: &[(String, String, String)], step: &str, because: &[&str]) {
    let (_, verdict, reason) = judged.iter().find(|(text, ..)| text == step).unwrap_or_else(|| panic!("{judged:?}"));
    assert_eq!(verdict, "fail", "{step}: {reason}");
    assert!(because.iter().all(|words| reason.contains(words)), "{step}: {reason}");
}

const POWER: &str = "The server loses power";

fn an_honest_application_passes() {
    for scenario in [POWER, "The server hangs"] {
        let judged = judged("none", scenario);
        assert!(judged.len() >= 2 && judged.iter().all(|(_, verdict, _)| verdict == "pass"), "{judged:?}");
    }
}

fn one_that_answers_before_it_writes_is_found() {
    let judged = judged("early", POWER);
    fails(
        &judged,
        "no acknowledged write is lost",
        &["value ", "added by user ", " through app, ", " t0) is missing in the last read"],
    );
    fails(&judged, "users read their own writes", &["did not show its own write"]);
    fails(&judged, "every register is linearizable", &["no order of its operations explains the read of "]);
}

fn one_that_writes_to_its_disk_every_five_seconds_is_found() {
    let judged = judged("buffered", POWER);
    fails(&judged, "no acknowledged write is lost", &["is missing in the last read"]);
    fails(&judged, "no user sees less than before", &["did not show what it had seen before"]);
}

fn one_that_applies_a_part_of_its_journal_twice_is_found() {
    let judged = judged("twice", POWER);
    let (_, _, reason) = judged.iter().find(|(step, ..)| step == "no write is applied twice").unwrap();
    fails(&judged, "no write is applied twice", &[]);
    assert!(reason.contains("is there twice") || reason.contains("were possible"), "{reason}");
}

fn one_that_shows_what_was_there_a_second_ago_is_found() {
    let judged = judged("stale", POWER);
    fails(&judged, "users read their own writes", &["did not show its own write", " through app, "]);
    fails(&judged, "every register is linearizable", &["register ", "through app"]);
    let (_, verdict, reason) = judged.iter().find(|(step, ..)| step == "no acknowledged write is lost").unwrap();
    assert_ne!(verdict, "fail", "nothing was lost: {reason}");
}

fn one_that_is_not_empty_is_refused() {
    let folder = Folder::new("orders-not-empty");
    example(folder.path(), "none");
    let app = folder.path().join("orders.py");
    let text = fs::read_to_string(&app).unwrap();
    fs::write(&app, text.replace(r#""orders": []"#, r#""orders": ["apples"]"#)).unwrap();
    let out = Folder::new("orders-not-empty-out");
    let output = run(chimp(&["run", "--retries", "0", "--config", "tests/features/short.toml", "--name", POWER])
        .arg(folder.path().join("features"))
        .arg("--out")
        .arg(out.path()));
    assert_eq!(output.status.code(), Some(3));
    let record = out.record();
    let reason = record["scenarios"][0]["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("the set of ") && reason.contains("is not empty at the start") && reason.contains("`apples`"),
        "{reason}"
    );
}

fn a_file_that_means_something_else_is_no_failure_of_the_application() {
    let folder = Folder::new("orders-other");
    example(folder.path(), "none");
    let workload = folder.path().join("orders.workload.yaml");
    let text = fs::read_to_string(&workload).unwrap();
    fs::write(&workload, text.replace("$[*].item", "$[*].itme")).unwrap();
    let out = Folder::new("orders-other-out");
    let output = run(chimp(&["run", "--retries", "0", "--config", "tests/features/short.toml", "--name", POWER])
        .arg(folder.path().join("features"))
        .arg("--out")
        .arg(out.path()));
    assert_eq!(output.status.code(), Some(3));
    let record = out.record();
    let reason = record["scenarios"][0]["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("does not show what was put there: value ") && reason.contains("shows no value"),
        "{reason}"
    );
}

fn what_is_wrong_with_a_workload_is_reported_before_anything_boots() {
    let folder = Folder::new("orders-wrong");
    example(folder.path(), "none");
    let workload = folder.path().join("orders.workload.yaml");
    let text = fs::read_to_string(&workload).unwrap();
    fs::write(&workload, text.replace("$[*].item", "$[*").replace("POST, path: /orders", "POST, path: orders"))
        .unwrap();
    let output = run(chimp(&["plan"]).arg(folder.path().join("features")));
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("orders.workload.yaml:3:") && told.contains("does not begin with `/`"), "{told}");
    assert!(told.contains("orders.workload.yaml:4:") && told.contains("is no JSONPath"), "{told}");
}
