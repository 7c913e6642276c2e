//! Declared waits: what a scenario declares to take time, how long that really is, and its record.
//!
//! Time that runs N times faster divides these waits and nothing else. [`crate::measure::model`] puts back what was left
//! out.

use std::time::Duration;

use crate::clock::micros;
use crate::history::{Event, Part};
use crate::site::Site;

impl Site {
    /// Records that a declared wait begins now, and returns how long it is to be waited; nothing declared, nothing
    /// recorded.
    pub(crate) fn begin_wait(&self, part: Part, server: &str, declared: Duration) -> Duration {
        let waited = self.settings.time.waited(declared);
        if !waited.is_zero() {
            self.recorder.record(declared_wait(part, server, declared, waited));
        }
        waited
    }

    /// Records that a tick came at `at_us` that found something to do on a server: a wait that began, at the earliest,
    /// with the tick before.
    pub(crate) fn record_tick(&self, part: Part, server: &str, every: Duration, at_us: u64) {
        let waited = self.settings.time.waited(every);
        let event = declared_wait(part, server, every, waited);
        self.recorder.record_at(at_us.saturating_sub(micros(waited)), 0, event);
    }
}

fn declared_wait(part: Part, server: &str, declared: Duration, waited: Duration) -> Event {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Event::DeclaredWait { part, server: server.into(), declared_ms: millis(declared), waited_ms: millis(waited) }
}
