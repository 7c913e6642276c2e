//! Declared waits: what a scenario declares to take time, how long that really is, and its record.
//!
//! Time that runs N times faster divides these waits and nothing else. [`crate::measure::model`] puts back what was left
//! out.

use std::time::Duration;

use crate::clock::{Clock, micros};
use crate::history::{DeclaredDelay, Event};
use crate::site::Site;

/// A tick of what looks again and again, in microseconds on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    /// When the one before was; of the first, when it was begun to wait for it.
    pub before_us: u64,
    /// When it came.
    pub at_us: u64,
}

impl Tick {
    /// A tick that comes now, `every` so often.
    pub fn now(clock: Clock, every: Duration) -> Tick {
        let at_us = clock.now_us();
        Tick { before_us: at_us.saturating_sub(micros(every)), at_us }
    }

    /// The next one, that comes now.
    pub fn next(self, clock: Clock) -> Tick {
        Tick { before_us: self.at_us, at_us: clock.now_us() }
    }
}

impl Site {
    /// Records that a declared wait begins now, and returns how long it is to be waited; nothing declared, nothing
    /// recorded.
    pub(crate) fn begin_wait(&self, part: DeclaredDelay, server: &str, declared: Duration) -> Duration {
        let waited = self.settings.time.waited(declared);
        if !waited.is_zero() {
            self.recorder.record(declared_wait(part, server, declared, waited));
        }
        waited
    }

    /// Records that a tick came that found something to do on a server: a wait that began, at the earliest, with the
    /// tick before.
    pub(crate) fn record_tick(&self, part: DeclaredDelay, server: &str, tick: Tick) {
        let waited = Duration::from_micros(tick.at_us.saturating_sub(tick.before_us));
        let event = declared_wait(part, server, waited * self.settings.time.faster, waited);
        self.recorder.record_at(tick.before_us, 0, event);
    }
}

fn declared_wait(part: DeclaredDelay, server: &str, declared: Duration, waited: Duration) -> Event {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Event::DeclaredWait { part, server: server.into(), declared_ms: millis(declared), waited_ms: millis(waited) }
}
