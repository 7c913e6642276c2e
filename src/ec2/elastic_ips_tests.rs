//! What is asked of EC2 for Elastic IPs, and that no unclear answer leaves one behind.

use super::elastic_ips::{ElasticIp, ElasticIpQuota};
use super::tags::Tags;
use super::test_server::{Asked, Reply, TestServer, refusal};

/// The value of a field of a request.
fn field(asked: &Asked, wanted: &str) -> Option<String> {
    asked.fields().iter().find_map(|field| Some(field.strip_prefix(wanted)?.strip_prefix('=')?.to_owned()))
}

/// An address as EC2 lists it, which leads to `eni-1` or nowhere.
fn item(id: &str, leads: bool) -> String {
    let to = "<associationId>eipassoc-1</associationId><networkInterfaceId>eni-1</networkInterfaceId>";
    let tags = "<tagSet><item><key>chimp_run</key><value>r-1</value></item></tagSet>";
    format!(
        "<publicIp>192.0.2.7</publicIp><allocationId>{id}</allocationId><domain>vpc</domain>{}{tags}",
        if leads { to } else { "" }
    )
}

fn list(items: &[String]) -> Reply {
    let items: String = items.iter().map(|item| format!("<item>{item}</item>")).collect();
    Reply::Good(format!("<R><addressesSet>{items}</addressesSet></R>"))
}

fn good() -> Reply {
    Reply::Good("<R><return>true</return></R>".into())
}

fn tags() -> Tags {
    Tags::from([("chimp_run".into(), "r-1".into())])
}

#[tokio::test]
async fn one_is_allocated_with_its_tags_and_leads_nowhere() {
    let server =
        TestServer::at("AllocateAddress", |_| Some(Reply::Good(format!("<R>{}</R>", item("eipalloc-1", false))))).await;
    let ElasticIp { id, address, interface, .. } = server.api().await.allocate_elastic_ip(&tags()).await.unwrap();
    assert_eq!((id.as_str(), address.to_string().as_str(), interface), ("eipalloc-1", "192.0.2.7", None));
    let asked = server.last_fields();
    let fixed =
        ["Domain=vpc", "TagSpecification.1.ResourceType=elastic-ip", "TagSpecification.1.Tag.1.Key=chimp_order"];
    assert_eq!(asked[2..5], fixed);
    assert_eq!(asked[6..], ["TagSpecification.1.Tag.2.Key=chimp_run", "TagSpecification.1.Tag.2.Value=r-1"]);
}

/// The first answer to an order is lost by this; the address is listed at the second look.
async fn one_whose_answer_is_lost(lost: Reply) -> Vec<String> {
    let server = TestServer::start(move |asked| {
        let (now, looks) = (asked.last()?, asked.iter().filter(|asked| asked.action() == "DescribeAddresses").count());
        match now.action().as_str() {
            "AllocateAddress" => Some(lost.clone()),
            "DescribeAddresses" => Some(list(&[item("eipalloc-1", false)][..usize::from(looks > 1)])),
            _ => None,
        }
    })
    .await;
    assert_eq!(server.api().await.allocate_elastic_ip(&tags()).await.unwrap().id, "eipalloc-1");
    let asked = server.asked.lock().unwrap();
    let order = field(&asked[0], "TagSpecification.1.Tag.1.Value").unwrap();
    assert_eq!(
        asked[1].fields()[2..],
        ["Filter.1.Name=tag:chimp_order".to_owned(), format!("Filter.1.Value.1={order}")]
    );
    asked.iter().map(Asked::action).collect()
}

#[tokio::test]
async fn one_whose_answer_is_lost_is_found_by_its_tag_and_not_ordered_again() {
    for lost in [Reply::Cut, refusal(500, "InternalError", "An internal error has occurred"), Reply::Good("<R".into())]
    {
        let actions = one_whose_answer_is_lost(lost).await;
        assert_eq!(actions, ["AllocateAddress", "DescribeAddresses", "DescribeAddresses"]);
    }
}

