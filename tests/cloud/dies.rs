//! Servers that die, one of them behind Nova's back.

use std::path::Path;

use anarcho_chimp::instance::{InstanceId, PowerOp};
use anarcho_chimp::testbed::Testbed;
use anarcho_chimp::testbed::protocol::{Request, Response};

use crate::support::Folder;
use crate::{await_said, begun, ended, is_empty, run_id, said, servers};

const SCENARIO: &str = "Feature: Any
  Scenario: A webserver hangs for a moment
    Given 2 webservers behind a load balancer
    And the reconciler terminates unhealthy nodes
    When node \"web-1\" hangs for 1 s
    Then recovery takes under 2 min
";

pub fn a_server_that_dies_behind_novas_back_is_replaced() {
    let folder = Folder::new("cloud-behind");
    let feature = folder.write("any.feature", SCENARIO).display().to_string();
    let mut child = begun(&folder, &[&feature]);
    await_said(&folder, "struck");
    let (_, status, id) = servers().into_iter().find(|(name, ..)| name == "web-2").expect("it was booted");
    assert_eq!(status, "ACTIVE");
    switch_off(&id);
    let code = child.wait().unwrap().code();
    let told = std::fs::read_to_string(folder.path().join("said")).unwrap();
    let events = folder.path().join(run_id(&folder)).join("scenarios/00/events.ndjson");
    let events = std::fs::read_to_string(events).unwrap();
    let replaced = |line: &&str| line.contains("\"reconciler_replaced\"") && line.contains("\"web-2\"");
    assert_eq!(events.lines().filter(replaced).count(), 1, "{told}");
    assert!(events.contains("Nova says SHUTOFF"), "{told}");
    assert_eq!(code, Some(0), "{told}");
    assert!(is_empty());
}

/// Where the machines of Nova's servers are.
pub fn hypervisor() -> Testbed {
    let folder = std::env::var("OPENSTACK_FOLDER").unwrap();
    Testbed::at(&Path::new(&folder).join("hypervisor.sock"))
}

/// The machine of a server of Nova's loses its power, and Nova is not told.
fn switch_off(server: &str) {
    let hypervisor = hypervisor();
    let Response::Instances(all) = hypervisor.ask(&Request::List).unwrap() else { panic!("it lists its instances") };
    let id: InstanceId = all.into_iter().find(|instance| instance.name == server).expect("it runs there").id;
    hypervisor.ask(&Request::Power { id, op: PowerOp::Stop, lease: None }).unwrap();
}

pub fn a_zone_is_lost_and_the_site_recovers() {
    let folder = Folder::new("cloud-zone");
    let lost = "A zone of a site spread over two is lost";
    let output = ended(&folder, &["features/as-declared.feature", "--name", lost]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(is_empty());
}
