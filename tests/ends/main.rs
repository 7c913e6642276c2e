//! Services that end by themselves, for real: needs root.

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use support::{Folder, Needs, chimp, named, run, stderr};

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Scenarios,
        named![
            what_ended_is_reported_at_once_with_how_when_its_last_lines_and_its_log,
            a_daemon_that_leaves_the_foreground_serves_all_the_same,
            a_site_that_is_kept_up_reports_it_as_well
        ],
    )])
}

/// Roles here may take 10 min to become ready: whatever waits for that is far behind this, in seconds.
const AT_ONCE: f64 = 60.0;

fn scenarios(out: &Folder, name: &str) -> Vec<Value> {
    let output = run(chimp(&["run", "tests/ends/ends.feature", "--seed", "1", "--retries", "0", "--name", name])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    assert!(output.status.code().is_some());
    out.record()["scenarios"].as_array().unwrap().clone()
}

/// The path of the log that a headline names.
fn log_in(headline: &str) -> &str {
    headline.split("; its log, ").nth(1).and_then(|rest| rest.split(", ").next()).expect("it names a log")
}

fn what_ended_is_reported_at_once_with_how_when_its_last_lines_and_its_log() {
    let out = Folder::new("ends");
    for (name, service, how, said, advice) in [
        (
            "A mistake in its file",
            "lb-1, of the role `mistake`, can't become ready: the service `haproxy`",
            "ended with status 1",
            "unknown keyword 'serve'",
            "correct its command",
        ),
        (
            "A job that is done is no service",
            "job-1, of the role `job`, can't become ready: the service `migrate`",
            "ended with status 0",
            "all is done",
            "what runs once belongs under `runcmd`",
        ),
        (
            "A signal",
            "crash-1, of the role `signal`, can't become ready: the service `crash`",
            "was ended by SIGSEGV",
            "is empty",
            "correct its command",
        ),
        (
            "One that ends while the entry is waited for",
            "lb-1, of the role `entry`, can't become ready: the service `vip`",
            "ended with status 3",
            "no configuration for the virtual IP",
            "correct its command",
        ),
    ] {
        let found = scenarios(&out, name);
        let (verdict, headline) = (&found[0]["verdict"], found[0]["headline"].as_str().unwrap());
        assert_eq!((found.len(), verdict.as_str()), (1, Some("infra")), "{headline}");
        assert!(found[0]["duration_s"].as_f64().unwrap() < AT_ONCE, "{}", found[0]["duration_s"]);
        assert!(headline.starts_with(&format!("The site did not come up: {service} {how}, ")), "{headline}");
        assert!(
            headline.contains(" after it was started; ") && headline.contains(said) && headline.contains(advice),
            "{headline}"
        );
        let log = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(log_in(headline))).unwrap();
        assert!(log.contains(said) || log.is_empty(), "{log}");
    }
}

fn a_daemon_that_leaves_the_foreground_serves_all_the_same() {
    let out = Folder::new("ends-daemon");
    let found = scenarios(&out, "A daemon that goes on");
    assert_eq!(found[0]["verdict"], "pass", "{}", found[0]["headline"]);
}

fn a_site_that_is_kept_up_reports_it_as_well() {
    let folder = Folder::new("ends-up");
    let socket = folder.path().join("testbed.sock");
    let ended = run(chimp(&["up", "tests/ends/mistake.yaml", "--testbed"]).arg(&socket));
    assert_eq!(ended.status.code(), Some(3));
    let told = stderr(&ended);
    assert!(told.contains("can't become ready: the service `haproxy` ended with status 1"), "{told}");
    assert!(told.contains("unknown keyword 'serve'") && told.contains("`--logs DIR` keeps it"), "{told}");
}
