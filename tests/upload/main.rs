//! The agent's program on servers that do not have it from their boot: checked before, sent once, removed at the end.

mod bare;
mod bare_root;
#[allow(dead_code, reason = "each test target uses a part")]
#[path = "../testbed/kept.rs"]
mod kept;
mod over_ssh;
mod refused;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Needs, named};

/// `make static` builds it; nothing else takes so long.
pub const STATIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/x86_64-unknown-linux-gnu/release/chimp");
pub const BUSYBOX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/busybox/bin/busybox");

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked() {
        return code;
    }
    support::tests(&[
        (
            Needs::Nothing,
            named![
                refused::a_server_of_another_cpu_is_refused_before_anything_is_sent,
                refused::a_server_that_answers_nonsense_is_refused_before_anything_is_sent
            ],
        ),
        (
            Needs::RootAndFiles(&[(BUSYBOX, "make setup")]),
            named![
                bare::a_dynamic_program_is_refused_before_anything_is_touched_where_there_is_no_libc,
                bare::a_program_that_does_not_start_is_removed_again,
                bare::a_program_that_does_not_arrive_whole_is_removed_again,
                bare::a_server_where_no_program_may_run_is_refused_before_anything_is_touched
            ],
        ),
        (
            Needs::RootAndSlowFiles(&[(BUSYBOX, "make setup"), (STATIC, "make static")]),
            named![
                bare::a_static_program_holds_and_heals_a_fault_where_there_is_no_libc_and_is_removed,
                bare::a_static_program_outlives_its_run_only_until_its_last_holder_has_healed
            ],
        ),
        (
            Needs::Scenarios,
            named![
                over_ssh::it_is_sent_once_for_a_run_and_removed_with_the_last_run_that_uses_it,
                over_ssh::an_attack_leaves_nothing_whether_it_ends_or_is_interrupted,
                over_ssh::an_attack_that_is_killed_leaves_nothing_after_its_lease,
                over_ssh::an_upload_whose_attack_is_killed_leaves_nothing_after_its_lease,
                over_ssh::a_program_of_another_version_heals_what_it_holds,
                over_ssh::what_a_killed_attack_left_is_taken_down
            ],
        ),
        (
            Needs::RootAndSlowFiles(&[(STATIC, "make static")]),
            named![over_ssh::a_static_program_is_sent_in_two_seconds],
        ),
    ])
}
