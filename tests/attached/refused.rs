//! Inventories on which no scenario can run: one error each, and nothing is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Folder, chimp, run, stderr};

const FEATURE: &str = "Feature: Any
  Scenario: A server hangs
    Given the inventory in \"staging.yaml\"
    When the network of node \"web-1\" loses 10% of packets for 1 s
    Then recovery < 1 min
";

pub fn servers_that_can_t_be_reached_are_told_before_there_is_a_bundle() {
    let folder = Folder::new("attached-refused");
    let feature = folder.write("any.feature", FEATURE);
    let key = folder.write("key", "no key at all");
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    let out = folder.path().join("reports");
    let told = |entry: &str| {
        let host = "{ name: web-1, address: 127.0.0.1, port: 1, key: key, attack: allowed }";
        folder.write("staging.yaml", &format!("hosts:\n  - {host}\nhost_keys: ignore\nentry: {entry}\n"));
        let arguments = ["run", feature.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let output = run(&mut chimp(&arguments));
        assert!(!out.exists(), "no bundle was made, and no folder for it");
        (output.status.code(), stderr(&output).replace(&folder.path().display().to_string(), "FOLDER"))
    };
    let (code, closed) = told("http://127.0.0.1:1");
    assert!(
        code == Some(3) && closed.contains("FOLDER/staging.yaml:2: web-1 (127.0.0.1): port 1: Connection refused"),
        "{closed}"
    );
    let (code, nameless) = told("http://nowhere.invalid");
    assert!(code == Some(3) && nameless.contains("the entry http://nowhere.invalid can't be reached"), "{nameless}");
}
