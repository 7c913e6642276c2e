//! What a sweep removes, in which order, and what it leaves.

use super::sweep::sweep;
use super::test_server::{Asked, Reply, TestServer};
use crate::requests::sweep::{Runs, Sweep};

fn tags(name: &str, run: &str) -> String {
    let tag = |key: &str, value: &str| format!("<item><key>{key}</key><value>{value}</value></item>");
    format!("<tagSet>{}{}</tagSet>", tag("Name", name), tag("chimp_run", run))
}

fn list(list: &str, items: &str) -> Option<Reply> {
    Some(Reply::Good(format!("<R><{list}>{items}</{list}></R>")))
}

/// An account with the servers `lb-1` and `web-1` of the run `r`, each at an interface; the interface of `lb-1` has an address, and both
/// have the group `sg-1`. There is a server of another run. The instance of this id is protected.
fn account_with(protected: &'static str) -> impl Fn(&[Asked]) -> Option<Reply> + Send + Sync {
    move |asked| {
        let instance = |id: &str, name: &str, run: &str| {
            let terminate = format!("Action=TerminateInstances&Version=2016-11-15&InstanceId.1={id}");
            let state = if asked.iter().any(|asked| asked.body == terminate) { "terminated" } else { "running" };
            let state = format!("<instanceState><name>{state}</name></instanceState>");
            format!("<item><instanceId>{id}</instanceId>{state}{}</item>", tags(name, run))
        };
        let interface = |id: &str, name: &str, of: &str| {
            let (of, group) = (format!("<instanceId>{of}</instanceId>"), "<item><groupId>sg-1</groupId></item>");
            let id = format!("<networkInterfaceId>{id}</networkInterfaceId>");
            format!("<item>{id}<attachment>{of}</attachment><groupSet>{group}</groupSet>{}</item>", tags(name, "r"))
        };
        let last = asked.last()?;
        match last.action().as_str() {
            "DescribeInstances" => {
                let all =
                    [instance("i-1", "lb-1", "r"), instance("i-2", "web-1", "r"), instance("i-3", "web-1", "other")];
                list("reservationSet", &format!("<item><instancesSet>{}</instancesSet></item>", all.concat()))
            }
            "DescribeNetworkInterfaces" => {
                list("networkInterfaceSet", &(interface("eni-1", "lb-1", "i-1") + &interface("eni-2", "web-1", "i-2")))
            }
            "DescribeAddresses" => {
                let leads = "<associationId>eipassoc-1</associationId><networkInterfaceId>eni-1</networkInterfaceId>";
                let id = "<publicIp>192.0.2.7</publicIp><allocationId>eipalloc-1</allocationId>";
                list("addressesSet", &format!("<item>{id}{leads}{}</item>", tags("www", "r")))
            }
            "DescribeSecurityGroups" => {
                list("securityGroupInfo", &format!("<item><groupId>sg-1</groupId>{}</item>", tags("all", "r")))
            }
            "DescribeInstanceAttribute" => {
                let value = last.body.contains(&format!("InstanceId={protected}&"));
                let value = format!("<disableApiTermination><value>{value}</value></disableApiTermination>");
                Some(Reply::Good(format!("<R>{value}</R>")))
            }
            _ => Some(Reply::Good("<R><return>true</return></R>".into())),
        }
    }
}

async fn swept(server: &TestServer, dry_run: bool) -> Sweep {
    sweep(&server.api().await, &Runs::One("r".into()), dry_run).await.unwrap()
}

fn ids(swept: &Sweep) -> Vec<&str> {
    swept.removed.iter().map(|thing| thing.id.as_str()).collect()
}

/// What was changed, in order: the last word of each action's name, and the thing.
fn changes(server: &TestServer) -> Vec<String> {
    let asked = server.asked.lock().unwrap();
    let changes = asked.iter().filter(|asked| !asked.action().starts_with("Describe"));
    let one = |asked: &Asked| format!("{} {}", asked.action(), asked.body.rsplit('=').next().unwrap_or_default());
    changes.map(one).collect()
}

