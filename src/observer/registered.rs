//! Observers that other crates add: see [`register!`](crate::register).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

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

    /// One look. What differs from the last one is recorded as [`Event::Observed`].
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
    gauges.map(|gauge| Box::new(Watched { gauge, ground: ground.clone(), last: None }) as Box<dyn Observer>).collect()
}

struct Watched {
    gauge: Box<dyn Gauge>,
    ground: Ground,
    last: Option<Value>,
}

#[async_trait]
impl Observer for Watched {
    fn watches(&self) -> (String, String) {
        self.gauge.watches()
    }

    fn interval(&self) -> Duration {
        self.gauge.interval()
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let value = self.gauge.look(&self.ground).await.map_err(ObserverError::Unreadable)?;
        if self.last.as_ref() != Some(&value) {
            let (observer, of) = self.gauge.watches();
            look.changed(Event::Observed { observer, of, value: value.clone() });
            self.last = Some(value);
        }
        Ok(())
    }
}
