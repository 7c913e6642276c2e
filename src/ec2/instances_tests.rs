//! What is asked of EC2 for instances, and how its lists are read.

use super::instances::{Action, Order};
use super::test_server::{Reply, TestServer, refusal};

fn item(id: &str) -> String {
    format!(
        "<item><instanceId>{id}</instanceId><instanceState><code>16</code><name>running</name></instanceState><privateIpAddress>10.0.0.5</privateIpAddress><placement><availabilityZone>eu-central-1a</availabilityZone></placement><groupSet><item><groupId>sg-1</groupId><groupName>site</groupName></item></groupSet><tagSet><item><key>run</key><value>r-1</value></item></tagSet></item>"
    )
}

#[tokio::test]
async fn an_instance_is_run_once_with_its_tags_and_user_data() {
    let server = TestServer::answering(|number| match number {
        1 => refusal(503, "Unavailable", "Try again."),
        _ => Reply::Good(format!("<R><instancesSet>{}</instancesSet></R>", item("i-1"))),
    })
    .await;
    let tags = [("chimp_run", "r-1"), ("Name", "web-1")].map(|(key, value)| (key.into(), value.into()));
    let order = Order {
        token: "r-1/web-1".into(),
        image: "ami-1".into(),
        kind: "t3.micro".into(),
        interface: "eni-1".into(),
        user_data: b"#cloud-config\n".to_vec(),
        tags: tags.into(),
    };
    let instance = server.api().await.run(&order).await.unwrap();
    assert_eq!((instance.id.as_str(), instance.state.as_str()), ("i-1", "running"));
    assert_eq!(instance.tags, [("run".to_owned(), "r-1".to_owned())].into());
    assert_eq!(
        server.last_fields()[2..],
        [
            "ClientToken=r-1/web-1",
            "ImageId=ami-1",
            "InstanceType=t3.micro",
            "MinCount=1",
            "MaxCount=1",
            "NetworkInterface.1.DeviceIndex=0",
            "NetworkInterface.1.NetworkInterfaceId=eni-1",
            "UserData=I2Nsb3VkLWNvbmZpZwo=",
            "TagSpecification.1.ResourceType=instance",
            "TagSpecification.1.Tag.1.Key=Name",
            "TagSpecification.1.Tag.1.Value=web-1",
            "TagSpecification.1.Tag.2.Key=chimp_run",
            "TagSpecification.1.Tag.2.Value=r-1",
        ]
    );
    let asked = server.asked.lock().unwrap();
    assert_eq!((asked.len(), &asked[0].body), (2, &asked[1].body), "sent again with the same token");
}

#[tokio::test]
async fn instances_are_listed_by_their_tags_over_reservations_and_pages() {
    let server = TestServer::answering(|number| {
        let reservation = |id: &str| format!("<item><instancesSet>{}</instancesSet></item>", item(id));
        Reply::Good(match number {
            1 => format!(
                "<R><reservationSet>{}{}</reservationSet><nextToken>n</nextToken></R>",
                reservation("i-1"),
                reservation("i-2")
            ),
            _ => format!("<R><reservationSet>{}</reservationSet></R>", reservation("i-3")),
        })
    })
    .await;
    let found = server.api().await.instances("chimp_run", Some("r-1")).await.unwrap();
    assert_eq!(found.iter().map(|instance| instance.id.as_str()).collect::<Vec<_>>(), ["i-1", "i-2", "i-3"]);
    let asked = ["MaxResults=1000", "Filter.1.Name=tag:chimp_run", "Filter.1.Value.1=r-1", "NextToken=n"];
    assert_eq!(server.last_fields()[2..], asked);
}

#[tokio::test]
async fn what_is_done_to_an_instance_names_it() {
    let server = TestServer::answering(|_| Reply::Good("<R><return>true</return></R>".into())).await;
    let api = server.api().await;
    let actions = [
        (Action::Start, "StartInstances", None),
        (Action::StopAtOnce, "StopInstances", Some("Force=true")),
        (Action::Reboot, "RebootInstances", None),
        (Action::Terminate, "TerminateInstances", None),
    ];
    for (action, name, more) in actions {
        api.act(action, "i-1").await.unwrap();
        let expected: Vec<&str> = std::iter::once("InstanceId.1=i-1").chain(more).collect();
        assert_eq!(server.last_fields()[2..], expected);
        assert_eq!(server.actions().last().unwrap(), name);
    }
}

#[tokio::test]
async fn an_instance_that_is_not_found_yet_is_asked_for_again() {
    let unknown = || refusal(400, "InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist");
    let server = TestServer::answering(move |number| match number {
        1 | 2 => unknown(),
        _ => Reply::Good("<R/>".into()),
    })
    .await;
    server.api().await.act(Action::StopAtOnce, "i-1").await.unwrap();
    assert_eq!(server.count("StopInstances"), 3);
    let never = TestServer::answering(move |_| unknown()).await;
    let why = never.api().await.act(Action::Start, "i-1").await.unwrap_err();
    assert_eq!((why.code(), never.count("StartInstances")), ("InvalidInstanceID.NotFound", 3));
    never.api().await.act(Action::Terminate, "i-1").await.unwrap();
}

#[tokio::test]
async fn what_is_in_use_is_deleted_once_it_is_not_and_what_is_gone_is_no_error() {
    let server = TestServer::answering(|number| match number {
        1 => refusal(400, "InvalidNetworkInterface.InUse", "Interface: [eni-1] in use."),
        2 => Reply::Good("<R/>".into()),
        _ => refusal(400, "InvalidGroup.NotFound", "The security group 'sg-1' does not exist"),
    })
    .await;
    let api = server.api().await;
    api.delete_interface("eni-1").await.unwrap();
    assert_eq!(server.count("DeleteNetworkInterface"), 2);
    api.delete_group("sg-1").await.unwrap();
}

#[tokio::test]
async fn an_instance_that_is_protected_is_not_terminated() {
    let server = TestServer::answering(|_| {
        refusal(400, "OperationNotPermitted", "Modify its 'disableApiTermination' attribute")
    })
    .await;
    let why = server.api().await.act(Action::Terminate, "i-1").await.unwrap_err();
    assert_eq!((why.code(), server.count("TerminateInstances")), ("OperationNotPermitted", 1));
}
