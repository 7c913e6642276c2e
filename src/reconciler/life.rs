//! A life of the reconciler: it looks again and again, and begins what there is to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::Instrument;

use super::backoff::Backoff;
use super::compare::{Actual, Desired, Differences, compare, exists, stands_for};
use super::death::Death;
use super::policy::Health;
use super::replace::{ReplaceContext, replace, runs};
use super::spare::{Promotion, stand_in};
use super::state::{StateError, Store};
use super::{Config, Failure, files};
use crate::database;
use crate::declared_wait::Tick;
use crate::history::{DeclaredDelay, Event};
use crate::infrastructure::Server;
use crate::instance::{Instance, InstanceId, PowerOp};
use crate::plan::reconciler_step::ReconcilerStep;
use crate::settings::Policy;
use crate::settings::ReconcilerSettings;
use crate::site::Site;
use crate::units::show_duration;

/// What is not about one server.
const ALL: &str = "(all)";
/// Writing what changed.
const FILES: &str = "(files)";

/// One life. Everything that must outlive it is in its state on disk.
pub struct Reconciler {
    pub(super) context: ReplaceContext,
    config: Config,
    work: JoinSet<Done>,
    /// The servers whose replacement is under way in this life.
    pub(super) replacing: BTreeSet<String>,
    /// Whether some server's files may not be what they should be.
    unwritten: bool,
    writing: bool,
    pub(super) backoff: Backoff,
    pub(super) health: Health,
    /// What was told: once is enough, until it changes.
    told: BTreeSet<String>,
    last: Option<(usize, Differences)>,
}

/// What was begun, and has ended.
enum Done {
    Replaced(String, Result<(), Failure>),
    /// Whether all files are what they should be.
    Written(bool),
}

impl Reconciler {
    /// Reads what the life before it left.
    ///
    /// # Errors
    /// When there is something that can't be read, or nothing can be written there.
    pub fn open(site: Site, config: &Config, death: Death) -> Result<Reconciler, StateError> {
        let store = Store::open(&config.state)?;
        store.change(|state| state.take_up(&config.of, &config.known))?;
        Ok(Self::with(store, site, config, death))
    }

    /// One that only [plans](Self::plan): nothing is written.
    ///
    /// # Errors
    /// When there is a state that can't be read.
    pub fn consult(site: Site, config: &Config) -> Result<Reconciler, StateError> {
        let store = Store::consult(&config.state, |state| state.take_up(&config.of, &config.known))?;
        Ok(Self::with(store, site, config, Death::of_this_process(None)))
    }

    fn with(store: Store, site: Site, config: &Config, death: Death) -> Reconciler {
        let settings = &site.settings.reconciler;
        let first = if settings.back_off { settings.retry_first } else { Duration::ZERO };
        let backoff = Backoff::new(first, settings.retry_most, config.seed);
        let context = ReplaceContext { declared: site, store: Arc::new(store), death };
        Reconciler {
            context,
            config: config.clone(),
            work: JoinSet::new(),
            replacing: BTreeSet::new(),
            unwritten: true,
            writing: false,
            backoff,
            health: Health::default(),
            told: BTreeSet::new(),
            last: None,
        }
    }

    /// Looks at its pace until it is dropped, and meanwhile after the databases that live.
    pub async fn run(self) {
        let databases = database::maintain(self.context.declared.clone());
        tokio::join!(self.look_for_good(), databases);
    }

