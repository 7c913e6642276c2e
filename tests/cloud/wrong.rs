//! What the settings name and the cloud does not have.

use crate::support::{Folder, chimp, one_complaint, run, stderr};
use crate::{ended, is_empty, settings};

/// A line of `[openstack]`, and what is complained of.
const WRONG: [(&str, &str); 4] = [
    ("image = \"empt\"", "`image` under `[openstack]` in the settings: the cloud has no image `empt`"),
    ("flavor = \"smal\"", "`flavor` under `[openstack]` in the settings: the cloud has no flavor `smal`"),
    ("network = \"sit\"", "`network` under `[openstack]` in the settings: the cloud has no network `sit`"),
    (
        "security_groups = [\"sit\"]",
        "`security_groups` under `[openstack]` in the settings: the cloud has no security group `sit`",
    ),
];

/// What is asked for where users enter by a floating IP.
const EXTERNAL: (&str, &str) = (
    "floating_network = \"site\"",
    "`floating_network` under `[openstack]` in the settings: the cloud has no external network `site`",
);

/// The settings name an availability zone for the zones `a` and `b` alone.
const THREE_ZONES: &str = "Feature: Any
  Scenario: Any
    Given 3 webservers behind haproxy
    And the webservers are spread over 3 zones
    Then total downtime is under 1 min
";

pub fn what_is_named_wrongly_is_refused_before_anything_is_made() {
    let card = WRONG.map(|wrong| ("features/card.feature", wrong));
    for (feature, (line, complaint)) in card.into_iter().chain([("features/floating-ip.feature", EXTERNAL)]) {
        let folder = Folder::new("cloud-wrong");
        let (config, out) = (settings(&folder, line), folder.path().join("out").display().to_string());
        let words = ["run", feature, "--on", "openstack", "--config", &config, "--out", &out];
        let told = one_complaint(&run(&mut chimp(&words)), 3);
        assert!(told.contains(complaint), "{told}");
        assert!(!folder.path().join("out").exists(), "a bundle of a run that never began");
    }
    let folder = Folder::new("cloud-wrong-zone");
    let feature = folder.write("zones.feature", THREE_ZONES).display().to_string();
    let output = ended(&folder, &[&feature]);
    let told = stderr(&output);
    let complaint = "chimp.toml:2: `openstack.zones`: nothing stands for the zone `c`, in which ";
    assert!(output.status.code() == Some(2) && told.contains(complaint), "{told}");
    let unknown = run(chimp(&["run", "features/card.feature", "--on", "openstack=nowhere"]).env_remove("OS_CLOUD"));
    assert!(one_complaint(&unknown, 2).contains("nowhere"));
    assert!(is_empty());
}
