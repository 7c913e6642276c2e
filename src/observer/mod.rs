//! Watches one component's own view, and only records: nothing acts on what an observer sees but the history.
//!
//! A look is made from this machine where a server's processes are on it, else by a watcher on that server
//! ([`source`], [`streams`]); what is recorded is the same. The moment of a record is that of the look, by the run's clock.
//!
//! What an observer could not see is not a fact. An error of [`Observer::observe`] is recorded as
//! [`Event::ObserverBlind`] with its reason, and nothing else is recorded of such a look. That an instance is gone is a
//! fact: it holds no address.
//!
//! To add an observer: one file with a type that implements [`Observer`] (a [`View`](server::View), for a component of a
//! server), and one line in [`Observers::start_through`]. Other crates register theirs ([`registered`]).

use std::mem::Discriminant;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::agent::watch::{LastHeard, Thing, Unseen};
use crate::history::{Event, Recorder};
use crate::infrastructure::{Infrastructure, VirtualIp};
use crate::instance::{Between, Instance};
use crate::provider::Provider;
use crate::render::Addresses;
use crate::selector::BalancerView;

mod containers;
mod database;
mod floating_ip;
mod haproxy;
mod holders;
mod instances;
pub mod logs;
mod nginx;
mod pressure;
mod process;
pub mod registered;
mod server;
mod slots;
mod source;
mod streams;
mod virtual_ip;
mod watcher;

use server::ServerObserver;
use slots::{Owners, Slots};
use source::Source;
use streams::Streams;
use watcher::{Blindness, watch_on};

/// Looks at one thing again and again.
#[async_trait]
pub trait Observer: Send {
    /// What is watched, for "blind" and "sees" events: (kind, object).
    fn watches(&self) -> (String, String);
    /// From one look to the next: the resolution of what it records.
    fn interval(&self) -> Duration;
    /// One look: records what changed since the last one.
    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError>;
}

/// Where looks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// From this machine where a server's processes are on it, which is cheapest; else by a watcher on that server.
    Cheapest,
    /// Always by a watcher on the server.
    Streams,
}

impl Through {
    /// The process through which a server is looked at from here.
    fn process(self, instance: &Instance) -> Option<i32> {
        instance.first_process.filter(|_| self == Through::Cheapest)
    }
}

/// One look of an observer.
pub struct Look<'a> {
    recorder: &'a Recorder,
    /// When what is seen to have changed had not changed yet.
    since_us: u64,
    /// When it was made; `None`: it is being made now.
    made_us: Option<u64>,
    blindness: &'a mut Blindness,
}

impl Look<'_> {
    /// Records a change that this look sees, and that happened since the last look that saw.
    pub fn changed(&self, event: Event) {
        self.changed_at(self.at_us(), self.since_us, event);
    }

    /// Records a change that was dated when it was seen.
    fn changed_between(&self, between: Between, event: Event) {
        let Between { since_us, by_us } = between.on(self.recorder.clock());
        self.changed_at(by_us, since_us, event);
    }

    /// Records a change that had not happened yet at `since_us`, and surely had at `at_us`.
    fn changed_at(&self, at_us: u64, since_us: u64, event: Event) {
        self.recorder.record_at(at_us, at_us.saturating_sub(since_us), event);
    }

    /// When it was made.
    fn at_us(&self) -> u64 {
        self.made_us.unwrap_or_else(|| self.now_us())
    }

    fn now_us(&self) -> u64 {
        self.recorder.clock().now_us()
    }

    fn since_us(&self) -> u64 {
        self.since_us
    }

    /// A look that was made elsewhere, before this one.
    fn made(&mut self, at_us: u64, since_us: u64) -> Look<'_> {
        Look { recorder: self.recorder, since_us, made_us: Some(at_us), blindness: self.blindness }
    }

    /// Says from which moment on the observer sees, or is blind and why.
    fn turn(&mut self, at_us: u64, sees: Result<(), &ObserverError>) {
        self.blindness.turn(at_us, sees);
    }
}

/// Why an observer could not see.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ObserverError {
    /// What it looks at is not there now.
    #[error("{0} is not there")]
    Absent(String),
    /// The instances could not be listed, or not yet, so it is not known what there is.
    #[error("there is no list of the instances")]
    Unlisted,
    /// There is no watcher on it, and why.
    #[error("{0}")]
    Stream(String),
    /// The watcher on it says nothing any more.
    #[error("the watcher on it has said nothing for {} ms", .for_longer_than.as_millis())]
    Quiet { since_us: u64, for_longer_than: Duration },
    /// It can't look at some of the servers on which that is.
    #[error("{}: {why}", .servers.join(", "))]
    At { servers: Vec<String>, why: Box<ObserverError> },
    /// This machine does not offer what would have to be looked at.
    #[error("{0}")]
    Unavailable(String),
    /// It is there, but did not answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// It answered something else.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
    /// Reading or connecting failed.
    #[error("{0}")]
    Unreadable(String),
}

/// What tells two reasons apart: whatever the words, a reason of the same kind is none that is new.
type Kind = (Vec<String>, Discriminant<ObserverError>);

impl ObserverError {
    fn kind(&self) -> Kind {
        match self {
            ObserverError::At { servers, why } => (servers.clone(), std::mem::discriminant(why)),
            why => (Vec::new(), std::mem::discriminant(why)),
        }
    }

    /// The servers that could not be looked at, where that is not what is watched itself.
    fn servers(&self) -> &[String] {
        match self {
            ObserverError::At { servers, .. } => servers,
            _ => &[],
        }
    }
}

