//! Users who work with an application's data as a workload file says, and put every operation on record.
//!
//! Before the load, [`Workers::prepare`] looks whether the application is empty, gives each register a first value, and looks whether the first
//! thing that it puts there is shown: a workload file that means something else is no failure of the application, and no reason to try again. While it goes on, each user
//! does one operation after the other; one whose end can't be known is its process's last, as in Jepsen. When the load is over,
//! [`Workers::finish`] reads what is there: without that last read nothing could be said of what was acknowledged.
//!
//! Users of a workload that another crate registered come, go and are recorded alike; what they do, and what answers mean, they say themselves
//! ([`invoke`]).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::clock::micros;
use crate::history::work::{Call, OBSERVER, Shown};
use crate::history::{DataRecord, Ended, Event, Outcome, Recorder, Request, Source, Work};
use crate::provider::secret::Secret;
use crate::workload::{Around, Model, Workload};

use super::LoadError;
use super::registered::{self, User};
use super::request::PreparedRequest;

mod answer;
mod draw;
mod invoke;
mod obstacle;
mod prepare;
mod refusal;
mod send;
#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "such a build refuses files with statements"))]
mod sql;

use draw::{Drawer, Next};
use obstacle::Obstacle;
pub use prepare::WorkError;
use send::{Met, Sender};
use sql::Session;

/// How long each of these may take, until it is done.
const OBSERVES_WITHIN: Duration = Duration::from_secs(30);
/// From one try of it to the next.
const TRY_EVERY: Duration = Duration::from_millis(200);
/// All users arrive within this, one after another: a crowd that comes at one moment is a load of its own.
const ARRIVE_WITHIN: Duration = Duration::from_millis(250);
/// How long users may take to finish their operation when the load is over.
const LEAVE_WITHIN: Duration = Duration::from_millis(700);

/// What the users of a workload do, and how.
#[derive(Debug, Clone)]
pub struct WorkConfig {
    /// What.
    pub workload: Workload,
    /// How requests of the site are sent.
    pub request: PreparedRequest,
    /// Where servers and virtual IPs are, by all of their names.
    pub servers: BTreeMap<String, IpAddr>,
    /// The password of the workload's database, where it has one.
    pub password: Option<Secret>,
    /// How many users.
    pub users: u32,
    /// A user's pause between two operations, drawn evenly from here…
    pub pause_min: Duration,
    /// …to here.
    pub pause_max: Duration,
    /// After this long a user gives up on an answer.
    pub deadline: Duration,
    /// The scenario's seed.
    pub seed: u64,
}

impl WorkConfig {
    fn around(&self) -> Around {
        let servers = self.servers.iter().map(|(name, address)| (name.clone(), address.to_string())).collect();
        Around::new(self.request.address().to_string(), &servers)
    }
}

/// The users of a workload.
pub struct Workers {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    config: WorkConfig,
    sender: Sender,
    recorder: Recorder,
    /// What each user does, where another crate says it.
    users: Vec<Lock<Box<dyn User>>>,
    /// The observer's.
    session: Mutex<Session>,
    /// The next value that was never sent.
    fresh: AtomicU32,
    /// The next process.
    processes: AtomicU32,
    is_over: AtomicBool,
    /// Whether the observer was the last time not answered in time.
    is_away: AtomicBool,
    to_come: AtomicU32,
}