    async fn look_for_good(mut self) {
        let mut ticks = tokio::time::interval(self.config.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => drop(self.look().await),
                Some(Ok(done)) = self.work.join_next() => drop(self.finish(done).await),
            }
        }
    }

    /// Looks until there is nothing to do any more, or something has failed. Whether everything is as declared.
    pub async fn once(mut self) -> bool {
        loop {
            if self.look().await {
                return true;
            }
            let waits = !self.work.is_empty() || self.is_booting().await;
            let mut well = waits;
            while let Some(done) = self.work.join_next().await {
                well &= match done {
                    Ok(done) => self.finish(done).await,
                    Err(_) => false,
                };
            }
            if !well {
                return false;
            }
            tokio::time::sleep(self.config.every.min(super::PACE)).await;
        }
    }

    pub(super) fn settings(&self) -> &ReconcilerSettings {
        &self.context.declared.settings.reconciler
    }

    /// One look. Whether everything is as declared, with nothing under way.
    async fn look(&mut self) -> bool {
        if !self.backoff.allows(ALL, Instant::now()) {
            return false;
        }
        self.context.death.pass(ReconcilerStep::List).await;
        let found = match self.list().await {
            Ok(found) => found,
            Err(why) => return self.failed(ALL, &why),
        };
        self.backoff.succeeded(ALL);
        self.context.death.pass(ReconcilerStep::Compare).await;
        let differences = self.differences(&found);
        self.tell(&found, &differences);
        self.resume(&found);
        for (server, seen) in &differences.missing {
            self.miss(server, seen, &found).await;
        }
        self.surplus(&differences.surplus, &found).await;
        self.unhealthy(&found, !differences.missing.is_empty()).await;
        self.write();
        differences.missing.is_empty() && self.work.is_empty() && self.is_settled(&found)
    }

    /// Names that are being booted first: what ends its boot meanwhile is listed then.
    pub(super) async fn list(&self) -> Result<Actual, Failure> {
        let provider = &self.context.declared.provider;
        let listing = async {
            let booting = provider.booting().await?;
            let mut instances = provider.list().await?;
            instances.retain(|instance| !self.context.leaves(&instance.name));
            Ok::<_, Failure>(Actual { booting, instances })
        };
        Failure::in_time("listing the instances", self.context.within(), listing).await?
    }

    pub(super) fn differences(&self, found: &Actual) -> Differences {
        let desired: Desired = self.desired().map(|server| (server.name.clone(), server.role.clone())).collect();
        let known = self.context.store.now().servers;
        let booted_as = known.iter().filter_map(|(name, known)| Some((name.clone(), known.role.clone()?))).collect();
        compare(&desired, found, &booted_as, &self.ours())
    }

    /// Those that Auto Scaling replaces are none of its.
    fn desired(&self) -> impl Iterator<Item = &Server> {
        self.context.declared.infrastructure.servers.values().filter(|server| !self.context.leaves(&server.name))
    }

    /// The instance that was booted for each server, as far as this reconciler did it.
    pub(super) fn ours(&self) -> BTreeMap<String, String> {
        let known = self.context.store.now().servers;
        known.into_iter().filter_map(|(name, known)| Some((name, known.instance?))).collect()
    }

    /// Steps 1 and 2 are told when they find something else than the last time.
    fn tell(&mut self, found: &Actual, differences: &Differences) {
        let there = found.instances.iter().filter(|instance| exists(instance)).count();
        let seen = Some((there, differences.clone()));
        if self.last == seen {
            return;
        }
        self.last = seen;
        let declared = self.desired().count();
        let booting = found.booting.len();
        self.context.took(ReconcilerStep::List, ALL, format!("{there} instances, {booting} being booted"));
        let (missing, surplus) = (differences.missing.len(), differences.surplus.len());
        let detail = format!("{declared} servers declared: {missing} missing, {surplus} surplus");
        self.context.took(ReconcilerStep::Compare, ALL, detail);
    }

    /// Goes on with the replacements that an earlier life, or an earlier try, left: what exists is taken over.
    fn resume(&mut self, found: &Actual) {
        let ours = self.ours();
        for server in self.context.store.now().replacements.into_keys() {
            let there = stands_for(&found.instances, &server, &ours).filter(|instance| runs(instance));
            if let Some(instance) = there.cloned()
                && self.may_begin(&server)
            {
                self.context.took(
                    ReconcilerStep::Compare,
                    &server,
                    format!("{} was asked for before: taken over", instance.id),
                );
                self.begin(&server, Some(instance));
            }
        }
    }

    /// Step 3.
    async fn miss(&mut self, server: &str, seen: &str, found: &Actual) {
        if self.replacing.contains(server) {
            return;
        }
        if self.told.insert(missing(server)) {
            let tick = Tick::now(self.context.declared.recorder.clock(), self.config.every);
            self.context.declared.record_tick(DeclaredDelay::Reconciler, server, tick);
            self.context.took(ReconcilerStep::Missing, server, seen.into());
            self.context.record(Event::ReconcilerMissing { server: server.into(), found: seen.into() });
            self.context.death.pass(ReconcilerStep::Missing).await;
        }
        self.promote(server, found);
        if self.may_begin(server) {
            self.begin(server, None);
        }
    }

    /// A spare takes the place of a missing server before that is booted again.
    fn promote(&mut self, server: &str, found: &Actual) {
        let placed = self.context.site().infrastructure;
        let Some(spare) = stand_in(&placed, server, |name| self.can_stand_in(name, found)) else { return };
        let promotion = Promotion { spare: spare.name.clone(), instead_of: server.into() };
        if let Err(why) = self.context.store.change(|state| state.promotions.push(promotion.clone())) {
            self.failed(server, &why.into());
            return;
        }
        let Promotion { spare, instead_of } = promotion;
        self.context.record(Event::SparePromoted { spare, instead_of });
        self.unwritten = true;
        self.write();
    }

    pub(super) fn can_stand_in(&self, name: &str, found: &Actual) -> bool {
        let there = stands_for(&found.instances, name, &self.ours());
        there.is_some_and(runs) && !self.context.store.now().replacements.contains_key(name)
    }

    fn may_begin(&self, server: &str) -> bool {
        !self.replacing.contains(server)
            && self.replacing.len() < self.settings().at_once
            && self.backoff.allows(server, Instant::now())
            && self.context.declared.infrastructure.servers.contains_key(server)
    }

    fn begin(&mut self, server: &str, there: Option<Instance>) {
        self.replacing.insert(server.into());
        let (context, server) = (self.context.clone(), server.to_string());
        let span = tracing::info_span!("repair", server);
        let replacing = async move {
            let replaced = replace(&context, &server, there).await;
            Done::Replaced(server, replaced)
        };
        self.work.spawn(replacing.instrument(span));
    }

    /// Whether it went well.
    async fn finish(&mut self, done: Done) -> bool {
        match done {
            Done::Replaced(server, outcome) => {
                self.replacing.remove(&server);
                if let Err(why) = outcome {
                    return self.failed(&server, &why);
                }
                self.backoff.succeeded(&server);
                self.told.remove(&missing(&server));
                self.unwritten = true;
                self.write();
                true
            }
            Done::Written(all) => {
                self.writing = false;
                self.unwritten |= !all;
                match all {
                    true => self.backoff.succeeded(FILES),
                    false => drop(self.backoff.failed(FILES, Instant::now())),
                }
                all
            }
        }
    }

    /// Records it, and leaves it alone for a while. Never well.
    fn failed(&mut self, server: &str, why: &Failure) -> bool {
        let wait = self.backoff.failed(server, Instant::now());
        let wait = show_duration(Duration::from_millis(wait.as_millis() as u64));
        let detail = format!("{why}; tried again after {wait}");
        self.context.record(Event::ReconcilerFailed { server: server.into(), detail });
        false
    }

    /// Brings every server's files to what they should be, if something changed.
    fn write(&mut self) {
        if !self.unwritten || self.writing || !self.backoff.allows(FILES, Instant::now()) {
            return;
        }
        (self.unwritten, self.writing) = (false, true);
        let context = self.context.clone();
        self.work.spawn(async move { Done::Written(files::refresh(&context).await) });
    }

    async fn surplus(&mut self, surplus: &[(InstanceId, String)], found: &Actual) {
        for (id, why) in surplus {
            let server = found.instances.iter().find(|instance| instance.id == *id).map(|found| found.name.clone());
            let server = server.unwrap_or_default();
            match self.settings().surplus {
                Policy::Leave => self.leave(&server, id, why),
                Policy::Terminate => self.terminate(&server, id, why).await,
            }
        }
    }

    pub(super) fn leave(&mut self, server: &str, id: &InstanceId, why: &str) {
        if self.told.insert(format!("left {id}")) {
            self.context.took(ReconcilerStep::Compare, server, format!("{id} is left alone: {why}"));
        }
    }

    pub(super) async fn terminate(&mut self, server: &str, id: &InstanceId, why: &str) {
        if !self.backoff.allows(&id.0, Instant::now()) {
            return;
        }
        let event = Event::ReconcilerTerminates { server: server.into(), instance: id.to_string(), why: why.into() };
        self.context.record(event);
        let provider = Arc::clone(&self.context.declared.provider);
        let done = Failure::in_time("terminating it", self.context.within(), provider.power(id, PowerOp::Terminate));
        match done.await.and_then(|done| Ok(done?)) {
            Ok(()) => self.backoff.succeeded(&id.0),
            Err(why) => drop(self.failed(&id.0, &why)),
        }
    }

    async fn is_booting(&self) -> bool {
        self.list().await.is_ok_and(|found| !found.booting.is_empty())
    }

    /// Whether every declared server is there, and no replacement is left half done.
    fn is_settled(&self, found: &Actual) -> bool {
        let ours = self.ours();
        let there = |server: &Server| stands_for(&found.instances, &server.name, &ours).is_some();
        self.desired().all(there) && self.context.store.now().replacements.is_empty() && !self.unwritten
    }
}

fn missing(server: &str) -> String {
    format!("missing {server}")
}
