//! Delay, loss and rate on a kernel that has netem, whatever this machine's has: user-mode-linux is a kernel that runs
//! as an ordinary process. It comes with Debian's package `user-mode-linux`.
//!
//! This very program is started three times over: as the test, as the first process of the guest, and there as agent.

mod boot;
mod guest;
mod modules;
mod netns;
#[path = "../support/runner.rs"]
mod runner;
#[path = "../wire/mod.rs"]
mod wire;

use std::process::ExitCode;

use runner::{Case, Needs};

/// The one test's name.
const CLAIM: &str = "delay_loss_and_rate_are_exact_with_netem_and_without_it";

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    if std::env::var_os(boot::IN_GUEST).is_some() {
        guest::main();
    }
    let case = Case { name: CLAIM, run: boot::boot };
    runner::main(&[(Needs::RootAnd(&[(boot::KERNEL, "user-mode-linux")]), &[case])], 1)
}
