//! The local cloud, for real: needs root, and says `skipped` without.
//!
//! No test harness: a sandbox must be entered before any thread starts. Each case enters its own.

mod inside;
mod outside;
#[path = "../support/runner.rs"]
mod runner;
mod shape;
mod stack;
mod victim;
#[path = "../wire/mod.rs"]
mod wire;

fn main() -> std::process::ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, kind] = arguments.as_slice()
        && flag == "--victim"
    {
        return victim::main(kind);
    }
    runner::main(&[inside::CASES, stack::CASES, shape::CASES, outside::CASES].concat(), 1)
}
