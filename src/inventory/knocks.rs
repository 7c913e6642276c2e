//! Connection attempts at the servers of an inventory: made side by side, and shared by everything that asks.
//!
//! What comes of them is judged by [`Signs`].

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::signs::{Attempt, CONFIRMED_US, Finding, Signs};
use crate::clock::monotonic_us;
use crate::instance::Between;
use crate::provider::ssh::{JumpError, Route};

/// Attempts at one server that may be pending at once…
const AT_ONCE: usize = 4;
/// … and where a jump host makes each of them.
const AT_ONCE_BY_JUMP: usize = 1;

/// Makes an attempt, and waits for its answer so long.
pub(super) type Try = dyn Fn(Attempt, Duration) -> BoxFuture<'static, io::Result<()>> + Send + Sync;

/// One server, as it is tried.
#[derive(Clone)]
pub(super) struct Door {
    pub name: String,
    /// Attempts that may be pending at once.
    pub at_once: usize,
    pub attempt: Arc<Try>,
}

impl Door {
    /// The port to which SSH connections go.
    pub fn of(name: &str, route: &Route, address: std::net::Ipv4Addr, port: u16) -> Door {
        let at_once = if matches!(route, Route::Direct) { AT_ONCE } else { AT_ONCE_BY_JUMP };
        let route = route.clone();
        let attempt = move |attempt, within| -> BoxFuture<'static, io::Result<()>> {
            let route = route.clone();
            Box::pin(async move {
                match attempt {
                    Attempt::Knock => route.knock(address, port, within).await,
                    Attempt::Hear => route.hear(address, port, within).await,
                }
            })
        };
        Door { name: name.into(), at_once, attempt: Arc::new(attempt) }
    }
}

/// The attempts at all servers. Clones share them.
#[derive(Clone)]
pub(super) struct Knocks {
    signs: Arc<Mutex<BTreeMap<String, Signs>>>,
    /// Changes whenever an attempt has ended, or a watcher was heard.
    news: watch::Sender<()>,
    /// The same moment on both clocks.
    began: (Instant, u64),
}

impl Default for Knocks {
    fn default() -> Self {
        Knocks { signs: Arc::default(), news: watch::Sender::new(()), began: (Instant::now(), monotonic_us()) }
    }
}

impl Knocks {
    /// Tries until it is decided whether the server answers, and says when that last changed. Nothing is tried where its watcher is heard.
    pub async fn find(&self, door: &Door, attempt: Attempt) -> (Finding, Option<Between>) {
        let since_us = self.now_us();
        self.of(&door.name, |signs| signs.is_tried_by(attempt));
        let mut news = self.news.subscribe();
        loop {
            let now_us = self.now_us();
            let step = self.of(&door.name, |signs| match signs.finding(since_us, now_us) {
                Some(finding) => {
                    let changed = signs.changed(&finding);
                    Err((finding, changed))
                }
                None => Ok(self.next(signs, door.at_once, since_us, now_us)),
            });
            match step {
                Err(found) => return found,
                Ok(Next::Begin(attempt)) => self.begin(door.clone(), attempt, now_us),
                Ok(Next::Wait(until_us)) => {
                    tokio::select! {
                        _ = news.changed() => {}
                        () = sleep_until(self.at(until_us)) => {}
                    }
                }
            }
        }
    }

    /// The watcher on the server surely wrote a line at some moment between these two.
    pub fn heard(&self, server: &str, at: Between) {
        self.of(server, |signs| signs.heard(at));
        self.news.send_replace(());
    }

    fn next(&self, signs: &mut Signs, at_once: usize, since_us: u64, now_us: u64) -> Next {
        let decides_us = signs.decides_us(since_us).max(now_us + 1);
        match signs.next_us(at_once) {
            Some(next_us) if next_us <= now_us => Next::Begin(signs.begin(now_us)),
            next_us => Next::Wait(next_us.unwrap_or(u64::MAX).min(decides_us)),
        }
    }

    /// The attempt goes on though its caller gives up: its answer is worth as much to the next one.
    fn begin(&self, door: Door, attempt: Attempt, begun_us: u64) {
        let knocks = self.clone();
        tokio::spawn(async move {
            let answer = (door.attempt)(attempt, Duration::from_micros(CONFIRMED_US)).await;
            let now_us = knocks.now_us();
            knocks.of(&door.name, |signs| match answer {
                Ok(()) => signs.answered(attempt, begun_us, now_us),
                Err(why) if JumpError::is_cause_of(&why) => signs.untried(begun_us, why.to_string()),
                Err(why) => signs.failed(begun_us, why.to_string()),
            });
            knocks.news.send_replace(());
        });
    }

