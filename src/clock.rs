//! One monotonic clock for everything that is recorded.
//!
//! The wall clock is shared by all namespaces of a kernel and may be set while a scenario runs, so nothing is
//! measured with it. `CLOCK_MONOTONIC` is the same in every process of a machine: a worker process that is given
//! the epoch stamps its samples on the harness's own time line.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Microseconds since an epoch on `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    epoch_us: u64,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Self {
        Clock { epoch_us: monotonic_us() }
    }

    /// The clock of another process, by its [`epoch`](Self::epoch).
    pub fn with_epoch(epoch_us: u64) -> Self {
        Clock { epoch_us }
    }

    /// Where zero is, in microseconds of `CLOCK_MONOTONIC`.
    pub fn epoch(&self) -> u64 {
        self.epoch_us
    }

    /// Microseconds since the epoch.
    pub fn now_us(&self) -> u64 {
        monotonic_us().saturating_sub(self.epoch_us)
    }
}

/// What `CLOCK_MONOTONIC` of this machine says now, in microseconds.
pub fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("CLOCK_MONOTONIC exists on every Linux");
    micros(Duration::from(now))
}

/// A moment that the kernel counts in ticks of 10 ms since the machine's boot, such as a process's start: not before the first of these
/// microseconds of `CLOCK_MONOTONIC`, and by the second. `None` where that clock can't be read.
pub(crate) fn boot_ticks_us(ticks: u64) -> Option<(u64, u64)> {
    const TICK_US: u64 = 10_000;
    let boot_us = micros(Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?));
    // The one goes on while the machine sleeps, the other does not.
    let slept_us = boot_us.saturating_sub(monotonic_us());
    let since_us = (ticks * TICK_US).saturating_sub(slept_us);
    Some((since_us, since_us + TICK_US))
}

/// A duration in whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