impl Workers {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// Settings that make no sense; a workload that this program does not register.
    pub fn new(config: WorkConfig, recorder: Recorder) -> Result<Workers, LoadError> {
        let users = config.users;
        if users == 0 {
            let expected = "at least one user";
            return Err(LoadError::Setting { field: "load.users", found: "0".into(), expected });
        }
        let of_another_crate =
            config.workload.registered_name().map(|name| registered::users(name, users, config.seed)).transpose()?;
        let sender = Sender::new(&config)?;
        let (fresh, processes) = (AtomicU32::new(1), AtomicU32::new(users));
        let (is_over, is_away, to_come) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU32::new(users));
        let session = Mutex::default();
        let users = of_another_crate.unwrap_or_default().into_iter().map(Lock::new).collect();
        let shared = Shared { config, sender, recorder, users, session, fresh, processes, is_over, is_away, to_come };
        Ok(Workers { shared: Arc::new(shared), tasks: JoinSet::new() })
    }

    /// Looks whether its database knows the statements, whether the application is empty, and gives each register its first value.
    ///
    /// # Errors
    /// It is something else than the file says ([`WorkError::Refused`]): its third answer in turn, a second apart, is not one that the call should
    /// get; it is not empty; it does not show within 10 s what is put there. It can't be asked within 30 s ([`WorkError::Unready`]).
    pub async fn prepare(&self) -> Result<(), WorkError> {
        self.shared.prepare_statements().await?;
        for (nth, model) in self.shared.config.workload.models.iter().enumerate() {
            self.shared.prepare(nth, model).await?;
        }
        Ok(())
    }

    /// The users come, and go on until [`stop`](Self::stop).
    pub fn start(&mut self) {
        for user in 0..self.shared.config.users {
            let shared = Arc::clone(&self.shared);
            self.tasks.spawn(async move { shared.user(user).await });
        }
    }

    /// The users leave; what is still under way after 0.7 s has an unknown end.
    ///
    /// # Errors
    /// A user panicked, which only one of another crate can.
    pub async fn stop(&mut self) -> Result<(), LoadError> {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let mut panicked = false;
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                panicked |= ended.is_err_and(|why| why.is_panic());
            }
        };
        if tokio::time::timeout(LEAVE_WITHIN, all).await.is_err() {
            self.tasks.shutdown().await;
        }
        if panicked { Err(LoadError::Panicked { part: "a user of the workload" }) } else { Ok(()) }
    }

    /// Reads all that is there now that nothing is changed any more. What can't be read within 30 s is on record as not read.
    pub async fn finish(&self) {
        let models = &self.shared.config.workload.models;
        if models.is_empty() && !self.shared.wants_last() {
            return;
        }
        sleep(self.shared.config.workload.settle).await;
        for (nth, model) in models.iter().enumerate() {
            for key in 0..model.keys() {
                match model {
                    Model::Set { .. } => self.shared.read_last(nth, key, Call::ReadAll(None)).await,
                    Model::Register { .. } => self.shared.read_last(nth, key, Call::Read(None)).await,
                    Model::Counter { .. } => self.shared.read_last(nth, key, Call::Count(None)).await,
                    Model::Queue { .. } => self.shared.empty(nth, key).await,
                }
            }
        }
        self.shared.invoke_last().await;
    }
}

impl Shared {
    async fn user(&self, user: u32) {
        let mut drawer = Drawer::new(self.config.seed, user);
        let mut process = user;
        let mut session = Session::default();
        let (mut has_come, mut late) = (false, Duration::ZERO);
        sleep(ARRIVE_WITHIN * user / self.config.users).await;
        while !self.is_over.load(Ordering::SeqCst) {
            let done = match self.users.get(user as usize) {
                Some(registered) => self.invoke_next(registered, process, drawer.chance()).await,
                None => {
                    let next = drawer.next(&self.config.workload, || self.fresh());
                    self.perform(&mut session, process, next).await
                }
            };
            if let Call::Read(Some(shown)) = done.call {
                drawer.saw(done.key, shown);
            }
            if done.outcome == Ended::Info {
                process = self.processes.fetch_add(1, Ordering::SeqCst);
            }
            if !std::mem::replace(&mut has_come, true) && self.to_come.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.recorder.record(Event::UsersStarted { users: self.config.users });
            }
            let pause = drawer.pause(self.config.pause_min, self.config.pause_max);
            late = paused(pause, late).await.min(self.config.pause_max);
        }
    }

    fn fresh(&self) -> u32 {
        self.fresh.fetch_add(1, Ordering::SeqCst)
    }

    /// One operation, on record however it ends.
    async fn perform(&self, session: &mut Session, process: u32, next: Next) -> Work {
        self.tried(session, process, next).await.work
    }

    /// The same, with what it met.
    async fn tried(&self, session: &mut Session, process: u32, next: Next) -> Tried {
        let mut under_way = self.begin(process, next.key, next.call);
        let work = under_way.work.as_ref().expect("it is there until its end");
        let met = self.sender.send(session, &self.config.workload.models[next.model], work).await;
        under_way.end(met)
    }

    /// An operation that is sent now; if its user is sent away before its end, that is unknown.
    fn begin(&self, process: u32, key: u32, call: Call) -> UnderWay<'_> {
        let invoked_us = self.recorder.clock().now_us();
        let work = Work {
            process,
            key,
            call,
            invoked_us,
            ended_us: invoked_us,
            outcome: Ended::Info,
            detail: Some("still under way when the users left".into()),
            served_by: None,
        };
        UnderWay { shared: self, work: Some(work) }
    }

    /// Until it ended well, or for 30 s; after one that did not, once: the application is away for the next ones, too.
    async fn observe(&self, model: usize, key: u32, mut call: Call) -> Work {
        let begun = Instant::now();
        let within = if self.is_away.load(Ordering::SeqCst) { Duration::ZERO } else { OBSERVES_WITHIN };
        let mut session = self.session.lock().await;
        loop {
            let done = self.perform(&mut session, OBSERVER, Next { model, key, call: call.clone() }).await;
            let is_away = done.outcome != Ended::Ok;
            if !is_away || begun.elapsed() >= within {
                self.is_away.store(is_away, Ordering::SeqCst);
                return done;
            }
            if done.outcome == Ended::Info {
                call = self.anew(call);
            }
            sleep(TRY_EVERY).await;
        }
    }

    /// The same with a value that was never sent, so that what may have been done already is not done twice.
    fn anew(&self, call: Call) -> Call {
        match call {
            Call::Add(_) => Call::Add(self.fresh()),
            Call::Write(_) => Call::Write(self.fresh()),
            Call::CompareAndSet(from, _) => Call::CompareAndSet(from, self.fresh()),
            Call::Enqueue(_) => Call::Enqueue(self.fresh()),
            other => other,
        }
    }

    async fn read_last(&self, model: usize, key: u32, call: Call) {
        self.observe(model, key, call).await;
    }

    /// Takes out messages until there is none.
    async fn empty(&self, model: usize, key: u32) {
        let mut since = Instant::now();
        while since.elapsed() < OBSERVES_WITHIN {
            match self.observe(model, key, Call::Dequeue(None)).await {
                Work { call: Call::Dequeue(Some(Shown::Value(_))), .. } => since = Instant::now(),
                _ => return,
            }
        }
    }
}

