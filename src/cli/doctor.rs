//! `chimp doctor`: what this machine lacks to run scenarios, and what brings it.

use std::process::ExitCode;

use crate::console::say;
use crate::exit;
use crate::provider::local::doctor;
use crate::render::programs;
use crate::role::shipped;

/// Prints what was checked; fails where no scenario can run.
pub(super) fn show() -> ExitCode {
    let mut healthy = true;
    for check in doctor::probe() {
        healthy &= check.ok;
        say!("{} {}: {}", if check.ok { "ok     " } else { "MISSING" }, check.name, check.detail);
        if let (false, Some(fix)) = (check.ok, &check.fix) {
            say!("          fix: {fix}");
        }
    }
    show_programs();
    if nix::unistd::geteuid().is_root() {
        show_needs();
    }
    say!("{}", if healthy { "scenarios can run here" } else { "scenarios cannot run here yet" });
    if healthy { ExitCode::SUCCESS } else { ExitCode::from(exit::COULD_NOT_TELL) }
}

/// What the shipped roles run; scenarios with a role that lacks something are skipped, others run.
fn show_programs() {
    for role in shipped::names().filter_map(shipped::role) {
        match programs::missing_of(&role).collect::<Vec<_>>().as_slice() {
            [] if role.programs.is_empty() => {}
            [] => say!("ok      programs of `{}`: {}", role.name, role.programs.join(", ")),
            missing => missing.iter().for_each(|missing| say!("LACKING {missing}")),
        }
    }
}

/// What faults need of this kernel; scenarios with a fault that lacks something are skipped, others run.
fn show_needs() {
    for (_, finding) in crate::agent::probe::probe() {
        match finding {
            Ok(by) => say!("ok      faults of the network: by {by}"),
            Err(why) => say!("LACKING faults of the network: {why}"),
        }
    }
}
