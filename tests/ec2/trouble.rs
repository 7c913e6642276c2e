//! What goes wrong in EC2 now and then: throttling, answers that are lost, lists that are late, zones without capacity.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::account::{DIES, chimp_run, ec2_folder, is_empty, said};
use crate::support::{Folder, run};

/// What goes wrong until this is dropped.
pub struct Trouble(PathBuf);

impl Trouble {
    pub fn of(what: &Value) -> Trouble {
        let path = ec2_folder().join("trouble.json");
        std::fs::write(&path, what.to_string()).unwrap();
        Trouble(path)
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn an_account_that_throttles_loses_answers_and_lists_late_makes_each_server_once() {
    let throttled = |action: &str, times: u32| json!({ "action": action, "code": "RequestLimitExceeded", "status": 503, "times": times });
    let _trouble = Trouble::of(&json!({
        "refuse": [throttled("DescribeInstances", 2), throttled("RunInstances", 1)],
        "lose": [{ "action": "RunInstances", "times": 2 }, { "action": "CreateNetworkInterface", "times": 1 }],
        "unseen_s": 3,
    }));
    let folder = Folder::new("ec2-trouble");
    let output = run(&mut chimp_run(&folder, DIES));
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("made in the cloud, and removed: 4 servers, 3 network interfaces"), "{told}");
    assert!(is_empty(), "{told}");
}

pub fn a_zone_without_capacity_is_an_error_and_nothing_is_left() {
    let lacking = json!({
        "action": "RunInstances", "code": "InsufficientInstanceCapacity", "status": 500,
        "message": "There is no capacity for t3.micro in this zone.",
    });
    let folder = Folder::new("ec2-capacity");
    let mut command = chimp_run(&folder, DIES);
    // The rehearsal before the first boot is one request.
    let _trouble = Trouble::of(
        &json!({ "refuse": [{ "action": "RunInstances", "code": "DryRunOperation", "status": 412, "times": 1 }, lacking] }),
    );
    let output = run(&mut command);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        told.contains("There is no capacity for t3.micro") && told.contains("take another zone or instance type"),
        "{told}"
    );
    assert!(is_empty(), "{told}");
}