#[tokio::test]
async fn what_a_run_made_goes_servers_first_and_what_another_made_stays() {
    let server = TestServer::start(account_with("none")).await;
    let dry = swept(&server, true).await;
    assert_eq!((ids(&dry), changes(&server)), (vec!["i-1", "i-2", "eipalloc-1", "eni-1", "eni-2", "sg-1"], vec![]));
    let done = swept(&server, false).await;
    assert_eq!((ids(&done), done.left.len()), (ids(&dry), 0));
    let expected = [
        "TerminateInstances i-1",
        "TerminateInstances i-2",
        "DisassociateAddress eipassoc-1",
        "ReleaseAddress eipalloc-1",
        "DeleteNetworkInterface eni-1",
        "DeleteNetworkInterface eni-2",
        "DeleteSecurityGroup sg-1",
    ];
    assert_eq!(changes(&server), expected);
}

#[tokio::test]
async fn a_protected_instance_stays_with_what_it_uses_and_all_others_go() {
    for dry_run in [true, false] {
        let server = TestServer::start(account_with("i-1")).await;
        let swept = swept(&server, dry_run).await;
        assert_eq!(ids(&swept), ["i-2", "eni-2"]);
        let left: Vec<_> = swept.left.iter().map(|(thing, why)| (thing.id.as_str(), why.as_str())).collect();
        let uses = "the server `lb-1` uses it, which stays";
        let protected = "it is protected from termination; lift its protection: \
                         `aws ec2 modify-instance-attribute --instance-id i-1 --no-disable-api-termination`";
        assert_eq!(left, [("i-1", protected), ("eipalloc-1", uses), ("eni-1", uses), ("sg-1", uses)]);
        let expected = ["TerminateInstances i-2", "DeleteNetworkInterface eni-2"];
        assert_eq!(changes(&server), if dry_run { vec![] } else { expected.map(String::from).into() });
    }
}

/// The same account, whose `web-1` is of an Auto Scaling group until that is deleted.
fn with_group(protected: &'static str) -> impl Fn(&[Asked]) -> Option<Reply> + Send + Sync {
    let rest = account_with(protected);
    move |asked| match asked.last()?.action().as_str() {
        "DescribeAutoScalingGroups" => {
            let is_gone = asked.iter().any(|asked| asked.action() == "DeleteAutoScalingGroup");
            let tag = |key: &str, value: &str| format!("<member><Key>{key}</Key><Value>{value}</Value></member>");
            let tags = tag("Name", "web-1") + &tag("chimp_run", "r");
            let template = "<LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId></LaunchTemplate>";
            let member = "<Instances><member><InstanceId>i-2</InstanceId></member></Instances>";
            let name = "<AutoScalingGroupName>g-1</AutoScalingGroupName>";
            let group = format!("<member>{name}{template}{member}<Tags>{tags}</Tags></member>");
            list("AutoScalingGroups", if is_gone { "" } else { &group })
        }
        "DescribeLaunchTemplates" => {
            let id = "<launchTemplateId>lt-1</launchTemplateId>";
            list("launchTemplates", &format!("<item>{id}{}</item>", tags("web-1", "r")))
        }
        _ => rest(asked),
    }
}

#[tokio::test]
async fn a_group_goes_before_its_instance_which_it_would_replace_and_stays_with_one_that_is_protected() {
    let server = TestServer::start(with_group("none")).await;
    let swept_all = swept(&server, false).await;
    assert!(swept_all.left.is_empty() && ids(&swept_all).contains(&"g-1") && ids(&swept_all).contains(&"lt-1"));
    let actions: Vec<String> =
        changes(&server).iter().map(|change| change.split(' ').next().unwrap().to_string()).collect();
    let at = |action: &str| actions.iter().position(|done| done == action).unwrap();
    assert_eq!(at("DeleteAutoScalingGroup"), 0, "{actions:?}");
    assert!(at("TerminateInstances") < at("DeleteLaunchTemplate"), "{actions:?}");

    let server = TestServer::start(with_group("i-2")).await;
    let swept_some = swept(&server, false).await;
    let left: Vec<&str> = swept_some.left.iter().map(|(thing, _)| thing.id.as_str()).collect();
    assert!(["g-1", "i-2", "lt-1"].iter().all(|id| left.contains(id)), "{left:?}");
    assert!(!changes(&server).iter().any(|change| change.starts_with("DeleteAutoScalingGroup")));
}
