//! A cloud that has no security groups and no floating IPs, as the paper's.

use crate::support::{Folder, chimp, run};
use crate::{is_empty, said, settings};

const SCENARIO: &str = "Feature: Any
  Scenario: The card's, where the network fails
    Given 4 webservers behind haproxy
    And a server loses its network 500 ms after it was asked for
    When the highest-degree node dies
    And the system has recovered
    And node \"web-1\" loses network for 5 s
    Then recovery takes under 2 min
";

pub fn a_cloud_without_security_groups_and_floating_ips_is_asked_for_none() {
    let folder = Folder::new("cloud-profile");
    let feature = folder.write("any.feature", SCENARIO).display().to_string();
    let config = settings(&folder, "profile = \"rackspace\"");
    let (out, log) = (folder.path().display().to_string(), folder.path().join("chimp.log").display().to_string());
    let fixed = ["run", &feature, "--on", "openstack", "--seed", "7", "--config", &config, "--out", &out];
    let output = run(&mut chimp(&[&fixed[..], &["--log", &log, "--log-level", "debug"]].concat()));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let log = std::fs::read_to_string(log).unwrap();
    let answered: Vec<&str> = log.lines().filter(|line| line.contains("the cloud answered")).collect();
    assert!(answered.iter().any(|line| line.contains("/ports")), "the log has the requests: {answered:?}");
    for part in ["security-group", "floatingip"] {
        assert_eq!(answered.iter().find(|line| line.contains(part)), None);
    }
    assert!(is_empty());
}
