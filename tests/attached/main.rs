//! Scenarios on a site that is there already: `chimp up` keeps one in a sandbox, and a run from another process inside
//! that network reaches its servers by SSH alone, as an inventory's.

mod begun;
mod failover;
mod faults;
mod followed;
#[path = "../testbed/kept.rs"]
#[allow(dead_code, reason = "each test target uses a part")]
mod kept;
mod lifted;
mod refused;
mod seen;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    if let Some(code) = site::power_if_asked() {
        return code;
    }
    support::tests(&[
        (
            Needs::Nothing,
            named![
                refused::servers_that_can_t_be_reached_are_told_before_there_is_a_bundle,
                followed::what_is_appended_to_a_log_is_reported_with_the_moment_of_its_reading,
                followed::a_follower_ends_with_its_standard_input_or_when_that_is_silent
            ],
        ),
        // `make test` climbs the same ladder on a Compose project.
        (
            Needs::Asked("CHIMP_LADDER", "make nightly"),
            named![begun::the_first_files_of_an_inventory_run_and_a_fault_follows_once_a_server_is_allowed],
        ),
        (
            Needs::Scenarios,
            named![
                faults::each_fault_is_made_witnessed_and_healed_by_ssh_alone,
                seen::what_balancers_and_holders_do_is_judged_by_what_watchers_on_servers_report,
                failover::a_failover_is_judged_as_in_the_sandbox,
                lifted::ctrl_c_lifts_what_is_in_force,
                lifted::a_second_ctrl_c_does_not_wait_for_what_can_t_be_lifted,
                lifted::a_killed_run_leaves_a_fault_no_longer_than_its_lease,
                lifted::a_journal_that_a_killed_run_left_open_is_healed,
                lifted::a_server_that_is_not_clean_is_not_taken_over
            ],
        ),
    ])
}
