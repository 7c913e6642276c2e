//! Servers that Auto Scaling replaces: each is the only instance of a group of its own, launched by a template with the server's network
//! interface. So a replacement has the address of its predecessor, and the configuration of the balancers stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::compute::between;
use crate::ec2::instances::Order;
use crate::ec2::query::Api;
use crate::ec2::scaling::{Group, Member, NewGroup};
use crate::ec2::tags;
use crate::environment::cloud::made::Made;
use crate::environment::cloud::marks::SCENARIO;
use crate::instance::Activity;
use crate::provider::ProviderError;

/// How long a group may take until it has launched its first instance, or until it is gone.
const WITHIN: Duration = Duration::from_secs(300);
/// From one look whether it has to the next.
const LOOK: Duration = Duration::from_secs(1);

/// The groups of a scenario.
pub(super) struct ScalingGroups {
    pub api: Api,
    pub run: String,
    /// By its index.
    pub scenario: String,
    pub made: Arc<Made>,
    /// The servers that have one.
    pub servers: BTreeSet<String>,
    /// Ends the names of all groups: no other attempt at a scenario has it.
    pub word: String,
    pub known: Mutex<Known>,
}

#[derive(Default)]
pub(super) struct Known {
    /// The group of each server, by its name.
    groups: BTreeMap<String, String>,
    /// Ids of the templates.
    templates: Vec<String>,
    /// Ids of the instances that groups have launched.
    launched: BTreeSet<String>,
    /// The members of each group at the last look, and what it had done until then.
    looks: BTreeMap<String, (Vec<Member>, Vec<Activity>)>,
}

impl ScalingGroups {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a server has one.
    pub fn has(&self, server: &str) -> bool {
        self.servers.contains(server)
    }

    /// Makes the group of a server, whose instances are as this order says; returns the id of the first. `zone` is that of the order's
    /// interface.
    ///
    /// # Errors
    /// It can't be made, or launches none.
    pub async fn launch(&self, server: &str, zone: &str, order: &Order) -> Result<String, ProviderError> {
        let name = format!("anarcho-chimp-{}-{}-{server}-{}", self.run, self.scenario, self.word);
        let failed = |why| between(&self.api, &why);
        let of_template = Order { tags: tags::of_run(&self.run, server, tags::Tags::new()), ..order.clone() };
        let template = self.api.create_template(&name, &of_template).await.map_err(failed)?;
        self.made.template(server, &template);
        self.known().templates.push(template.clone());
        // Known before it is asked for: it may be there though no answer says so.
        self.known().groups.insert(server.into(), name.clone());
        let new = NewGroup { name: name.clone(), template, zone: zone.into(), tags: order.tags.clone() };
        self.api.create_scaling_group(&new).await.map_err(failed)?;
        self.made.scaling_group(server, &name);
        self.first_of(server, &name).await
    }

    /// The first instance that a group launches.
    async fn first_of(&self, server: &str, name: &str) -> Result<String, ProviderError> {
        let until = Instant::now() + WITHIN;
        loop {
            let activities = self.api.scaling_activities(name).await.map_err(|why| between(&self.api, &why))?;
            let launches = || activities.iter().filter(|activity| activity.is_launch());
            if let Some(id) = launches().find_map(|activity| activity.instance()) {
                self.note(server, id);
                return Ok(id.into());
            }
            let failed = launches().find(|activity| activity.status == "Failed");
            let why = match failed {
                Some(activity) => format!("could not launch its instance: {}", activity.message),
                None if Instant::now() >= until => {
                    format!("launched no instance within {}", crate::units::show_duration(WITHIN))
                }
                None => {
                    sleep(LOOK).await;
                    continue;
                }
            };
            return Err(ProviderError::Between(format!("{server}: the Auto Scaling group {name} {why}").into()));
        }
    }

    fn note(&self, server: &str, instance: &str) {
        if self.known().launched.insert(instance.into()) {
            self.made.server(server, instance);
        }
    }

