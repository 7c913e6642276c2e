//! Every subcommand survives a reader that hangs up, a full disk and a folder that can't be written: one clear error, no
//! panic, nothing left behind.

mod support;

use std::process::{Command, ExitCode, Output, Stdio};

use support::{Folder, Needs, chimp, full, hung_up, named, one_complaint, over, over_full, run, stderr, stdout};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::Nothing,
            named![
                a_reader_that_hangs_up_changes_no_exit_code,
                a_full_disk_under_the_standard_output_is_one_error,
                a_doctor_survives_a_reader_that_hangs_up_and_a_full_disk,
                help_survives_a_reader_that_hangs_up
            ],
        ),
        (Needs::Root, named![a_folder_that_is_read_only_is_refused_before_anything_boots, a_full_disk_is_one_error]),
        (
            Needs::Scenarios,
            named![
                a_run_whose_terminal_is_gone_goes_on,
                a_disk_that_fills_ends_the_run_and_leaves_nothing,
                a_bundle_is_reported_and_replayed_though_the_terminal_is_gone_and_one_error_says_where_it_cannot
            ],
        ),
    ])
}

/// Every subcommand, as far as it comes without rights and without a testbed, and the exit code it ends with.
const SUBCOMMANDS: &[(&[&str], i32)] = &[
    (&["run", "tests/refused/undefined.feature"], 2),
    // More than a pipe holds.
    (&["plan", "--json", "features/card.feature"], 0),
    (&["plan", "features", "--seed", "7"], 0),
    (&["report", "no/such/bundle"], 2),
    (&["up", "no/such/site.yaml"], 2),
    (&["attack", "random", "--testbed", "/nowhere/testbed.sock", "--dry-run"], 3),
    (&["heal", "--out", "tests/features"], 0),
    (&["replay", "no/such/bundle"], 2),
    (&["reconcile", "fixtures/reconciler/site.json", "--testbed", "/nowhere/testbed.sock", "--once"], 3),
    (&["down", "--testbed", "/nowhere/testbed.sock"], 3),
    (&["graph", "fixtures/infrastructures/paper.yaml"], 0),
    (&["graph", "fixtures/infrastructures/paper.yaml", "--format", "svg"], 0),
    (&["role", "fixtures/infrastructures/paper.yaml", "web-1"], 0),
];

fn code_of(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}: {}", output.status, stderr(output)))
}

