//! Observers that other crates add: see [`register!`](crate::register).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::infrastructure::Infrastructure;
use crate::render::Addresses;

/// What an observer of another crate can look at, from the network of the servers.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Where users enter, where that is known.
    pub entry: Option<SocketAddr>,
    /// The address of each server, by its name. One that is replaced keeps it in the sandbox, and elsewhere where that is possible.
    pub servers: BTreeMap<String, Ipv4Addr>,
}

/// Looks at one thing again and again.
#[async_trait]
pub trait Gauge: Send + Sync {
    /// Its name, and what it watches.
    fn watches(&self) -> (String, String);

    /// From one look to the next; a second at least does not disturb what is measured.
    fn interval(&self) -> Duration;

    /// One look, on a thread that nothing else needs: it may block. What differs from the last one is recorded as [`Event::Observed`]. A look that
    /// takes longer than 10 s counts as one that saw nothing; it goes on, and the next one begins after its end.
    ///
    /// # Errors
    /// Why nothing could be seen; that is recorded instead, and is no fact of what is watched.
    async fn look(&mut self, ground: &Ground) -> Result<Value, String>;
}

/// Makes the observers of a scenario.
#[derive(Clone, Copy)]
pub struct RegisteredObservers(pub fn(&Ground) -> Vec<Box<dyn Gauge>>);

cucumber::codegen::collect!(RegisteredObservers);

/// Those that are linked in, for this site.
pub(super) fn start(site: &Infrastructure, at: &Addresses) -> Vec<Box<dyn Observer>> {
    let entry = at.entry(site).map(|address| SocketAddr::from((address, site.entry.port)));
    let ground = Ground { entry, servers: at.servers.clone() };
    let makers = cucumber::codegen::inventory::iter::<RegisteredObservers>.into_iter();
    let gauges = makers.flat_map(|RegisteredObservers(make)| make(&ground));
    gauges.map(|gauge| Box::new(Watched::new(gauge, ground.clone())) as Box<dyn Observer>).collect()
}

/// How long a look is waited for.
const LOOKS_WITHIN: Duration = Duration::from_secs(10);

/// A look under way, which gives its gauge back.
type Looking = JoinHandle<(Box<dyn Gauge>, Result<Value, String>)>;

/// Where a gauge is.
enum At {
    /// Here: it can look.
    Rest(Box<dyn Gauge>),
    /// At a look that was not waited for any longer.
    Look(Looking),
    /// A look panicked, and took it along.
    Nowhere,
}

struct Watched {
    gauge: At,
    /// The look under way ends at its next `await` when this is gone, and with it the observer.
    watch_goes_on: Option<oneshot::Sender<()>>,
    watches: (String, String),
    interval: Duration,
    within: Duration,
    ground: Ground,
    last: Option<Value>,
}

impl Watched {
    fn new(gauge: Box<dyn Gauge>, ground: Ground) -> Watched {
        let (watches, interval) = (gauge.watches(), gauge.interval());
        let (gauge, within) = (At::Rest(gauge), LOOKS_WITHIN);
        Watched { gauge, watch_goes_on: None, watches, interval, within, ground, last: None }
    }

    /// Whatever a look of another crate does, it holds up none of the threads that send requests.
    fn look(&mut self, mut gauge: Box<dyn Gauge>) -> Looking {
        let (goes_on, watch_is_over) = oneshot::channel();
        self.watch_goes_on = Some(goes_on);
        let (ground, runtime) = (self.ground.clone(), Handle::current());
        spawn_blocking(move || {
            let seen = runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = watch_is_over => Err("the watch is over".into()),
                    seen = gauge.look(&ground) => seen,
                }
            });
            (gauge, seen)
        })
    }

    /// Waits for the end of a look.
    async fn end(&mut self, mut look: Looking) -> Result<(Box<dyn Gauge>, Result<Value, String>), ObserverError> {
        match timeout(self.within, &mut look).await {
            Ok(Ok(ended)) => Ok(ended),
            Ok(Err(_)) => Err(panicked()),
            Err(_) => {
                self.gauge = At::Look(look);
                Err(ObserverError::Silent(self.within))
            }
        }
    }
}

fn panicked() -> ObserverError {
    ObserverError::Unreadable("a look panicked, so there are no more".into())
}