    fn of<T>(&self, server: &str, act: impl FnOnce(&mut Signs) -> T) -> T {
        let mut all: MutexGuard<'_, _> = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(server) {
            Some(signs) => act(signs),
            None => act(all.entry(server.into()).or_default()),
        }
    }

    /// `CLOCK_MONOTONIC`, as tokio sees it.
    fn now_us(&self) -> u64 {
        self.began.1 + crate::clock::micros(self.began.0.elapsed())
    }

    fn at(&self, us: u64) -> Instant {
        self.began.0 + Duration::from_micros(us.saturating_sub(self.began.1))
    }
}

/// What is to be done while it is not decided.
enum Next {
    /// An attempt of this kind, which is noted already.
    Begin(Attempt),
    /// Until this moment, or until an attempt ends.
    Wait(u64),
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::sleep;

    use super::super::signs::EVERY_US;
    use super::*;

    /// A server whose attempts are answered after 1 ms where `answers` says so of their number, from 0; and their count.
    fn door(answers: impl Fn(usize) -> bool + Send + Sync + 'static) -> (Door, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let attempt = move |_, within| -> BoxFuture<'static, io::Result<()>> {
            let answered = answers(counted.fetch_add(1, Ordering::Relaxed));
            Box::pin(async move {
                if answered {
                    sleep(Duration::from_millis(1)).await;
                    return Ok(());
                }
                sleep(within).await;
                Err(io::ErrorKind::TimedOut.into())
            })
        };
        (Door { name: "web-1".into(), at_once: AT_ONCE, attempt: Arc::new(attempt) }, count)
    }

    #[tokio::test]
    async fn a_server_that_stops_answering_is_down_after_2_s_and_since_the_first_attempt_that_it_left_unanswered() {
        let (knocks, (door, count)) = (Knocks::default(), door(|attempt| attempt == 0));
        assert_eq!(knocks.find(&door, Attempt::Knock).await, (Finding::Answers(Attempt::Knock), None));
        sleep(Duration::from_secs(1)).await;
        let asked_us = knocks.now_us();
        knocks.heard("web-1", Between { since_us: asked_us - 60_000, by_us: asked_us - 59_000 });
        let (finding, changed) = knocks.find(&door, Attempt::Knock).await;
        assert!(matches!(finding, Finding::Silent { .. }));
        assert!(knocks.now_us() - asked_us >= 2_000_000);
        let changed = changed.unwrap();
        assert_eq!(changed.since_us, asked_us - 60_000);
        assert!((asked_us..asked_us + 1_000_000).contains(&changed.by_us), "{changed:?} of {asked_us}");
        let most = (knocks.now_us() - asked_us) / EVERY_US + 2;
        assert!(count.load(Ordering::Relaxed) as u64 <= most, "no more than four a second: {count:?}");
        assert_eq!(knocks.find(&door, Attempt::Knock).await.1, Some(changed), "it is known to be down");
    }

    #[tokio::test]
    async fn a_server_that_answers_the_second_attempt_is_not_down() {
        let (knocks, (door, _)) = (Knocks::default(), door(|attempt| attempt != 1));
        for _ in 0..5 {
            assert_eq!(knocks.find(&door, Attempt::Knock).await, (Finding::Answers(Attempt::Knock), None));
        }
    }

    #[tokio::test]
    async fn all_that_ask_at_once_share_the_attempts() {
        let (knocks, (door, count)) = (Knocks::default(), door(|_| false));
        let asked_us = knocks.now_us();
        let asked = (0..10).map(|_| knocks.find(&door, Attempt::Knock));
        for (finding, _) in futures::future::join_all(asked).await {
            assert!(matches!(finding, Finding::Silent { .. }));
        }
        let most = (knocks.now_us() - asked_us) / EVERY_US + 2;
        assert!(count.load(Ordering::Relaxed) as u64 <= most, "{count:?}");
    }

    #[tokio::test]
    async fn an_answer_counts_though_its_caller_gave_up() {
        let slow = |_, _| -> BoxFuture<'static, io::Result<()>> {
            Box::pin(async {
                sleep(Duration::from_millis(600)).await;
                Ok(())
            })
        };
        let (knocks, door) =
            (Knocks::default(), Door { name: "web-1".into(), at_once: AT_ONCE, attempt: Arc::new(slow) });
        let given_up = tokio::time::timeout(Duration::from_millis(300), knocks.find(&door, Attempt::Knock)).await;
        assert!(given_up.is_err());
        sleep(Duration::from_secs(1)).await;
        let answered = knocks.of("web-1", |signs| signs.finding(0, 1));
        assert_eq!(answered, Some(Finding::Answers(Attempt::Knock)));
        assert_eq!(knocks.find(&door, Attempt::Knock).await, (Finding::Answers(Attempt::Knock), None));
    }
}
