//! What a user names and the cloud does not have; and quotas that leave too little room.

use serde_json::json;

use super::error::CloudError;
use super::limits::{self, Needed};
use super::lookup;
use super::test_server::{Asked, Reply, TestCloud, unauthorized};

/// As Nova 34, Neutron 29 and Glance 33 answered, in short; images come in two pages.
async fn cloud() -> TestCloud {
    TestCloud::start(|asked: &[Asked]| {
        let line = &asked.last()?.line;
        let body = match line.split('?').next()? {
            "GET /image/v2/images" if line.contains("marker=i-1") => {
                json!({ "images": [{ "id": "i-2", "name": "debian", "status": "queued" }] })
            }
            "GET /image/v2/images" => {
                json!({ "images": [{ "id": "i-1", "name": "empty", "status": "active" }], "next": "/v2/images?marker=i-1" })
            }
            "GET /compute/v2.1/flavors/detail" => {
                json!({ "flavors": [{ "id": "1", "name": "small", "vcpus": 1, "ram": 64, "disk": 1 }] })
            }
            "GET /compute/v2.1/os-availability-zone" => json!({ "availabilityZoneInfo": [
                { "zoneName": "zone-a", "zoneState": { "available": true }, "hosts": null },
                { "zoneName": "zone-b", "zoneState": { "available": false }, "hosts": null },
            ] }),
            "GET /network/v2.0/networks" => json!({ "networks": [{ "id": "n-1", "name": "site" }, { "id": "n-2", "name": "v6" }] }),
            "GET /network/v2.0/subnets" if line.contains("network_id=n-1&ip_version=4") => json!({ "subnets": [
                { "id": "s-1", "cidr": "198.18.0.0/22", "gateway_ip": "198.18.0.1" },
            ] }),
            "GET /network/v2.0/subnets" => json!({ "subnets": [] }),
            _ => return None,
        };
        Some(Reply::Json(body))
    })
    .await
}

