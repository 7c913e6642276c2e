//! Thens that rest on observers, on servers that have no process on this machine.

use std::fs;

use crate::site::Site;
use crate::support::{run, stderr};

const SITE: &str = "
servers:
  - { name: lb, role: webhaproxy, count: 2 }
  - { name: web, role: webserver, count: 2 }
links: [{ from: lb, to: web }]
virtual_ips: [{ name: www, holders: [lb] }]
entry: { host: www, port: 80 }
";

const FEATURE: &str = "Feature: What the site's own components see
  Background:
    Given the inventory in \"staging.yaml\"
    And 50 requests/s of read traffic

  Scenario: A webserver leaves rotation
    When node \"web-2\" loses power for 6 s
    Then detection < 20 s
    And removal from rotation < 20 s
    And recovery < 40 s

  Scenario: The address moves
    When node \"lb-1\" loses power for 6 s
    Then detection < 20 s
    And removal from rotation < 20 s
    And failover < 20 s
    And exactly one load balancer holds the virtual IP after recovery
";

pub fn what_balancers_and_holders_do_is_judged_by_what_watchers_on_servers_report() {
    let site = Site::up("attached-seen", SITE);
    let feature = site.folder.write("seen.feature", FEATURE);
    let output = run(&mut site.run(feature.to_str().unwrap(), &[]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let seen = |scenario: usize, what: &str| {
        let folder = site.out().join(format!("latest/scenarios/{scenario:02}"));
        fs::read_to_string(folder.join("events.ndjson")).unwrap().lines().filter(|line| line.contains(what)).count()
    };
    assert!(seen(0, r#""server":"web-2","status":"DOWN"#) >= 2, "both balancers saw it leave");
    // From when the one was down until the other had it; what can't be seen is no fact.
    assert!(
        seen(1, r#""virtual_ip_holders","name":"www","holders":[]"#) <= 1,
        "no server holds it for a moment at most"
    );
    assert!(seen(1, r#""virtual_ip_holders","name":"www","holders":["lb-2"]"#) >= 1, "the other one has it");
}
