//! `chimp` and the servers of an inventory, as far as no server is needed for it.

mod known_hosts;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Files(&[("/usr/bin/ssh-keygen", "apt-get install openssh-client")]),
        named![known_hosts::the_same_lines_name_a_host_as_for_openssh],
    )])
}
