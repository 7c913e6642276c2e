//! `chimp` and the servers of an inventory: what is refused, and how servers of SSH that run here are reached.

mod example;
mod jumps;
mod known_hosts;
mod logins;
mod reach;
mod refusals;
mod servers;
mod ssh_config;
mod sshd;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::Nothing,
            named![
                example::the_example_plans_attacks_without_touching_anything,
                refusals::a_fault_that_no_command_can_do_or_undo_is_refused_before_anything_is_touched,
                refusals::a_server_without_a_way_in_is_refused_before_anything_is_touched,
                refusals::a_journal_that_was_left_open_by_what_could_never_be_done_is_closed_once_the_server_is_seen_to_run
            ],
        ),
        (
            Needs::Files(&[
                ("/usr/bin/ssh-keygen", "apt-get install openssh-client"),
                ("/usr/bin/ssh", "apt-get install openssh-client"),
            ]),
            named![
                known_hosts::the_same_lines_name_a_host_as_for_openssh,
                logins::an_encrypted_key_without_an_agent_is_refused_before_anything_is_asked,
                logins::of_an_encrypted_key_the_public_half_is_known_without_the_passphrase,
                ssh_config::it_says_of_a_host_what_ssh_says,
            ],
        ),
        (
            Needs::RootAnd(sshd::PROGRAMS),
            named![
                jumps::a_server_behind_a_jump_host_is_reached_by_the_name_that_the_jump_host_knows,
                jumps::a_session_to_a_jump_host_is_used_again,
                jumps::a_jump_host_that_refuses_is_one_error_that_names_it_and_the_server,
                jumps::the_host_key_of_a_jump_host_is_checked_and_its_end_is_told,
                logins::an_agent_logs_in_where_there_is_no_key_or_an_encrypted_one,
                reach::every_server_that_can_t_be_used_is_told_with_its_reason,
                reach::a_wrong_host_key_is_told_with_both_fingerprints_and_the_line,
                reach::a_name_is_looked_up_once_and_its_address_is_kept,
                reach::a_name_that_does_not_lead_to_one_machine_is_refused_before_an_attack,
                ssh_config::it_fills_in_what_an_inventory_leaves_out_and_the_inventory_wins,
            ],
        ),
    ])
}
