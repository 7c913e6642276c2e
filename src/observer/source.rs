//! Where an observer's looks come from: from this machine, through the `/proc` of a server's first process, or from a
//! watcher on that server, over its [stream](super::streams).
//!
//! Through `/proc` is cheaper, so it is what is used where there is such a process. What a stream says carries the stamps
//! of the server's clock, mapped onto the run's, however late it arrives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::instances::living;
use super::process::{connected_within, has_addresses};
use super::streams::Heard;
use super::{Look, ObserverError, Through};
use crate::agent::stamp::Within;
use crate::agent::watch::{HEARTBEAT, Sight, Thing, haproxy, nginx, sidecar};
use crate::clock::micros;
use crate::instance::{Between, Instance};
use crate::measure::sight::MISSED_US;

/// A stream that has said nothing for so long does not see: five heartbeats.
const QUIET: Duration = HEARTBEAT.saturating_mul(5);

/// One look, wherever it was made; all moments are microseconds of the run's clock.
#[derive(Debug)]
pub(super) struct Glimpse {
    /// Of which instance.
    pub instance: String,
    /// When the look was made.
    pub at: Within,
    /// When what changed had not changed yet.
    pub since_us: u64,
    /// What it saw; `Ok(None)`: the same as the look before.
    pub seen: Result<Option<Sight>, ObserverError>,
}

/// What is new of a thing.
pub(super) struct News {
    /// Looks, in their order.
    pub glimpses: Vec<Glimpse>,
    /// Whether it can be seen now.
    pub sees: Result<(), ObserverError>,
    /// Until when it is known what it was like; `None` where that is not known, and will not be told any more.
    pub seen_to_us: Option<u64>,
    /// When its server went, by microseconds of the run's clock, where it is gone and that is known.
    pub gone: Option<Between>,
}

impl News {
    /// Since when it can't be seen, if it can't now.
    pub fn blind_since_us(&self, now_us: u64) -> u64 {
        match (&self.sees, self.glimpses.last()) {
            (Err(ObserverError::Quiet { since_us, .. }), _) => *since_us,
            (_, Some(Glimpse { at, seen: Err(_), .. })) => at.by_us,
            _ => now_us,
        }
    }
}

/// One thing on one server.
pub(super) struct Source {
    server: String,
    thing: Thing,
    through: Through,
    instances: watch::Receiver<Vec<Instance>>,
    heard: UnboundedReceiver<Heard>,
    stream: StreamState,
}

impl Source {
    pub fn new(
        (server, thing): (&str, Thing),
        through: Through,
        instances: watch::Receiver<Vec<Instance>>,
        heard: UnboundedReceiver<Heard>,
    ) -> Source {
        Source { server: server.into(), thing, through, instances, heard, stream: StreamState::default() }
    }

    /// Which server it is on.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The first process through which it is looked at from here; `None` where its stream is listened to.
    ///
    /// # Errors
    /// When there is no such server now.
    pub fn near(&self) -> Result<Option<i32>, ObserverError> {
        let instances = self.instances.borrow();
        Ok(self.through.process(living(&instances, &self.server)?))
    }

    /// Looks, or takes what the stream has said since the last time.
    pub async fn news(&mut self, look: &Look<'_>) -> News {
        let (instance, near) = {
            let instances = self.instances.borrow();
            match living(&instances, &self.server) {
                Ok(instance) => (Ok(instance.id.to_string()), self.through.process(instance)),
                Err(why) => (Err(why), None),
            }
        };
        match (instance, near) {
            (Ok(instance), Some(process)) => self.look_from_here(instance, process, look).await,
            (instance, _) => self.listen(instance, look),
        }
    }

    async fn look_from_here(&self, instance: String, process: i32, look: &Look<'_>) -> News {
        let not_before_us = look.now_us();
        let seen = match &self.thing {
            Thing::Haproxy { socket } => haproxy::look(&through(process, socket)).await.map(Sight::Haproxy),
            Thing::Database { at } => sidecar::look(*at).await.map(Sight::Database),
            Thing::Nginx { url } => {
                let connection = connected_within(process, url.at.into(), nginx::ANSWER_WITHIN);
                nginx::look_over(connection, url).await.map(Sight::Nginx)
            }
            Thing::Addresses { of } => has_addresses(process, of).map(Sight::Addresses),
        };
        let at = Within { not_before_us, by_us: look.now_us() };
        match seen {
            Ok(sight) => {
                let glimpse = Glimpse { instance, at, since_us: look.since_us(), seen: Ok(Some(sight)) };
                News { glimpses: vec![glimpse], sees: Ok(()), seen_to_us: Some(not_before_us), gone: None }
            }
            Err(why) => News { glimpses: Vec::new(), sees: Err(why.into()), seen_to_us: None, gone: None },
        }
    }

