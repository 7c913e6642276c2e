//! What a scenario waits for now, so that a stuck run can say what it is stuck on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is being waited for on behalf of one scenario. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Awaited(Arc<Mutex<Waits>>);

#[derive(Debug, Default)]
struct Waits {
    begun: u64,
    open: Vec<Wait>,
}

#[derive(Debug)]
struct Wait {
    number: u64,
    what: String,
    since: Instant,
}

fn more(others: usize) -> String {
    if others == 1 { "and 1 more wait".into() } else { format!("and {others} more waits") }
}

/// One wait; it is over when this is dropped.
#[derive(Debug)]
#[must_use = "the wait is over as soon as this is dropped"]
pub struct Waiting {
    of: Awaited,
    number: u64,
}

impl Awaited {
    /// From now on this is waited for: a noun and an infinitive, `web-1 to boot`.
    pub fn begin(&self, what: impl Into<String>) -> Waiting {
        let what = what.into();
        tracing::debug!("waits for {what}");
        let mut waits = self.waits();
        waits.begun += 1;
        let number = waits.begun;
        waits.open.push(Wait { number, what, since: Instant::now() });
        Waiting { of: self.clone(), number }
    }

    /// What has been waited for the longest, if that is at least so long, in words.
    pub fn longest(&self, at_least: Duration) -> Option<String> {
        let waits = self.waits();
        let wait = waits.open.iter().min_by_key(|wait| wait.since)?;
        let (waited, others) = (wait.since.elapsed(), waits.open.len() - 1);
        let others = if others == 0 { String::new() } else { format!(" ({})", more(others)) };
        (waited >= at_least).then(|| format!("waiting for {} since {} s{others}", wait.what, waited.as_secs()))
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// It is still waited for, and this is what is known now.
    pub fn now(&self, what: impl Into<String>) {
        let what = what.into();
        if let Some(wait) = self.of.waits().open.iter_mut().find(|wait| wait.number == self.number)
            && wait.what != what
        {
            tracing::debug!("waits for {what}");
            wait.what = what;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waits = self.of.waits();
        if let Some(at) = waits.open.iter().position(|wait| wait.number == self.number) {
            let wait = waits.open.remove(at);
            tracing::debug!(waited_ms = wait.since.elapsed().as_millis() as u64, "waits no longer for {}", wait.what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_told_until_it_is_over() {
        let awaited = Awaited::default();
        let told = || awaited.longest(Duration::ZERO);
        assert_eq!(told(), None);
        let boot = awaited.begin("web-1 to boot");
        let ready = awaited.begin("web-2 to be ready");
        assert_eq!(told().unwrap(), "waiting for web-1 to boot since 0 s (and 1 more wait)");
        boot.now("web-1 to boot: it has no disk");
        drop(ready);
        assert_eq!(told().unwrap(), "waiting for web-1 to boot: it has no disk since 0 s");
        assert_eq!(awaited.longest(Duration::from_secs(10)), None, "that is no news yet");
        drop(boot);
        assert_eq!(told(), None);
    }
}