#[async_trait]
impl Observer for Watched {
    fn watches(&self) -> (String, String) {
        self.watches.clone()
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let gauge = match std::mem::replace(&mut self.gauge, At::Nowhere) {
            At::Rest(gauge) => gauge,
            // What it sees is of a moment that has passed.
            At::Look(late) => self.end(late).await?.0,
            At::Nowhere => return Err(panicked()),
        };
        let under_way = self.look(gauge);
        let (gauge, seen) = self.end(under_way).await?;
        self.gauge = At::Rest(gauge);
        let value = seen.map_err(ObserverError::Unreadable)?;
        if self.last.as_ref() != Some(&value) {
            let (observer, of) = self.watches.clone();
            look.changed(Event::Observed { observer, of, value: value.clone() });
            self.last = Some(value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::super::watcher::Blindness;
    use super::*;
    use crate::clock::Clock;
    use crate::history::Recorder;

    /// Blocks its thread until it is let go, and panics when nothing can let it go any more.
    struct Blocking(Mutex<Receiver<i32>>);

    #[async_trait]
    impl Gauge for Blocking {
        fn watches(&self) -> (String, String) {
            ("pages".into(), "web-1".into())
        }

        fn interval(&self) -> Duration {
            Duration::from_secs(1)
        }

        async fn look(&mut self, _: &Ground) -> Result<Value, String> {
            let let_go = self.0.lock().unwrap().recv_timeout(Duration::from_secs(20));
            let number = let_go.expect("it is let go by the thread that it must not hold up");
            if number < 0 { Err("nothing".into()) } else { Ok(number.into()) }
        }
    }

    fn blocking(within: Duration) -> (Watched, Sender<i32>) {
        let (let_go, waits) = channel();
        let ground = Ground { entry: None, servers: BTreeMap::new() };
        (Watched { within, ..Watched::new(Box::new(Blocking(Mutex::new(waits))), ground) }, let_go)
    }

    async fn observe(watched: &mut Watched, recorder: &Recorder) -> Result<(), ObserverError> {
        let mut blindness = Blindness::new(recorder.clone(), watched.watches());
        let mut look = Look { recorder, since_us: 0, made_us: None, blindness: &mut blindness };
        watched.observe(&mut look).await
    }

    #[tokio::test]
    async fn a_look_that_blocks_holds_up_nothing_else() {
        let (recorder, _memory) = Recorder::memory(Clock::start());
        let (mut watched, let_go) = blocking(Duration::from_secs(60));
        // On one thread: were it blocked, the look would never be let go.
        let (seen, ()) = tokio::join!(observe(&mut watched, &recorder), async { let_go.send(7).unwrap() });
        seen.unwrap();
        assert_eq!(watched.last, Some(7.into()));
        let_go.send(-1).unwrap();
        assert!(
            matches!(observe(&mut watched, &recorder).await, Err(ObserverError::Unreadable(why)) if why == "nothing")
        );
    }

    /// Waits for ever, and says when it is dropped.
    struct Waiting(#[expect(dead_code, reason = "its drop is what counts")] oneshot::Sender<()>);

    #[async_trait]
    impl Gauge for Waiting {
        fn watches(&self) -> (String, String) {
            ("pages".into(), "web-1".into())
        }

        fn interval(&self) -> Duration {
            Duration::from_secs(1)
        }

        async fn look(&mut self, _: &Ground) -> Result<Value, String> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_look_that_waits_ends_with_its_watch() {
        let (recorder, _memory) = Recorder::memory(Clock::start());
        let (alive, gone) = oneshot::channel();
        let ground = Ground { entry: None, servers: BTreeMap::new() };
        let mut watched = Watched::new(Box::new(Waiting(alive)), ground);
        watched.within = Duration::from_millis(50);
        assert!(matches!(observe(&mut watched, &recorder).await, Err(ObserverError::Silent(_))));
        drop(watched);
        assert!(timeout(Duration::from_secs(20), gone).await.expect("the look is over").is_err());
    }

    #[tokio::test]
    async fn a_look_that_does_not_end_is_blind_and_what_it_sees_late_is_not_believed() {
        let (recorder, _memory) = Recorder::memory(Clock::start());
        let (mut watched, let_go) = blocking(Duration::from_millis(50));
        for _ in 0..2 {
            assert!(matches!(observe(&mut watched, &recorder).await, Err(ObserverError::Silent(_))));
        }
        watched.within = Duration::from_secs(60);
        let_go.send(1).unwrap();
        let_go.send(2).unwrap();
        observe(&mut watched, &recorder).await.unwrap();
        assert_eq!(watched.last, Some(2.into()));
        drop(let_go);
        assert!(observe(&mut watched, &recorder).await.unwrap_err().to_string().contains("panicked"));
        assert!(observe(&mut watched, &recorder).await.unwrap_err().to_string().contains("panicked"));
    }
}
