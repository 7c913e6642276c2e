//! A server that is isolated by the security groups of its port.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::support::{Folder, chimp, run, stderr};
use crate::{await_said, begun, is_empty, openstack, run_id, said, until};

/// The group that lets nothing pass, which the run makes.
const EMPTY: &str = "anarcho-chimp-isolated";

/// A standby balancer may send from the virtual IP as well, so its port has more to lose than its groups.
fn scenario(folder: &Folder, steps: &str) -> String {
    let text = format!(
        "Feature: Any\n  Scenario: Any\n    Given 2 webservers behind haproxy\n{steps}    Then total downtime is under 1 min\n"
    );
    folder.write("any.feature", &text).display().to_string()
}

/// The security groups of a port, and the addresses that its server may send from.
type Port = (BTreeSet<String>, String);

/// All ports, by name.
fn ports() -> BTreeMap<String, Port> {
    let all = openstack(&["port", "list", "--long"]);
    let read = |listed: &serde_json::Value| {
        let name = listed["Name"].as_str().unwrap_or_default().to_string();
        let port = openstack(&["port", "show", listed["ID"].as_str().unwrap()]);
        let groups = port["security_group_ids"].as_array().unwrap().iter();
        let groups = groups.map(|id| id.as_str().unwrap().to_string()).collect();
        (name, (groups, port["allowed_address_pairs"].to_string()))
    };
    all.as_array()
        .unwrap()
        .iter()
        .filter(|listed| listed["Name"] == "lb-1" || listed["Name"] == "lb-2")
        .map(read)
        .collect()
}

fn empty_group() -> Option<String> {
    let groups = openstack(&["security", "group", "list"]);
    let found = groups.as_array().unwrap().iter().find(|group| group["Name"] == EMPTY)?;
    Some(found["ID"].as_str().unwrap().to_string())
}

/// The one of the balancers whose port has the empty group, and no other one.
fn isolated(before: &BTreeMap<String, Port>) -> String {
    let (empty, now) = (empty_group().expect("the run has made it"), ports());
    let rules = openstack(&["security", "group", "rule", "list", &empty]);
    assert_eq!(rules.as_array().unwrap().len(), 0, "it lets something pass");
    let only: BTreeSet<String> = [empty].into();
    let isolated: Vec<&String> = now.iter().filter(|(_, port)| port.0 == only).map(|(name, _)| name).collect();
    let [isolated] = isolated.as_slice() else { panic!("{now:?}") };
    for (name, port) in &now {
        assert_eq!(port.1, before[name].1, "{name} may send from other addresses");
        assert!(name == *isolated || *port == before[name], "{name} has other groups: {port:?}");
    }
    (*isolated).clone()
}

/// Begins a run that isolates the standby balancer for a minute, and waits until it is struck.
fn struck(folder: &Folder) -> (std::process::Child, BTreeMap<String, Port>) {
    let feature = scenario(folder, "    When the standby load balancer is isolated for 40 s\n");
    let child = begun(folder, &[&feature]);
    until("the ports are there", || ports().len() == 2);
    let before = ports();
    assert!(before.values().all(|port| port.0.len() == 1 && port.1.contains("ip_address")), "{before:?}");
    await_said(folder, "struck");
    (child, before)
}

pub fn an_isolated_server_has_the_empty_group_and_then_its_own_ones_again() {
    let folder = Folder::new("cloud-isolated");
    let (mut child, before) = struck(&folder);
    isolated(&before);
    until("its port has its own group again", || ports() == before);
    let code = child.wait().unwrap().code();
    let told = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("2 security groups, of which 2 were removed"), "{told}");
    assert!(is_empty() && empty_group().is_none());
}

pub fn a_server_that_a_killed_run_isolated_gets_its_groups_back_with_the_lease() {
    let folder = Folder::new("cloud-isolated-killed");
    let (mut child, before) = struck(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    isolated(&before);
    until("its port has its own group again", || ports() == before);
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
        let rule = ["security", "group", "rule", "create", direction, "--protocol", "any", &group];
        let made = run(Command::new("openstack").args(rule));
        assert!(made.status.success(), "{}", stderr(&made));
    }
    let code = child.wait().unwrap().code();
    let told = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("a new connection: it answers"), "{told}");
    assert!(is_empty() && empty_group().is_none());
}
