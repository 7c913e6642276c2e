//! Agents on real instances of the local cloud: needs root, and says `skipped` without.
//!
//! No test harness: a sandbox must be entered before any thread starts. Each case enters its own.

mod cycle;
mod lease;
mod refusal;
#[path = "../support/runner.rs"]
mod runner;
mod traces;
mod world;

/// They wait for leases, mostly.
const SIDE_BY_SIDE: usize = 4;

fn main() -> std::process::ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    runner::main(&[cycle::CASES, lease::CASES, traces::CASES, refusal::CASES].concat(), SIDE_BY_SIDE)
}