/// An operation that ended.
struct Tried {
    work: Work,
    /// What it met, where it did not end well.
    why: Option<Obstacle>,
    /// The status, or the exit code, and the body, where there was an answer of that kind.
    answer: Option<(u16, Vec<u8>)>,
}

/// An operation that was sent. If its user is sent away before its end, that is unknown.
struct UnderWay<'s> {
    shared: &'s Shared,
    work: Option<Work>,
}

impl UnderWay<'_> {
    fn end(&mut self, met: Met) -> Tried {
        let mut work = self.work.take().expect("it ends once");
        let ended_us = self.shared.recorder.clock().now_us();
        (work.call, work.ended_us, work.outcome, work.served_by) = (met.call, ended_us, met.outcome, met.served_by);
        work.detail = met.why.as_ref().map(ToString::to_string);
        self.shared.recorder.data(vec![DataRecord::Work(work.clone())]);
        self.shared.request(&work, met.request);
        Tried { work, why: met.why, answer: met.answer }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(mut work) = self.work.take() {
            work.ended_us = self.shared.recorder.clock().now_us();
            work.outcome = if work.call.changes() { Ended::Info } else { Ended::Fail };
            self.shared.recorder.data(vec![DataRecord::Work(work)]);
        }
    }
}

impl Shared {
    /// The same as a request of a user, which is no evidence.
    fn request(&self, work: &Work, outcome: Outcome) {
        let (took_us, deadline_us) = (work.ended_us - work.invoked_us, micros(self.config.deadline));
        let late = outcome == Outcome::Timeout || took_us > deadline_us;
        let latency_us = u32::try_from(if late { took_us.max(deadline_us) } else { took_us }).unwrap_or(u32::MAX);
        let outcome = if late { Outcome::Timeout } else { outcome };
        let request = Request { due_us: work.invoked_us, late_us: 0, latency_us, outcome };
        self.recorder.requests(Source::User, vec![request]);
    }
}

/// Pauses for so long, less how late the pauses before ended: a timer is up to 1 ms late, which adds up. Returns how late it is now.
async fn paused(pause: Duration, late: Duration) -> Duration {
    let (begun, wanted) = (Instant::now(), pause.saturating_sub(late));
    if !wanted.is_zero() {
        sleep(wanted).await;
    }
    (begun.elapsed() + late).saturating_sub(pause)
}

/// Calls of a model by what they do.
fn spec<'m>(model: &'m Model, call: &Call) -> Option<&'m crate::workload::CallSpec> {
    match (model, call) {
        (Model::Set { add, .. }, Call::Add(_)) => Some(add),
        (Model::Set { read, .. }, Call::ReadAll(_))
        | (Model::Register { read, .. }, Call::Read(_))
        | (Model::Counter { read, .. }, Call::Count(_)) => Some(read),
        (Model::Register { write, .. }, Call::Write(_)) => Some(write),
        (Model::Register { compare_and_set, .. }, Call::CompareAndSet(..)) => compare_and_set.as_deref(),
        (Model::Counter { increment, .. }, Call::Increment(_)) => Some(increment),
        (Model::Queue { enqueue, .. }, Call::Enqueue(_)) => Some(enqueue),
        (Model::Queue { dequeue, .. }, Call::Dequeue(_)) => Some(dequeue),
        _ => None,
    }
}
