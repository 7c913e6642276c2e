//! What is asked of Auto Scaling, and how its answers are read.

use super::instances::Order;
use super::scaling::NewGroup;
use super::tags::Tags;
use super::test_server::{Reply, TestServer, refusal};

fn tags() -> Tags {
    [("Name", "web-1"), ("chimp_run", "r-1")].map(|(key, value)| (key.into(), value.into())).into()
}

fn new_group() -> NewGroup {
    NewGroup { name: "r-1-web-1".into(), template: "lt-1".into(), zone: "eu-central-1a".into(), tags: tags() }
}

/// A refusal of Auto Scaling's, as its documentation shows one.
fn of_scaling(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>7c6e177f</RequestId></ErrorResponse>"
    );
    Reply::Status(status, "", body)
}

fn done(action: &str) -> Reply {
    Reply::Good(format!(
        "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><ResponseMetadata><RequestId>7c6e177f</RequestId></ResponseMetadata></{action}Response>"
    ))
}

#[tokio::test]
async fn a_template_has_the_interface_and_the_user_data_of_an_order() {
    let server = TestServer::answering(|_| {
        Reply::Good("<CreateLaunchTemplateResponse><launchTemplate><launchTemplateId>lt-1</launchTemplateId></launchTemplate></CreateLaunchTemplateResponse>".into())
    })
    .await;
    let order = Order {
        token: "t-1".into(),
        image: "ami-1".into(),
        kind: "t3.micro".into(),
        interface: "eni-1".into(),
        user_data: b"#cloud-config\n".to_vec(),
        tags: tags(),
    };
    assert_eq!(server.api().await.create_template("r-1-web-1", &order).await.unwrap(), "lt-1");
    assert_eq!(
        server.last_fields(),
        [
            "Action=CreateLaunchTemplate",
            "Version=2016-11-15",
            "ClientToken=t-1",
            "LaunchTemplateName=r-1-web-1",
            "LaunchTemplateData.ImageId=ami-1",
            "LaunchTemplateData.InstanceType=t3.micro",
            "LaunchTemplateData.NetworkInterface.1.DeviceIndex=0",
            "LaunchTemplateData.NetworkInterface.1.NetworkInterfaceId=eni-1",
            "LaunchTemplateData.UserData=I2Nsb3VkLWNvbmZpZwo=",
            "TagSpecification.1.ResourceType=launch-template",
            "TagSpecification.1.Tag.1.Key=Name",
            "TagSpecification.1.Tag.1.Value=web-1",
            "TagSpecification.1.Tag.2.Key=chimp_run",
            "TagSpecification.1.Tag.2.Value=r-1",
        ]
    );
}

#[tokio::test]
async fn a_group_keeps_one_instance_in_the_zone_and_one_whose_answer_was_lost_is_ours() {
    let server = TestServer::answering(|number| match number {
        1 => of_scaling(500, "InternalFailure", "Try again."),
        _ => of_scaling(400, "AlreadyExists", "AutoScalingGroup by this name already exists"),
    })
    .await;
    server.api().await.create_scaling_group(&new_group()).await.unwrap();
    assert_eq!(
        server.last_fields(),
        [
            "Action=CreateAutoScalingGroup",
            "Version=2011-01-01",
            "AutoScalingGroupName=r-1-web-1",
            "AvailabilityZones.member.1=eu-central-1a",
            "LaunchTemplate.LaunchTemplateId=lt-1",
            "LaunchTemplate.Version=1",
            "MinSize=1",
            "MaxSize=1",
            "DesiredCapacity=1",
            "HealthCheckType=EC2",
            "HealthCheckGracePeriod=0",
            "Tags.member.1.Key=Name",
            "Tags.member.1.Value=web-1",
            "Tags.member.1.PropagateAtLaunch=true",
            "Tags.member.2.Key=chimp_run",
            "Tags.member.2.Value=r-1",
            "Tags.member.2.PropagateAtLaunch=true",
        ]
    );
    let head = server.asked.lock().unwrap()[0].head.clone();
    assert!(head.contains("/eu-central-1/autoscaling/aws4_request"), "{head}");
}

#[tokio::test]
async fn groups_are_listed_by_their_tags_over_pages() {
    let page = |name: &str, next: &str| {
        Reply::Good(format!(
            "<DescribeAutoScalingGroupsResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><AutoScalingGroupName>{name}</AutoScalingGroupName><Tags><member><ResourceId>{name}</ResourceId><PropagateAtLaunch>true</PropagateAtLaunch><Value>r-1</Value><Key>chimp_run</Key></member></Tags><Instances><member><InstanceId>i-1</InstanceId><HealthStatus>Healthy</HealthStatus><LifecycleState>InService</LifecycleState></member></Instances></member></AutoScalingGroups>{next}</DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
        ))
    };
    let server = TestServer::answering(move |number| match number {
        1 => page("g-1", "<NextToken>n</NextToken>"),
        _ => page("g-2", ""),
    })
    .await;
    let found = server.api().await.scaling_groups("chimp_run", Some("r-1")).await.unwrap();
    assert_eq!(found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["g-1", "g-2"]);
    let member = &found[0].members[0];
    assert_eq!([&member.id, &member.state, &member.health], ["i-1", "InService", "Healthy"]);
    assert_eq!(found[0].tags, [("chimp_run".to_owned(), "r-1".to_owned())].into());
    let asked = ["Filters.member.1.Name=tag:chimp_run", "Filters.member.1.Values.member.1=r-1", "MaxRecords=100"];
    assert_eq!(server.last_fields()[2..5], asked);
    assert_eq!(server.last_fields()[5], "NextToken=n");
}

