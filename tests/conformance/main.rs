//! One suite for every environment: what each promises of its servers is tried out on real ones, and the table of
//! `docs/environments.md` is what came of it. `UPDATE_DOCS=1` writes it.
//!
//! Each environment is looked at from a process of its own: the sandbox works in another process, and an inventory's
//! servers are reached from inside their network. A new environment is a row in [`ENVIRONMENTS`]. A cloud takes so long to
//! start that it is looked at where it runs already; otherwise its column stays as it was seen last.

mod agents;
mod checks;
#[path = "../swarm/cluster.rs"]
#[allow(dead_code, reason = "each test target uses a part")]
mod cluster;
mod containers;
mod ground;
#[path = "../testbed/kept.rs"]
#[allow(dead_code, reason = "each test target uses a part")]
mod kept;
mod power;
#[path = "../attached/site.rs"]
#[allow(dead_code, reason = "each test target uses a part")]
mod site;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::process::ExitCode;

use support::{Needs, named};

fn main() -> ExitCode {
    if let Some(code) = anarcho_chimp::run_if_asked().or_else(site::power_if_asked).or_else(ground::look_if_asked) {
        return code;
    }
    support::tests(&[
        (Needs::Nothing, named![table::every_environment_is_looked_at]),
        (Needs::Scenarios, named![table::every_environment_does_what_is_documented]),
        (Needs::Asked("OPENSTACK_FOLDER", "make openstack"), named![table::a_cloud_does_what_is_documented]),
        (Needs::Asked("EC2_FOLDER", "make ec2"), named![table::an_account_does_what_is_documented]),
        (Needs::Asked("DOCKER_FOLDER", "make docker"), named![table::a_project_does_what_is_documented]),
        (Needs::Asked("DOCKER_NODES", "make docker"), named![table::a_stack_does_what_is_documented]),
    ])
}
