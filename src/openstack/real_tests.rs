//! A real cloud, used from its first port to the sweep: that of `OS_CLOUD`, with the names that `fixtures/openstack` gives.
//! `make openstack` runs it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::actions::{self, Action};
use super::client::Client;
use super::clouds::{self, Surroundings};
use super::error::CloudError;
use super::groups::{self, Lets};
use super::limits::{self, Needed};
use super::mark::Mark;
use super::ports::{self, NewPort, Port};
use super::servers::{self, NewServer, Server, Status};
use super::sweep;
use super::{floating_ips, lookup};
use crate::provider::secret::Secret;
use crate::requests::sweep::{Runs, Thing, ThingKind};

const WITHIN: Duration = Duration::from_secs(90);

async fn client() -> Client {
    let cloud = clouds::read(None, &Surroundings::here()).unwrap();
    Client::log_in(cloud, 600).await.unwrap_or_else(|why| panic!("{why}"))
}

async fn port(client: &Client, mark: &Mark, name: &str, groups: &[String]) -> Port {
    let network = lookup::network(client, Some("site")).await.unwrap();
    assert_eq!(network.subnets[0].prefix, 22);
    let new = NewPort {
        name,
        network: &network.id,
        mark,
        security_groups: Some(groups),
        fixed_ip: None,
        allowed_address_pairs: &["198.18.3.200".parse().unwrap()],
    };
    ports::create(client, &new).await.unwrap_or_else(|why| panic!("{why}"))
}

async fn boot(client: &Client, mark: &Mark, port: &Port) -> Server {
    let new = NewServer {
        name: &port.name,
        image: &lookup::image(client, Some("empty")).await.unwrap().id,
        flavor: &lookup::flavor(client, Some("small")).await.unwrap().id,
        zone: Some("zone-b"),
        port: &port.id,
        mark,
        metadata: BTreeMap::from([("chimp_server".into(), "web-1".into())]),
        user_data: &Secret::new("#cloud-config\n".into()),
    };
    let id = servers::create(client, &new).await.unwrap_or_else(|why| panic!("{why}"));
    await_status(client, &id, &Status::Active).await
}

/// Waits until a server has this status, and Nova does nothing more with it.
async fn await_status(client: &Client, id: &str, wanted: &Status) -> Server {
    let begun = Instant::now();
    loop {
        let server = servers::get(client, id).await.unwrap_or_else(|why| panic!("{why}"));
        if server.status == *wanted && server.task.is_none() {
            return server;
        }
        assert!(server.status != Status::Error && begun.elapsed() < WITHIN, "expected {wanted}: {server:?}");
        tokio::time::sleep(client.patience.first_pause).await;
    }
}

