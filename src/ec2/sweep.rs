//! What runs have left in an account, found by its tags and removed: Auto Scaling groups, instances, launch templates, Elastic IPs, network
//! interfaces, security groups.
//!
//! Removed is what carries the tag of a run that is meant, and nothing else. An instance that is protected from termination is left
//! alone, and with it what it uses. Doing it twice is harmless, and it may be done while the run goes on: then the run loses its
//! servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::advice::{self, TERMINATION};
use super::elastic_ips::ElasticIp;
use super::error::Ec2Error;
use super::instances::{Action, Instance};
use super::query::Api;
use super::tags::{RUN, Tagged};
use crate::requests::sweep::{Created, Runs, Sweep, Thing, ThingKind, choose};

mod scaling;

/// How long an instance may take until it is terminated.
const GONE: Duration = Duration::from_secs(120);
/// From one look whether it is to the next.
const LOOK: Duration = Duration::from_millis(500);

/// A thing, with what decides about it.
struct Found {
    thing: Thing,
    made: Option<Timestamp>,
    /// The id of what uses it: the instance of an interface or of an Auto Scaling group, an Elastic IP's interface.
    used_by: Option<String>,
    /// The ids of what it uses: an interface's security groups, an Auto Scaling group's launch template.
    uses: Vec<String>,
}

impl Found {
    fn new(kind: ThingKind, Tagged { id, name, run, made }: Tagged) -> Found {
        Found { thing: Thing { kind, run, name, id }, made, used_by: None, uses: Vec::new() }
    }
}

/// Sweeps what these runs have left. With `dry_run`, only looks.
///
/// # Errors
/// What is there can't be listed. Nothing was removed then.
pub(crate) async fn sweep(api: &Api, runs: &Runs, dry_run: bool) -> Result<Sweep, Ec2Error> {
    let mut all = find(api).await?;
    let (chosen, younger) = choose(runs, &created(&all), Timestamp::now());
    let mut sweep = Sweep { younger, ..Sweep::default() };
    all.retain(|found| chosen.contains(&found.thing.run));
    all.sort_by_key(|found| found.thing.kind);
    let mut kept = Kept::default();
    for server in servers(&all) {
        if api.is_protected(&server.id).await? {
            let lift = advice::lift(&server.id, TERMINATION);
            kept.insert(server.id.clone(), format!("it is protected from termination; {lift}"));
        }
    }
    keep_what_is_used(&all, &mut kept);
    if !dry_run {
        sweep.removed.extend(scaling::remove(api, &mut all, &mut kept).await);
        let terminated = terminate(api, &all, &mut kept).await;
        sweep.removed.extend(terminated);
    }
    keep_what_is_used(&all, &mut kept);
    for Found { thing, .. } in all {
        match kept.remove(&thing.id) {
            Some(why) => sweep.left.push((thing, why)),
            None if dry_run => sweep.removed.push(thing),
            None if thing.kind == ThingKind::Server => {}
            None => match remove(api, &thing).await {
                Ok(()) => sweep.removed.push(thing),
                Err(why) => sweep.left.push((thing, api.explained(&why))),
            },
        }
    }
    sweep.removed.sort_unstable();
    sweep.left.sort_unstable();
    sweep.requests = api.count();
    Ok(sweep)
}

/// Everything that runs have made and that is still there.
async fn find(api: &Api) -> Result<Vec<Found>, Ec2Error> {
    let there = |instance: &Instance| instance.state != "terminated";
    let instances: Vec<Instance> = api.instances(RUN, None).await?.into_iter().filter(there).collect();
    let mut all = scaling::find(api, &instances).await?;
    let instances = instances.iter().filter_map(|instance| Tagged::new(&instance.id, &instance.tags));
    all.extend(instances.map(|tagged| Found::new(ThingKind::Server, tagged)));
    let templates = api.tagged("DescribeLaunchTemplates", "launchTemplates", "launchTemplateId").await?;
    all.extend(templates.into_iter().map(|tagged| Found::new(ThingKind::LaunchTemplate, tagged)));
    for ElasticIp { id, address, interface, tags, .. } in api.elastic_ips_of_runs().await? {
        let Some(tagged) = Tagged::new(&id, &tags) else { continue };
        let found = Found::new(ThingKind::ElasticIp, Tagged { name: address.to_string(), ..tagged });
        all.push(Found { used_by: interface, ..found });
    }
    for (tagged, instance, groups) in api.interfaces_of_runs().await? {
        all.push(Found { used_by: instance, uses: groups, ..Found::new(ThingKind::NetworkInterface, tagged) });
    }
    let groups = api.tagged("DescribeSecurityGroups", "securityGroupInfo", "groupId").await?;
    all.extend(groups.into_iter().map(|tagged| Found::new(ThingKind::SecurityGroup, tagged)));
    Ok(all)
}

