//! Watches one component's own view, and only records: nothing acts on what an observer sees but the history.
//!
//! What an observer could not see is not a fact. An error of [`Observer::observe`] is recorded as
//! [`Event::ObserverBlind`] with its reason, and nothing else is recorded of such a look. That an instance is gone is a
//! fact: it holds no address.
//!
//! To add an observer: one file with a type that implements [`Observer`], and one line in [`of_site`].

use std::mem::Discriminant;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::history::{Event, Recorder};
use crate::infrastructure::Infrastructure;
use crate::instance::Instance;
use crate::measure::sight::MISSED_US;
use crate::provider::Provider;
use crate::render::Addresses;
use crate::selector::BalancerView;

mod database;
mod haproxy;
mod instances;
mod pressure;
mod virtual_ip;

/// Looks at one thing again and again.
#[async_trait]
pub trait Observer: Send {
    /// What is watched, for "blind" and "sees" events: (kind, object).
    fn watches(&self) -> (String, String);
    /// From one look to the next: the resolution of what it records.
    fn interval(&self) -> Duration;
    /// One look: records what changed since the last one.
    async fn observe(&mut self, look: &Look<'_>) -> Result<(), ObserverError>;
}

/// One look of an observer.
pub struct Look<'a> {
    recorder: &'a Recorder,
    /// When what is seen to have changed had not changed yet.
    since_us: u64,
}

impl Look<'_> {
    /// Records a change that is seen now and happened since the last look that saw.
    pub fn changed(&self, event: Event) {
        let now_us = self.recorder.clock().now_us();
        self.recorder.record_at(now_us, now_us.saturating_sub(self.since_us), event);
    }
}

/// Why an observer could not see.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// What it looks at is not there now.
    #[error("{0} is not there")]
    Absent(String),
    /// The instances could not be listed, or not yet, so it is not known what there is.
    #[error("there is no list of the instances")]
    Unlisted,
    /// It is there, but its processes are not on this machine.
    #[error("{0} has no process on this machine to look at")]
    Elsewhere(String),
    /// This machine does not offer what would have to be looked at.
    #[error("{0}")]
    Unavailable(String),
    /// It is there, but did not answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// It answered something else.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What observers have seen last, for those that must choose a live target.
#[derive(Debug, Clone)]
pub struct Observations {
    /// Every instance, as last listed; empty while they can't be listed.
    pub instances: watch::Receiver<Vec<Instance>>,
    /// Which server holds the site's virtual IP; `None` where none does, none is shared, or it can't be seen.
    pub holder: watch::Receiver<Option<String>>,
    /// What the balancers see; empty where none is watched.
    pub balancers: watch::Receiver<BalancerView>,
}

impl Observations {
    /// Nobody observes: there is nothing to be seen.
    pub fn none() -> Observations {
        Observations {
            instances: watch::channel(Vec::new()).1,
            holder: watch::channel(None).1,
            balancers: watch::channel(Default::default()).1,
        }
    }
}

/// Observers at work; dropping it stops them.
pub struct Observers {
    tasks: JoinSet<()>,
    /// What they have seen last.
    pub observations: Observations,
}

impl Observers {
    /// Starts every observer of a site.
    pub fn start(provider: Arc<dyn Provider>, site: &Infrastructure, at: &Addresses, recorder: &Recorder) -> Self {
        let (instances_out, instances) = watch::channel(Vec::new());
        let (holder_out, holder) = watch::channel(None);
        let (balancers_out, balancers) = watch::channel(BalancerView::default());
        let observations = Observations { instances, holder, balancers };
        let out = Publish { instances: instances_out, holder: holder_out, balancers: balancers_out };
        let mut tasks = JoinSet::new();
        for observer in of_site(provider, site, at, out, &observations) {
            tasks.spawn(watch_on(observer, recorder.clone()));
        }
        Observers { tasks, observations }
    }

