//! The state of every instance, measured at the instance by the provider.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::slots::Owners;
use super::{Look, Observer, ObserverError};
use crate::agent::watch::LastHeard;
use crate::clock;
use crate::history::Event;
use crate::instance::{Instance, InstanceId, PowerState};
use crate::provider::{Provider, ProviderError};

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is seen whether a watcher has fallen silent, where there are watchers.
const LISTEN_EVERY: Duration = Duration::from_millis(10);
/// A server whose watcher was heard so lately runs. It speaks every 50 ms.
const SILENT: Duration = Duration::from_millis(100);
/// How often a server is looked at that runs and that no watcher speaks for.
const UNHEARD_EVERY: Duration = Duration::from_secs(5);

/// Where what is seen goes.
pub struct Published {
    /// Each list.
    pub instances: watch::Sender<Vec<Instance>>,
    /// Which server had each address last.
    pub owners: watch::Sender<Owners>,
}

/// Looks every 50 ms; records each state that changed and publishes the list. While the instances can't be listed, the
/// published list is empty, so that the other observers know that they do not know.
///
/// To look at servers on another kernel is to connect to each of them. A server is looked at only while its watcher is silent, or
/// while it is not running; no such look holds up those at other servers. They are the same ones for as long as this lives.
///
/// Where an API lists them, each look is a list, as often as [the provider allows](Provider::lists_every).
pub struct InstanceObserver {
    provider: Arc<dyn Provider>,
    publish: Published,
    last_heard: LastHeard,
    /// As last listed; `None` while they can't be.
    listed: Option<Vec<Instance>>,
    known: BTreeMap<InstanceId, PowerState>,
    /// Those that the place itself has made, and that do not serve yet.
    coming: BTreeSet<InstanceId>,
    /// The servers that are being looked at, and when each was last, in microseconds of the run's clock.
    looks: JoinSet<Result<Instance, ProviderError>>,
    looking: BTreeSet<InstanceId>,
    looked: BTreeMap<InstanceId, u64>,
}

impl InstanceObserver {
    /// Publishes each list it makes.
    pub fn new(provider: Arc<dyn Provider>, publish: Published, last_heard: LastHeard) -> Self {
        let (known, looks) = (BTreeMap::new(), JoinSet::new());
        let (coming, looking, looked) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        InstanceObserver { provider, publish, last_heard, listed: None, known, coming, looks, looking, looked }
    }

    /// Lists all, and publishes that.
    async fn list(&mut self, look: &Look<'_>) -> Result<(), ProviderError> {
        let instances = self.provider.list().await?;
        let is_first = self.known.is_empty();
        for instance in &instances {
            if !is_first && self.provider.replaces() {
                self.find(look, instance);
            }
            self.note(look, instance, look.since_us());
            self.looked.insert(instance.id.clone(), look.now_us());
        }
        self.await_serving(look, &instances).await;
        self.publish_owners(&instances).await;
        self.listed = Some(instances.clone());
        self.publish.instances.send_replace(instances);
        Ok(())
    }

    /// An address stays its last owner's until another server has it; one that several have tells nothing.
    async fn publish_owners(&self, instances: &[Instance]) {
        let mut claims: BTreeMap<Ipv4Addr, BTreeSet<&str>> = BTreeMap::new();
        for instance in instances.iter().filter(|one| matches!(one.state, PowerState::Running | PowerState::Frozen)) {
            for address in self.provider.addresses(instance).await.into_iter().filter(|at| !at.is_unspecified()) {
                claims.entry(address).or_default().insert(&instance.name);
            }
        }
        self.publish.owners.send_if_modified(|owners| {
            let before = owners.clone();
            for (address, servers) in claims {
                match servers.iter().next() {
                    Some(server) if servers.len() == 1 => drop(owners.insert(address, server.to_string())),
                    _ => drop(owners.remove(&address)),
                }
            }
            *owners != before
        });
    }