#[tokio::test]
async fn an_order_that_was_not_carried_out_is_sent_again_with_the_same_tag() {
    let server = TestServer::start(|asked| {
        let orders = asked.iter().filter(|asked| asked.action() == "AllocateAddress").count();
        match (asked.last()?.action().as_str(), orders) {
            ("AllocateAddress", 1) => Some(refusal(503, "RequestLimitExceeded", "Request limit exceeded.")),
            ("AllocateAddress", 2) => Some(refusal(500, "InternalError", "An internal error has occurred")),
            ("AllocateAddress", _) => Some(Reply::Good(format!("<R>{}</R>", item("eipalloc-1", false)))),
            _ => Some(list(&[])),
        }
    })
    .await;
    server.api().await.allocate_elastic_ip(&tags()).await.unwrap();
    let asked = server.asked.lock().unwrap();
    let orders: Vec<_> = asked.iter().filter(|asked| asked.action() == "AllocateAddress").collect();
    assert_eq!(orders.len(), 3);
    assert!(orders.iter().all(|order| order.body == orders[0].body), "the same tag");
    let looks = asked.iter().filter(|asked| asked.action() == "DescribeAddresses").count();
    assert_eq!(looks, 3, "throttling is clear; after the other answer it was looked for");
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_one_clear_error() {
    let full = "The maximum number of addresses has been reached.";
    let server = TestServer::at("AllocateAddress", move |_| Some(refusal(400, "AddressLimitExceeded", full))).await;
    let api = server.api().await;
    let why = api.allocate_elastic_ip(&tags()).await.unwrap_err();
    assert_eq!(server.actions(), ["AllocateAddress"]);
    let told = api.explained(&why);
    assert!(told.contains(full) && told.contains("help: release Elastic IPs that are not needed"), "{told}");
}

#[tokio::test]
async fn one_is_led_to_an_interface_wherever_it_led_to_and_its_place_is_read() {
    let server = TestServer::start(|asked| {
        let first = asked.len() == 1;
        Some(match asked.last()?.action().as_str() {
            "AssociateAddress" if first => refusal(400, "InvalidAllocationID.NotFound", "It does not exist"),
            "AssociateAddress" => good(),
            _ => list(&[item("eipalloc-1", true)]),
        })
    })
    .await;
    let api = server.api().await;
    api.lead_elastic_ip("eipalloc-1", "eni-1").await.unwrap();
    assert_eq!(api.elastic_ip_leads_to("eipalloc-1").await.unwrap().as_deref(), Some("eni-1"));
    let asked = server.asked.lock().unwrap();
    let expected = ["AllocationId=eipalloc-1", "NetworkInterfaceId=eni-1", "AllowReassociation=true"];
    assert_eq!(
        (&asked[1].fields()[2..], &asked[2].fields()[2..]),
        (&expected.map(String::from)[..], &["AllocationId.1=eipalloc-1".to_string()][..])
    );
}

#[tokio::test]
async fn one_that_leads_somewhere_leads_nowhere_before_it_is_released() {
    // Between the first look and the release it is led elsewhere.
    let server = TestServer::start(|asked| {
        let releases = asked.iter().filter(|asked| asked.action() == "ReleaseAddress").count();
        Some(match (asked.last()?.action().as_str(), releases) {
            ("DescribeAddresses", _) => list(&[item("eipalloc-1", true)]),
            ("ReleaseAddress", 1) => refusal(400, "InvalidIPAddress.InUse", "Address 192.0.2.7 is in use."),
            ("ReleaseAddress", 3) => refusal(400, "InvalidAllocationID.NotFound", "It does not exist"),
            _ => good(),
        })
    })
    .await;
    let api = server.api().await;
    api.release_elastic_ip("eipalloc-1").await.unwrap();
    let once = ["DescribeAddresses", "DisassociateAddress", "ReleaseAddress"];
    assert_eq!(server.actions(), [once, once].concat());
    let away = field(&server.asked.lock().unwrap()[1], "AssociationId");
    assert_eq!(away.as_deref(), Some("eipassoc-1"));
    api.release_elastic_ip("eipalloc-1").await.unwrap();
}

#[test]
fn there_is_room_as_far_as_is_known() {
    let quota = |used, most| ElasticIpQuota { used, most };
    assert!(quota(4, Some(5)).has_room_for(1) && !quota(4, Some(5)).has_room_for(2));
    assert!(quota(4, None).has_room_for(9) && quota(5, Some(5)).has_room_for(0));
}
