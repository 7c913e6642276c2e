//! Runs as a user sees them: exit codes, bundles, seeds, reports that can be rendered again.

mod support;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::{Folder, Needs, chimp, named, run, stderr, stdout};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::Nothing,
            named![
                an_undefined_step_stops_the_run_before_anything_boots,
                an_empty_folder_and_a_tag_or_a_name_that_matches_nothing_are_not_green,
                a_wrong_setting_names_its_line,
                what_cannot_be_logged_is_refused_and_nothing_is_logged_unasked,
                a_plan_of_an_older_schema_is_neither_replayed_nor_judged_again
            ],
        ),
        (
            Needs::Root,
            named![
                what_cannot_run_here_is_skipped_with_the_reason_and_never_green,
                the_command_on_record_is_for_that_scenario_alone_with_its_seed
            ],
        ),
        (
            Needs::Scenarios,
            named![
                a_floating_ip_without_iptables_is_skipped_with_the_reason,
                a_report_is_rendered_again_byte_for_byte,
                the_same_seed_strikes_the_same_victims_and_another_seed_others,
                a_fault_on_its_own_path_counts_from_its_true_moment_and_ends_with_its_victim,
                a_strike_that_meets_a_protected_server_is_held_back_and_proves_nothing,
                a_stop_condition_lifts_every_fault_and_ends_the_run_aborted,
                a_replay_has_the_same_plan_and_strikes_the_same_victims,
                a_log_says_what_happens_and_what_is_waited_for_within_its_spans,
                an_interrupted_run_says_what_it_was_waiting_for
            ],
        ),
    ])
}

/// What a report is made of; rendered again it must be the same to the byte.
const RENDERED: [&str; 4] = ["run.json", "report.html", "summary.md", "junit.xml"];

fn an_undefined_step_stops_the_run_before_anything_boots() {
    let out = Folder::new("undefined");
    let output = run(chimp(&["run", "tests/refused/undefined.feature", "--out"]).arg(out.path()));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("tests/refused/undefined.feature:"), "the place is missing");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "a bundle was begun");
}

fn an_empty_folder_and_a_tag_or_a_name_that_matches_nothing_are_not_green() {
    let empty = Folder::new("empty");
    assert_eq!(run(chimp(&["run"]).arg(empty.path())).status.code(), Some(7));
    assert_eq!(run(&mut chimp(&["run", "features", "--tags", "@nobody"])).status.code(), Some(7));
    let output = run(&mut chimp(&["run", "features", "--name", "nobody is called so"]));
    assert_eq!(output.status.code(), Some(7));
    assert!(stderr(&output).contains("nothing to run: no scenario is called `nobody is called so`"));
}

fn a_wrong_setting_names_its_line() {
    let folder = Folder::new("setting");
    let config = folder.write("chimp.toml", "[load]\nuser = 3\n");
    let output = run(chimp(&["plan", "features/card.feature", "--config"]).arg(config));
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("chimp.toml:2:1: ") && stderr(&output).contains("unknown field `user`"));
}

/// `chimp` without the right to make namespaces, as for a user who is not root.
fn without_rights(out: &Folder) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_admin", env!("CARGO_BIN_EXE_chimp"), "run", "features/card.feature", "--out"]);
    command.arg(out.path()).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI");
    command
}

fn what_cannot_run_here_is_skipped_with_the_reason_and_never_green() {
    let out = Folder::new("skipped");
    assert_eq!(run(&mut without_rights(&out)).status.code(), Some(7));
    let record = out.record();
    valid_by_the_schema(&record);
    assert_eq!(record["scenarios"][0]["verdict"], "skipped");
    assert!(
        record["scenarios"][0]["reason"].as_str().unwrap().contains("sudo"),
        "{}",
        record["scenarios"][0]["reason"]
    );
    assert_eq!(run(without_rights(&out).env("CI", "true")).status.code(), Some(3));
}

/// Debian's `iptables` is a link into a folder of links, which is empty here for this process alone.
fn a_floating_ip_without_iptables_is_skipped_with_the_reason() {
    let out = Folder::new("no-iptables");
    let script = "mount -t tmpfs none /etc/alternatives && exec \"$0\" run features/floating-ip.feature --out \"$1\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_chimp")]).arg(out.path());
    let output = run(command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI").stdin(Stdio::null()));
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    for scenario in out.record()["scenarios"].as_array().unwrap() {
        assert_eq!(scenario["verdict"], "skipped", "{scenario}");
        let reason = scenario["reason"].as_str().unwrap();
        assert!(reason.contains("can't translate addresses by iptables (`iptables` is not installed)"), "{reason}");
    }
}

