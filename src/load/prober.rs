//! The open-loop prober: the judge of every scenario.
//!
//! Request k is due at t0 + k/rate, whatever became of those before. Its latency counts from when it was due until
//! its answer was read to the end, so a site that hangs costs every request that was due meanwhile, as it would cost
//! users. What is not answered whole within the deadline of its due time is bad; when too many are under way, what
//! is due is recorded as not sent, which is bad as well. Nothing is retried.
//!
//! It has a thread and a runtime of its own, so that nothing else in the harness delays it; how late it was is
//! recorded with every request, and a run whose prober starved is not judged. Due requests are sent by a timer of the
//! kernel that is armed for the next due time, not by ticks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use crate::clock::{Clock, micros};
use crate::history::{Event, Outcome, Recorder, Request};

use super::client::Client;
use super::ledger::{Ledger, clamped};
use super::request::PreparedRequest;
use super::{LoadError, raise_open_files};

pub use super::ledger::{LiveStats, LiveView};

/// How often results are handed to the recorder.
const FLUSH_US: u64 = 100_000;
/// The least time between two looks at the clock: above 2,000/s several requests are sent at once.
const STEP_US: u64 = 500;
/// From here on, one thread could not keep up.
const RATE_MAX: f64 = 50_000.0;
/// As `nice -n -10`: the judge runs before what it judges, where it has the right to.
const NICE: libc::c_int = -10;

/// What a prober does.
#[derive(Debug, Clone)]
pub struct ProberConfig {
    /// What is sent and what is good.
    pub request: PreparedRequest,
    /// Requests a second.
    pub rate: f64,
    /// The deadline D, from the due time to the whole answer.
    pub deadline: Duration,
    /// How many may be under way at once (see [`in_flight_limit`](crate::settings::LoadSettings::in_flight_limit)).
    pub in_flight: usize,
}

/// A prober at work. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Prober {
    live: LiveView,
    stop: Option<oneshot::Sender<()>>,
    done: oneshot::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Prober {
    /// Starts to probe at once and records [`Event::ProbingStarted`].
    ///
    /// # Errors
    /// For settings that make no sense, and when the system gives no thread or timer.
    pub fn start(config: ProberConfig, recorder: Recorder) -> Result<Prober, LoadError> {
        check(&config)?;
        raise_open_files(config.in_flight as u64 + 1024);
        let live = LiveView::default();
        let pace = Pace::new(&config, recorder, live.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| LoadError::System { action: "starting the prober's runtime", source })?;
        let (stop, stopped) = oneshot::channel();
        let (finished, done) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("prober".into())
            .spawn(move || {
                take_precedence();
                runtime.block_on(pace.run(stopped));
                let _ = finished.send(());
            })
            .map_err(|source| LoadError::System { action: "starting the prober's thread", source })?;
        Ok(Prober { live, stop: Some(stop), done, thread: Some(thread) })
    }

    /// How it goes, at most a tenth of a second old.
    pub fn live(&self) -> LiveStats {
        self.live.get()
    }

    /// The same for somebody else to look at.
    pub fn view(&self) -> LiveView {
        self.live.clone()
    }

    /// Sends no more, waits for what is under way, the deadline at most, and has everything recorded.
    ///
    /// # Errors
    /// When the prober died: its record ends early then.
    pub async fn stop(mut self) -> Result<(), LoadError> {
        drop(self.stop.take());
        let finished = (&mut self.done).await.is_ok();
        let joined = self.thread.take().is_none_or(|thread| thread.join().is_ok());
        if finished && joined { Ok(()) } else { Err(LoadError::Panicked { part: "the prober" }) }
    }
}

fn check(config: &ProberConfig) -> Result<(), LoadError> {
    let wrong = |field, found: String, expected| Err(LoadError::Setting { field, found, expected });
    if !(config.rate > 0.0 && config.rate <= RATE_MAX) {
        return wrong("load.rate", config.rate.to_string(), "a rate above 0 and up to 50000 a second");
    }
    let hour = Duration::from_secs(3600);
    if config.deadline < Duration::from_millis(1) || config.deadline > hour {
        return wrong("load.deadline", format!("{:?}", config.deadline), "a deadline from 1 ms to 1 h");
    }
    if config.in_flight == 0 {
        return wrong("load.in_flight", "0".into(), "at least one request under way");
    }
    Ok(())
}

