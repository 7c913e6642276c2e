//! Auto Scaling groups that runs have left. They go first: a group would replace the instances that go after it.

use std::collections::BTreeSet;

use super::{Found, Kept, until_none};
use crate::ec2::error::Ec2Error;
use crate::ec2::instances::Instance;
use crate::ec2::query::Api;
use crate::ec2::tags::{RUN, Tagged};
use crate::requests::sweep::{Thing, ThingKind};

/// The tag of an instance that a group has launched.
const OF_GROUP: &str = "aws:autoscaling:groupName";

/// All of them. Whoever may not list groups has made none; if an instance is of one all the same, that is an error.
///
/// # Errors
/// They can't be listed.
pub(super) async fn find(api: &Api, instances: &[Instance]) -> Result<Vec<Found>, Ec2Error> {
    let is_of_group = |instance: &Instance| instance.tags.contains_key(OF_GROUP);
    let groups = match api.scaling_groups(RUN, None).await {
        Err(why) if why.is_denied() && !instances.iter().any(is_of_group) => return Ok(Vec::new()),
        groups => groups?,
    };
    let found = groups.into_iter().filter_map(|group| {
        let found = Found::new(ThingKind::ScalingGroup, Tagged::new(&group.name, &group.tags)?);
        // A group has one instance. While that stays, the group and its template do.
        Some(Found { used_by: group.members.into_iter().next().map(|one| one.id), uses: vec![group.template], ..found })
    });
    Ok(found.collect())
}

/// Removes those that do not stay, and takes them out of what was found; returns them. An instance that one of them has launched
/// meanwhile is found now.
pub(super) async fn remove(api: &Api, all: &mut Vec<Found>, kept: &mut Kept) -> Vec<Thing> {
    let is_going = |found: &Found| found.thing.kind == ThingKind::ScalingGroup && !kept.contains_key(&found.thing.id);
    let groups: Vec<Thing> = all.iter().filter(|found| is_going(found)).map(|found| found.thing.clone()).collect();
    let mut going = Vec::new();
    for group in groups {
        match api.delete_scaling_group(&group.id).await {
            Ok(()) => going.push(group),
            Err(why) => drop(kept.insert(group.id, api.explained(&why))),
        }
    }
    let listed = async || {
        let listed = api.scaling_groups(RUN, None).await.map_err(|why| api.explained(&why))?;
        Ok(listed.into_iter().map(|group| group.name).collect())
    };
    if let Err(why) = until_none(&going, "deleted", listed).await {
        kept.extend(going.drain(..).map(|group| (group.id, why.clone())));
    }
    all.retain(|found| !going.contains(&found.thing));
    let runs: BTreeSet<&str> = going.iter().map(|group| group.run.as_str()).collect();
    if !runs.is_empty() {
        let instances = api.instances(RUN, None).await.unwrap_or_default();
        let living = instances.iter().filter(|instance| instance.state != "terminated");
        let late = living.filter_map(|instance| Tagged::new(&instance.id, &instance.tags));
        let late: Vec<Tagged> = late
            .filter(|late| runs.contains(late.run.as_str()) && !all.iter().any(|found| found.thing.id == late.id))
            .collect();
        all.extend(late.into_iter().map(|tagged| Found::new(ThingKind::Server, tagged)));
    }
    going
}
