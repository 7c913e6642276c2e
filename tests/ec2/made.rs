//! What a run makes, and that nothing of it is left.

use std::path::Path;
use std::process::Command;

use crate::account::{DIES, begun, chimp_run, ec2_folder, is_empty, run_id, said, said_in, until};
use crate::support::{Folder, run};

pub fn a_dead_webserver_is_replaced_and_nothing_is_left() {
    let folder = Folder::new("ec2-dies");
    let output = run(&mut chimp_run(&folder, DIES));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = said(&output);
    let made = "made in the cloud, and removed: 4 servers, 3 network interfaces, 1 security group\n";
    assert!(told.contains(made) && told.contains("requests to the cloud's APIs: "), "{told}");
    assert!(is_empty());
    let logs = folder.path().join(run_id(&folder)).join("nodes/00/web-1/console.log");
    let console = std::fs::read_to_string(&logs).unwrap_or_else(|why| panic!("{}: {why}", logs.display()));
    assert!(console.contains("[boot]") && console.contains("is up"), "{console}");
}

pub fn a_zone_is_lost_and_the_site_recovers() {
    let folder = Folder::new("ec2-zone");
    let feature = "Feature: Any
  Scenario: A zone is lost
    Given 4 webservers behind a load balancer
    And the nodes are spread over 2 zones
    When zone \"b\" is lost for 4 s
    Then recovery takes under 2 min
";
    let output = run(&mut chimp_run(&folder, feature));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(is_empty());
}

pub fn an_isolated_server_rejoins_and_nothing_is_left() {
    let folder = Folder::new("ec2-isolated");
    let feature = DIES.replace("dies", "is isolated for 5 s");
    let output = run(&mut chimp_run(&folder, &feature));
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("made in the cloud, and removed: 3 servers, 3 network interfaces, 2 security groups\n"),
        "{told}"
    );
    assert!(is_empty());
}

pub fn a_key_of_the_account_is_in_no_bundle_log_or_process_list() {
    let credentials = std::fs::read_to_string(ec2_folder().join("credentials")).unwrap();
    let secrets: Vec<&str> =
        credentials.lines().filter_map(|line| line.strip_prefix("aws_secret_access_key = ")).collect();
    assert_eq!(secrets.len(), 3, "the users of the account");
    let folder = Folder::new("ec2-secret");
    let mut child = begun(&folder, DIES);
    let mut processes = String::new();
    until("the run has ended", || {
        let listed = Command::new("ps").args(["axeww", "-o", "args"]).output().unwrap();
        processes += &String::from_utf8_lossy(&listed.stdout);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", said_in(&folder));
    for secret in secrets {
        assert!(!processes.contains(secret), "in the list of processes");
        assert_eq!(holding(folder.path(), secret.as_bytes()), None, "in the bundle, or in what the run said");
    }
}

/// A file below a folder that has these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = match path.is_dir() {
            true => holding(&path, bytes),
            false => {
                let has = |text: Vec<u8>| text.windows(bytes.len()).any(|window| window == bytes);
                std::fs::read(&path).is_ok_and(has).then(|| path.clone())
            }
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
