//! A server that is isolated by the security groups of its port.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::openstack;
use crate::support::{Folder, chimp, run};
use crate::{await_said, begun, is_empty, run_id, said, until};

/// The group that lets nothing pass, which the run makes.
const EMPTY: &str = "anarcho-chimp-isolated";

/// A standby balancer may send from the virtual IP as well, so its port has more to lose than its groups.
fn scenario(folder: &Folder, steps: &str) -> String {
    let text = format!(
        "Feature: Any\n  Scenario: Any\n    Given 2 webservers behind haproxy\n{steps}    Then total downtime is under 1 min\n"
    );
    folder.write("any.feature", &text).display().to_string()
}

/// The security groups of the ports of both balancers, by name.
type Groups = BTreeMap<String, BTreeSet<String>>;

fn groups() -> Groups {
    let all = openstack(&["port", "list", "--long"]);
    let texts = |value: &serde_json::Value| value.as_array().unwrap().iter().map(text).collect();
    let balancers = all.as_array().unwrap().iter().filter(|port| port["Name"] == "lb-1" || port["Name"] == "lb-2");
    balancers.map(|port| (text(&port["Name"]), texts(&port["Security Groups"]))).collect()
}

pub fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// What the server of a port may send from, beside its own address.
fn address_pairs(name: &str) -> String {
    openstack(&["port", "show", name])["allowed_address_pairs"].to_string()
}

pub fn empty_group() -> Option<String> {
    let groups = openstack(&["security", "group", "list"]);
    let found = groups.as_array().unwrap().iter().find(|group| group["Name"] == EMPTY)?;
    Some(found["ID"].as_str().unwrap().to_string())
}

/// The port of one of the balancers has the empty group and no other one; returns that server and the group.
fn isolated(before: &Groups) -> (String, String) {
    let empty = empty_group().expect("the run has made it");
    let now = groups();
    let only: BTreeSet<String> = [empty.clone()].into();
    let isolated: Vec<&String> = now.iter().filter(|(_, groups)| **groups == only).map(|(name, _)| name).collect();
    let [isolated] = isolated.as_slice() else { panic!("{now:?}, {before:?} before") };
    assert!(now.iter().all(|(name, groups)| name == *isolated || *groups == before[name]), "{now:?}");
    ((*isolated).clone(), empty)
}

/// Begins a run that isolates the standby balancer for a minute, and waits until it is struck.
fn struck(folder: &Folder) -> (std::process::Child, Groups) {
    let feature = scenario(folder, "    When the standby load balancer is isolated for 1 min\n");
    let child = begun(folder, &[&feature]);
    until("the ports are there", || groups().len() == 2);
    let before = groups();
    assert!(before.values().all(|groups| groups.len() == 1), "{before:?}");
    await_said(folder, "struck");
    (child, before)
}

pub fn an_isolated_server_has_the_empty_group_and_then_its_own_ones_again() {
    let folder = Folder::new("cloud-isolated");
    let (mut child, before) = struck(&folder);
    let (server, empty) = isolated(&before);
    assert!(address_pairs(&server).contains("ip_address"), "the virtual IP is no longer one that it may send from");
    let rules = openstack(&["security", "group", "rule", "list", &empty]);
    assert_eq!(rules.as_array().unwrap().len(), 0, "it lets something pass");
    until("its port has its own group again", || groups() == before);
    assert!(address_pairs(&server).contains("ip_address"), "the virtual IP is no longer one that it may send from");
    let code = child.wait().unwrap().code();
    let told = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("made in the cloud, and removed: ") && told.contains("2 security groups"), "{told}");
    assert!(is_empty() && empty_group().is_none());
}

pub fn a_server_that_a_killed_run_isolated_gets_its_groups_back_with_the_lease() {
    let folder = Folder::new("cloud-isolated-killed");
    let (mut child, before) = struck(&folder);
    isolated(&before);
    child.kill().unwrap();
    child.wait().unwrap();
    until("its port has its own group again", || groups() == before);
    let id = run_id(&folder);
    let down = run(&mut chimp(&["down", "--on", "openstack", "--run", &id]));
    assert!(down.status.success() && said(&down).contains(EMPTY), "{}", said(&down));
    assert!(is_empty() && empty_group().is_none());
}

/// The API swaps the groups as it is asked to, and everything passes all the same.
pub fn an_isolation_that_lets_everything_pass_is_not_believed() {
    let folder = Folder::new("cloud-isolated-in-vain");
    let feature = scenario(&folder, "    When 20 s pass\n    And node \"web-1\" is isolated for 5 s\n");
    let mut child = begun(&folder, &[&feature, "--retries", "0"]);
    until("the empty group is there", || empty_group().is_some());
    let group = empty_group().unwrap();
    for direction in ["--ingress", "--egress"] {
        openstack(&["security", "group", "rule", "create", direction, "--protocol", "any", &group]);
    }
    let code = child.wait().unwrap().code();
    let told = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(code, Some(3), "{told}");
    // The first looks may still find it cut, before the rules are in force.
    assert!(told.contains("the fault was not confirmed at web-1: ") && told.contains("it answers"), "{told}");
    assert!(is_empty() && empty_group().is_none());
}
