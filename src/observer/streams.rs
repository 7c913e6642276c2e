//! The connections to the watchers on servers: one for each server, for everything that is watched there.
//!
//! A stream follows the instance that stands for its server, as long as that is not looked at from here. When it breaks
//! or is silent for long, its readers get the reason, and it is made again, over a new session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::instances::living;
use super::source::Source;
use super::{ObserverError, Through};
use crate::agent::client::Agent;
use crate::agent::offset::Offset;
use crate::agent::stamp::Within;
use crate::agent::watch::reader::{Reader, Report};
use crate::agent::watch::{LastHeard, Sight, Thing, WatchOrder};
use crate::clock::Clock;
use crate::instance::{Between, Instance};
use crate::provider::{Lines, Provider, Remote, RemoteError};

/// How long after a stream ended the next is begun.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// A stream that has been silent for so long is given up: what it did not say by then will not come.
const GIVEN_UP: Duration = Duration::from_secs(3);
/// How long an agent may take for one verb before its watcher is started.
const VERB: Duration = Duration::from_secs(5);
/// From one measurement of a server's clock to the next: what is known of it wears off.
const MEASURED_EVERY: Duration = Duration::from_secs(10);
/// How much a stamp may contradict this machine's clock, in microseconds.
const SLACK_US: u64 = 1_000_000;

/// What a stream says of one thing. Moments are microseconds of the run's clock.
pub(super) enum Heard {
    /// A look. `since_us`: when the look before it began. `seen` is `None` where that is as it was said last.
    Look {
        instance: String,
        at: Within,
        since_us: Option<u64>,
        seen: Option<Result<Sight, ObserverError>>,
        arrived_us: u64,
    },
    /// There is none now, and why.
    Broken { instance: String, why: String },
}

/// The streams of a site.
pub(super) struct Streams {
    through: Through,
    provider: Arc<dyn Provider>,
    instances: watch::Receiver<Vec<Instance>>,
    last_heard: LastHeard,
    watched: BTreeMap<String, Vec<(Thing, UnboundedSender<Heard>)>>,
}

impl Streams {
    pub fn new(
        through: Through,
        provider: Arc<dyn Provider>,
        instances: watch::Receiver<Vec<Instance>>,
        last_heard: LastHeard,
    ) -> Streams {
        Streams { through, provider, instances, last_heard, watched: BTreeMap::new() }
    }

    /// What is seen of a thing on a server, by its stream or from here.
    pub fn source(&mut self, server: &str, thing: Thing) -> Source {
        let (out, heard) = mpsc::unbounded_channel();
        self.watched.entry(server.into()).or_default().push((thing.clone(), out));
        Source::new((server, thing), self.through, self.instances.clone(), heard)
    }

    /// A stream of this server, though nothing else is watched there: that it is heard says that it runs.
    pub fn hear(&mut self, server: &str) {
        self.watched.entry(server.into()).or_default();
    }

    /// Starts all of them.
    pub fn start(self, tasks: &mut JoinSet<()>, clock: Clock) {
        for (server, watched) in self.watched {
            let (things, out) = watched.into_iter().unzip();
            let stream = Stream {
                server,
                things,
                out,
                through: self.through,
                provider: Arc::clone(&self.provider),
                instances: self.instances.clone(),
                last_heard: self.last_heard.clone(),
                clock,
            };
            tasks.spawn(stream.run());
        }
    }
}

/// The stream of one server.
struct Stream {
    server: String,
    things: Vec<Thing>,
    /// Where each of them is read.
    out: Vec<UnboundedSender<Heard>>,
    through: Through,
    provider: Arc<dyn Provider>,
    instances: watch::Receiver<Vec<Instance>>,
    last_heard: LastHeard,
    clock: Clock,
}

/// A watcher that runs.
struct Watching {
    remote: Box<dyn Remote>,
    lines: Lines,
    passing: Passing,
}

/// How its lines are read.
struct Passing {
    reader: Reader,
    offset: Offset,
    /// When it was started.
    since_us: u64,
    instance: String,
}

impl Stream {
    async fn run(mut self) {
        while let Some(instance) = self.next_instance().await {
            let id = instance.id.to_string();
            let why = match self.begin(&instance).await {
                Ok(watching) => self.listen(watching).await,
                Err(why) => why,
            };
            for out in &self.out {
                let _ = out.send(Heard::Broken { instance: id.clone(), why: why.clone() });
            }
            sleep(AGAIN).await;
        }
    }

    /// The instance that stands for the server now, once there is one that is not looked at from here.
    async fn next_instance(&mut self) -> Option<Instance> {
        loop {
            if let Some(instance) = self.instance() {
                return Some(instance);
            }
            self.instances.changed().await.ok()?;
        }
    }

    fn instance(&self) -> Option<Instance> {
        let instances = self.instances.borrow();
        let instance = living(&instances, &self.server).ok()?;
        self.through.process(instance).is_none().then(|| instance.clone())
    }

