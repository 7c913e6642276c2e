//! Instances that are protected from termination while a run goes on.

use crate::account::{DIES, amazon, begun, instances, is_empty, run_id, said, said_in, until};
use crate::support::{Folder, chimp, run};

/// Protects the instance of this name, or lifts that; its id.
fn protect(name: &str, protected: bool) -> String {
    let (_, _, id) = instances().into_iter().find(|(found, _, _)| found == name).expect("it is there");
    let value = if protected { "True" } else { "False" };
    amazon(&format!(
        "client().modify_instance_attribute(InstanceId='{id}', DisableApiTermination={{'Value': {value}}})\nprint('0')"
    ));
    id
}

pub fn a_strike_on_a_protected_instance_is_not_judged_and_down_goes_on_with_the_others() {
    let folder = Folder::new("ec2-protected");
    let mut child = begun(&folder, DIES);
    until("the baseline", || said_in(&folder).contains("baseline"));
    let id = protect("web-1", true);
    let code = child.wait().unwrap().code();
    let told = said_in(&folder);
    assert_eq!(code, Some(5), "the server is left: {told}");
    assert!(!told.contains("attempt 2"), "{told}");
    assert_eq!(folder.record()["scenarios"][0]["verdict"], "infra", "{told}");
    let lift = format!("aws ec2 modify-instance-attribute --instance-id {id} --no-disable-api-termination");
    assert!(told.contains("OperationNotPermitted") && told.contains(&lift), "{told}");

    let run_id = run_id(&folder);
    let down = |more: &[&str]| run(&mut chimp(&[&["down", "--on", "ec2", "--run", &run_id], more].concat()));
    for more in [&["--dry-run"][..], &[]] {
        let left = said(&down(more));
        assert!(left.contains("it is protected from termination") && left.contains(&lift), "{left}");
        assert!(left.contains("the server `web-1` uses it, which stays"), "{left}");
    }
    let names: Vec<String> = instances().into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(names, ["web-1"], "the others are gone");
    protect("web-1", false);
    assert!(down(&[]).status.success());
    assert!(is_empty());
}