async fn lock(client: &Client, id: &str, how: &str) {
    let body = serde_json::json!({ how: null });
    client.post(super::client::Service::Nova, &format!("servers/{id}/action"), &body).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a real cloud: make openstack"]
async fn real_cloud_serves_a_run_from_its_first_port_to_its_sweep() {
    let client = client().await;
    let (mark, other) = (Mark::new("2026-11-29T01-10-18Z-7"), Mark::new("2026-11-29T01-10-18Z-8"));
    let needed = Needed { instances: 1, cores: 1, ram_mib: 64, ports: 1, security_groups: 2, floating_ips: 0 };
    limits::room(&client, &needed).await.unwrap();
    let Err(CloudError::NoRoom(short)) = limits::room(&client, &Needed { instances: 100_000, ..needed }).await else {
        panic!("there is room for 100000 servers")
    };
    assert_eq!(short.len(), 1, "{short:?}");
    let open = groups::create(&client, "open", &mark, Lets::EverythingPass).await.unwrap();
    let empty = groups::create(&client, "empty", &mark, Lets::NothingPass).await.unwrap();
    let found: Vec<_> =
        groups::ours(&client).await.unwrap().into_iter().map(|group| (group.name, group.rules)).collect();
    assert!(found.contains(&("open".into(), 2)) && found.contains(&("empty".into(), 0)), "{found:?}");
    let first = port(&client, &mark, "web-1", std::slice::from_ref(&open.id)).await;
    port(&client, &other, "web-1", &[]).await;
    let server = boot(&client, &mark, &first).await;
    assert_eq!(server.addresses, first.address.into_iter().collect::<Vec<_>>());
    assert_eq!(
        (server.zone.as_deref(), server.run(), server.port()),
        (Some("zone-b"), Some(mark.run()), Some(&*first.id))
    );
    assert_eq!(ports::of_server(&client, &server.id).await.unwrap()[0].id, first.id);
    swap_groups(&client, &first, &empty.id).await;
    let power = [Action::Stop, Action::Stop, Action::Start, Action::SoftReboot];
    let pauses = [Action::Pause, Action::Unpause, Action::Suspend, Action::Suspend, Action::Resume];
    for action in power.into_iter().chain(pauses) {
        actions::start(&client, &server.id, action).await.unwrap_or_else(|why| panic!("{action:?}: {why}"));
        await_status(&client, &server.id, &action.leads_to()).await;
    }
    let why = actions::start(&client, &server.id, Action::Unpause).await;
    assert!(why.is_ok(), "it is active already: {why:?}");
    println!("console: {:?}", actions::console(&client, &server.id, 10).await);
    println!("floating IPs: {:?}", floating_ips::ours(&client).await);
    println!(
        "a network that is not external: {:?}",
        floating_ips::create(&client, &lookup::network(&client, Some("site")).await.unwrap().id, &mark).await
    );
    lock(&client, &server.id, "lock").await;
    assert!(matches!(actions::delete(&client, &server.id).await, Err(CloudError::Locked(name)) if name == "web-1"));
    assert!(matches!(actions::start(&client, &server.id, Action::Stop).await, Err(CloudError::Locked(_))));
    sweep_all(&client, &mark, &server).await;
    let left = sweep::sweep(&client, &Runs::OlderThan(Duration::ZERO), false).await.unwrap();
    assert_eq!(left.removed.iter().map(|thing| &*thing.run).collect::<Vec<_>>(), [other.run()], "{left:?}");
    println!("requests: {}", client.requests());
}

async fn swap_groups(client: &Client, port: &Port, empty: &str) {
    for groups in [vec![empty.to_string()], port.security_groups.clone()] {
        assert_eq!(ports::set_security_groups(client, &port.id, &groups).await.unwrap().security_groups, groups);
        assert_eq!(ports::get(client, &port.id).await.unwrap().security_groups, groups);
    }
}

async fn sweep_all(client: &Client, mark: &Mark, server: &Server) {
    use ThingKind::{Port, SecurityGroup, Server};
    let runs = Runs::One(mark.run().into());
    let kinds = |things: &[Thing]| things.iter().map(|thing| thing.kind).collect::<Vec<_>>();
    let hour = Runs::OlderThan(Duration::from_secs(3600));
    let young = sweep::sweep(client, &hour, false).await.unwrap();
    assert!(young.removed.is_empty() && young.younger.len() == 2, "{young:?}");
    let locked = sweep::sweep(client, &runs, false).await.unwrap();
    assert_eq!(kinds(&locked.removed), [SecurityGroup], "the one that no port has: {locked:?}");
    assert_eq!(
        locked.left.iter().map(|(thing, _)| thing.kind).collect::<Vec<_>>(),
        [Server, Port, SecurityGroup],
        "{locked:?}"
    );
    println!("{:?}", locked.left);
    lock(client, &server.id, "unlock").await;
    let looked = sweep::sweep(client, &runs, true).await.unwrap();
    let swept = sweep::sweep(client, &runs, false).await.unwrap();
    assert_eq!(
        (kinds(&swept.removed), &swept.removed),
        (vec![Server, Port, SecurityGroup], &looked.removed),
        "{swept:?}"
    );
    assert!(swept.left.is_empty(), "{swept:?}");
    let again = sweep::sweep(client, &runs, false).await.unwrap();
    assert!(again.removed.is_empty() && again.left.is_empty(), "{again:?}");
    assert!(matches!(servers::get(client, &server.id).await, Err(CloudError::Gone(_))));
}
