//! The same feature in the sandbox and on servers that are there already, which somebody else repairs.

use std::process::{Child, Stdio};

use serde_json::Value;

use crate::site::Site;
use crate::support::{Folder, chimp, run, stderr};

const FEATURE: &str = "tests/attached/failover.feature";
const SITE: &str = "tests/attached/failover.yaml";

/// The site's own reconciler; killed when it is dropped.
struct Reconciler(Child);

impl Reconciler {
    fn start(site: &Site) -> Reconciler {
        let (socket, state) = (site.up.socket.display().to_string(), site.folder.path().join("state.json"));
        let state = state.display().to_string();
        let arguments = ["reconcile", SITE, "--testbed", &socket, "--every", "1s", "--state", &state];
        Reconciler(chimp(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Reconciler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn a_failover_is_judged_as_in_the_sandbox() {
    let site = Site::up("attached-failover", &std::fs::read_to_string(SITE).unwrap());
    let reconciler = Reconciler::start(&site);
    let output = run(&mut site.run(FEATURE, &[]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    drop(reconciler);
    let attached = site.record();

    let folder = Folder::new("local-failover");
    let out = folder.path().to_str().unwrap();
    let config = "tests/features/short.toml";
    let local = run(&mut chimp(&["run", FEATURE, "--out", out, "--config", config, "--seed", "7", "--retries", "0"]));
    assert_eq!(local.status.code(), Some(0), "{}", stderr(&local));
    let local = folder.record();

    let of = |record: &Value, at: &str| record["scenarios"][0].pointer(at).unwrap_or(&Value::Null).clone();
    for same in ["/verdict", "/strikes/0/target", "/strikes/0/fault"] {
        assert_eq!(of(&attached, same), of(&local, same), "{same}");
    }
    for seen in ["detected_after_t0_s", "service_after_t0_s", "redundant_after_t0_s", "normal_after_t0_s"] {
        let at = format!("/milestones/{seen}");
        assert!(of(&attached, &at).is_number() && of(&local, &at).is_number(), "{seen}: {attached}");
    }
}