    /// Takes in what became of the looks at single servers, and begins those that are due.
    fn look_at_each(&mut self, look: &Look<'_>) -> Result<(), ProviderError> {
        let Some(mut instances) = self.listed.take() else { return Ok(()) };
        let mut is_news = false;
        while let Some(ended) = self.looks.try_join_next() {
            let Ok(measured) = ended else {
                self.looking.clear();
                continue;
            };
            let found = measured.inspect_err(|_| self.forget_looks())?;
            self.looking.remove(&found.id);
            let before_us = self.looked.insert(found.id.clone(), look.now_us());
            self.note(look, &found, before_us.unwrap_or(look.since_us()));
            if let Some(before) = instances.iter_mut().find(|instance| instance.id == found.id) {
                is_news |= before.state != found.state;
                *before = found;
            }
        }
        for instance in &instances {
            if self.is_due(instance, look.now_us()) {
                let (provider, id) = (Arc::clone(&self.provider), instance.id.clone());
                self.looking.insert(id.clone());
                self.looks.spawn(async move { provider.measured(&id).await });
            }
        }
        if is_news {
            self.publish.instances.send_replace(instances.clone());
        }
        self.listed = Some(instances);
        Ok(())
    }

    /// Whether nothing says that it still is as it was.
    fn is_due(&self, instance: &Instance, now_us: u64) -> bool {
        if self.looking.contains(&instance.id) {
            return false;
        }
        let is_silent = match self.last_heard.ago(&instance.name) {
            Some(ago) => ago >= SILENT,
            None => self.looked.get(&instance.id).is_none_or(|at_us| at_us + clock::micros(UNHEARD_EVERY) <= now_us),
        };
        instance.state != PowerState::Running || is_silent
    }

    fn forget_looks(&mut self) {
        self.looks = JoinSet::new();
        self.looking.clear();
    }

    /// One that was not there before stands for its server from now on.
    fn find(&mut self, look: &Look<'_>, instance: &Instance) {
        if self.known.contains_key(&instance.id) || instance.state != PowerState::Running {
            return;
        }
        let Instance { name, id, address, .. } = instance;
        let found =
            Event::InstanceFound { server: name.clone(), instance: id.to_string(), address: address.to_string() };
        match instance.changed {
            Some(changed) => look.changed_between(changed, found),
            None => look.changed(found),
        }
        self.coming.insert(id.clone());
    }

    async fn await_serving(&mut self, look: &Look<'_>, instances: &[Instance]) {
        for instance in instances.iter().filter(|instance| instance.state == PowerState::Running) {
            if self.coming.contains(&instance.id) && self.provider.serves(instance).await {
                self.coming.remove(&instance.id);
                look.changed(Event::ServerReady { server: instance.name.clone(), instance: instance.id.to_string() });
            }
        }
    }

    /// Records its state where that has changed, as of when it did, or else since the look before.
    fn note(&mut self, look: &Look<'_>, instance: &Instance, before_us: u64) {
        if self.known.insert(instance.id.clone(), instance.state) == Some(instance.state) {
            return;
        }
        let event = Event::InstanceState {
            server: instance.name.clone(),
            instance: instance.id.to_string(),
            state: instance.state,
            evidence: instance.evidence.clone(),
        };
        match instance.changed {
            Some(changed) => look.changed_between(changed, event),
            None => look.changed_at(look.at_us(), before_us, event),
        }
    }
}

#[async_trait]
impl Observer for InstanceObserver {
    fn watches(&self) -> (String, String) {
        ("instances".into(), "the provider".into())
    }

    fn interval(&self) -> Duration {
        let otherwise = if self.provider.shares_kernel() { LOOK_EVERY } else { LISTEN_EVERY };
        self.provider.lists_every().unwrap_or(otherwise)
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let lists = self.provider.shares_kernel() || self.provider.lists_every().is_some();
        let looked = match lists || self.listed.is_none() {
            true => self.list(look).await,
            false => self.look_at_each(look),
        };
        looked.map_err(|why| {
            self.listed = None;
            self.publish.instances.send_replace(Vec::new());
            ObserverError::Unexpected(why.to_string())
        })
    }
}

/// The instance that stands for a server now: the one that runs or is frozen, by its name.
///
/// # Errors
/// [`ObserverError::Absent`] if there is none, which is a fact; [`ObserverError::Unlisted`] if it is not known whether
/// there is one.
pub(super) fn living<'a>(instances: &'a [Instance], server: &str) -> Result<&'a Instance, ObserverError> {
    // A site always has instances: an empty list says that they could not be listed.
    if instances.is_empty() {
        return Err(ObserverError::Unlisted);
    }
    let lives = |instance: &&Instance| matches!(instance.state, PowerState::Running | PowerState::Frozen);
    let mut own = instances.iter().rev().filter(|instance| instance.name == server);
    own.find(lives).ok_or_else(|| ObserverError::Absent(server.into()))
}

#[cfg(test)]
#[path = "instances_tests.rs"]
mod tests;
