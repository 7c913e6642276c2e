//! The reconciler is killed at its steps while it replaces a dead server through Nova, and goes on.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::client::as_operator;
use crate::points::{SETTINGS, points};
use crate::support::{Folder, chimp, run};
use crate::{is_empty, said};

/// The steps, in their order. A boot that is asked for twice would be so by a death at `ask`, which is always looked at; the
/// others are looked at where there are as many points as make each of them one.
const STEPS: [&str; 8] = ["ask", "list", "compare", "missing", "store", "configure", "trust", "await"];

const SITE: &str = "servers:\n  - { name: web-1, role: webserver }\nentry: { host: web-1 }\n";
const SCENARIOS: &str = "Feature: Any
  Scenario Outline: Killed at the step <step>
    Given the infrastructure in \"./site.yaml\"
    And 1 user browses the site
    And 20 requests/s of read traffic
    When the reconciler is killed at its step \"<step>\"
    And node \"web-1\" dies
    Then recovery takes under 5 min
    And no node is booted twice

    Examples:
      | step |
";

pub fn a_reconciler_killed_at_a_step_boots_no_server_twice() {
    let folder = Folder::new("cloud-steps");
    folder.write("site.yaml", SITE);
    let steps = if points() < 60 { &STEPS[..1] } else { &STEPS };
    let rows: String = steps.iter().map(|step| format!("      | {step} |\n")).collect();
    let feature = folder.write("any.feature", &format!("{SCENARIOS}{rows}")).display().to_string();
    let config = folder.write("chimp.toml", SETTINGS).display().to_string();
    let out = folder.path().join("out").display().to_string();
    let before = ever_deleted();
    let words = ["run", &feature, "--on", "openstack", "--seed", "7", "--config", &config, "--out", &out];
    let output = run(&mut chimp(&words));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(is_empty());
    let attempts = attempts(&folder.path().join("out/latest/run.json"));
    assert!(attempts >= steps.len(), "{attempts} attempts at {} scenarios", steps.len());
    assert_eq!(ever_deleted() - before, 2 * attempts, "each attempt has a server and its replacement");
}

/// How many attempts there were at all scenarios of a run: one more where a loaded machine starved the prober.
fn attempts(run: &Path) -> usize {
    let run: Value = serde_json::from_slice(&fs::read(run).unwrap()).unwrap();
    let scenarios = run["scenarios"].as_array().unwrap();
    scenarios.iter().map(|scenario| scenario["attempts"].as_u64().unwrap() as usize).sum()
}

/// How many servers were deleted since the cloud is there, as an operator sees it.
fn ever_deleted() -> usize {
    let all = as_operator(&["server", "list", "--all-projects", "--deleted"]);
    all.as_array().unwrap().len()
}