    /// Stops them all.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Where observers put what they have seen last.
struct Publish {
    instances: watch::Sender<Vec<Instance>>,
    holder: watch::Sender<Option<String>>,
    balancers: watch::Sender<BalancerView>,
}

fn of_site(
    provider: Arc<dyn Provider>,
    site: &Infrastructure,
    at: &Addresses,
    out: Publish,
    observations: &Observations,
) -> Vec<Box<dyn Observer>> {
    let mut observers: Vec<Box<dyn Observer>> =
        vec![Box::new(instances::InstanceObserver::new(provider, out.instances)), Box::new(pressure::PressureObserver)];
    for server in site.servers.values() {
        let role = &site.roles[&server.role];
        if let Some(socket) = &role.stats_socket {
            let (seen, observations) = (observations.instances.clone(), out.balancers.clone());
            let observer =
                haproxy::HaproxyObserver::new(&server.name, socket, &role.standby_backends, seen, observations);
            observers.push(Box::new(observer));
        }
    }
    for database in site.databases.all() {
        if let Some(role) = &site.roles[&site.servers[&database.server].role].database {
            let (address, seen) = (at.servers[&database.server], observations.instances.clone());
            observers.push(Box::new(database::DatabaseObserver::new(
                &database.server,
                address,
                role.status_port,
                seen,
            )));
        }
    }
    for vip in &site.virtual_ips {
        let publish = (vip.name == site.entry.host).then(|| out.holder.clone());
        let seen = observations.instances.clone();
        observers.push(Box::new(virtual_ip::VirtualIpObserver::new(vip, at.virtual_ips[&vip.name], seen, publish)));
    }
    observers
}

/// Looks at the observer's own pace for as long as the task lives.
async fn watch_on(observer: Box<dyn Observer>, recorder: Recorder) {
    let mut ticks = tokio::time::interval(observer.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watcher = Watcher::new(observer, recorder);
    loop {
        ticks.tick().await;
        watcher.look().await;
    }
}

/// An observer, and whether it sees.
struct Watcher {
    observer: Box<dyn Observer>,
    recorder: Recorder,
    past: Past,
    /// Which kind of reason it is blind for.
    blind: Option<Discriminant<ObserverError>>,
}

impl Watcher {
    fn new(observer: Box<dyn Observer>, recorder: Recorder) -> Self {
        let past = Past::new(recorder.clock().now_us());
        Watcher { observer, recorder, past, blind: None }
    }

    /// One look. Says when the observer goes blind, when that has another reason, and when it sees again.
    async fn look(&mut self) {
        let began_us = self.recorder.clock().now_us();
        let look = Look { recorder: &self.recorder, since_us: self.past.since_us(began_us) };
        let outcome = self.observer.observe(&look).await;
        self.past.add(began_us, self.recorder.clock().now_us(), outcome.is_ok());
        let blind = outcome.as_ref().err().map(std::mem::discriminant);
        let (observer, of) = self.observer.watches();
        match outcome {
            Ok(()) if self.blind.is_some() => self.recorder.record(Event::ObserverSees { observer, of }),
            Err(why) if self.blind != blind => {
                self.recorder.record(Event::ObserverBlind { observer, of, detail: why.to_string() });
            }
            _ => {}
        }
        self.blind = blind;
    }
}

/// The looks so far, as moments in microseconds of the run's clock.
struct Past {
    /// When the last look began that saw.
    seen_us: u64,
    /// When the last look began, whether it saw or not.
    looked_us: u64,
    /// When it went blind, if it is.
    blind_us: Option<u64>,
}

impl Past {
    fn new(now_us: u64) -> Past {
        Past { seen_us: now_us, looked_us: now_us, blind_us: None }
    }

    fn add(&mut self, began_us: u64, ended_us: u64, saw: bool) {
        self.looked_us = began_us;
        if saw {
            (self.seen_us, self.blind_us) = (began_us, None);
        } else {
            self.blind_us.get_or_insert(ended_us);
        }
    }

    /// When a change that a look sees which begins now had not happened yet: at the last look that saw, if no more than a few
    /// looks were missed since. A longer blindness counts as such ([`crate::measure::observations`]), or its reason is known:
    /// what was not there had nothing to be seen of.
    fn since_us(&self, now_us: u64) -> u64 {
        let missed = |blind_us| now_us.saturating_sub(blind_us) <= MISSED_US;
        if self.blind_us.is_none_or(missed) { self.seen_us } else { self.looked_us }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::clock::Clock;
    use crate::history::read_events;
    use crate::history::recorder::RunRecorder;

    /// Sees a change, or not, as it was told to.
    struct Scripted(VecDeque<Result<u32, ObserverError>>);

    #[async_trait]
    impl Observer for Scripted {
        fn watches(&self) -> (String, String) {
            ("scripted".into(), "lb-1".into())
        }

        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }

        async fn observe(&mut self, look: &Look<'_>) -> Result<(), ObserverError> {
            let seen = self.0.pop_front().expect("one look for each entry");
            seen.map(|strike| look.changed(Event::InjectionStarted { strike }))
        }
    }

    /// What is recorded of these looks, one after the other.
    async fn recorded(looks: Vec<Result<u32, ObserverError>>) -> Vec<Event> {
        let folder = tempfile::tempdir().unwrap();
        let run = RunRecorder::create(folder.path(), Clock::start()).unwrap();
        let count = looks.len();
        let mut watcher = Watcher::new(Box::new(Scripted(looks.into())), run.scenario(0));
        for _ in 0..count {
            watcher.look().await;
        }
        drop(watcher);
        run.finish().unwrap();
        let events = read_events(&folder.path().join(crate::history::EVENTS_FILE)).unwrap();
        events.into_iter().map(|record| record.event).collect()
    }

    #[test]
    fn a_change_after_missed_looks_is_known_to_within_the_time_since_the_last_look_that_saw() {
        let mut past = Past::new(0);
        past.add(100_000, 101_000, true);
        assert_eq!(past.since_us(110_000), 100_000);
        for began_us in [110_000, 120_000, 330_000] {
            past.add(began_us, began_us + 1000, false);
        }
        assert_eq!(past.since_us(340_000), 100_000, "it went blind at 111 ms");
        assert_eq!(past.since_us(361_000), 100_000, "that is 250 ms later");
        assert_eq!(past.since_us(361_001), 330_000, "now it counts as blindness");
        past.add(370_000, 371_000, true);
        assert_eq!(past.since_us(380_000), 370_000);
    }

    fn blind(detail: &str) -> Event {
        Event::ObserverBlind { observer: "scripted".into(), of: "lb-1".into(), detail: detail.into() }
    }

    #[tokio::test]
    async fn an_observer_that_cannot_see_records_that_it_is_blind_and_nothing_else() {
        let silent = || Err(ObserverError::Silent(Duration::from_millis(300)));
        let gone = Err(ObserverError::Absent("lb-1".into()));
        let sees = Event::ObserverSees { observer: "scripted".into(), of: "lb-1".into() };
        let seen = |strike| Event::InjectionStarted { strike };
        assert_eq!(
            recorded(vec![Ok(1), gone, silent(), silent(), Ok(2), Ok(3)]).await,
            [seen(1), blind("lb-1 is not there"), blind("no answer within 300 ms"), seen(2), sees, seen(3)]
        );
    }
}
