//! The reconciler, which the paper calls Ventriloquist: compares what should be with what is, and brings it about.
//!
//! Every minute in the paper, every second here, it takes these steps; each is an event in the history
//! ([`Event::ReconcilerStep`]), and one at which it may be killed ([`death`]):
//!
//! | | step | |
//! |---|---|---|
//! | 1 | `list` | the provider's instances, those that are being booted too |
//! | 2 | `compare` | with what is declared, by name and type ([`compare`]) |
//! | 3 | `missing` | a server is found missing: terminated, not just without power, as a cloud still lists that; a [`spare`] takes its place |
//! | 4 | `ask` | the provider for a boot; that it will be asked is on disk before |
//! | 5 | `store` | what was booted, on disk |
//! | 6 | `configure` | which files it should have by now is written down |
//! | 7 | `trust` | the old host key is forgotten, the new one accepted |
//! | 8 | `await` | its files are brought to what they should be, and it is waited for until it serves; then that is recorded. Where there is a config agent, that brings them |
//!
//! Steps 4 to 8 are a replacement ([`replace`]); several go side by side, up to a setting. When one is done, the other
//! servers' files are rendered again, and those that changed are written and taken in ([`files`]). A database is replaced
//! only when it has its data and replicates ([`restore`](crate::database::restore)); that another is written to meanwhile waits for no
//! replacement ([`maintain`](crate::database::maintain)).
//!
//! **Killed at any step**, and started again, it goes on: what must not be forgotten is on disk ([`state`]), and it
//! lists before it asks, so that a server whose boot a dead life had asked for is taken over, not booted twice. What
//! fails is tried again, later after each failure ([`backoff`]). What is surplus or unhealthy is handled as declared
//! ([`policy`]): left alone, or terminated; one after another, so that an interruption makes no storm ([`unhealthy`]).
//!
//! A [`Supervised`] is one in this process, with a supervisor that starts it again; `chimp reconcile` is one that is
//! a process of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::database::DatabaseError;
use crate::history::Event;
use crate::plan::Agent;
use crate::plan::reconciler_step::ReconcilerStep;
use crate::provider::{ProviderError, RemoteError};
use crate::site::{BootError, Site};
use crate::units::show_duration;

mod backoff;
mod compare;
pub mod death;
mod files;
mod intentions;
mod life;
pub mod policy;
pub mod progress;
mod replace;
pub mod spare;
pub mod state;
pub mod unhealthy;

#[cfg(test)]
mod tests;

pub use death::Death;
pub use files::as_provisioned;
pub use life::Reconciler;

/// After its death, the supervisor starts it again.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// The most that is waited between two looks while something is awaited that must not take a whole period.
const PACE: Duration = Duration::from_secs(1);

/// How a reconciler works, beside its settings.
#[derive(Clone)]
pub struct Config {
    /// From one look to the next.
    pub every: Duration,
    /// Its state's file.
    pub state: PathBuf,
    /// Whose servers: a state of others, which have gone since, is not gone on with.
    pub of: String,
    /// What is known of the servers where the state says nothing of them: how they were provisioned.
    pub known: BTreeMap<String, state::Known>,
    /// Draws the jitter between retries.
    pub seed: u64,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A server could not be brought up.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// A database could not be restored.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The server did not let us in.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Nothing can be remembered.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// A deadline passed.
    #[error("{what} took longer than {}", show_duration(*.within))]
    TooLong {
        /// What took so long.
        what: String,
        /// How long it may take.
        within: Duration,
    },
    /// The task that asked is gone.
    #[error("the call to the provider was lost: {0}")]
    Lost(String),
}

impl Failure {
    /// What a future gives, unless it takes longer than it may.
    async fn in_time<T>(what: &str, within: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
        timeout(within, work).await.map_err(|_| Failure::TooLong { what: what.into(), within })
    }
}

/// A reconciler in this process, and who starts it again; dropping it stops both.
pub struct Supervised {
    task: JoinHandle<()>,
    orders: mpsc::UnboundedSender<Order>,
    death: Death,
}

enum Order {
    Stop(oneshot::Sender<()>),
    Start(oneshot::Sender<()>),
}

impl Supervised {
    /// Starts to compare.
    pub fn start(site: Site, config: Config) -> Self {
        let (death, deaths) = Death::told();
        let (orders, ordered) = mpsc::unbounded_channel();
        let supervisor = Supervisor { site, config, death: death.clone(), life: None, restart_at: None };
        Supervised { task: tokio::spawn(supervisor.work(ordered, deaths)), orders, death }
    }

    /// It stops where it is, as a service that is told to; a boot under way is left to the provider. Does nothing
    /// where it is stopped.
    pub async fn pause(&self) {
        self.order(Order::Stop).await;
    }

    /// It starts again, from its state on disk. Does nothing where it works.
    pub async fn resume(&self) {
        self.order(Order::Start).await;
    }

    /// It is killed the next time it comes to this step, and started again a second later.
    pub fn kill_at(&self, step: ReconcilerStep) {
        self.death.arm(step);
    }

    /// Stops it for good, where it is: a boot under way is left to the provider.
    pub async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (reply, done) = oneshot::channel();
        // Where the supervisor is gone there is nobody left to stop or start.
        if self.orders.send(order(reply)).is_ok() {
            let _ = done.await;
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts lives, and ends them.
struct Supervisor {
    site: Site,
    config: Config,
    death: Death,
    life: Option<Life>,
    restart_at: Option<Instant>,
}

/// A life; it ends when it is dropped.
struct Life(JoinHandle<()>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Supervisor {
    async fn work(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut deaths: mpsc::UnboundedReceiver<ReconcilerStep>,
    ) {
        self.begin();
        loop {
            let restart = self.restart_at;
            tokio::select! {
                Some(order) = orders.recv() => self.obey(order).await,
                Some(step) = deaths.recv() => self.bury(step).await,
                () = sleep_until(restart.unwrap_or_else(Instant::now)), if restart.is_some() => self.start(),
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        let reply = match order {
            Order::Stop(reply) => {
                self.end().await;
                self.restart_at = None;
                self.site.recorder.record(Event::AgentStopped { agent: Agent::Reconciler });
                reply
            }
            Order::Start(reply) => {
                if self.life.is_none() {
                    self.start();
                }
                reply
            }
        };
        let _ = reply.send(());
    }

    async fn bury(&mut self, step: ReconcilerStep) {
        self.end().await;
        self.restart_at = Some(Instant::now() + RESTART_AFTER);
        self.site.recorder.record(Event::AgentKilled { agent: Agent::Reconciler, step: step.to_string() });
    }

    /// Waits until the life is over.
    async fn end(&mut self) {
        if let Some(mut life) = self.life.take() {
            life.0.abort();
            let _ = (&mut life.0).await;
        }
    }

    fn start(&mut self) {
        self.restart_at = None;
        self.begin();
        self.site.recorder.record(Event::AgentStarted { agent: Agent::Reconciler });
    }

    fn begin(&mut self) {
        match Reconciler::open(self.site.clone(), &self.config, self.death.clone()) {
            Ok(reconciler) => self.life = Some(Life(tokio::spawn(reconciler.run()))),
            Err(why) => {
                let (server, detail) = ("(all)".into(), why.to_string());
                self.site.recorder.record(Event::ReconcilerFailed { server, detail });
            }
        }
    }
}
