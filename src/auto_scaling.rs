//! Auto Scaling, where it replaces servers in place of the reconciler: what it does is seen and recorded, and nothing is asked of it.
//!
//! Each look lists the instances, and what Auto Scaling says of itself. An instance that was not there before is a replacement: it is
//! waited for until it is what its role says. A moment is known to the time between two looks. What Auto Scaling's own times say stays
//! text, because they are of another clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::history::Event;
use crate::instance::{Activity, Instance, InstanceId, PowerState};
use crate::provider::ProviderError;
use crate::site::{BootError, Site};

/// From one look to the next, where a provider names no pace.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is about no single server.
const ALL: &str = "(all)";

/// What watches Auto Scaling; dropping it stops it.
pub struct AutoScaling(JoinHandle<()>);

impl AutoScaling {
    /// Starts to watch, where Auto Scaling replaces a server of the site.
    pub fn start(site: &Site) -> Option<AutoScaling> {
        let servers = site.settings.auto_scaling.servers(&site.infrastructure);
        let watch = Watch { site: site.clone(), servers, seen: None, serving: JoinSet::new(), failed: None };
        (!watch.servers.is_empty()).then(|| AutoScaling(tokio::spawn(watch.work())))
    }

    /// Stops it.
    pub async fn stop(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for AutoScaling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Watch {
    site: Site,
    /// Those that Auto Scaling replaces.
    servers: BTreeSet<String>,
    /// `None` before the first look.
    seen: Option<Seen>,
    /// The replacements that are waited for.
    serving: JoinSet<()>,
    /// The failure that was recorded last.
    failed: Option<String>,
}

/// What the looks saw so far.
#[derive(Default)]
struct Seen {
    /// When the last one began, in microseconds on the run's clock.
    at_us: u64,
    instances: BTreeSet<InstanceId>,
    /// By id: how far each is; `None` for those of the provisioning, which are none of a repair.
    activities: BTreeMap<String, Option<String>>,
}

impl Watch {
    async fn work(mut self) {
        let mut ticks = interval(self.site.provider.lists_every().unwrap_or(LOOK_EVERY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.look().await {
                Ok(()) => self.failed = None,
                Err(why) => self.fail(why.to_string()),
            }
        }
    }

    async fn look(&mut self) -> Result<(), ProviderError> {
        let at_us = self.site.recorder.clock().now_us();
        let activities = self.site.provider.activities().await?;
        let instances = self.site.provider.list().await?;
        let is_first = self.seen.is_none();
        let mut seen = self.seen.take().unwrap_or_default();
        let since_us = std::mem::replace(&mut seen.at_us, at_us);
        for activity in activities {
            let status = (!is_first).then(|| activity.status.clone());
            let known = seen.activities.get(&activity.id);
            if known.is_some_and(|known| known.is_none() || *known == status) {
                continue;
            }
            seen.activities.insert(activity.id.clone(), status);
            if !is_first {
                self.record(since_us, acted(activity));
            }
        }
        for instance in instances {
            // What is there at first was provisioned. One that is off may be such a one, or one that never ran.
            let counts = is_first || instance.state == PowerState::Running;
            let is_own = counts && self.servers.contains(&instance.name);
            if is_own && seen.instances.insert(instance.id.clone()) && !is_first {
                self.found(since_us, instance);
            }
        }
        self.seen = Some(seen);
        Ok(())
    }

    /// A replacement runs.
    fn found(&mut self, since_us: u64, instance: Instance) {
        let Instance { name, id, address, .. } = &instance;
        let booted =
            Event::InstanceBooted { server: name.clone(), instance: id.to_string(), address: address.to_string() };
        self.record(since_us, booted);
        self.serving.spawn(await_serving(self.site.clone(), instance));
    }

    /// Records what came between the look before and now.
    fn record(&self, since_us: u64, event: Event) {
        let now_us = self.site.recorder.clock().now_us();
        self.site.recorder.record_at(now_us, now_us.saturating_sub(since_us), event);
    }

    fn fail(&mut self, detail: String) {
        if self.failed.as_ref() != Some(&detail) {
            self.site.recorder.record(Event::AutoScalingFailed { server: ALL.into(), detail: detail.clone() });
        }
        self.failed = Some(detail);
    }
}

fn acted(Activity { server, description, detail, status, .. }: Activity) -> Event {
    Event::AutoScalingActivity { server, description, detail, status }
}

/// Waits until a replacement is what its role says, for as long as it is there.
async fn await_serving(site: Site, instance: Instance) {
    let server = instance.name.clone();
    while let Err(why) = site.await_serving(&server, &instance).await {
        let is_gone = matches!(why, BootError::InstanceGone { .. });
        site.recorder.record(Event::AutoScalingFailed { server: server.clone(), detail: why.to_string() });
        if is_gone {
            return;
        }
    }
    site.recorder.record(Event::AutoScalingReplaced { server, instance: instance.id.to_string() });
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;

    use super::*;
    use crate::clock::Clock;
    use crate::history::Recorder;
    use crate::infrastructure::Draft;
    use crate::instance::{InstanceSpec, PowerOp};
    use crate::provider::{Provider, Remote};
    use crate::render::{Addresses, Secrets};
    use crate::settings::Settings;
    use crate::site::topology_lock::TopologyLock;

    /// What is listed, as the test wants it.
    #[derive(Default)]
    struct Cloud {
        instances: Mutex<Vec<Instance>>,
        activities: Mutex<Vec<Activity>>,
    }

    #[async_trait]
    impl Provider for Cloud {
        async fn boot(&self, spec: &InstanceSpec) -> Result<Instance, ProviderError> {
            Err(ProviderError::Unknown(InstanceId(spec.name.clone())))
        }

        async fn list(&self) -> Result<Vec<Instance>, ProviderError> {
            Ok(self.instances.lock().unwrap().clone())
        }

        async fn activities(&self) -> Result<Vec<Activity>, ProviderError> {
            Ok(self.activities.lock().unwrap().clone())
        }

        async fn power(&self, _: &InstanceId, _: PowerOp) -> Result<(), ProviderError> {
            Ok(())
        }

        async fn connect(&self, instance: &Instance) -> Result<Box<dyn Remote>, ProviderError> {
            Err(ProviderError::Unknown(instance.id.clone()))
        }
    }

    fn instance(id: &str, server: &str, state: PowerState) -> Instance {
        let (id, name) = (InstanceId(id.into()), server.to_string());
        let address = [127, 0, 0, 1].into();
        Instance { id, name, address, state, evidence: String::new(), first_process: None, changed: None }
    }

    fn activity(id: &str, status: &str) -> Activity {
        let (description, detail) = ("Launching".to_string(), String::new());
        Activity { id: id.into(), server: "web-1".into(), description, detail, status: status.into() }
    }

    #[tokio::test]
    async fn what_comes_after_the_first_look_is_recorded_and_what_was_provisioned_is_not() {
        let mut draft = Draft::default();
        draft.tier(2, "webserver").unwrap();
        let infrastructure = Arc::new(draft.build().unwrap());
        let (cloud, (recorder, memory)) = (Arc::new(Cloud::default()), Recorder::memory(Clock::start()));
        let site = Site {
            addresses: Addresses::imagined(&infrastructure),
            infrastructure,
            entry: None,
            settings: Settings::default(),
            provider: Arc::clone(&cloud) as Arc<dyn Provider>,
            recorder,
            secrets: Secrets::imagined(),
            databases: TopologyLock::default(),
        };
        let servers = BTreeSet::from(["web-1".to_string()]);
        let mut watch = Watch { site, servers, seen: None, serving: JoinSet::new(), failed: None };
        let now = |instances: &[Instance], activities: &[Activity]| {
            *cloud.instances.lock().unwrap() = instances.to_vec();
            *cloud.activities.lock().unwrap() = activities.to_vec();
        };
        let first = instance("i-1", "web-1", PowerState::Running);
        now(std::slice::from_ref(&first), &[activity("a", "InProgress")]);
        watch.look().await.unwrap();
        let others = [instance("i-2", "web-1", PowerState::Stopped), instance("i-3", "web-2", PowerState::Running)];
        now(&[&[first], &others[..]].concat(), &[activity("a", "Successful"), activity("b", "InProgress")]);
        watch.look().await.unwrap();
        now(&[instance("i-2", "web-1", PowerState::Running)], &[activity("b", "Successful")]);
        watch.look().await.unwrap();
        watch.look().await.unwrap();
        let told: Vec<String> = memory
            .events()
            .into_iter()
            .filter_map(|record| match record.event {
                Event::AutoScalingActivity { status, .. } => Some(status),
                Event::InstanceBooted { instance, .. } => Some(instance),
                _ => None,
            })
            .collect();
        assert_eq!(told, ["InProgress", "Successful", "i-2"]);
    }
}
