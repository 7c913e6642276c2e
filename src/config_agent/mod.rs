//! The config agent: the paper's cron job, which makes every server what its role says, again and again.
//!
//! Where a scenario declares one, a replacement boots unconfigured: an address, a name, a way in. At the agent's next run it gets
//! its role's files, its commands are run and its services started ([`visit`]). On a server that has its role, a run
//! puts right what drifted ([`survey`]): a file that differs is written again, a service that does not run is started,
//! so a process that a strike killed comes back at the next run. What Monit supervises is left to Monit.
//!
//! It runs on all servers at the same moments, as cron does on machines whose clocks agree. Where those moments lie,
//! from the scenario's begin, is drawn with its seed. What a run takes beyond the declared time to configure is real.
//! A server that can't be reached is not configured, as none whose agent does not reach its master.
//!
//! Where Puppet configures the servers, each run is one of Puppet's agent ([`puppet`]), and the harness writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::puppet::Remembered;
use crate::declared_wait::Tick;
use crate::draw::{Draw, Purpose};
use crate::history::{Event, Recorder};
use crate::plan::Agent;
use crate::reconciler::spare;
use crate::reconciler::state::Store;
use crate::settings::ConfigAgentKind;
use crate::site::Site;

mod error;
mod puppet;
mod survey;
mod visit;

/// A config agent at work; dropping it stops it.
pub struct ConfigAgent {
    recorder: Recorder,
    task: JoinHandle<()>,
    runs: watch::Sender<bool>,
}

/// What the agent goes by.
#[derive(Clone)]
pub struct Description {
    /// What is declared.
    pub declared: Site,
    /// The reconciler's state, where there is one: a spare that took a place is configured for it.
    pub state: Option<PathBuf>,
}

impl Description {
    /// What should be now; as declared where the reconciler remembers nothing.
    fn now(&self) -> Site {
        let store = self.state.as_ref().and_then(|path| Store::open(path).ok());
        let promotions = store.map(|store| store.now().promotions).unwrap_or_default();
        let placed = spare::placed(&self.declared.infrastructure, &promotions);
        Site { infrastructure: Arc::new(placed), ..self.declared.clone() }
    }
}

impl ConfigAgent {
    /// Starts it, as often as the site's settings say; its moments are drawn with `seed`.
    pub fn start(description: Description, seed: u64) -> Self {
        let (runs, switched) = watch::channel(true);
        let recorder = description.declared.recorder.clone();
        let task = tokio::spawn(work(description, seed, switched));
        ConfigAgent { recorder, task, runs }
    }

    /// Lets its next runs happen, or not; a run under way goes on.
    pub fn switch(&self, runs: bool) {
        self.runs.send_replace(runs);
        let agent = Agent::ConfigAgent;
        self.recorder.record(if runs { Event::AgentStarted { agent } } else { Event::AgentStopped { agent } });
    }

    /// Stops it where it is.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for ConfigAgent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn work(description: Description, seed: u64, runs: watch::Receiver<bool>) {
    let settings = &description.declared.settings;
    let every = settings.time.waited(settings.config_agent.every);
    let mut ticks = interval_at(Instant::now() + first_run(seed, every), every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let clock = description.declared.recorder.clock();
    let mut tick = Tick::now(clock, Duration::ZERO);
    let mut under_way = BTreeSet::new();
    let mut remembered: BTreeMap<String, Remembered> = BTreeMap::new();
    let mut visits: JoinSet<(String, Remembered)> = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                tick = tick.next(clock);
                let site = description.now();
                let idle = site.infrastructure.servers.keys().filter(|server| !under_way.contains(*server));
                let idle = idle.filter(|server| settings.config_agent.configures(server));
                let idle: Vec<String> = if *runs.borrow() { idle.cloned().collect() } else { Vec::new() };
                for server in idle {
                    under_way.insert(server.clone());
                    let last = remembered.remove(&server).unwrap_or_default();
                    visits.spawn(visit(site.clone(), server, tick, last));
                }
            }
            Some(Ok((server, last))) = visits.join_next() => {
                under_way.remove(&server);
                remembered.insert(server, last);
            }
        }
    }
}

/// One run on one server; its name, and what is to be remembered of it.
async fn visit(site: Site, server: String, tick: Tick, remembered: Remembered) -> (String, Remembered) {
    let last = match site.settings.config_agent.kind {
        ConfigAgentKind::BuiltIn => {
            visit::visit(&site, &server, tick).await;
            Remembered::default()
        }
        ConfigAgentKind::Puppet => puppet::visit(&site, &server, tick, remembered).await,
    };
    (server, last)
}

/// How long after the scenario's begin the first run is.
fn first_run(seed: u64, every: Duration) -> Duration {
    every.mul_f64(Draw::of(seed).for_purpose(Purpose::ConfigAgent, 0).random_range(0.0..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moments_of_its_runs_follow_from_the_seed() {
        let every = Duration::from_secs(60);
        assert_eq!(first_run(7, every), first_run(7, every));
        let faster = first_run(7, every / 20).abs_diff(first_run(7, every) / 20);
        assert!(faster < Duration::from_micros(1), "it is the same share of a period at any speed");
        let firsts: BTreeSet<_> = (0..20).map(|seed| first_run(seed, every)).collect();
        assert!(firsts.len() == 20 && firsts.iter().all(|first| *first < every));
    }
}
