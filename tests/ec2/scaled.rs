//! Servers that Auto Scaling replaces.

use crate::account::{amazon, begun, chimp_run, is_empty, killed, run_id, said, said_in, until};
use crate::support::{Folder, chimp, one_complaint, run};

const FEATURE: &str = include_str!("../../fixtures/ec2/features/auto-scaling.feature");

/// A webserver dies; the reconciler has nothing to do.
const DIES: &str = "Feature: Any
  Scenario: A webserver dies
    Given 2 webservers behind a load balancer
    And Auto Scaling replaces the webservers
    When node \"web-1\" dies
    Then recovery takes under 1 min
";

/// What the run recorded, the events of this kind alone.
fn events(folder: &Folder, kind: &str) -> Vec<String> {
    let scenarios = std::fs::read_dir(folder.path().join(run_id(folder)).join("scenarios")).unwrap();
    let texts = scenarios.map(|entry| std::fs::read_to_string(entry.unwrap().path().join("events.ndjson")).unwrap());
    let text = texts.collect::<String>();
    assert!(text.contains("instance_booted"), "{text}");
    text.lines().filter(|line| line.contains(&format!("\"{kind}\""))).map(str::to_string).collect()
}

/// Those that name the server.
fn told(folder: &Folder, kind: &str, server: &str) -> Vec<String> {
    let all = events(folder, kind);
    all.into_iter().filter(|line| line.contains(&format!("\"{server}\""))).collect()
}

pub fn what_is_gone_or_off_is_replaced_by_its_group_and_nothing_is_left() {
    let folder = Folder::new("ec2-scaled");
    let output = run(&mut chimp_run(&folder, FEATURE));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let made = "10 servers, 8 network interfaces, 6 Auto Scaling groups, 6 launch templates, 1 security group\n";
    assert!(text.contains(&format!("made in the cloud, and removed: {made}")), "{text}");
    assert!(is_empty(), "{text}");
    for server in ["web-1", "web-2"] {
        let replaced = told(&folder, "auto_scaling_replaced", server);
        assert_eq!(replaced.len(), 1, "{server}: {replaced:?}");
        let activities = told(&folder, "auto_scaling_activity", server).join("\n");
        let (ended, launched) = ("Terminating EC2 instance: i-", "Launching a new EC2 instance: i-");
        assert!(activities.contains(ended) && activities.contains(launched), "{server}: {activities}");
        assert!(activities.contains("EC2 health check"), "{server}: {activities}");
        let id = launched_by(&activities);
        assert!(replaced[0].contains(&id), "the group launched {id}: {replaced:?}");
        for kind in ["reconciler_missing", "reconciler_boots", "reconciler_replaced"] {
            assert_eq!(told(&folder, kind, server), [""; 0], "the reconciler leaves it alone");
        }
    }
    let record = folder.record();
    let milestones = record["scenarios"][0]["milestones"].to_string();
    assert!(milestones.contains("booted") && milestones.contains("configured"), "{milestones}");
}

/// The id in the first launch.
fn launched_by(activities: &str) -> String {
    let (_, after) = activities.split_once("Launching a new EC2 instance: ").unwrap();
    after.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect()
}

pub fn a_group_that_is_suspended_replaces_nothing_and_recovery_fails() {
    let folder = Folder::new("ec2-suspended");
    let mut child = begun(&folder, &DIES.replace("under 1 min", "under 25 s"));
    until("the groups are there", || said_in(&folder).contains("baseline"));
    amazon(
        "scaling = client('autoscaling')\n\
         groups = scaling.describe_auto_scaling_groups()['AutoScalingGroups']\n\
         [scaling.suspend_processes(AutoScalingGroupName=group['AutoScalingGroupName']) for group in groups]\n\
         print(len(groups))",
    );
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(1), "{}", said_in(&folder));
    assert_eq!(folder.record()["scenarios"][0]["verdict"], "fail");
    assert_eq!(events(&folder, "auto_scaling_replaced"), [""; 0]);
    assert!(is_empty());
}

pub fn a_killed_run_leaves_groups_that_go_first() {
    let folder = Folder::new("ec2-scaled-killed");
    killed(&folder, DIES, "struck");
    let id = run_id(&folder);
    let dry = run(&mut chimp(&["down", "--on", "ec2", "--run", &id, "--dry-run"]));
    let text = said(&dry);
    assert!(text.contains("Auto Scaling group `web-1`") && text.contains("launch template `web-2`"), "{text}");
    let down = run(&mut chimp(&["down", "--on", "ec2", "--run", &id]));
    assert!(down.status.success(), "{}", said(&down));
    assert!(is_empty(), "{}", said(&down));
}

pub fn a_user_without_the_rights_to_auto_scaling_is_refused_before_anything_is_made() {
    let policy = |actions: &str| {
        amazon(&format!(
            "policy = json.dumps({{'Version': '2012-10-17', 'Statement': [{{'Effect': 'Allow', 'Action': {actions}, 'Resource': '*'}}]}})\n\
             client('iam', 'admin').put_user_policy(UserName='chimp', PolicyName='chimp', PolicyDocument=policy)\n\
             print('0')"
        ));
    };
    let folder = Folder::new("ec2-scaled-forbidden");
    policy("['ec2:*']");
    let output = run(&mut chimp_run(&folder, DIES));
    policy("['ec2:*', 'autoscaling:*']");
    let text = one_complaint(&output, 3);
    assert!(text.contains("the making of an Auto Scaling group was rehearsed: "), "{text}");
    assert!(said(&output).contains("AccessDenied"), "{}", said(&output));
    assert!(is_empty());
}
