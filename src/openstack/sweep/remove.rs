//! Removes things in an order in which it can be done, each as far as it can be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::find::{All, Found};
use crate::openstack::client::{Client, longer};
use crate::openstack::error::CloudError;
use crate::openstack::{actions, floating_ips, groups, ports, servers};
use crate::requests::sweep::{Sweep, Thing, ThingKind};

/// How long a server may take until it is gone.
const GONE: Duration = Duration::from_secs(120);

/// Removes what these runs have made; with `dry_run`, says what would be.
pub(super) async fn all(client: &Client, all: &All, runs: &BTreeSet<String>, dry_run: bool, sweep: &mut Sweep) {
    let mut things: Vec<&Found> = all.things.iter().filter(|found| runs.contains(&found.thing.run)).collect();
    things.sort_by_key(|found| found.thing.kind);
    let mut kept = kept(all, &things);
    if !dry_run {
        for found in things.iter().filter(|found| found.thing.kind == ThingKind::FloatingIp) {
            take(client, found, &kept, sweep).await;
        }
        remove_servers(client, &things, &mut kept, sweep).await;
        things.retain(|found| !matches!(found.thing.kind, ThingKind::FloatingIp | ThingKind::Server));
    }
    for found in things {
        match dry_run {
            true => judge(found, &kept, sweep),
            false => take(client, found, &kept, sweep).await,
        }
    }
}

/// Why a thing stays, by its id.
type Kept = BTreeMap<String, String>;

/// Locked servers, and what belongs to a server that stays.
fn kept(all: &All, things: &[&Found]) -> Kept {
    let servers = || things.iter().filter(|found| found.thing.kind == ThingKind::Server);
    let going: BTreeSet<&String> = servers().map(|found| &found.thing.id).collect();
    let foreign = all.servers.iter().filter(|id| !going.contains(id));
    let mut kept: Kept =
        foreign.map(|id| (id.clone(), format!("the server {id} uses it, which is not removed"))).collect();
    let locked = || servers().filter(|found| found.locked).map(|found| &found.thing);
    kept.extend(
        locked().map(|server| (server.id.clone(), format!("the server `{}` uses it, which is locked", server.name))),
    );
    keep_what_belongs(things, &mut kept);
    let unlocks = |id: &String| format!("it is locked; `openstack server unlock {id}` unlocks it");
    kept.extend(locked().map(|server| (server.id.clone(), unlocks(&server.id))));
    kept
}

/// What belongs to a thing that stays, stays for the same reason: ports of servers, then floating IPs of ports.
fn keep_what_belongs(things: &[&Found], kept: &mut Kept) {
    for kind in [ThingKind::Port, ThingKind::FloatingIp] {
        for found in things.iter().filter(|found| found.thing.kind == kind) {
            if let Some(why) = found.of.as_ref().and_then(|of| kept.get(of)).cloned() {
                kept.entry(found.thing.id.clone()).or_insert(why);
            }
        }
    }
}

fn judge(found: &Found, kept: &Kept, sweep: &mut Sweep) {
    match kept.get(&found.thing.id) {
        Some(why) => sweep.left.push((found.thing.clone(), why.clone())),
        None => sweep.removed.push(found.thing.clone()),
    }
}

/// All are asked to go before the first is waited for.
async fn remove_servers(client: &Client, things: &[&Found], kept: &mut Kept, sweep: &mut Sweep) {
    let mut going = Vec::new();
    for found in things.iter().filter(|found| found.thing.kind == ThingKind::Server) {
        let id = &found.thing.id;
        if kept.contains_key(id) {
            judge(found, kept, sweep);
            continue;
        }
        match actions::delete(client, id).await {
            Ok(()) => going.push(found),
            Err(why) => stays(&found.thing, &why, kept, sweep),
        }
    }
    for found in going {
        match servers::await_gone(client, &found.thing.id, GONE).await {
            Ok(()) => sweep.removed.push(found.thing.clone()),
            Err(why) => stays(&found.thing, &why, kept, sweep),
        }
    }
    keep_what_belongs(things, kept);
}

fn stays(server: &Thing, why: &CloudError, kept: &mut Kept, sweep: &mut Sweep) {
    sweep.left.push((server.clone(), why.to_string()));
    kept.insert(server.id.clone(), format!("the server `{}` uses it, which could not be removed", server.name));
}

async fn take(client: &Client, found: &Found, kept: &Kept, sweep: &mut Sweep) {
    if kept.contains_key(&found.thing.id) {
        return judge(found, kept, sweep);
    }
    match remove(client, &found.thing).await {
        Ok(()) => sweep.removed.push(found.thing.clone()),
        Err(why) => sweep.left.push((found.thing.clone(), why.to_string())),
    }
}

/// What still uses a thing may be about to go, so it is tried a few times.
async fn remove(client: &Client, thing: &Thing) -> Result<(), CloudError> {
    let mut pause = client.patience.first_pause;
    for _ in 1..client.patience.attempts {
        match remove_once(client, thing).await {
            Err(why) if why.is_conflict() => tracing::info!(%why, "asked again"),
            done => return done,
        }
        tokio::time::sleep(pause).await;
        pause = longer(pause);
    }
    remove_once(client, thing).await
}

async fn remove_once(client: &Client, Thing { kind, id, .. }: &Thing) -> Result<(), CloudError> {
    let done = match kind {
        ThingKind::FloatingIp | ThingKind::ElasticIp => floating_ips::delete(client, id).await,
        ThingKind::Server => actions::delete(client, id).await.map(|()| true),
        ThingKind::Port | ThingKind::NetworkInterface => ports::delete(client, id).await,
        ThingKind::SecurityGroup => groups::delete(client, id).await,
        // None of these is found in OpenStack.
        ThingKind::ScalingGroup | ThingKind::LaunchTemplate => Ok(false),
    };
    done.map(drop)
}
