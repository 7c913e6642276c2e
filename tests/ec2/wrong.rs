//! What the settings name and the account does not have, and what EC2 can't do.

use crate::account::{DIES, chimp_run, is_empty, said, settings};
use crate::support::{Folder, chimp, one_complaint, run};

/// A setting and its value, and what is complained of.
const WRONG: [(&str, &str, &str); 6] = [
    (
        "image",
        "\"ami-00000000\"",
        "`image` under `[ec2]` in the settings: the region `eu-central-1` has no image `ami-00000000`",
    ),
    ("image", "\"empty\"", "`image` under `[ec2]` in the settings: the region `eu-central-1` has no image `empty`"),
    (
        "instance_type",
        "\"t3.mikro\"",
        "`instance_type` under `[ec2]` in the settings: the region `eu-central-1` has no instance type `t3.mikro`",
    ),
    (
        "subnet",
        "\"subnet-00000000\"",
        "`subnet` under `[ec2]` in the settings: the region `eu-central-1` has no subnet `subnet-00000000`",
    ),
    (
        "security_groups",
        "[\"sit\"]",
        "`security_groups` under `[ec2]` in the settings: the region `eu-central-1` has no security group `sit`",
    ),
    (
        "zones",
        "{ a = \"eu-central-1x\", b = \"eu-central-1x\" }",
        "in the settings: the region `eu-central-1` has no subnet of vpc-",
    ),
];

const ZONES: &str = "Feature: Any
  Scenario: Zones
    Given 2 webservers behind a load balancer
    And the nodes are spread over 2 zones
    When zone \"b\" is lost for 4 s
    Then recovery takes under 2 min
";

pub fn what_is_named_wrongly_is_refused_before_anything_is_made() {
    for (setting, value, complaint) in WRONG {
        let folder = Folder::new("ec2-wrong");
        let feature = folder.write("any.feature", if setting == "zones" { ZONES } else { DIES }).display().to_string();
        let other = |line: &&str| !line.starts_with(&format!("{setting} ="));
        let change = |text: &str| {
            let others: Vec<&str> = text.lines().filter(other).collect();
            others.join("\n").replace("[ec2]", &format!("[ec2]\n{setting} = {value}"))
        };
        let (config, out) = (settings(&folder, change), folder.path().join("out").display().to_string());
        let output = run(&mut chimp(&["run", &feature, "--on", "ec2", "--config", &config, "--out", &out]));
        assert!(one_complaint(&output, 3).contains(complaint), "{}", said(&output));
        assert!(!folder.path().join("out").exists(), "a bundle of a run that never began");
    }
    let folder = Folder::new("ec2-nowhere");
    let feature = folder.write("any.feature", DIES).display().to_string();
    let config = settings(&folder, str::to_string);
    let unknown = ["run", &feature, "--on", "ec2=nowhere", "--config", &config];
    let unknown = run(chimp(&unknown).env_remove("AWS_PROFILE"));
    assert!(one_complaint(&unknown, 2).contains("nowhere"), "{}", said(&unknown));
    assert!(is_empty());
}

pub fn what_ec2_has_no_word_for_is_skipped_with_its_line() {
    let hangs = DIES.replace("dies", "hangs for 2 s");
    let folder = Folder::new("ec2-hangs");
    let output = run(&mut chimp_run(&folder, &hangs));
    let told = said(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(7), "{told}");
    let why = "`node \"web-1\" hangs for 2 s` (line 4) needs an environment that can freeze a server, and `ec2` can't";
    assert!(told.contains("SKIPPED") && told.contains(why), "{told}");
    let shared = DIES.replace("behind a load balancer", "behind haproxy");
    let feature = folder.write("shared.feature", &shared).display().to_string();
    let config = settings(&folder, |text| text.replace("virtual_ips", "# virtual_ips"));
    let output = run(&mut chimp(&["run", &feature, "--on", "ec2", "--config", &config]));
    let told = said(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("SKIPPED") && told.contains("no VPC of EC2 delivers to such an address"), "{told}");
    assert!(told.contains("set `virtual_ips = \"elastic\"` under `[ec2]`"), "{told}");
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(is_empty());
}
