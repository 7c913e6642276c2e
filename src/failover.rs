//! The failover: leads a floating IP from a server that no longer serves to the next one that does.
//!
//! It is the managed failover of the paper's balancers, and runs outside the servers, as the reconciler does: only who has
//! an account of the cloud can lead a floating IP, and servers that are attacked hold no credentials. It goes by what it sees
//! itself. Each [`every`](crate::settings::FailoverSettings::every) it looks whether each server that may hold the address is
//! what its role says, as the wait for readiness does. Of these looks, `fall` in a row must fail before a server counts as
//! one that does not serve, and `rise` must succeed before it counts again. It leads to the first in order that serves, and
//! never back from one that does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::history::{Event, Recorder};
use crate::infrastructure::VirtualIp;
use crate::plan::Agent;
use crate::readiness;
use crate::settings::FailoverSettings;
use crate::site::Site;
use crate::units::show_duration;

/// A failover at work; dropping it stops it.
pub struct Failover {
    recorder: Recorder,
    task: JoinHandle<()>,
    runs: watch::Sender<bool>,
}

impl Failover {
    /// Starts it, where the site has a floating IP.
    pub fn start(site: &Site) -> Option<Failover> {
        let all: Vec<VirtualIp> = site.infrastructure.virtual_ips.iter().filter(|ip| ip.floating_ip).cloned().collect();
        if all.is_empty() {
            return None;
        }
        let (runs, switched) = watch::channel(true);
        let (site, recorder) = (Arc::new(site.clone()), site.recorder.clone());
        let task = tokio::spawn(async move {
            join_all(all.into_iter().map(|ip| Watch::new(Arc::clone(&site), ip).work(switched.clone()))).await;
        });
        Some(Failover { recorder, task, runs })
    }

    /// Lets it look and lead, or not. What it was asking the provider for goes on.
    pub fn switch(&self, runs: bool) {
        self.runs.send_replace(runs);
        let agent = Agent::Failover;
        self.recorder.record(if runs { Event::AgentStarted { agent } } else { Event::AgentStopped { agent } });
    }

    /// Stops it where it is.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Failover {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The failover of one address.
struct Watch {
    site: Arc<Site>,
    ip: VirtualIp,
    health: BTreeMap<String, Health>,
    /// Where it leads, as the provider said last; `None`: that is to be asked.
    leads_to: Option<Option<String>>,
    /// The failure that was recorded last.
    failed: Option<String>,
}

impl Watch {
    fn new(site: Arc<Site>, ip: VirtualIp) -> Watch {
        Watch { site, ip, health: BTreeMap::new(), leads_to: None, failed: None }
    }

    async fn work(mut self, runs: watch::Receiver<bool>) {
        let mut ticks = interval(self.site.settings.failover.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match *runs.borrow() {
                true => {}
                // Whatever happens meanwhile, it has seen none of it.
                false => {
                    (self.health, self.leads_to) = (BTreeMap::new(), None);
                    continue;
                }
            }
            match self.step().await {
                Ok(()) => self.failed = None,
                Err(detail) => self.failed(detail),
            }
        }
    }

    /// One look at all that may hold it, and what follows.
    async fn step(&mut self) -> Result<(), String> {
        self.look().await;
        let (name, provider) = (self.ip.name.clone(), Arc::clone(&self.site.provider));
        if self.leads_to.is_none() {
            self.leads_to = Some(provider.leads_to(&name).await.map_err(|why| why.to_string())?);
        }
        let from = self.leads_to.clone().flatten();
        let Some((to, why)) = next(&self.ip.holders, &self.health, from.as_deref()) else { return Ok(()) };
        let asked = Event::FloatingIpAsked { name: name.clone(), from: from.unwrap_or_default(), to: to.clone(), why };
        self.site.recorder.record(asked);
        // If this fails, it is not known whether it was done.
        self.leads_to = None;
        provider.lead(&name, &to).await.map_err(|why| why.to_string())?;
        self.site.recorder.record(Event::FloatingIpLed { name, to: to.clone() });
        self.leads_to = Some(Some(to));
        Ok(())
    }

    async fn look(&mut self) {
        let looks = self.ip.holders.iter().map(|server| {
            let address = self.site.addresses.servers[server];
            let look = readiness::look(self.site.role(server), address, &*self.site.provider);
            answered(look, self.site.settings.failover.look_within)
        });
        let seen = join_all(looks).await;
        for (server, seen) in self.ip.holders.iter().zip(seen) {
            self.health.entry(server.clone()).or_default().take(seen, &self.site.settings.failover);
        }
    }

    fn failed(&mut self, detail: String) {
        if self.failed.as_ref() != Some(&detail) {
            self.site.recorder.record(Event::FloatingIpFailed { name: self.ip.name.clone(), detail: detail.clone() });
        }
        self.failed = Some(detail);
    }
}

/// What a look says that may take this long.
async fn answered(look: impl Future<Output = Result<(), String>>, within: Duration) -> Result<(), String> {
    timeout(within, look).await.unwrap_or_else(|_| Err(format!("no answer within {}", show_duration(within))))
}

/// Whether a server serves, as the looks at it say.
#[derive(Debug, Default)]
struct Health {
    /// Why it does not serve, in words; `None`: it does. All did when the site was ready.
    down: Option<String>,
    /// How many looks in a row say otherwise.
    against: u32,
}

impl Health {
    fn take(&mut self, seen: Result<(), String>, settings: &FailoverSettings) {
        let needed = match (&self.down, &seen) {
            (None, Ok(())) | (Some(_), Err(_)) => {
                self.against = 0;
                return;
            }
            (None, Err(_)) => settings.fall,
            (Some(_), Ok(())) => settings.rise,
        };
        self.against += 1;
        if self.against >= needed {
            self.against = 0;
            self.down = seen.err().map(|why| format!("{needed} looks in a row failed, the last one so: {why}"));
        }
    }
}

/// Where an address is to lead that leads to `from`, and why; `None`: it stays, since that server serves, or none does.
fn next(holders: &[String], health: &BTreeMap<String, Health>, from: Option<&str>) -> Option<(String, String)> {
    let down = |server: &str| health.get(server).map_or(Some("it was not looked at"), |health| health.down.as_deref());
    let why = match from {
        Some(from) => down(from)?.to_string(),
        None => "it leads nowhere".into(),
    };
    let to = holders.iter().find(|server| down(server).is_none())?;
    Some((to.clone(), why))
}

#[cfg(test)]
#[path = "failover_tests.rs"]
mod tests;
