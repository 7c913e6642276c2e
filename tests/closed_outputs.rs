//! Every subcommand survives a reader that hangs up, a full disk and a folder that can't be written: one clear error, no
//! panic, nothing left behind.

mod support;

use std::fs::File;
use std::process::{Command, ExitCode, Output, Stdio};

use support::{Folder, Needs, chimp, named, over, stderr, stdout};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::Nothing,
            named![
                a_reader_that_hangs_up_changes_no_exit_code,
                a_full_disk_under_the_standard_output_is_one_error,
                help_survives_a_reader_that_hangs_up
            ],
        ),
        (Needs::Root, named![a_folder_that_is_read_only_is_refused_before_anything_boots, a_full_disk_is_one_error]),
        (
            Needs::Scenarios,
            named![a_run_whose_terminal_is_gone_goes_on, a_disk_that_fills_ends_the_run_and_leaves_nothing],
        ),
    ])
}

/// Every subcommand, as far as it comes without rights and without a keeper, and the exit code it ends with.
const SUBCOMMANDS: &[(&[&str], i32)] = &[
    (&["run", "tests/refused/undefined.feature"], 2),
    (&["plan", "features"], 0),
    (&["report", "no/such/bundle"], 2),
    (&["up", "no/such/site.yaml"], 2),
    (&["attack", "random", "--keeper", "/nowhere/keeper.sock", "--dry-run"], 3),
    (&["heal", "--out", "no/such/folder"], 0),
    (&["replay", "no/such/bundle"], 2),
    (&["reconcile", "fixtures/reconciler/site.json", "--keeper", "/nowhere/keeper.sock", "--once"], 3),
    (&["down", "--keeper", "/nowhere/keeper.sock"], 3),
    (&["graph", "fixtures/infrastructures/paper.yaml"], 0),
    (&["graph", "fixtures/infrastructures/paper.yaml", "--format", "svg"], 0),
    (&["role", "fixtures/infrastructures/paper.yaml", "web-1"], 0),
];

/// An output whose reader has hung up already.
fn hung_up() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

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
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = chimp(arguments).stdout(full).output().unwrap();
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

fn one_error(output: &Output, folder: &Folder, expected: i32) {
    let said = stderr(output);
    assert_eq!(code_of(output), expected, "{said}");
    let complaints: Vec<&str> = said.lines().filter(|line| line.starts_with("chimp: ")).collect();
    assert!(complaints.len() == 1 && !said.contains("panicked"), "{said}");
    assert!(complaints[0].contains(folder.path().to_str().unwrap()), "{said}");
    assert!(!said.contains("provisioning") && !stdout(output).contains("report:"), "something booted: {said}");
}

fn a_folder_that_is_read_only_is_refused_before_anything_boots() {
    let folder = Folder::new("read-only");
    for (command, expected) in writers(&folder) {
        let output = over(command, &folder, 64, true).output().unwrap();
        one_error(&output, &folder, expected);
        assert!(stderr(&output).contains("Read-only file system"), "{}", stderr(&output));
    }
}

fn a_full_disk_is_one_error() {
    let folder = Folder::new("full");
    let fills = format!("head -c 1M /dev/zero >{}/filler 2>/dev/null; exec \"$0\" \"$@\"", folder.path().display());
    for (command, expected) in writers(&folder) {
        let mut filled = Command::new("sh");
        filled.args(["-c", &fills]).arg(command.get_program()).args(command.get_args());
        filled.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CI").stdin(Stdio::null());
        let output = over(filled, &folder, 64, false).output().unwrap();
        one_error(&output, &folder, expected);
        assert!(stderr(&output).contains("No space left on device"), "{}", stderr(&output));
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
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let complaints: Vec<&str> = said.lines().filter(|line| line.starts_with("chimp: ")).collect();
    assert!(complaints.len() == 1 && !said.contains("panicked"), "{said}");
    assert!(complaints[0].contains("No space left on device"), "{said}");
    assert_eq!(stdout(&output), "", "no verdict on what was not recorded");
}