    /// What the groups have done. Asked for again only of those whose members have changed, or are not all in service.
    ///
    /// # Errors
    /// Auto Scaling can't be asked.
    pub async fn activities(&self) -> Result<Vec<Activity>, ProviderError> {
        if self.servers.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for Group { name, members, .. } in self.listed().await? {
            let Some(server) = self.server_of(&name) else { continue };
            let is_calm = |member: &Member| member.state == "InService" && member.health == "Healthy";
            let before = self.known().looks.get(&name).cloned();
            let is_quiet = !members.is_empty() && members.iter().all(is_calm);
            let activities = match before {
                Some((then, activities)) if is_quiet && then == members && activities.iter().all(is_over) => activities,
                _ => self.done_by(&server, &name).await?,
            };
            self.known().looks.insert(name, (members, activities.clone()));
            all.extend(activities);
        }
        Ok(all)
    }

    fn server_of(&self, group: &str) -> Option<String> {
        self.known().groups.iter().find(|(_, name)| *name == group).map(|(server, _)| server.clone())
    }

    async fn listed(&self) -> Result<Vec<Group>, ProviderError> {
        let all = self.api.scaling_groups(tags::RUN, Some(&self.run)).await;
        let all = all.map_err(|why| between(&self.api, &why))?;
        Ok(all.into_iter().filter(|group| group.tags.get(SCENARIO) == Some(&self.scenario)).collect())
    }

    async fn done_by(&self, server: &str, group: &str) -> Result<Vec<Activity>, ProviderError> {
        let done = self.api.scaling_activities(group).await.map_err(|why| between(&self.api, &why))?;
        for id in done.iter().filter(|one| one.is_launch()).filter_map(|one| one.instance()) {
            self.note(server, id);
        }
        // The earliest first.
        let told = done.into_iter().rev().map(|one| Activity {
            id: one.id,
            server: server.into(),
            description: one.description,
            detail: if one.message.is_empty() { one.cause } else { one.message },
            status: one.status,
        });
        Ok(told.collect())
    }

    /// Deletes the groups, with their instances, and waits until they are gone. Whether there was one.
    ///
    /// # Errors
    /// Everything that failed, after all were tried.
    pub async fn remove(&self) -> Result<bool, ProviderError> {
        let groups = self.known().groups.clone();
        if groups.is_empty() {
            return Ok(false);
        }
        let deleted = join_all(groups.iter().map(async |(server, name)| {
            // What it launched last, for the list of what was made. One that was never made has done nothing.
            let _ = self.done_by(server, name).await;
            self.api.delete_scaling_group(name).await.map_err(|why| between(&self.api, &why))
        }))
        .await;
        ProviderError::of_all(deleted.into_iter().filter_map(Result::err))?;
        let until = Instant::now() + WITHIN;
        loop {
            let listed = self.listed().await?;
            let left: Vec<&str> = listed.iter().map(|group| group.name.as_str()).collect();
            if !left.iter().any(|name| groups.values().any(|own| own == name)) {
                break;
            }
            if Instant::now() >= until {
                return Err(ProviderError::Between(format!("not deleted in time: {}", left.join(", ")).into()));
            }
            sleep(LOOK).await;
        }
        groups.values().for_each(|name| self.made.gone(name));
        self.known().groups.clear();
        Ok(true)
    }

    /// Deletes the templates. The instances are gone.
    ///
    /// # Errors
    /// Everything that failed, after all were tried.
    pub async fn clear(&self) -> Result<(), ProviderError> {
        let (templates, launched) = {
            let mut known = self.known();
            (std::mem::take(&mut known.templates), std::mem::take(&mut known.launched))
        };
        launched.iter().for_each(|id| self.made.gone(id));
        let removed = join_all(templates.iter().map(async |id| {
            self.api.delete_template(id).await.map_err(|why| between(&self.api, &why))?;
            self.made.gone(id);
            Ok(())
        }))
        .await;
        ProviderError::of_all(removed.into_iter().filter_map(Result::err))
    }
}

fn is_over(activity: &Activity) -> bool {
    ["Successful", "Failed", "Cancelled"].contains(&activity.status.as_str())
}