    /// Starts a watcher, or says why there is none.
    async fn begin(&self, instance: &Instance) -> Result<Watching, String> {
        let (remote, offset) = reached(&*self.provider, instance).await?;
        let since_us = self.clock.now_us();
        let order = WatchOrder { things: self.things.clone() };
        let program = remote.program(None).await.map_err(|why| why.to_string())?.path;
        let lines = remote.stream(&order.command(&program)).await.map_err(|why| why.to_string())?;
        let (reader, instance) = (Reader::new(self.things.clone()), instance.id.to_string());
        Ok(Watching { remote, lines, passing: Passing { reader, offset, since_us, instance } })
    }

    /// Passes on what a watcher says until it says no more; why.
    async fn listen(&self, watching: Watching) -> String {
        let Watching { remote, mut lines, mut passing } = watching;
        let mut measured = std::pin::pin!(measured_again(&*self.provider, &*remote));
        loop {
            let heard = tokio::select! {
                heard = next_line(&mut lines, "watcher") => heard,
                offset = &mut measured => {
                    passing.offset = offset;
                    measured.set(measured_again(&*self.provider, &*remote));
                    continue;
                }
                () = self.replaced(&passing.instance) => return format!("{} no longer stands for its server", passing.instance),
            };
            let line = match heard {
                Ok(line) => line,
                Err(why) => return why,
            };
            self.last_heard.note(&self.server);
            if let Err(why) = self.pass_on(&mut passing, &line) {
                return why;
            }
        }
    }

    /// Ends when another instance stands for the server, or none.
    async fn replaced(&self, id: &str) {
        let mut instances = self.instances.clone();
        // While the instances can't be listed, nothing says that it is gone.
        let is_other = |listed: &Vec<Instance>| match living(listed, &self.server) {
            Ok(instance) => instance.id.0 != id,
            Err(why) => matches!(why, ObserverError::Absent(_)),
        };
        if instances.wait_for(is_other).await.is_err() {
            std::future::pending().await
        }
    }

    /// A process on the server ran when it wrote a line, which was before that arrived.
    fn runs(&self, written: Within, arrived_us: u64) {
        let on_machine = |us: u64| us.min(arrived_us).saturating_add(self.clock.epoch());
        let at = Between { since_us: on_machine(written.not_before_us), by_us: on_machine(written.by_us) };
        self.provider.heard(&self.server, at);
    }

    fn pass_on(&self, passing: &mut Passing, line: &str) -> Result<(), String> {
        let arrived_us = self.clock.now_us();
        let since_us = passing.since_us;
        let fit = |at: Within| {
            let refused = "its watcher's stamps do not fit what was measured of its clock";
            fits(at, since_us, arrived_us).then_some(at).ok_or(refused)
        };
        let reports = passing.reader.read(line).map_err(|why| why.to_string())?;
        let written_us = passing.reader.written_us();
        let written = passing.offset.on(self.clock, Within { not_before_us: written_us, by_us: written_us });
        self.runs(fit(written)?, arrived_us);
        for Report { thing, at, since_us, seen } in reports {
            let at = fit(passing.offset.on(self.clock, at))?;
            let before = |us| passing.offset.on(self.clock, Within { not_before_us: us, by_us: us }).not_before_us;
            let heard = Heard::Look {
                instance: passing.instance.clone(),
                at,
                since_us: since_us.map(before),
                seen: seen.map(|seen| seen.map_err(ObserverError::from)),
                arrived_us,
            };
            let _ = self.out[thing].send(heard);
        }
        Ok(())
    }
}

/// A way to a server with the agent's program on it, and what its clock says; or why there is none.
pub(super) async fn reached(provider: &dyn Provider, instance: &Instance) -> Result<(Box<dyn Remote>, Offset), String> {
    let remote = provider.connect(instance).await.map_err(|why| why.to_string())?;
    let agent = Agent::new(&*remote).within(VERB);
    agent.deploy(None).await.map_err(|why| why.to_string())?;
    let offset = match provider.shares_kernel() {
        true => Offset::SHARED,
        false => Offset::measure(&agent).await.map_err(|why| why.to_string())?,
    };
    Ok((remote, offset))
}

/// The next line of a process of the agent that is called so, or why there will be none.
pub(super) async fn next_line(lines: &mut Lines, called: &str) -> Result<String, String> {
    match timeout(GIVEN_UP, lines.next()).await {
        Ok(Ok(Some(line))) => Ok(line),
        Ok(Ok(None)) => Err(format!("its {called} ended")),
        Ok(Err(RemoteError::Broken { detail, .. })) => Err(format!("its {called} can't be read: {detail}")),
        Ok(Err(why)) => Err(why.to_string()),
        Err(_) => Err(format!("its {called} has said nothing for {} s", GIVEN_UP.as_secs())),
    }
}

/// The server's clock, measured again after a while; never, where it is this machine's.
pub(super) async fn measured_again(provider: &dyn Provider, remote: &dyn Remote) -> Offset {
    if provider.shares_kernel() {
        std::future::pending().await
    }
    loop {
        sleep(MEASURED_EVERY).await;
        if let Ok(offset) = Offset::measure(&Agent::new(remote).within(VERB)).await {
            return offset;
        }
    }
}

/// Whether a moment can be one of a process that was started at `since_us`, and was heard at `arrived_us`.
pub(super) fn fits(at: Within, since_us: u64, arrived_us: u64) -> bool {
    at.not_before_us <= arrived_us + SLACK_US && at.by_us.saturating_add(SLACK_US) >= since_us
}
