//! What runs have left in an account, found by its tags and removed: instances, network interfaces, security groups.
//!
//! Removed is what carries the tag of a run that is meant, and nothing else. An instance that is protected from termination is left
//! alone, and with it what it uses. Doing it twice is harmless, and it may be done while the run goes on: then the run loses its
//! servers.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::error::Ec2Error;
use super::instances::{Action, Instance};
use super::query::Api;
use super::tags::{RUN, Tagged};
use crate::requests::sweep::{Created, Runs, Sweep, Thing, ThingKind, choose};

/// How long an instance may take until it is terminated.
const GONE: Duration = Duration::from_secs(120);
/// From one look whether it is to the next.
const LOOK: Duration = Duration::from_millis(500);

/// Sweeps what these runs have left. With `dry_run`, only looks.
///
/// # Errors
/// What is there can't be listed. Nothing was removed then.
pub(crate) async fn sweep(api: &Api, runs: &Runs, dry_run: bool) -> Result<Sweep, Ec2Error> {
    let all = find(api).await?;
    let (chosen, younger) = choose(runs, &created(&all), Timestamp::now());
    let mut sweep = Sweep { younger, ..Sweep::default() };
    let mut things: Vec<Thing> = all.into_iter().map(|(thing, _)| thing).collect();
    things.retain(|thing| chosen.contains(&thing.run));
    match dry_run {
        true => sweep.removed = things,
        false => remove(api, things, &mut sweep).await,
    }
    sweep.removed.sort_unstable();
    sweep.left.sort_unstable();
    sweep.requests = api.count();
    Ok(sweep)
}

/// Everything that runs have made and that is still there, with the moment at which it was made.
async fn find(api: &Api) -> Result<Vec<(Thing, Option<Timestamp>)>, Ec2Error> {
    let there = |instance: &Instance| instance.state != "terminated";
    let instances = api.instances(RUN, None).await?.into_iter().filter(there);
    let instances = instances.filter_map(|instance| Tagged::new(&instance.id, &instance.tags)).collect();
    let interfaces = api.tagged("DescribeNetworkInterfaces", "networkInterfaceSet", "networkInterfaceId").await?;
    let groups = api.tagged("DescribeSecurityGroups", "securityGroupInfo", "groupId").await?;
    let kinds: [(ThingKind, Vec<Tagged>); 3] =
        [(ThingKind::Server, instances), (ThingKind::NetworkInterface, interfaces), (ThingKind::SecurityGroup, groups)];
    let things = kinds.into_iter().flat_map(|(kind, all)| {
        all.into_iter().map(move |Tagged { id, name, run, made }| (Thing { kind, run, name, id }, made))
    });
    Ok(things.collect())
}

fn created(all: &[(Thing, Option<Timestamp>)]) -> Created {
    let mut newest = Created::new();
    for (thing, made) in all {
        let known = newest.entry(thing.run.clone()).or_default();
        *known = (*known).max(*made);
    }
    newest
}

/// All instances are asked to go before the first is waited for; then goes what they used.
async fn remove(api: &Api, mut things: Vec<Thing>, sweep: &mut Sweep) {
    things.sort_by_key(|thing| thing.kind);
    let (servers, rest): (Vec<_>, Vec<_>) = things.into_iter().partition(|thing| thing.kind == ThingKind::Server);
    let mut going = Vec::new();
    for server in servers {
        match api.act(Action::Terminate, &server.id).await {
            Ok(()) => going.push(server),
            Err(why) => sweep.left.push((server, api.explained(&why))),
        }
    }
    match await_gone(api, &going).await {
        Ok(()) => sweep.removed.extend(going),
        Err(why) => sweep.left.extend(going.into_iter().map(|server| (server, why.clone()))),
    }
    for thing in rest {
        let done = match thing.kind {
            ThingKind::SecurityGroup => api.delete_group(&thing.id).await,
            _ => api.delete_interface(&thing.id).await,
        };
        match done {
            Ok(()) => sweep.removed.push(thing),
            Err(why) => sweep.left.push((thing, api.explained(&why))),
        }
    }
}

async fn await_gone(api: &Api, servers: &[Thing]) -> Result<(), String> {
    let ids: BTreeSet<&str> = servers.iter().map(|server| server.id.as_str()).collect();
    let until = tokio::time::Instant::now() + GONE;
    while !ids.is_empty() {
        let all = api.instances(RUN, None).await.map_err(|why| api.explained(&why))?;
        let is_left = |instance: &Instance| ids.contains(instance.id.as_str()) && instance.state != "terminated";
        if !all.iter().any(is_left) {
            break;
        }
        if tokio::time::Instant::now() >= until {
            return Err(format!("not terminated within {}", crate::units::show_duration(GONE)));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
