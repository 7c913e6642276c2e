//! What a sweep removes, in which order, and what it leaves.

use std::sync::Arc;

use super::account;
use super::query::Api;
use super::sweep::sweep;
use super::test_server::{Asked, HASTE, Reply, TestServer};
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
    let account = account::read(None, &server.surroundings(&[])).unwrap();
    let api = Api::open(Arc::new(account), 10_000, HASTE).await.unwrap();
    sweep(&api, &Runs::One("r".into()), dry_run).await.unwrap()
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
