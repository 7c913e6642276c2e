//! Rights that are missing, from the start or from one moment on.

use crate::account::{DIES, amazon, begun, chimp_run, ec2_folder, is_empty, run_id, said, said_in, until};
use crate::support::{Folder, chimp, one_complaint, run};

/// A webserver is off while its user may do less and less.
const WAITS: &str = "Feature: Any
  Scenario: A webserver is off after a while
    Given 2 webservers behind a load balancer
    And the reconciler is off
    When 8 s pass
    And node \"web-1\" loses power for 4 s
    Then recovery takes under 2 min
";

/// Lets the user do everything again.
pub fn allow_everything() {
    allow("['ec2:*', 'autoscaling:*']");
}

/// Lets the user do this alone.
pub fn allow(actions: &str) {
    amazon(&format!(
        "policy = json.dumps({{'Version': '2012-10-17', 'Statement': [{{'Effect': 'Allow', 'Action': {actions}, 'Resource': '*'}}]}})\n\
         client('iam', 'admin').put_user_policy(UserName='chimp', PolicyName='chimp', PolicyDocument=policy)\n\
         print('0')"
    ));
}

pub fn access_denied_in_the_middle_of_a_strike_cannot_be_judged() {
    let folder = Folder::new("ec2-forbidden");
    let mut child = begun(&folder, WAITS);
    until("the baseline", || said_in(&folder).contains("baseline"));
    allow("['ec2:Describe*', 'ec2:TerminateInstances', 'ec2:Delete*', 'ec2:GetConsoleOutput']");
    let code = child.wait().unwrap().code();
    allow_everything();
    let told = said_in(&folder);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("AccessDenied"), "{told}");
    let record = folder.record();
    assert_eq!(record["scenarios"][0]["verdict"], "infra", "{told}");
    assert!(is_empty(), "{told}");
    let bundle = folder.path().join(run_id(&folder)).display().to_string();
    let heal = run(&mut chimp(&["heal", &bundle]));
    assert!(heal.status.success() && said(&heal).contains("nothing is open"), "{}", said(&heal));
}

pub fn a_user_who_may_only_look_is_refused_before_anything_is_made() {
    let folder = Folder::new("ec2-reader");
    let output = run(chimp_run(&folder, DIES).env("AWS_PROFILE", "reader"));
    let told = one_complaint(&output, 3);
    assert!(told.contains("a boot was rehearsed: RunInstances at "), "{told}");
    let place = format!("a policy that allows it to the credentials from {}", ec2_folder().display());
    assert!(said(&output).contains("AccessDenied") && said(&output).contains(&place), "{}", said(&output));
    assert!(is_empty());
}
