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
        (
            Needs::Nothing,
            named![
                what_is_wrong_with_a_workload_is_reported_before_anything_boots,
                a_swap_whose_refusal_has_no_name_is_noted_once,
                what_is_wrong_with_a_database_is_reported_before_anything_boots,
                a_password_stands_in_no_plan
            ],
        ),
        (
            Needs::Scenarios,
            named![
                an_honest_application_passes,
                one_that_answers_before_it_writes_is_found,
                one_that_writes_to_its_disk_every_five_seconds_is_found,
                one_that_applies_a_part_of_its_journal_twice_is_found,
                one_that_shows_what_was_there_a_second_ago_is_found,
                one_that_is_not_empty_is_refused,
                a_file_that_means_something_else_is_no_failure_of_the_application,
                databases_that_keep_what_they_acknowledge_pass,
                tables_that_a_crash_empties_are_found,
                a_statement_that_its_database_does_not_know_ends_the_scenario_before_a_fault,
                a_database_that_is_not_empty_is_refused
            ],
        ),
    ])
}

const EXAMPLE: &str = "fixtures/examples/orders";

const DATABASES: &str = "fixtures/examples/databases";

/// The example in a folder of its own, with an application that lies so.
fn example(folder: &Path, lie: &str) {
    copied(EXAMPLE, folder, &[("LIE: none", &format!("LIE: {lie}"))]);
}

/// An example, with other texts in the place of some; each of them is there.
fn copied(example: &str, to: &Path, changes: &[(&str, &str)]) {
    let mut missing: Vec<&str> = changes.iter().map(|(from, _)| *from).collect();
    for folder in ["", "features"] {
        fs::create_dir_all(to.join(folder)).unwrap();
        for file in fs::read_dir(Path::new(example).join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                let text = fs::read_to_string(&file).unwrap();
                missing.retain(|from| !text.contains(from));
                let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
                fs::write(to.join(folder).join(file.file_name().unwrap()), text).unwrap();
            }
        }
    }
    assert!(missing.is_empty(), "{example} has changed: {missing:?}");
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
        reason.contains(".workload.yaml:")
            && reason.contains(": `set.read`: the set is not empty at the start")
            && reason.contains("`apples`"),
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
    let output = run(chimp(&["run", "--retries", "1", "--config", "tests/features/short.toml", "--name", POWER])
        .arg(folder.path().join("features"))
        .arg("--out")
        .arg(out.path()));
    assert_eq!(output.status.code(), Some(3));
    let record = out.record();
    let reason = record["scenarios"][0]["reason"].as_str().unwrap_or_default();
    for words in [
        "orders.workload.yaml:4:",
        ": `set.read`: the set does not show what was put there: value ",
        " was added, and GET /orders shows no value; the answer: status 200, `[{",
        "help: the value is in the answer, and not at `$[*].itme`",
    ] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    assert_eq!(record["scenarios"][0]["attempts"], 1, "another attempt would meet the same");
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

fn a_swap_whose_refusal_has_no_name_is_noted_once() {
    let folder = Folder::new("orders-noted");
    let features = folder.path().join("features");
    copied(EXAMPLE, folder.path(), &[(", fail: [409]", "")]);
    let output = run(chimp(&["plan"]).arg(&features));
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let notes: Vec<&str> = told.lines().filter(|line| line.starts_with("note: ") && line.contains("`fail`")).collect();
    assert!(
        notes.len() == 1 && notes[0].contains("orders.workload.yaml:9:20: no answer of `compare_and_set`"),
        "{told}"
    );
    copied(EXAMPLE, folder.path(), &[]);
    let told = stderr(&run(chimp(&["plan"]).arg(&features)));
    assert!(!told.contains("`compare_and_set`"), "{told}");
}

/// What became of the example's databases, with other texts in the place of some.
fn databases(name: &str, (scenarios, retries): (&str, &str), changes: &[(&str, &str)]) -> Vec<Value> {
    let (folder, out) = (Folder::new(name), Folder::new(&format!("{name}-out")));
    copied(DATABASES, folder.path(), changes);
    let mut chimp = chimp(&["run", "--retries", retries, "--seed", "7", "--config", "tests/features/short.toml"]);
    run(chimp.args(["--name", scenarios]).arg(folder.path().join("features")).arg("--out").arg(out.path()));
    let record = out.record();
    record["scenarios"].as_array().unwrap().clone()
}

fn databases_that_keep_what_they_acknowledge_pass() {
    let scenarios = databases("databases-honest", ("s", "2"), &[]);
    assert_eq!(scenarios.len(), 4);
    for scenario in scenarios {
        let judged: Vec<_> = scenario["hypotheses"].as_array().unwrap().iter().map(|h| &h["verdict"]).collect();
        assert!(judged.len() >= 2 && judged.iter().all(|verdict| *verdict == "pass"), "{scenario:#}");
    }
}