impl From<Unseen> for ObserverError {
    fn from(why: Unseen) -> ObserverError {
        match why {
            Unseen::Silent(within) => ObserverError::Silent(within),
            Unseen::Unexpected(answer) => ObserverError::Unexpected(answer),
            Unseen::Unreadable(why) => ObserverError::Unreadable(why),
        }
    }
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
    /// When the watcher on each server was last heard; only of servers that have one.
    pub last_heard: LastHeard,
}

impl Observations {
    /// Nobody observes: there is nothing to be seen.
    pub fn none() -> Observations {
        Observations {
            instances: watch::channel(Vec::new()).1,
            holder: watch::channel(None).1,
            balancers: watch::channel(Default::default()).1,
            last_heard: LastHeard::default(),
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
        Observers::start_through(Through::Cheapest, provider, site, at, recorder)
    }

    /// The same, with looks that are made there.
    pub fn start_through(
        through: Through,
        provider: Arc<dyn Provider>,
        site: &Infrastructure,
        at: &Addresses,
        recorder: &Recorder,
    ) -> Self {
        let (instances_out, instances) = watch::channel(Vec::new());
        let (holder_out, holder) = watch::channel(None);
        let (balancers_out, balancers) = watch::channel(BalancerView::default());
        let last_heard = LastHeard::default();
        let mut streams = Streams::new(through, Arc::clone(&provider), instances.clone(), last_heard.clone());
        if !provider.shares_kernel() {
            site.servers.keys().for_each(|server| streams.hear(server));
        }
        let (owners_out, owners) = watch::channel(Owners::new());
        let published = instances::Published { instances: instances_out, owners: owners_out };
        let of_instances = instances::InstanceObserver::new(Arc::clone(&provider), published, last_heard.clone());
        let observations = Observations { instances, holder, balancers, last_heard };
        let mut observers: Vec<Box<dyn Observer>> = vec![Box::new(of_instances), Box::new(pressure::PressureObserver)];
        if let Some(reports) = provider.container_reports() {
            observers.push(Box::new(containers::ContainerObserver::new(reports)));
        }
        observers.extend(of_balancers(site, &mut streams, &owners, &balancers_out));
        observers.extend(of_nginxes(site, &mut streams));
        observers.extend(of_databases(site, at, &mut streams));
        observers.extend(of_virtual_ips(site, at, &mut streams, &holder_out));
        observers.extend(of_floating_ips(site, &provider, &holder_out));
        observers.extend(registered::start(site, at));
        let mut tasks = JoinSet::new();
        streams.start(&mut tasks, recorder.clock());
        for observer in observers {
            tasks.spawn(watch_on(observer, recorder.clone()));
        }
        Observers { tasks, observations }
    }

    /// Stops them all.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

fn of_balancers(
    site: &Infrastructure,
    streams: &mut Streams,
    owners: &watch::Receiver<Owners>,
    out: &watch::Sender<BalancerView>,
) -> Vec<Box<dyn Observer>> {
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    for server in site.servers.values() {
        let role = &site.roles[&server.role];
        if let Some(socket) = &role.stats_socket {
            let thing = Thing::Haproxy { socket: socket.clone() };
            let slots = Slots::new(owners.clone());
            let view = haproxy::HaproxyView::new(&server.name, &role.standby_backends, slots, out.clone());
            observers.push(Box::new(ServerObserver::new(
                streams.source(&server.name, thing.clone()),
                thing.every(),
                view,
            )));
        }
    }
    observers
}

fn of_nginxes(site: &Infrastructure, streams: &mut Streams) -> Vec<Box<dyn Observer>> {
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    for server in site.servers.values() {
        if let Some(url) = &site.roles[&server.role].stub_status {
            let thing = Thing::Nginx { url: url.clone() };
            let source = streams.source(&server.name, thing.clone());
            observers.push(Box::new(ServerObserver::new(source, thing.every(), nginx::NginxView::new(&server.name))));
        }
    }
    observers
}

fn of_databases(site: &Infrastructure, at: &Addresses, streams: &mut Streams) -> Vec<Box<dyn Observer>> {
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    for database in site.databases.all() {
        if let Some(role) = &site.roles[&site.servers[&database.server].role].database {
            let thing = Thing::Database { at: SocketAddr::from((at.servers[&database.server], role.status_port)) };
            let view = database::DatabaseView::new(&database.server);
            let source = streams.source(&database.server, thing.clone());
            observers.push(Box::new(ServerObserver::new(source, thing.every(), view)));
        }
    }
    observers
}

fn of_virtual_ips(
    site: &Infrastructure,
    at: &Addresses,
    streams: &mut Streams,
    out: &watch::Sender<Option<String>>,
) -> Vec<Box<dyn Observer>> {
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    for vip in site.virtual_ips.iter().filter(|ip| !ip.floating_ip) {
        let publish = (vip.name == site.entry.host).then(|| out.clone());
        let address = at.virtual_ips[&vip.name];
        let thing = virtual_ip::VirtualIpObserver::thing(address);
        let sources: Vec<Source> = vip.holders.iter().map(|server| streams.source(server, thing.clone())).collect();
        observers.push(Box::new(virtual_ip::VirtualIpObserver::new(&vip.name, address, sources, publish)));
    }
    observers
}

/// Users enter at each of them: none is between servers.
fn of_floating_ips(
    site: &Infrastructure,
    provider: &Arc<dyn Provider>,
    out: &watch::Sender<Option<String>>,
) -> Vec<Box<dyn Observer>> {
    let all = site.virtual_ips.iter().filter(|ip| ip.floating_ip);
    let observer = |ip: &VirtualIp| floating_ip::FloatingIpObserver::new(&ip.name, Arc::clone(provider), out.clone());
    all.map(|ip| Box::new(observer(ip)) as Box<dyn Observer>).collect()
}