    fn listen(&mut self, instance: Result<String, ObserverError>, look: &Look<'_>) -> News {
        let mut glimpses = Vec::new();
        while let Ok(heard) = self.heard.try_recv() {
            glimpses.push(self.stream.take(heard));
        }
        let gone = self.gone().filter(|_| instance.is_err()).map(|gone| gone.on(look.recorder.clock()));
        let sees = instance.and_then(|instance| self.stream.sees(&instance, look.now_us()));
        let whole = self.stream.last.filter(|_| self.stream.broken.is_none());
        News { glimpses, sees, seen_to_us: whole.map(|last| last.not_before_us), gone }
    }

    /// When the last of its instances went, where none is left.
    fn gone(&self) -> Option<Between> {
        let instances = self.instances.borrow();
        instances.iter().rev().find(|instance| instance.name == self.server)?.changed
    }
}

/// A path in a server, through its first process.
fn through(process: i32, inside: &Path) -> PathBuf {
    Path::new("/proc").join(process.to_string()).join("root").join(inside.strip_prefix("/").unwrap_or(inside))
}

/// What a stream has said so far of one thing.
#[derive(Default)]
struct StreamState {
    instance: Option<String>,
    /// The last look that was reported.
    last: Option<Within>,
    /// When the last report arrived.
    arrived_us: u64,
    /// When the last look began that saw.
    seen_us: Option<u64>,
    /// Since when its looks see nothing, and why.
    unseen: Option<(u64, ObserverError)>,
    /// Why there is no stream.
    broken: Option<String>,
}

impl StreamState {
    fn take(&mut self, heard: Heard) -> Glimpse {
        match heard {
            Heard::Look { instance, at, since_us, seen, arrived_us } => {
                let glimpse = self.look(instance, at, since_us, seen);
                self.arrived_us = arrived_us;
                glimpse
            }
            Heard::Broken { instance, why } => self.end(instance, why),
        }
    }

    fn look(
        &mut self,
        instance: String,
        at: Within,
        before_us: Option<u64>,
        seen: Option<Result<Sight, ObserverError>>,
    ) -> Glimpse {
        if self.instance.as_ref() != Some(&instance) {
            *self = StreamState { instance: Some(instance.clone()), ..StreamState::default() };
        }
        self.broken = None;
        let since_us = self.since_us(at, before_us);
        let seen = match seen {
            Some(Err(why)) => {
                self.unseen = Some((at.by_us, why.clone()));
                Err(why)
            }
            Some(Ok(sight)) => {
                self.unseen = None;
                Ok(Some(sight))
            }
            None => self.unseen.clone().map_or(Ok(None), |(_, why)| Err(why)),
        };
        if seen.is_ok() {
            self.seen_us = Some(at.not_before_us);
        }
        self.last = Some(at);
        Glimpse { instance, at, since_us, seen }
    }

    /// The last look that saw, if no more than a few were missed since. A longer blindness counts as such.
    fn since_us(&self, at: Within, before_us: Option<u64>) -> u64 {
        let blind_us = self.unseen.as_ref().map(|(since_us, _)| *since_us);
        match self.seen_us {
            Some(seen_us) if blind_us.is_none() && before_us.is_some() => before_us.unwrap_or(seen_us).max(seen_us),
            Some(seen_us) if at.not_before_us.saturating_sub(blind_us.unwrap_or(seen_us)) <= MISSED_US => seen_us,
            _ => before_us.unwrap_or(at.not_before_us),
        }
    }

    /// What it saw last is the last thing that is known.
    fn end(&mut self, instance: String, why: String) -> Glimpse {
        let now_us = self.last.map_or(0, |last| last.by_us);
        let at = self.last.unwrap_or(Within { not_before_us: now_us, by_us: now_us });
        self.broken = Some(why.clone());
        Glimpse { instance, at, since_us: at.not_before_us, seen: Err(ObserverError::Stream(why)) }
    }

    fn sees(&self, instance: &str, now_us: u64) -> Result<(), ObserverError> {
        if let Some(why) = &self.broken {
            return Err(ObserverError::Stream(why.clone()));
        }
        let Some(last) = self.last.filter(|_| self.instance.as_deref() == Some(instance)) else {
            return Err(ObserverError::Stream("its watcher has not answered yet".into()));
        };
        if let Some((_, why)) = &self.unseen {
            return Err(why.clone());
        }
        match now_us.saturating_sub(self.arrived_us) > micros(QUIET) {
            true => Err(ObserverError::Quiet { since_us: last.by_us, for_longer_than: QUIET }),
            false => Ok(()),
        }
    }
}