fn tables_that_a_crash_empties_are_found() {
    let changes = [
        ("CREATE TABLE orders", "CREATE UNLOGGED TABLE orders"),
        (
            "orders (item VARCHAR(200) PRIMARY KEY) ENGINE=InnoDB",
            "orders (item VARCHAR(200) PRIMARY KEY) ENGINE=MEMORY",
        ),
    ];
    let scenarios = databases("databases-lying", ("loses power", "2"), &changes);
    assert_eq!(scenarios.len(), 2);
    for scenario in scenarios {
        let hypotheses = scenario["hypotheses"].as_array().unwrap();
        let lost = hypotheses.iter().find(|h| h["step"] == "no acknowledged write is lost").unwrap();
        let reason = lost["reason"].as_str().unwrap_or_default();
        assert_eq!(lost["verdict"], "fail", "{scenario:#}");
        for words in ["value ", "added by user ", " through db, ", " is missing in the last read"] {
            assert!(reason.contains(words), "{reason}");
        }
    }
}

/// Why PostgreSQL's scenario could not be judged, and why MariaDB's.
fn why_not_judged(name: &str, changes: &[(&str, &str)]) -> [String; 2] {
    let scenarios = databases(name, ("loses power", "0"), changes);
    ["PostgreSQL", "MariaDB"].map(|of| {
        let scenario = scenarios.iter().find(|scenario| scenario["name"].as_str().unwrap().starts_with(of)).unwrap();
        assert_ne!(scenario["verdict"], "pass", "{scenario:#}");
        scenario["reason"].as_str().unwrap_or_default().to_string()
    })
}

fn a_statement_that_its_database_does_not_know_ends_the_scenario_before_a_fault() {
    let [postgresql, mariadb] = why_not_judged(
        "databases-unknown",
        &[
            ("\"SELECT n FROM visits\"", "\"SELEC n FROM visits\""),
            ("CREATE TABLE IF NOT EXISTS shop.orders", "CREATE TABLE IF NOT EXISTS shop.order"),
        ],
    );
    let has = |why: &str, words: &[&str]| assert!(words.iter().all(|words| why.contains(words)), "{why}");
    has(&postgresql, &["postgresql.workload.yaml:", "syntax error at or near \"SELEC\" (SQLSTATE 42601)"]);
    has(&mariadb, &["mariadb.workload.yaml:4:", "'shop.orders' doesn't exist (error 1146, SQLSTATE 42S02)"]);
}

fn a_database_that_is_not_empty_is_refused() {
    let changes = [
        (
            "CREATE TABLE orders (item text PRIMARY KEY);",
            "CREATE TABLE orders (item text PRIMARY KEY);\n      INSERT INTO orders VALUES ('apples');",
        ),
        (
            "INSERT IGNORE INTO shop.visits VALUES (1, 0);",
            "INSERT IGNORE INTO shop.visits VALUES (1, 0);\n      INSERT IGNORE INTO shop.orders VALUES ('apples');",
        ),
    ];
    for why in why_not_judged("databases-not-empty", &changes) {
        assert!(
            why.contains(".workload.yaml:")
                && why.contains(": `set.read`: the set is not empty at the start")
                && why.contains("`apples`"),
            "{why}"
        );
    }
}

/// What `chimp plan` says of the example with other texts in the place of some.
fn planned(name: &str, changes: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = Folder::new(name);
    copied(DATABASES, folder.path(), changes);
    let output = run(chimp(&["plan", "--json"]).arg(folder.path().join("features")));
    (output.status.code(), stderr(&output) + &String::from_utf8_lossy(&output.stdout))
}

fn what_is_wrong_with_a_database_is_reported_before_anything_boots() {
    let (code, told) = planned(
        "databases-wrong",
        &[
            ("postgresql://shop:{{ secrets.shop }}@db/shop", "postgresql://shop:${NO_SUCH_PASSWORD}@dbb/shop"),
            ("database: mariadb://shop:{{ secrets.shop }}@db/shop\nset:", "set:"),
            (
                "{ sql: \"SELECT n FROM visits WHERE id = 1\" }",
                "{ sql: \"SELECT n FROM visits WHERE id = '{{ key }}'\", value: $.n }",
            ),
            ("ON DUPLICATE KEY UPDATE count = {{ value }}\n", "ON DUPLICATE KEY UPDATE count = 1\n    path: /stock\n"),
            ("LIMIT 1 RETURNING job\"", "LIMIT 1 RETURNING job\", json: {}"),
        ],
    );
    assert_eq!(code, Some(2), "{told}");
    for words in [
        "postgresql.workload.yaml:2:11: there is no server `dbb`\n  help: did you mean `db`?",
        "postgresql.workload.yaml:2:11: the environment variable `NO_SUCH_PASSWORD` is not set",
        "databases.feature:11\n",
        "the file has no `database`",
        "a statement has no `value`",
        "`{{ key }}` stands within quotes",
        "a call is a request, a statement or a command, and only one of them",
        "a statement has no `json`",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let (code, told) = planned("databases-secret", &[("{{ secrets.shop }}@db/shop", "{{ secrets.shpo }}@db/shop")]);
    assert_eq!(code, Some(2), "{told}");
    let unknown = "mariadb.workload.yaml:2:11: no role asks for the secret `shpo`, so no server knows that password\n  help: did you mean `shop`?\n  named at ";
    assert!(told.contains(unknown) && told.contains("databases.feature:23\n"), "{told}");
}

fn a_password_stands_in_no_plan() {
    let (code, told) =
        planned("databases-password", &[("shop:{{ secrets.shop }}@db/shop", "shop:correct-horse@db/shop")]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("postgresql.workload.yaml") && !told.contains("correct-horse"), "{told}");
}