fn text<T: std::fmt::Debug>(found: Result<T, CloudError>) -> String {
    found.unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_named_is_found_by_its_name_or_id() {
    let cloud = cloud().await;
    let client = cloud.client().await;
    for name in ["empty", "i-1"] {
        assert_eq!(lookup::image(&client, Some(name)).await.unwrap().id, "i-1");
    }
    let flavor = lookup::flavor(&client, Some("small")).await.unwrap();
    assert_eq!((&*flavor.id, flavor.vcpus, flavor.ram_mib), ("1", 1, 64));
    lookup::zone(&client, "zone-a").await.unwrap();
    let network = lookup::network(&client, Some("site")).await.unwrap();
    let subnet = &network.subnets[0];
    assert_eq!((&*network.id, subnet.range.to_string(), subnet.prefix), ("n-1", "198.18.0.0".into(), 22));
    assert_eq!(subnet.gateway, "198.18.0.1".parse().ok());
}

#[tokio::test]
async fn what_is_not_named_is_the_only_one_there_is() {
    let cloud = cloud().await;
    let client = cloud.client().await;
    assert_eq!(lookup::flavor(&client, None).await.unwrap().name, "small");
    let why = text(lookup::network(&client, None).await);
    assert_eq!(why, "nothing says which network, and the cloud has 2: `site`, `v6`\n  help: name one of them");
}

#[tokio::test]
async fn floating_ips_are_of_the_only_external_network_or_of_the_one_that_is_named() {
    let among = async |external: &[&str], name: Option<&str>| {
        let external = external.iter().map(|name| json!({ "id": name, "name": name, "router:external": true }));
        let all: Vec<_> = external.chain([json!({ "id": "site", "name": "site" })]).collect();
        let cloud = TestCloud::start(move |asked| {
            asked.last()?.line.contains("/v2.0/networks").then(|| Reply::Json(json!({ "networks": all })))
        });
        let cloud = cloud.await;
        lookup::external_network(&cloud.client().await, name).await.map_err(|why| why.to_string())
    };
    assert_eq!(among(&["public"], None).await.as_deref(), Ok("public"));
    assert_eq!(among(&["public", "office"], Some("office")).await.as_deref(), Ok("office"));
    let why = among(&["public", "office"], None).await.unwrap_err();
    let several =
        "nothing says which external network, and the cloud has 2: `public`, `office`\n  help: name one of them";
    assert_eq!(why, several);
    let why = among(&[], None).await.unwrap_err();
    assert!(why.starts_with("the cloud has no external network at all"), "{why}");
    let why = among(&["public"], Some("site")).await.unwrap_err();
    assert!(why.starts_with("the cloud has no external network `site`"), "{why}");
}

#[tokio::test]
async fn what_there_is_not_is_answered_with_what_there_is() {
    let cloud = cloud().await;
    let client = cloud.client().await;
    let said = [
        text(lookup::image(&client, Some("debain")).await),
        text(lookup::flavor(&client, Some("large-one")).await),
        text(lookup::zone(&client, "zone-x").await),
        text(lookup::network(&client, Some("sites")).await),
    ];
    assert_eq!(
        said,
        [
            "the cloud has no image `debain`\n  help: did you mean `debian`?",
            "the cloud has no flavor `large-one`\n  help: known flavors: `small`",
            "the cloud has no availability zone `zone-x`\n  help: did you mean `zone-a`?",
            "the cloud has no network `sites`\n  help: did you mean `site`?",
        ]
    );
}

#[tokio::test]
async fn what_is_there_and_no_use_is_said_before_anything_is_made() {
    let cloud = cloud().await;
    let client = cloud.client().await;
    assert!(
        text(lookup::image(&client, Some("debian")).await)
            .starts_with("the image `debian` is queued, expected active\n")
    );
    assert!(
        text(lookup::zone(&client, "zone-b").await).starts_with("the availability zone `zone-b` is not available\n")
    );
    assert!(text(lookup::network(&client, Some("v6")).await).starts_with("the network `v6` has no IPv4 subnet\n"));
}

#[tokio::test]
async fn a_login_that_fails_names_the_field_and_its_line() {
    let cloud = cloud().await;
    let said = cloud.log_in("    region_name: RegionOen\n").await.err().unwrap().to_string();
    assert!(said.starts_with("the cloud has no region `RegionOen`\n  help: did you mean `RegionOne`?"), "{said}");
    assert!(said.contains("clouds.yaml:10:18"), "{said}");
    let cloud = TestCloud::start(|_| Some(unauthorized())).await;
    let said = cloud.log_in("").await.err().unwrap().to_string();
    assert!(said.contains("answered 401 Unauthorized") && said.contains("clouds.yaml:6:17"), "{said}");
}

#[tokio::test]
async fn every_quota_that_is_too_small_is_named() {
    let cloud = TestCloud::start(|asked| {
        let absolute = json!({
            "maxTotalInstances": 10, "totalInstancesUsed": 7, "maxTotalCores": -1, "totalCoresUsed": 4,
            "maxTotalRAMSize": 1024, "totalRAMUsed": 512,
        });
        match &*asked.last()?.line {
            "GET /compute/v2.1/limits" => Some(Reply::Json(json!({ "limits": { "rate": [], "absolute": absolute } }))),
            _ => None,
        }
    })
    .await;
    let client = cloud.client().await;
    let needed = Needed { instances: 3, cores: 99, ram_mib: 512, ports: 488, security_groups: 1, floating_ips: 1 };
    limits::room(&client, &needed).await.unwrap();
    let more = Needed { instances: 4, ram_mib: 513, ports: 489, ..needed };
    let said = limits::room(&client, &more).await.unwrap_err().to_string();
    let short = "4 instances are needed, and 3 of 10 are left (7 used); 513 MiB of RAM are needed, and 512 of 1024 are left (512 used); 489 ports are needed, and 488 of 500 are left (12 used)";
    assert!(said.starts_with(&format!("the quotas of the project leave too little room: {short}\n  help: ")), "{said}");
}

#[tokio::test]
async fn quotas_that_a_cloud_does_not_tell_are_not_judged() {
    let cloud = TestCloud::start(|asked| {
        asked.last()?.line.contains("/quotas/").then(|| Reply::Status(403, "", String::new()))
    })
    .await;
    let client = cloud.client().await;
    limits::room(&client, &Needed { instances: 1, ports: 9999, ..Needed::default() }).await.unwrap();
    assert!(limits::room(&client, &Needed { instances: 8, ..Needed::default() }).await.is_err());
}