fn a_reader_that_hangs_up_changes_no_exit_code() {
    for (arguments, expected) in SUBCOMMANDS {
        let output = chimp(arguments).stdout(hung_up()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(code_of(&output), *expected, "{arguments:?}: {}", stderr(&output));
        let silent = *expected != 0 || stderr(&output).is_empty();
        assert!(silent && !stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
        let output = chimp(arguments).stdout(hung_up()).stderr(hung_up()).output().unwrap();
        assert_eq!(code_of(&output), *expected, "{arguments:?}, with nobody at the standard error");
    }
}

fn help_survives_a_reader_that_hangs_up() {
    for arguments in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let output = chimp(arguments).stdout(hung_up()).output().unwrap();
        assert_eq!((code_of(&output), stderr(&output)), (0, String::new()), "{arguments:?}");
    }
}

fn a_full_disk_under_the_standard_output_is_one_error() {
    for (arguments, expected) in SUBCOMMANDS.iter().filter(|(_, expected)| *expected == 0) {
        let output = chimp(arguments).stdout(full()).output().unwrap();
        assert_eq!((code_of(&output), *expected), (3, 0), "{arguments:?}: {}", stderr(&output));
        let why = "chimp: can't write to the standard output: No space left on device (os error 28)\n";
        assert_eq!(stderr(&output), why, "{arguments:?}");
    }
}

/// What writes to a folder, and what it ends with where that can't be written.
fn writers(folder: &Folder) -> Vec<(Command, i32)> {
    let out = folder.path().to_str().unwrap();
    let site = "fixtures/infrastructures/paper.yaml";
    vec![
        (chimp(&["run", "features/card.feature", "--out", out]), 3),
        (chimp(&["run", "features/card.feature", "--out", &format!("{out}/below")]), 3),
        (chimp(&["graph", site, "--format", "svg", "--out", &format!("{out}/graph.svg")]), 2),
    ]
}

fn one_error(output: &Output, folder: &Folder, expected: i32, why: &str) {
    let complaint = one_complaint(output, expected);
    assert!(complaint.contains(folder.path().to_str().unwrap()) && complaint.contains(why), "{complaint}");
    let said = stderr(output) + &stdout(output);
    assert!(!said.contains("provisioning") && !said.contains("report:"), "something booted: {said}");
}

fn a_folder_that_is_read_only_is_refused_before_anything_boots() {
    let folder = Folder::new("read-only");
    for (command, expected) in writers(&folder) {
        let output = over(command, &folder, 64, true).output().unwrap();
        one_error(&output, &folder, expected, "Read-only file system");
    }
}

fn a_full_disk_is_one_error() {
    let folder = Folder::new("full");
    for (command, expected) in writers(&folder) {
        let output = over_full(&command, &folder).output().unwrap();
        one_error(&output, &folder, expected, "No space left on device");
    }
}

/// Its exit code is that of this machine, whoever reads it.
fn a_doctor_survives_a_reader_that_hangs_up_and_a_full_disk() {
    let doctor = || chimp(&["doctor"]);
    let expected = code_of(&doctor().output().unwrap());
    let unread = doctor().stdout(hung_up()).output().unwrap();
    assert_eq!((code_of(&unread), stderr(&unread)), (expected, String::new()));
    assert_eq!(code_of(&doctor().stdout(hung_up()).stderr(hung_up()).output().unwrap()), expected);
    let unwritten = doctor().stdout(full()).output().unwrap();
    assert_ne!(code_of(&unwritten), 0);
    assert!(!stderr(&unwritten).contains("panicked"), "{}", stderr(&unwritten));
    if expected == 0 {
        assert!(one_complaint(&unwritten, 3).contains("No space left on device"), "{}", stderr(&unwritten));
    }
}

/// The short scenario, into this folder.
fn short(folder: &Folder) -> Command {
    let mut command = chimp(&["run", "tests/features/short.feature", "--retries", "0", "--seed", "7"]);
    command.args(["--config", "tests/features/short.toml", "--out"]).arg(folder.path());
    command
}

fn a_run_whose_terminal_is_gone_goes_on() {
    let folder = Folder::new("no-terminal");
    let output = short(&folder).stdout(hung_up()).stderr(hung_up()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(folder.record()["exit_code"], 0);
}

fn a_disk_that_fills_ends_the_run_and_leaves_nothing() {
    let folder = Folder::new("fills");
    // Its plan takes 16 of these; what is recorded in the first seconds takes the rest.
    let output = over(short(&folder), &folder, 64, false).output().unwrap();
    let complaint = one_complaint(&output, 3);
    assert!(complaint.contains("No space left on device"), "{complaint}");
    assert_eq!(stdout(&output), "", "no verdict on what was not recorded");
}

/// A whole bundle, reported and replayed; the replay and the run judge the same plan.
fn a_bundle_is_reported_and_replayed_though_the_terminal_is_gone_and_one_error_says_where_it_cannot() {
    let (bundles, elsewhere) = (Folder::new("bundles"), Folder::new("elsewhere"));
    assert!(run(&mut short(&bundles)).status.success());
    let bundle = bundles.path().join("latest").canonicalize().unwrap();
    let (bundle, to) = (bundle.to_str().unwrap(), elsewhere.path().to_str().unwrap());
    let report = || chimp(&["report", bundle]);
    let unread = report().stdout(hung_up()).output().unwrap();
    assert_eq!((code_of(&unread), stderr(&unread)), (0, String::new()));
    assert_eq!(code_of(&report().stdout(hung_up()).stderr(hung_up()).output().unwrap()), 0);
    let why = "No space left on device";
    assert!(one_complaint(&report().stdout(full()).output().unwrap(), 3).contains(why));

    let replay = || chimp(&["replay", bundle, "--retries", "0", "--config", "tests/features/short.toml", "--out", to]);
    for (command, refused) in [(chimp(&["report", bundle, "--to", to]), 3), (replay(), 3)] {
        one_error(&over_full(&command, &elsewhere).output().unwrap(), &elsewhere, refused, why);
        let read_only = over(command, &elsewhere, 64, true).output().unwrap();
        one_error(&read_only, &elsewhere, refused, "Read-only file system");
    }
    assert_eq!(code_of(&replay().stdout(hung_up()).stderr(hung_up()).output().unwrap()), 0);
    assert_eq!(elsewhere.record()["exit_code"], 0);
}