fn the_command_on_record_is_for_that_scenario_alone_with_its_seed() {
    let out = Folder::new("command");
    run(without_rights(&out).args(["features", "--tags", "@pr", "--seed", "7"]));
    let scenarios = out.record()["scenarios"].as_array().unwrap().clone();
    assert!(scenarios.len() > 1, "one scenario would be alone anyway");
    let scenario = scenarios.last().unwrap();
    let command = scenario["reproduce"].as_str().unwrap().replacen("chimp run", "\"$CHIMP\" plan --json", 1);
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).env("CHIMP", env!("CARGO_BIN_EXE_chimp")).current_dir(env!("CARGO_MANIFEST_DIR"));
    let plan: Value = serde_json::from_str(&stdout(&run(&mut shell))).unwrap();
    let planned = plan["scenarios"].as_array().unwrap();
    assert_eq!(planned.len(), 1, "{command}");
    assert_eq!(planned[0]["seed"], scenario["seed"]);
}

fn a_report_is_rendered_again_byte_for_byte() {
    let out = Folder::new("report");
    short(&out, 7);
    let latest = out.path().join("latest");
    let read = || RENDERED.map(|name| std::fs::read(latest.join(name)).unwrap());
    let first = read();
    for name in RENDERED {
        std::fs::remove_file(latest.join(name)).unwrap();
    }
    assert!(run(chimp(&["report"]).arg(&latest)).status.success());
    assert!(first == read(), "a report differs from its first rendering");
    let elsewhere = out.path().join("else/where");
    assert!(run(chimp(&["report"]).arg(&latest).arg("--to").arg(&elsewhere)).status.success());
    assert_eq!(std::fs::read(elsewhere.join("run.json")).unwrap(), first[0]);
    let page = std::fs::read_to_string(elsewhere.join("report.html")).unwrap();
    assert!(!page.contains("href=\"nodes") && !page.contains("href=\"events"), "it links to what is not there");
}

fn the_same_seed_strikes_the_same_victims_and_another_seed_others() {
    let out = Folder::new("seeds");
    let first = short(&out, 1);
    assert_eq!(first, short(&out, 1));
    assert!((2..10).any(|seed| short(&out, seed) != first), "nine seeds, one victim: {first}");
}

/// Runs the short scenario; whom it struck.
fn short(out: &Folder, seed: u64) -> Value {
    let output = run(&mut short_run(out, seed));
    assert!(output.status.success(), "{}", stdout(&output));
    valid_by_the_schema(&out.record());
    struck(out)
}

/// A real run's `run.json` against the published schema.
fn valid_by_the_schema(record: &Value) {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema = compiler.compile("docs/run.schema.json", &mut schemas).unwrap();
    let valid = schemas.validate(record, schema);
    assert!(valid.is_ok(), "{:#}", valid.unwrap_err());
}

fn short_run(out: &Folder, seed: u64) -> Command {
    let mut command = chimp(&["run", "tests/features/short.feature", "--seed", &seed.to_string()]);
    command.args(["--config", "tests/features/short.toml", "--out"]).arg(out.path());
    command
}

/// Whom the latest run struck.
fn struck(out: &Folder) -> Value {
    let strikes = out.record()["scenarios"][0]["strikes"].clone();
    strikes.as_array().unwrap().iter().map(|strike| strike["target"].clone()).collect()
}

