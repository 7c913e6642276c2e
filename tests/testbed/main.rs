//! `chimp up` and `chimp down`, for real: most of it needs root.

mod attack;
mod documents;
mod floating;
mod host_key;
mod hypervisor;
mod identity;
mod kept;
mod life;
mod names;
mod outputs;
mod reconcile;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::Nothing,
            named![
                life::a_site_that_is_wrong_is_told_before_anything_happens,
                names::no_shell_is_given_a_line_that_was_made_of_data,
                reconcile::what_it_cannot_do_it_says_with_what_to_do
            ],
        ),
        (
            Needs::Scenarios,
            named![
                documents::every_attack_of_the_guide_can_be_carried_out_on_the_testbed_that_it_starts,
                attack::its_servers_answer_over_connections_that_the_testbed_dials,
                attack::a_frozen_server_thaws_when_its_lease_is_over_and_its_attacker_gone,
                attack::a_cut_path_is_seen_and_restored,
                attack::a_disk_that_fills_ends_an_attack_and_every_fault_of_it,
                attack::a_server_that_has_ended_is_not_drawn_and_not_struck,
                attack::an_inventory_logs_in_with_a_password_to_hosts_it_knows,
                attack::an_attack_on_a_host_whose_key_is_revoked_strikes_nothing,
                floating::its_floating_ip_leads_to_the_server_that_serves,
                host_key::another_key_than_the_one_that_a_server_was_made_with_is_refused,
                hypervisor::a_server_is_what_a_cloud_says_and_gone_without_a_trace,
                hypervisor::what_cannot_be_carried_out_boots_nothing_and_is_said,
                hypervisor::only_what_is_decided_passes_and_open_connections_are_cut,
                identity::a_heal_leaves_another_testbed_at_the_same_socket_alone,
                life::it_says_what_is_there_and_ends_when_it_is_told,
                life::ctrl_c_ends_it,
                life::a_killed_testbed_takes_all_with_it_and_the_next_one_copes,
                life::its_servers_power_on_though_its_program_was_replaced,
                life::a_second_testbed_at_the_same_place_is_refused,
                names::words_and_paths_arrive_as_they_are,
                names::a_process_of_any_name_is_stopped_and_killed_and_no_other,
                names::names_that_nothing_can_have_are_refused_before_anything_is_done,
                outputs::a_reconciler_repairs_though_its_terminal_is_gone_and_says_where_it_cannot_write,
                outputs::a_heal_undoes_what_is_open_though_its_terminal_is_gone,
                outputs::a_testbed_that_cannot_make_its_socket_boots_nothing,
                reconcile::killed_at_any_step_and_started_again_it_boots_each_missing_server_once,
                reconcile::a_spare_takes_a_dead_servers_place_and_that_one_becomes_the_spare,
                reconcile::a_second_one_with_the_same_state_is_refused_until_the_first_is_gone,
                secrets::no_password_and_no_key_is_written_or_shown_anywhere
            ],
        ),
    ])
}
