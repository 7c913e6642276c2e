//! Scenarios on a real OpenStack, the one of `fixtures/openstack`: `make openstack` runs these tests beside it. What became of
//! the cloud is asked of OpenStack's own client.

mod attack;
mod attack_isolated;
mod client;
mod dies;
mod figure_1;
mod floating;
mod isolated;
mod killed;
mod points;
mod profile;
mod secrets;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod wrong;

use std::fs::File;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use client::openstack;
use serde_json::Value;
use support::{Folder, Needs, chimp, named, run, stderr, stdout};

/// Far more than anything here takes, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    support::tests(&[(
        Needs::Asked("OPENSTACK_FOLDER", "make openstack"),
        named![
            killed::the_servers_of_a_killed_run_heal_themselves_and_go_by_its_id,
            dies::a_server_that_dies_behind_novas_back_is_replaced,
            dies::a_zone_is_lost_and_the_site_recovers,
            figure_1::the_writable_database_of_figure_1_dies_and_no_write_is_lost,
            floating::a_floating_ip_leads_to_the_balancer_that_serves,
            isolated::an_isolated_server_has_the_empty_group_and_then_its_own_ones_again,
            isolated::a_server_that_a_killed_run_isolated_gets_its_groups_back_with_the_lease,
            isolated::an_isolation_that_lets_everything_pass_is_not_believed,
            profile::a_cloud_without_security_groups_and_floating_ips_is_asked_for_none,
            secrets::no_secret_is_in_a_bundle_a_log_or_a_command_line,
            attack::each_failure_model_strikes_servers_with_the_tag_and_no_others,
            attack::a_server_is_suspended_and_reboots_gracefully,
            attack_isolated::an_attack_isolates_a_server_and_gives_its_ports_their_own_groups_back,
            attack_isolated::an_attack_that_is_killed_as_soon_as_it_has_its_empty_group_leaves_none_after_its_heal,
            attack_isolated::a_port_that_outlives_the_attacked_servers_gets_its_own_groups_back,
            attack_isolated::an_isolation_of_a_killed_attack_ends_by_its_journal_and_by_its_lease,
            attack::a_killed_attack_is_undone_by_its_journal_and_by_its_lease,
            points::a_run_killed_at_any_boundary_leaves_nothing_after_down_and_no_fault_after_its_lease,
            steps::a_reconciler_killed_at_a_step_boots_no_server_twice,
            wrong::what_is_named_wrongly_is_refused_before_anything_is_made,
        ],
    )])
}

/// The servers that there are: name, status, id.
fn servers() -> Vec<(String, String, String)> {
    let all = openstack(&["server", "list"]);
    let text = |server: &Value, field: &str| server[field].as_str().unwrap_or_default().to_string();
    let servers = all.as_array().unwrap().iter();
    servers.map(|server| (text(server, "Name"), text(server, "Status"), text(server, "ID"))).collect()
}

/// Nothing of a run is there.
fn is_empty() -> bool {
    let none = |kind: &str| {
        let words: Vec<&str> = kind.split(' ').chain(["list"]).collect();
        openstack(&words).as_array().unwrap().is_empty()
    };
    // The cloud's own router has a port that has no name.
    let ports = openstack(&["port", "list"]);
    let no_port = ports.as_array().unwrap().iter().all(|port| port["Name"] == "");
    let groups = openstack(&["security", "group", "list"]);
    let ours =
        groups.as_array().unwrap().iter().any(|group| group["Name"].as_str().unwrap().starts_with("anarcho-chimp"));
    none("server") && no_port && none("floating ip") && !ours
}

/// The settings of a run there: which zones stand for those of the features, and a line more.
fn settings(folder: &Folder, more: &str) -> String {
    let text = format!("[openstack]\nzones = {{ a = \"zone-a\", b = \"zone-b\" }}\n{more}\n");
    folder.write("chimp.toml", &text).display().to_string()
}

/// `chimp run` there, into the folder.
fn chimp_run(folder: &Folder, words: &[&str]) -> Command {
    let (config, out) = (settings(folder, ""), folder.path().display().to_string());
    let fixed = ["run", "--on", "openstack", "--seed", "7", "--config", &config, "--out", &out];
    chimp(&[&fixed, words].concat())
}

/// The same, to its end.
fn ended(folder: &Folder, words: &[&str]) -> Output {
    run(&mut chimp_run(folder, words))
}

/// The same, in the background; what it says goes to a file of the folder.
fn begun(folder: &Folder, words: &[&str]) -> Child {
    let said = File::create(folder.path().join("said")).unwrap();
    chimp_run(folder, words).stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// Waits until a run in the background has said this.
fn await_said(folder: &Folder, word: &str) {
    until(word, || std::fs::read_to_string(folder.path().join("said")).unwrap().contains(word));
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The id of the only run in a folder.
fn run_id(folder: &Folder) -> String {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().find(|name| name.starts_with("20")).expect("a run has begun")
}

fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}