/// The first webserver is out of rotation only when its answers have been late for seconds: what asks for less must fail,
/// though every word of the harness itself was as late.
fn a_fault_on_its_own_path_counts_from_its_true_moment_and_ends_with_its_victim() {
    let out = Folder::new("own-path");
    let output = run(chimp(&["run", "tests/features/own-path.feature", "--seed", "1"]).arg("--out").arg(out.path()));
    let record = out.record();
    let scenarios = record["scenarios"].as_array().unwrap();
    let verdicts: Vec<&str> = scenarios.iter().map(|scenario| scenario["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["fail", "pass", "pass"], "{}", stdout(&output));
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
}

/// Who is active is known only while it runs: the first balancer, unless it fails.
fn a_strike_that_meets_a_protected_server_is_held_back_and_proves_nothing() {
    let out = Folder::new("held-back");
    let output = run(chimp(&["run", "tests/features/held-back.feature", "--seed", "1", "--retries", "0"])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let scenario = &out.record()["scenarios"][0];
    assert_eq!(scenario["verdict"], "invalid");
    let why = scenario["headline"].as_str().unwrap();
    assert!(why.contains("held a strike back") && why.contains("lb-1"), "{why}");
    let happened = |kind: &str| events(&out).iter().any(|event| event["event"] == kind);
    assert!(happened("strike_held_back") && !happened("injection_started"), "nothing was touched");
}

fn a_stop_condition_lifts_every_fault_and_ends_the_run_aborted() {
    let out = Folder::new("abort");
    let output = run(chimp(&["run", "tests/features/abort.feature", "--seed", "1"])
        .args(["--config", "tests/features/short.toml", "--out"])
        .arg(out.path()));
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(out.record()["scenarios"][0]["verdict"], "aborted");
    let events = events(&out);
    let at = |kind: &str| -> Vec<u64> {
        events.iter().filter(|event| event["event"] == kind).filter_map(|event| event["at_us"].as_u64()).collect()
    };
    let (aborted, lifted) = (at("aborted")[0], at("strike_healed"));
    assert_eq!(lifted.len(), 3, "two webservers and a balancer were struck");
    let took_ms = (lifted.iter().max().unwrap() - aborted) / 1000;
    println!("every fault was lifted {took_ms} ms after the abort");
    assert!(took_ms < 5_000, "{took_ms} ms: 200 on a quiet machine");
}

/// What is waited for is shown when a run is interrupted.
fn an_interrupted_run_says_what_it_was_waiting_for() {
    let out = Folder::new("waiting");
    let mut command = short_run(&out, 7);
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let recorded = || {
        let bundles = std::fs::read_dir(out.path()).into_iter().flatten().flatten();
        bundles
            .map(|entry| entry.path().join("scenarios/00/events.ndjson"))
            .any(|events| std::fs::read_to_string(events).is_ok_and(|text| text.contains("\"event\":\"site_ready\"")))
    };
    while !recorded() {
        assert!(Instant::now() < deadline, "the site was never ready");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(Pid::from_raw(-(child.id() as i32)), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = stderr(&output);
    let line = said.lines().find(|line| line.starts_with("  A webserver dies and is replaced: waiting for "));
    assert!(line.is_some_and(|line| line.contains(" since ")), "{said}");
}

fn a_log_says_what_happens_and_what_is_waited_for_within_its_spans() {
    let out = Folder::new("log");
    let file = out.path().join("log");
    let output = run(short_run(&out, 7).arg("--log").arg(&file).args(["--log-level", "debug"]).env("CHIMP_LOG", "off"));
    assert!(output.status.success(), "{}", stdout(&output));
    let log = std::fs::read_to_string(&file).unwrap();
    let line = |words: &[&str]| {
        assert!(log.lines().any(|line| words.iter().all(|word| line.contains(word))), "no line has {words:?}:\n{log}");
    };
    line(&["scenario{name=\"A webserver dies and is replaced\" attempt=1}", "waits for a steady baseline"]);
    line(&["boot{server=\"web-1\"}", "close"]);
    for event in ["InjectionStarted", "FaultConfirmed"] {
        line(&["scenario{name=", "strike{step=", event]);
    }
    line(&["repair{server=", "ReconcilerBoots"]);
    line(&["waits no longer for", "waited_ms="]);
    assert!(!log.contains("pooling idle connection"), "what libraries do is no part of it");
    let times = regex::Regex::new(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \+\d+\.\d{6}s +(INFO|DEBUG) ").unwrap();
    assert!(log.lines().all(|line| times.is_match(line)), "{:?}", log.lines().find(|line| !times.is_match(line)));
}

fn what_cannot_be_logged_is_refused_and_nothing_is_logged_unasked() {
    let plan = ["plan", "features/card.feature"];
    let refused = run(chimp(&plan).args(["--log", "/no/such/folder/log"]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("--log /no/such/folder/log: can't be opened: No such file"),
        "{}",
        stderr(&refused)
    );
    let refused = run(chimp(&plan).env("CHIMP_LOG", "loud"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("CHIMP_LOG=loud: expected off, error,"), "{}", stderr(&refused));
    assert_eq!(stderr(&run(&mut chimp(&plan))), "");
}

fn a_replay_has_the_same_plan_and_strikes_the_same_victims() {
    let out = Folder::new("replay");
    let first = short(&out, 11);
    let hash = out.record()["plan_sha256"].clone();
    let bundle = out.path().join("latest").canonicalize().unwrap();
    let output = run(chimp(&["replay"]).arg(bundle).arg("--out").arg(out.path()));
    assert!(output.status.success(), "{}", stdout(&output));
    assert_eq!((out.record()["plan_sha256"].clone(), struck(&out)), (hash, first));
}

fn a_plan_of_an_older_schema_is_neither_replayed_nor_judged_again() {
    let old = r#"{ "schema": 1, "seed": 7, "scenarios": [] }"#;
    let all = [("replay", "plan.json", 4), ("report", "plan.json", 4), ("replay", "attack.json", 3)];
    for (verb, file, known) in all {
        let (bundle, out) = (Folder::new("old-plan"), Folder::new("of-an-old-plan"));
        bundle.write(file, old);
        let mut command = chimp(&[verb]);
        command.arg(bundle.path());
        if verb == "replay" {
            command.arg("--out").arg(out.path());
        }
        let output = run(&mut command);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{verb} of an old {file}: {told}");
        assert!(told.contains(&format!("{file}: this plan has schema 1")), "{told}");
        assert!(told.contains(&format!("reads schema {known}")), "{told}");
        assert!(told.contains("help: "), "{told}");
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "a bundle was begun");
    }
}

fn events(out: &Folder) -> Vec<Value> {
    let text = std::fs::read_to_string(out.path().join("latest/scenarios/00/events.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