fn created(all: &[Found]) -> Created {
    let mut newest = Created::new();
    for Found { thing, made, .. } in all {
        let known = newest.entry(thing.run.clone()).or_default();
        *known = (*known).max(*made);
    }
    newest
}

/// Why a thing stays, by its id.
type Kept = BTreeMap<String, String>;

fn servers(all: &[Found]) -> impl Iterator<Item = &Thing> {
    all.iter().map(|found| &found.thing).filter(|thing| thing.kind == ThingKind::Server)
}

/// What a server that stays uses, stays.
fn keep_what_is_used(all: &[Found], kept: &mut Kept) {
    let staying: Vec<&Thing> = servers(all).filter(|server| kept.contains_key(&server.id)).collect();
    for server in staying {
        let why = format!("the server `{}` uses it, which stays", server.name);
        let of_it = |found: &&Found| found.used_by.as_ref() == Some(&server.id);
        for interface in all.iter().filter(of_it) {
            let elastic_ips = all.iter().filter(|found| found.used_by.as_ref() == Some(&interface.thing.id));
            let used = elastic_ips.map(|found| &found.thing.id).chain(&interface.uses).chain([&interface.thing.id]);
            kept.extend(used.map(|id| (id.clone(), why.clone())));
        }
    }
}

/// All instances that do not stay are asked to go before the first is waited for; returns those that went. Of any other it is known now
/// why it stays.
async fn terminate(api: &Api, all: &[Found], kept: &mut Kept) -> Vec<Thing> {
    let mut going = Vec::new();
    for server in servers(all) {
        if kept.contains_key(&server.id) {
            continue;
        }
        match api.act(Action::Terminate, &server.id).await {
            Ok(()) => going.push(server.clone()),
            Err(why) => drop(kept.insert(server.id.clone(), api.explained(&why))),
        }
    }
    if let Err(why) = await_gone(api, &going).await {
        kept.extend(going.drain(..).map(|server| (server.id, why.clone())));
    }
    going
}

async fn remove(api: &Api, thing: &Thing) -> Result<(), Ec2Error> {
    match thing.kind {
        ThingKind::ElasticIp => api.release_elastic_ip(&thing.id).await,
        ThingKind::SecurityGroup => api.delete_group(&thing.id).await,
        ThingKind::LaunchTemplate => api.delete_template(&thing.id).await,
        _ => api.delete_interface(&thing.id).await,
    }
}

async fn await_gone(api: &Api, servers: &[Thing]) -> Result<(), String> {
    let listed = async || {
        let all = api.instances(RUN, None).await.map_err(|why| api.explained(&why))?;
        Ok(all.into_iter().filter(|instance| instance.state != "terminated").map(|instance| instance.id).collect())
    };
    until_none(servers, "terminated", listed).await
}

/// Waits until none of these things is listed any more.
async fn until_none(
    things: &[Thing],
    what: &str,
    listed: impl AsyncFn() -> Result<BTreeSet<String>, String>,
) -> Result<(), String> {
    let until = tokio::time::Instant::now() + GONE;
    while !things.is_empty() {
        let there = listed().await?;
        if !things.iter().any(|thing| there.contains(&thing.id)) {
            break;
        }
        if tokio::time::Instant::now() >= until {
            return Err(format!("not {what} within {}", crate::units::show_duration(GONE)));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
