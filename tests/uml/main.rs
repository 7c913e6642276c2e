//! Delay, loss and rate on a kernel that has netem, whatever this machine's has: user-mode-linux is a kernel that runs
//! as an ordinary process. Says `skipped` where Debian's package `user-mode-linux` is not installed.
//!
//! This very program is started three times over: as the test, as the first process of the guest, and there as agent.

mod boot;
mod guest;
mod modules;
mod netns;
#[path = "../wire/mod.rs"]
mod wire;

use std::path::Path;
use std::process::ExitCode;

/// The one test's name.
const CLAIM: &str = "delay_loss_and_rate_are_exact_with_netem_and_without_it";

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    if std::env::var_os(boot::IN_GUEST).is_some() {
        guest::main();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    if has("--ignored") || !(words.is_empty() || words.iter().any(|word| CLAIM.contains(word.as_str()))) {
        return ExitCode::SUCCESS;
    }
    if has("--list") {
        println!("{CLAIM}: test");
        return ExitCode::SUCCESS;
    }
    if !Path::new(boot::KERNEL).exists() {
        println!("skipped: {CLAIM}: {} is missing (apt-get install user-mode-linux)", boot::KERNEL);
        assert!(std::env::var_os("CI").is_none(), "in CI nothing essential may be skipped");
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: {CLAIM}: a sandbox needs root");
        return ExitCode::SUCCESS;
    }
    match boot::boot() {
        Ok(()) => {
            println!("test {CLAIM} ... ok");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("test {CLAIM} ... FAILED\n  {why}");
            ExitCode::FAILURE
        }
    }
}
