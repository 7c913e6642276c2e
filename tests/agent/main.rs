//! Agents on real instances of the local cloud: needs root.
//!
//! Each case enters a sandbox of its own, in a process of its own.

mod cycle;
mod field;
mod lease;
mod own_path;
mod refusal;
#[path = "../support/runner.rs"]
mod runner;
mod serve;
mod traces;
mod world;

/// They wait for leases, mostly.
const SIDE_BY_SIDE: usize = 4;

fn main() -> std::process::ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    let cases = [cycle::CASES, lease::CASES, traces::CASES, refusal::CASES, own_path::CASES, serve::CASES].concat();
    runner::main(&[(runner::Needs::Scenarios, &cases)], SIDE_BY_SIDE)
}