fn take_precedence() {
    // SAFETY: changes only the priority of this thread; without the right to, nothing happens.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// The pacing loop and all it needs.
struct Pace {
    client: Client,
    clock: Clock,
    recorder: Recorder,
    live: LiveView,
    rate: f64,
    deadline: Duration,
    in_flight: usize,
    timer: Timer,
}

/// What the requests under way share with the loop.
struct Shared {
    client: Client,
    clock: Clock,
    deadline_us: u32,
    ledger: Mutex<Ledger>,
}

impl Pace {
    fn new(config: &ProberConfig, recorder: Recorder, live: LiveView) -> Result<Pace, LoadError> {
        let timer =
            Timer::new().map_err(|source| LoadError::System { action: "creating the prober's timer", source })?;
        Ok(Pace {
            client: Client::new(config.request.clone()),
            clock: recorder.clock(),
            recorder,
            live,
            rate: config.rate,
            deadline: config.deadline,
            in_flight: config.in_flight,
            timer,
        })
    }

    async fn run(self, mut stop: oneshot::Receiver<()>) {
        let deadline_us = micros(self.deadline) as u32;
        let ledger = Mutex::new(Ledger::new(self.recorder.clone(), self.live, deadline_us));
        let shared = Arc::new(Shared { client: self.client, clock: self.clock, deadline_us, ledger });
        // SAFETY: the timer owns its descriptor, the `AsyncFd` owns the timer, and the descriptor never changes.
        let timer = unsafe { AsyncFd::register(self.timer) }.expect("the runtime has an event loop");
        let deadline_ms = self.deadline.as_secs_f64() * 1e3;
        self.recorder.record(Event::ProbingStarted { rate: self.rate, deadline_ms });

        let t0_us = self.clock.now_us() + STEP_US;
        let due_us = |k: u64| t0_us + (k as f64 * 1e6 / self.rate).round() as u64;
        let (mut k, mut flushed_us) = (0, t0_us);
        let mut stopped = false;
        while !stopped || shared.ledger().in_flight() > 0 {
            let next_us = if stopped { u64::MAX } else { due_us(k) };
            let now_us = self.clock.now_us();
            timer.get_ref().set(self.clock.epoch() + shared.wake_at(next_us, now_us));
            tokio::select! {
                biased;
                fired = timer.readable() => fired.expect("the timer's event loop lives").clear_ready(),
                _ = &mut stop, if !stopped => stopped = true,
            }
            let now_us = self.clock.now_us();
            while !stopped && due_us(k) <= now_us {
                shared.send(due_us(k), now_us, self.in_flight);
                k += 1;
            }
            shared.ledger().expire(now_us);
            if now_us >= flushed_us + FLUSH_US {
                flushed_us = now_us;
                shared.tidy(now_us);
            }
        }
        shared.tidy(self.clock.now_us());
    }
}

impl Shared {
    /// When to look again: when something is due or its deadline passes, and at least ten times a second.
    fn wake_at(&self, next_due_us: u64, now_us: u64) -> u64 {
        let deadline_us = self.ledger().next_deadline_us().unwrap_or(u64::MAX);
        next_due_us.min(deadline_us).min(now_us + FLUSH_US).max(now_us + STEP_US)
    }

    /// Sends what is due, or records that it could not be.
    fn send(self: &Arc<Self>, due_us: u64, now_us: u64, limit: usize) {
        let mut ledger = self.ledger();
        let full = ledger.in_flight() >= limit;
        let number = ledger.due(due_us, now_us);
        if full {
            let not_sent = Request { due_us, late_us: 0, latency_us: self.deadline_us, outcome: Outcome::NotSent };
            ledger.ended(number, not_sent);
        } else {
            let task = tokio::spawn(self.clone().one(number, due_us));
            ledger.sent_by(task.abort_handle());
        }
    }

    /// One request from its due time to its end, which the pacing loop may bring about first.
    async fn one(self: Arc<Self>, number: u64, due_us: u64) {
        let late_us = clamped(self.clock.now_us() - due_us);
        let (outcome, connection) = self.client.exchange().await;
        let took_us = clamped(self.clock.now_us() - due_us);
        let request = match outcome {
            Outcome::NotSent => Request { due_us, late_us: 0, latency_us: took_us.max(self.deadline_us), outcome },
            _ if took_us >= self.deadline_us => {
                Request { due_us, late_us, latency_us: took_us, outcome: Outcome::Timeout }
            }
            _ => Request { due_us, late_us, latency_us: took_us, outcome },
        };
        self.ledger().ended(number, request);
        if let Some(connection) = connection {
            self.client.rest(connection).await;
        }
    }

    fn tidy(&self, now_us: u64) {
        self.ledger().flush(now_us);
        self.client.tidy();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A timer of the kernel, exact to tens of microseconds where the runtime's own is to a millisecond.
struct Timer(TimerFd);

impl Timer {
    fn new() -> io::Result<Timer> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Timer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?))
    }

    /// Arms it for a moment of `CLOCK_MONOTONIC`; an earlier expiry that was not looked at is forgotten.
    fn set(&self, monotonic_us: u64) {
        let at = TimeSpec::from(Duration::from_micros(monotonic_us));
        self.0
            .set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)
            .expect("a valid time on an open timer");
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
#[path = "prober_tests.rs"]
mod tests;
