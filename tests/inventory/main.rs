//! `chimp` and the servers of an inventory, as far as no server is needed for it.

mod known_hosts;
mod refusals;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    support::tests(&[
        (
            Needs::Nothing,
            named![
                refusals::a_fault_that_no_command_can_do_or_undo_is_refused_before_anything_is_touched,
                refusals::a_server_without_a_way_in_is_refused_before_anything_is_touched,
                refusals::a_journal_that_was_left_open_by_what_could_never_be_done_is_closed_once_the_server_is_seen_to_run
            ],
        ),
        (
            Needs::Files(&[("/usr/bin/ssh-keygen", "apt-get install openssh-client")]),
            named![known_hosts::the_same_lines_name_a_host_as_for_openssh],
        ),
    ])
}
