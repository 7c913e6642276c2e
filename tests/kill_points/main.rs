//! No fault outlives its lease, wherever its attacker dies: every fault, every stage, moments in between, with the path
//! to the victim and without, each compared with a snapshot of everything before. Needs root.
//!
//! `cargo test --test kill_points` runs some 200 points, and lies that must make points red. `make kill-points
//! POINTS=10000` runs more of them, goes on where it was interrupted, and leaves `reports/kill-points/summary.md`.

mod attacker;
mod cases;
mod dirty;
mod host;
mod kept;
mod lies;
mod matrix;
mod network;
mod point;
mod proc;
mod record;
#[path = "../support/runner.rs"]
mod runner;
mod snapshot;
mod trial;

use std::path::Path;
use std::process::ExitCode;

use runner::{Case, Needs};

/// Points of the subset that is a part of every test run.
const POINTS: usize = 210;

const MATRIX: Case = Case { name: "the_matrix_has_every_fault", run: the_matrix_has_every_fault };

const TESTS: &[Case] = &[
    Case { name: "no_fault_outlives_its_lease_wherever_its_attacker_dies", run: subset },
    Case { name: "a_victim_that_is_dirty_is_not_struck_again", run: dirty::is_refused },
    Case { name: "a_heal_that_does_nothing_makes_its_point_red", run: lies::of_heals },
    Case { name: "a_fault_that_did_nothing_makes_its_point_red_whatever_its_witness_says", run: lies::of_witnesses },
    Case { name: "an_injector_that_does_nothing_is_never_a_success", run: lies::of_faults },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    match value("--points") {
        Some(points) => long(points as usize, value("--seed").unwrap_or(1)),
        None => runner::main(&[(Needs::Nothing, &[MATRIX]), (Needs::Scenarios, TESTS)], 1),
    }
}

fn long(points: usize, seed: u64) -> ExitCode {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/kill-points/points.ndjson");
    match matrix::run(points, seed, &file) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn subset() -> Result<(), String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kill-points").join("points.ndjson");
    let _ = std::fs::remove_file(&file);
    matrix::run(POINTS, 1, &file).map(|summary| println!("{summary}"))
}

fn the_matrix_has_every_fault() -> Result<(), String> {
    let mut table: Vec<&str> = anarcho_chimp::fault::FAULTS.iter().map(|fault| fault.name()).collect();
    let mut matrix: Vec<&str> = cases::CASES.iter().map(|case| case.fault).collect();
    table.sort_unstable();
    matrix.sort_unstable();
    matrix.dedup();
    if table == matrix { Ok(()) } else { Err(format!("the table has {table:?}, the matrix {matrix:?}")) }
}
