//! A floating IP that the failover leads from one balancer to another.

use crate::client::openstack;
use crate::support::Folder;
use crate::{await_said, begun, is_empty, run_id, until};

pub fn a_floating_ip_leads_to_the_balancer_that_serves() {
    let folder = Folder::new("cloud-floating");
    let dies = "The balancer to which the floating IP leads dies";
    let mut child = begun(&folder, &["features/floating-ip.feature", "--name", dies]);
    await_said(&folder, "baseline");
    assert_eq!(leads_to(), "lb-1");
    until("it leads to the other balancer", || leads_to() == "lb-2");
    let code = child.wait().unwrap().code();
    let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("made in the cloud, and removed: ") && said.contains("1 floating IP"), "{said}");
    let events = folder.path().join(run_id(&folder)).join("scenarios/00/events.ndjson");
    let events = std::fs::read_to_string(events).unwrap();
    let of = |event: &str| events.lines().filter(|line| line.contains(&format!("\"{event}\""))).collect::<Vec<_>>();
    for (event, count) in [("floating_ip_asked", 1), ("floating_ip_led", 1), ("virtual_ip_holders", 2)] {
        assert_eq!(of(event).len(), count, "{event}: {events}");
    }
    let seen = of("virtual_ip_holders");
    assert!(seen.iter().all(|seen| seen.contains("\"resolution_us\"")), "{seen:?}");
    assert!(is_empty());
}

/// The name of the server to whose port the only floating IP leads, as OpenStack's own client says.
fn leads_to() -> String {
    let all = openstack(&["floating", "ip", "list"]);
    let port = all[0]["Port"].as_str().expect("it leads to a port").to_string();
    openstack(&["port", "show", &port])["name"].as_str().unwrap().to_string()
}
