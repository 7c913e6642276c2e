//! The account, as Amazon's own library sees it, and runs in it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Folder, chimp, run, stderr, stdout};

/// Far more than anything here takes, on a machine with other things to do.
const LIMIT: Duration = Duration::from_secs(180);

/// A webserver dies behind one balancer.
pub const DIES: &str = "Feature: Any
  Scenario: A webserver dies
    Given 2 webservers behind a load balancer
    When node \"web-1\" dies
    Then recovery takes under 2 min
";
/// One stays off for a while.
pub const LOSES_POWER: &str = "Feature: Any
  Scenario: A webserver is off for a while
    Given 2 webservers behind a load balancer
    And the reconciler is off
    When node \"web-1\" loses power for 4 s
    Then recovery takes under 2 min
";

/// The folder of the API.
pub fn ec2_folder() -> PathBuf {
    std::env::var_os("EC2_FOLDER").unwrap().into()
}

/// The settings of `[ec2]` that the account comes with, changed so. Its failover is for a quiet machine, and the usual one is taken.
pub fn settings(folder: &Folder, change: impl Fn(&str) -> String) -> String {
    let text = std::fs::read_to_string(ec2_folder().join("chimp.toml")).unwrap();
    let of_ec2 = text.split("\n[failover]").next().unwrap();
    folder.write("chimp.toml", &change(of_ec2)).display().to_string()
}

/// `chimp run` of a feature there, into the folder.
pub fn chimp_run(folder: &Folder, feature: &str) -> Command {
    let feature = folder.write("any.feature", feature).display().to_string();
    let (config, out) = (settings(folder, str::to_string), folder.path().display().to_string());
    chimp(&["run", &feature, "--on", "ec2", "--seed", "7", "--config", &config, "--out", &out])
}

/// The same, in the background; what it says goes to a file of the folder.
pub fn begun(folder: &Folder, feature: &str) -> Child {
    let said = File::create(folder.path().join("said")).unwrap();
    chimp_run(folder, feature).stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// The same, killed as soon as it has said this.
pub fn killed(folder: &Folder, feature: &str, word: &str) {
    let mut child = begun(folder, feature);
    until(word, || said_in(folder).contains(word));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What a run in the background has said.
pub fn said_in(folder: &Folder) -> String {
    std::fs::read_to_string(folder.path().join("said")).unwrap()
}

pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The id of the only run in a folder.
pub fn run_id(folder: &Folder) -> String {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().find(|name| name.starts_with("20")).expect("a run has begun")
}

pub fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

/// What Amazon's library answers: `text` is Python, in which `client(SERVICE, PROFILE)` is there, and prints JSON.
pub fn amazon(text: &str) -> Value {
    const BEGIN: &str = "import boto3, json\n\
        client = lambda service='ec2', profile='chimp': boto3.Session(profile_name=profile).client(service)\n";
    let output = run(Command::new("ec2-python").args(["-c", &format!("{BEGIN}{text}")]).stdin(Stdio::null()));
    assert!(output.status.success(), "{text}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// The instances that are not terminated: name, state, id.
pub fn instances() -> Vec<(String, String, String)> {
    let all = amazon(
        "all = [i for r in client().describe_instances()['Reservations'] for i in r['Instances']]\n\
         name = lambda i: next((t['Value'] for t in i.get('Tags', []) if t['Key'] == 'Name'), '')\n\
         print(json.dumps([(name(i), i['State']['Name'], i['InstanceId']) for i in all if i['State']['Name'] != 'terminated']))",
    );
    serde_json::from_value(all).unwrap()
}

/// Nothing of a run is there: no instance, no network interface, no group of either kind, no launch template. Of Elastic IPs there are none at
/// all.
pub fn is_empty() -> bool {
    let left = amazon(
        "ec2 = client()\n\
         interfaces = ec2.describe_network_interfaces(Filters=[{'Name': 'tag-key', 'Values': ['chimp_run']}])\n\
         groups = ec2.describe_security_groups(Filters=[{'Name': 'tag-key', 'Values': ['chimp_run']}])\n\
         addresses = ec2.describe_addresses()\n\
         templates = ec2.describe_launch_templates(Filters=[{'Name': 'tag-key', 'Values': ['chimp_run']}])\n\
         scaling = client('autoscaling').describe_auto_scaling_groups()['AutoScalingGroups']\n\
         left = [addresses['Addresses'], interfaces['NetworkInterfaces'], groups['SecurityGroups'], templates['LaunchTemplates'], scaling]\n\
         print(json.dumps(sum(map(len, left))))",
    );
    left == 0 && instances().is_empty()
}
