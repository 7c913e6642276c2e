//! Scenarios on the EC2 of `fixtures/ec2`, moto's API with instances that really run: `make ec2` runs these tests beside it. What
//! became of the account is asked of Amazon's own library.

mod account;
mod elastic;
mod forbidden;
mod killed;
mod made;
mod protected;
mod scaled;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod wrong;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Asked("EC2_FOLDER", "make ec2"),
        named![
            made::a_dead_webserver_is_replaced_and_nothing_is_left,
            made::a_zone_is_lost_and_the_site_recovers,
            made::an_isolated_server_rejoins_and_nothing_is_left,
            made::a_key_of_the_account_is_in_no_bundle_log_or_process_list,
            elastic::an_elastic_ip_leads_to_the_balancer_that_serves,
            elastic::an_elastic_ip_of_a_killed_run_goes_by_its_id,
            elastic::an_allocation_whose_answer_is_lost_leaves_no_second_address,
            elastic::addresses_that_are_used_up_and_rights_that_are_missing_are_known_before_anything_is_made,
            protected::a_strike_on_a_protected_instance_is_not_judged_and_down_goes_on_with_the_others,
            killed::the_servers_of_a_killed_run_start_again_by_themselves_and_go_by_its_id,
            forbidden::access_denied_in_the_middle_of_a_strike_cannot_be_judged,
            forbidden::a_user_who_may_only_look_is_refused_before_anything_is_made,
            scaled::what_is_gone_or_off_is_replaced_by_its_group_and_nothing_is_left,
            scaled::a_group_that_is_suspended_replaces_nothing_and_recovery_fails,
            scaled::a_killed_run_leaves_groups_that_go_first,
            scaled::a_user_without_the_rights_to_auto_scaling_is_refused_before_anything_is_made,
            trouble::an_account_that_throttles_loses_answers_and_lists_late_makes_each_server_once,
            trouble::a_zone_without_capacity_is_an_error_and_nothing_is_left,
            wrong::what_is_named_wrongly_is_refused_before_anything_is_made,
            wrong::what_ec2_has_no_word_for_is_skipped_with_its_line,
        ],
    )])
}
