//! A balancer's own view of its servers: HAProxy's `show stat`, asked every 20 ms.
//! [`statistics`](crate::agent::watch::statistics) says which of them get traffic.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use super::Look;
use super::server::View;
use super::slots::Slots;
use crate::agent::watch::Sight;
use crate::agent::watch::statistics::{Rotation, ServerRow, Statistics};
use crate::clock::micros;
use crate::history::Event;
use crate::selector::{BalancerView, ServerView};

/// Connection counts are recorded when they are this much older, changed or not: once a second, by looks every 20 ms.
const SESSIONS_EVERY: Duration = Duration::from_millis(980);

/// What one balancer said of its servers last.
pub(super) struct HaproxyView {
    balancer: String,
    standby_backends: Vec<String>,
    slots: Slots,
    /// Backend and server → what was recorded last.
    known: BTreeMap<(String, String), Seen>,
    /// When connection counts were recorded last, in microseconds of the run's clock.
    sessions_us: Option<u64>,
    balancer_view: watch::Sender<BalancerView>,
}

/// What is recorded of a server when it changes.
#[derive(PartialEq, Eq)]
struct Seen {
    status: String,
    check: String,
    rotation: Rotation,
}

impl HaproxyView {
    /// Backends in which `standby_backends` is as it should be are left out; `slots` says which server each line is of, and `balancer_view` is
    /// where its own view is published.
    pub fn new(
        balancer: &str,
        standby_backends: &[String],
        slots: Slots,
        balancer_view: watch::Sender<BalancerView>,
    ) -> Self {
        HaproxyView {
            balancer: balancer.into(),
            standby_backends: standby_backends.to_vec(),
            slots,
            known: BTreeMap::new(),
            sessions_us: None,
            balancer_view,
        }
    }

    /// Publishes what is seen of each server.
    fn publish(&self, servers: &[ServerRow]) {
        let mut seen: BTreeMap<String, ServerView> = BTreeMap::new();
        for row in servers {
            let server = seen.entry(row.name.clone()).or_insert(ServerView { usable: true, requests: 0 });
            server.usable &= row.rotation != Rotation::Out;
            server.requests += row.requests;
        }
        self.balancer_view.send_if_modified(|balancer_view| {
            let before = match seen.is_empty() {
                true => balancer_view.by_balancer.remove(&self.balancer),
                false => balancer_view.by_balancer.insert(self.balancer.clone(), seen.clone()),
            };
            before != (!seen.is_empty()).then_some(seen)
        });
    }

    fn record(&mut self, look: &mut Look<'_>, statistics: &Statistics) {
        for row in &statistics.servers {
            let key = (row.proxy.clone(), row.name.clone());
            let seen = Seen { status: row.status.clone(), check: row.check.clone(), rotation: row.rotation };
            if self.known.get(&key) != Some(&seen) {
                look.changed(self.view(&key, &seen));
                self.known.insert(key, seen);
            }
        }
        self.record_gone(look, &statistics.servers);
        let now_us = look.at_us();
        if self.sessions_us.is_none_or(|at_us| now_us.saturating_sub(at_us) >= micros(SESSIONS_EVERY)) {
            self.sessions_us = Some(now_us);
            let current = statistics.sessions;
            look.changed(Event::BalancerSessions { balancer: self.balancer.clone(), current });
        }
    }

    /// A server that a new configuration no longer has is out of rotation, whatever it was before.
    fn record_gone(&mut self, look: &mut Look<'_>, servers: &[ServerRow]) {
        // A process that is just starting may have nothing to tell yet.
        if servers.is_empty() {
            return;
        }
        let is_there =
            |(proxy, name): &(String, String)| servers.iter().any(|row| row.proxy == *proxy && row.name == *name);
        let gone: Vec<(String, String)> = self.known.keys().filter(|key| !is_there(key)).cloned().collect();
        for key in gone {
            self.known.remove(&key);
            let seen = Seen { status: "removed".into(), check: String::new(), rotation: Rotation::Out };
            look.changed(self.view(&key, &seen));
        }
    }

    fn view(&self, (backend, server): &(String, String), seen: &Seen) -> Event {
        Event::BalancerView {
            balancer: self.balancer.clone(),
            backend: backend.clone(),
            server: server.clone(),
            status: seen.status.clone(),
            check: seen.check.clone(),
            up: seen.rotation == Rotation::In,
            standby: seen.rotation == Rotation::Standby,
        }
    }
}

impl View for HaproxyView {
    fn watches(&self) -> (String, String) {
        ("haproxy".into(), self.balancer.clone())
    }

    fn see(&mut self, look: &mut Look<'_>, sight: &Sight) {
        let Sight::Haproxy(statistics) = sight else { return };
        let mut statistics = statistics.clone();
        statistics.servers.retain(|row| !self.standby_backends.contains(&row.proxy));
        statistics.servers = self.slots.of_servers(statistics.servers);
        self.publish(&statistics.servers);
        self.record(look, &statistics);
    }

    /// A balancer that does not answer sees nothing.
    fn lose(&mut self) {
        self.publish(&[]);
    }

    fn renew(&mut self) {
        self.known.clear();
    }
}
