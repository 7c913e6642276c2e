//! Thens that rest on observers, on servers that have no process on this machine.

use std::fs;

use crate::kept::until;
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
    // Its servers come back, so a busy machine on which a watcher was late may look again.
    let output = run(&mut site.run(feature.to_str().unwrap(), &["--retries", "2"]));
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
    logs_were_followed(&site);
    until("no follower is left", || (!follows(&site)).then_some(()));
}

/// Whether a process on any of the servers follows logs.
fn follows(site: &Site) -> bool {
    let command = |pid: i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let follows = |pid: i32| command(pid).split(|byte| *byte == 0).any(|word| word == b"follow");
    site.up.processes().into_iter().any(|(pid, _)| follows(pid))
}

/// What HAProxy wrote on both balancers is in the bundle, with its moments, and so is what is not known.
fn logs_were_followed(site: &Site) {
    let log = |scenario: usize, server: &str| {
        fs::read_to_string(site.out().join(format!("latest/nodes/{scenario:02}/{server}/haproxy.log"))).unwrap()
    };
    let (struck, ended) = (first(site, "injection_started"), first(site, "watch_ended"));
    for server in ["lb-1", "lb-2"] {
        let log = log(0, server);
        assert!(log.lines().next().is_some_and(|line| line.contains(" # followed from here, byte ")), "{log}");
        assert!(log.lines().next_back().is_some_and(|line| line.ends_with(" # followed until here")), "{log}");
        let down = log.lines().find(|line| line.contains(" | ") && line.contains("web-2 is DOWN"));
        let down = down.unwrap_or_else(|| panic!("{server} wrote that web-2 is down:\n{log}"));
        let moment: f64 = down.trim_start().split(' ').next().unwrap().parse().unwrap();
        assert!(struck < moment && moment < ended, "{struck} < {down} < {ended}");
    }
    let broken = log(1, "lb-1");
    let (before, after) =
        broken.split_once(" # the stream broke: ").expect("it was off for longer than a stream waits");
    assert!(after.contains("what was written from here until it came back is missing"), "{after}");
    assert!(before.contains(" # followed from here") && after.contains(" # followed from here"), "{broken}");
    assert!(!log(1, "lb-2").contains("the stream broke"), "{}", log(1, "lb-2"));
}

/// When this happened for the first time in the first scenario, in seconds of the run's clock.
fn first(site: &Site, kind: &str) -> f64 {
    let events = fs::read_to_string(site.out().join("latest/scenarios/00/events.ndjson")).unwrap();
    let mut events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let found = events.find(|event| event.to_string().contains(&format!("\"{kind}\"")));
    found.expect(kind)["at_us"].as_f64().unwrap() / 1e6
}