#[tokio::test]
async fn what_a_group_did_is_read_with_the_instance_and_the_reason() {
    let one = |description: &str, status: &str, more: &str| {
        format!(
            "<member><ActivityId>{status}</ActivityId><Description>{description}</Description><Cause>At 2026-11-29T10:00:00Z an instance was started\n in response to a difference</Cause><StatusCode>{status}</StatusCode>{more}</member>"
        )
    };
    let activities = [
        one("Launching a new EC2 instance: i-2", "Successful", ""),
        one(
            "Launching a new EC2 instance.  Status Reason: in use",
            "Failed",
            "<StatusMessage>Interface: [eni-1] in use.</StatusMessage>",
        ),
        one("Terminating EC2 instance: i-1", "InProgress", ""),
    ]
    .concat();
    let server = TestServer::answering(move |_| {
        Reply::Good(format!(
            "<DescribeScalingActivitiesResponse><DescribeScalingActivitiesResult><Activities>{activities}</Activities></DescribeScalingActivitiesResult></DescribeScalingActivitiesResponse>"
        ))
    })
    .await;
    let found = server.api().await.scaling_activities("g-1").await.unwrap();
    let told: Vec<_> = found.iter().map(|one| (one.instance(), one.is_launch(), one.status.as_str())).collect();
    assert_eq!(told, [(Some("i-2"), true, "Successful"), (None, true, "Failed"), (Some("i-1"), false, "InProgress")]);
    assert_eq!(found[1].message, "Interface: [eni-1] in use.");
    assert_eq!(found[0].cause, "At 2026-11-29T10:00:00Z an instance was started in response to a difference");
    assert_eq!(server.last_fields()[2..], ["AutoScalingGroupName=g-1", "MaxRecords=100"]);
}

#[tokio::test]
async fn a_group_is_deleted_with_its_instances_also_while_it_works_and_one_that_is_gone_is_no_error() {
    let server = TestServer::answering(|number| match number {
        1 => of_scaling(400, "ScalingActivityInProgress", "Activities are in progress"),
        2 => done("DeleteAutoScalingGroup"),
        _ => of_scaling(400, "ValidationError", "AutoScalingGroup name not found - AutoScalingGroup 'g-1' not found"),
    })
    .await;
    let api = server.api().await;
    api.delete_scaling_group("g-1").await.unwrap();
    assert_eq!(server.last_fields()[2..], ["AutoScalingGroupName=g-1", "ForceDelete=true"]);
    assert_eq!(server.count("DeleteAutoScalingGroup"), 2);
    api.delete_scaling_group("g-1").await.unwrap();
}

/// All that a rehearsal asks for, in a good account.
fn rehearsed(action: &str) -> Reply {
    match action {
        "CreateLaunchTemplate" => refusal(412, "DryRunOperation", "Request would have succeeded."),
        "CreateAutoScalingGroup" => of_scaling(400, "ValidationError", "The specified launch template does not exist"),
        "DeleteAutoScalingGroup" => of_scaling(400, "ValidationError", "AutoScalingGroup name not found - null"),
        _ => Reply::Good("<R><DescribeAutoScalingGroupsResult/></R>".into()),
    }
}

#[tokio::test]
async fn a_missing_right_is_known_before_a_group_is_made() {
    let server = TestServer::start(|asked| Some(rehearsed(&asked.last().unwrap().action()))).await;
    server.api().await.rehearse_scaling("eu-central-1a").await.unwrap();
    let all = ["CreateLaunchTemplate", "DescribeAutoScalingGroups", "DeleteAutoScalingGroup", "CreateAutoScalingGroup"];
    assert_eq!(server.actions(), all);
    for denied in &all[1..] {
        let denied = (*denied).to_owned();
        let server = TestServer::start(move |asked| {
            let action = asked.last().unwrap().action();
            let no = || of_scaling(403, "AccessDenied", "User is not authorized to perform it");
            Some(if action == denied { no() } else { rehearsed(&action) })
        })
        .await;
        let why = server.api().await.rehearse_scaling("eu-central-1a").await.unwrap_err();
        assert!(why.is_denied(), "{why}");
    }
}

#[tokio::test]
async fn auto_scaling_is_asked_at_an_address_of_its_own_where_one_is_named() {
    let server = TestServer::answering(|_| Reply::Good("<R><DescribeAutoScalingGroupsResult/></R>".into())).await;
    let other = [("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let variables = [&other[..], &[("AWS_ENDPOINT_URL_AUTO_SCALING", server.base.as_str())]].concat();
    let api = server.api_with(&variables).await;
    assert_eq!(api.scaling_groups("chimp_run", None).await.unwrap(), []);
}
