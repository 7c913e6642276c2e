//! Faults on an inventory's servers, from the first to the last step.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::site::Site;

/// One that is asked, two that are struck.
pub const SITE: &str = "servers: [{ name: web, role: webserver, count: 3 }]\nentry: { host: web-1 }\n";

pub fn each_fault_is_made_witnessed_and_healed_by_ssh_alone() {
    let site = Site::up("attached-faults", SITE);
    let said = site.folder.path().join("said");
    let mut run = site.run("tests/attached/faults.feature", &[]);
    let mut child = run.stdout(Stdio::null()).stderr(File::create(&said).unwrap()).spawn().unwrap();
    let caretakers = caretakers_until_its_end(&site, "web-1", &mut child);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", fs::read_to_string(said).unwrap());
    assert_eq!(caretakers.len(), 1, "the program was put once on a server that stays up");
    assert_eq!(site.caretakers("web-1"), BTreeSet::new(), "and goes with the run");
    let record = site.record();
    let scenarios = record["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 16);
    for scenario in scenarios {
        let strikes = scenario["strikes"].as_array().unwrap();
        assert_eq!(strikes.len(), 1, "{scenario}");
        assert!(strikes[0]["witness"].as_str().is_some_and(|witness| !witness.is_empty()), "{scenario}");
    }
    assert_eq!(record["environment"], site.inventory());
}

/// As often as that none is missed: each stays for a whole scenario.
const LOOK: Duration = Duration::from_millis(50);

/// All processes that kept an uploaded program on this server until the run ended.
fn caretakers_until_its_end(site: &Site, server: &str, run: &mut Child) -> BTreeSet<i32> {
    let mut all = BTreeSet::new();
    while run.try_wait().unwrap().is_none() {
        all.extend(site.caretakers(server));
        std::thread::sleep(LOOK);
    }
    all
}
