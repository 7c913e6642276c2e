//! The ladder on servers that are there already: the first files run as they are, and one fault follows where it is allowed.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::site::Site;
use crate::support::{run, stderr, stdout};

/// A balancer, at which users enter, and two behind it.
const SITE: &str = "servers: [{ name: lb, role: webhaproxy, count: 1 }, { name: web, role: webserver, count: 2 }]
links: [{ from: lb, to: web }]
entry: { host: lb-1 }
";

/// In the folder of the inventory.
fn chimp(site: &Site, words: &[&str], expected: i32) -> Output {
    let output = run(site.chimp(words).current_dir(site.folder.path()));
    assert_eq!(output.status.code(), Some(expected), "{words:?}");
    output
}

fn scenarios(site: &Site) -> Vec<Value> {
    site.record()["scenarios"].as_array().unwrap().clone()
}

pub fn the_first_files_of_an_inventory_run_and_a_fault_follows_once_a_server_is_allowed() {
    let site = Site::up("attached-begun", SITE);
    let file = site.folder.path().join("staging.yaml");
    let closed = fs::read_to_string(&file).unwrap().replace("\"attack\":\"allowed\",", "");
    assert!(!closed.contains("allowed"), "{closed}");
    fs::write(&file, &closed).unwrap();

    let gate = ["--for", "2s", "--rate", "40", "--slo", "availability > 99%"];
    chimp(&site, &[&["observe", "inventory=staging.yaml"], &gate[..]].concat(), 0);
    chimp(&site, &["init", "inventory=staging.yaml"], 0);
    let first = site.folder.path().join("features/first.feature");
    let feature = fs::read_to_string(&first).unwrap();
    for expected in ["#   load balancer: lb-1\n", "#   webserver: web-1, web-2\n", "beside web-1 in staging.yaml.\n"] {
        assert!(feature.contains(expected), "{expected}: {feature}");
    }
    let run = ["run", "features", "--seed", "7", "--out", "reports"];
    let planned = stdout(&chimp(&site, &["plan", "features"], 0));
    assert!(!planned.contains("answers late"), "nothing is struck at first: {planned}");
    chimp(&site, &run, 0);
    assert_eq!(scenarios(&site).len(), 1);

    // The file says how it goes on. Before that is done, the fault is refused.
    let open = feature.replace("\n  # @fault", "\n  @fault").replace("\n  # Scenario", "\n  Scenario");
    fs::write(&first, open.replace("\n  #   ", "\n    ")).unwrap();
    let refused = stderr(&chimp(&site, &run, 2));
    assert!(refused.contains("web-1") && refused.contains("attack: allowed"), "{refused}");
    fs::write(&file, format!("{closed}allow: [web-1]\n")).unwrap();
    chimp(&site, &run, 0);
    let scenarios = scenarios(&site);
    let strikes: Vec<&Value> = scenarios.iter().flat_map(|one| one["strikes"].as_array().unwrap()).collect();
    assert_eq!((scenarios.len(), strikes.len()), (2, 1), "{scenarios:?}");
    assert!(strikes[0]["witness"].as_str().is_some_and(|witness| !witness.is_empty()), "{}", strikes[0]);
}
