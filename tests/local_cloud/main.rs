//! The local cloud, for real: needs root.
//!
//! Each case enters a sandbox of its own, in a process of its own.

mod floating;
mod in_order;
mod inside;
mod isolated;
mod observers;
mod outside;
#[path = "../support/runner.rs"]
mod runner;
mod sandboxed;
#[path = "../support/secluded.rs"]
mod secluded;
mod shape;
mod stack;
mod streams;
mod victim;
#[path = "../wire/mod.rs"]
mod wire;

use runner::Needs;

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
    let anywhere =
        [inside::CASES, in_order::CASES, isolated::CASES, shape::CASES, outside::CASES, streams::CASES].concat();
    let sites = [stack::CASES, observers::CASES].concat();
    let groups = [
        (Needs::Scenarios, &anywhere[..]),
        (Needs::RootAnd(floating::PROGRAMS), floating::CASES),
        (Needs::RootAnd(stack::PROGRAMS), &sites),
    ];
    runner::main(&groups, 1)
}
