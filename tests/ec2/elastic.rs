//! Elastic IPs: one stands in for the address that keepalived moves elsewhere, and the failover leads it to a balancer that serves.

use serde_json::Value;

use crate::account::{amazon, begun, chimp_run, is_empty, killed, run_id, said, said_in, until};
use crate::support::{Folder, chimp, one_complaint, run};
use crate::trouble::Trouble;

/// Its replacement comes later than the failover.
const HOLDER_DIES: &str = "Feature: Any
  Scenario: The balancer that holds the address dies
    Given 2 webservers behind haproxy
    And every load balancer takes 20 s to boot
    When the active load balancer dies
    Then the longest outage is under 12 s
    And exactly one load balancer holds the virtual IP throughout
    And recovery takes under 2 min
";

/// The names of the servers to whose interfaces the Elastic IPs of runs lead.
fn lead_to() -> Vec<String> {
    let names = amazon(
        "ec2 = client()\n\
         addresses = ec2.describe_addresses(Filters=[{'Name': 'tag-key', 'Values': ['chimp_run']}])['Addresses']\n\
         name = lambda i: next(t['Value'] for t in i['TagSet'] if t['Key'] == 'Name')\n\
         interfaces = {i['NetworkInterfaceId']: name(i) for i in ec2.describe_network_interfaces()['NetworkInterfaces'] if i['TagSet']}\n\
         print(json.dumps([interfaces.get(a.get('NetworkInterfaceId'), 'nowhere') for a in addresses]))",
    );
    serde_json::from_value(names).unwrap()
}

pub fn an_elastic_ip_leads_to_the_balancer_that_serves() {
    let folder = Folder::new("ec2-elastic");
    let mut child = begun(&folder, HOLDER_DIES);
    until("the baseline", || said_in(&folder).contains("baseline"));
    assert_eq!(lead_to(), ["lb-1"]);
    // The library takes a second of the CPU for an answer, so it is asked only where the run needs none.
    until("it has recovered", || said_in(&folder).contains("after recovery") || child.try_wait().unwrap().is_some());
    let led_to = lead_to();
    let code = child.wait().unwrap().code();
    let told = said_in(&folder);
    assert_eq!(led_to, ["lb-2"], "{told}");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("made in the cloud, and removed: 5 servers, 4 network interfaces, 1 Elastic IP, "), "{told}");
    let events = folder.path().join(run_id(&folder)).join("scenarios/00/events.ndjson");
    let events = std::fs::read_to_string(events).unwrap();
    let count = |event: &str| events.lines().filter(|line| line.contains(&format!("\"{event}\""))).count();
    assert_eq!((count("floating_ip_asked"), count("floating_ip_led")), (1, 1), "{events}");
    assert!(is_empty());
}

pub fn an_elastic_ip_of_a_killed_run_goes_by_its_id() {
    let folder = Folder::new("ec2-elastic-killed");
    killed(&folder, HOLDER_DIES, "baseline");
    assert_eq!(lead_to(), ["lb-1"]);
    let id = run_id(&folder);
    let down = |more: &[&str]| run(&mut chimp(&[&["down", "--on", "ec2", "--run", &id], more].concat()));
    let listed = down(&["--dry-run"]);
    assert!(listed.status.success() && said(&listed).contains("Elastic IP `198.19.250."), "{}", said(&listed));
    assert_eq!(lead_to(), ["lb-1"], "a dry run removes nothing");
    let removed = down(&[]);
    assert!(
        removed.status.success() && said(&removed).contains("removed: Elastic IP `198.19.250."),
        "{}",
        said(&removed)
    );
    assert!(is_empty());
}

pub fn an_allocation_whose_answer_is_lost_leaves_no_second_address() {
    let folder = Folder::new("ec2-elastic-lost");
    let _trouble = Trouble::of(&serde_json::json!({ "lose": [{ "action": "AllocateAddress", "times": 1 }] }));
    let output = run(&mut chimp_run(&folder, HOLDER_DIES));
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains(" 1 Elastic IP, "), "{told}");
    assert!(is_empty(), "{told}");
}

pub fn addresses_that_are_used_up_and_rights_that_are_missing_are_known_before_anything_is_made() {
    let others =
        amazon("print(json.dumps([client().allocate_address(Domain='vpc')['AllocationId'] for _ in range(5)]))");
    let folder = Folder::new("ec2-elastic-quota");
    let full = run(&mut chimp_run(&folder, HOLDER_DIES));
    release(&others);
    let told = one_complaint(&full, 3);
    assert!(told.contains("Elastic IPs: 1 needed, 5 of a quota of 5 used"), "{}", said(&full));
    assert!(said(&full).contains("ask for a greater quota in Service Quotas"), "{}", said(&full));
    crate::forbidden::allow("['ec2:Describe*', 'ec2:Create*', 'ec2:Run*', 'ec2:A*', 'ec2:Disassociate*']");
    let forbidden = run(&mut chimp_run(&folder, HOLDER_DIES));
    crate::forbidden::allow_everything();
    let told = one_complaint(&forbidden, 3);
    assert!(told.contains("an Elastic IP was rehearsed: ReleaseAddress at "), "{}", said(&forbidden));
    assert!(is_empty());
}

fn release(ids: &Value) {
    amazon(&format!("[client().release_address(AllocationId=id) for id in {ids}]\nprint('0')"));
}
