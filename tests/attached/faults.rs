//! Faults on an inventory's servers, from the first to the last step.

use crate::site::Site;
use crate::support::{run, stderr};

/// One that is asked, two that are struck.
pub const SITE: &str = "servers: [{ name: web, role: webserver, count: 3 }]\nentry: { host: web-1 }\n";

pub fn each_fault_is_made_witnessed_and_healed_by_ssh_alone() {
    let site = Site::up("attached-faults", SITE);
    let output = run(&mut site.run("tests/attached/faults.feature", &[]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let record = site.record();
    let scenarios = record["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 13);
    for scenario in scenarios {
        let strikes = scenario["strikes"].as_array().unwrap();
        assert_eq!(strikes.len(), 1, "{scenario}");
        assert!(strikes[0]["witness"].as_str().is_some_and(|witness| !witness.is_empty()), "{scenario}");
    }
    assert_eq!(record["environment"], site.inventory());
}
