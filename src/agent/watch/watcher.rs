//! The process that watches a server from there: it looks at each thing at that thing's own pace, and writes a line when
//! something changed, and every [`HEARTBEAT`].
//!
//! It ends when its standard input or output is closed, or when nothing has come over its standard input for
//! [`LISTENED`]. While the output takes nothing, looks continue; once too many changes wait to be written they stop, and
//! the next line says since when.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{HEARTBEAT, LISTENED, Line, MOST_THINGS, Sight, Thing, Told, Unseen, WatchOrder, Within};
use crate::agent::verbs::VerbError;
use crate::clock::monotonic_us;

/// Changes that may wait to be written.
const WAITING: usize = 256;
/// After a look, so many times what it took of the CPU passes before the next: a huge table of routes or servers takes a
/// tenth of one CPU at most, and is looked at less often.
const REST: u32 = 9;
/// Counts of a balancer are news after this long, changed or not.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// Lives as a watcher.
///
/// # Errors
/// When the order asks for too much, or there can be no runtime.
pub(in crate::agent) fn watch(order: WatchOrder) -> Result<(), VerbError> {
    if order.things.len() > MOST_THINGS {
        return Err(VerbError::TooMuch { asked: order.things.len(), most: MOST_THINGS });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| VerbError::System { action: "starting to watch", source })?;
    runtime.block_on(LocalSet::new().run_until(live(order.things)));
    // A thread may be waiting for the standard input.
    runtime.shutdown_background();
    Ok(())
}

/// The last look at each thing that was reported or needs no report; `None` before the first.
type Looked = Rc<RefCell<Vec<Option<Within>>>>;

async fn live(things: Vec<Thing>) {
    let looked: Looked = Rc::new(RefCell::new(vec![None; things.len()]));
    let (out, changes) = mpsc::channel(WAITING);
    for (thing, what) in things.into_iter().enumerate() {
        tokio::task::spawn_local(look_on(thing, what, out.clone(), Rc::clone(&looked)));
    }
    tokio::select! {
        () = write_on(changes, &looked) => {}
        () = listened_to() => {}
    }
}

/// Looks at one thing for as long as the task lives.
async fn look_on(thing: usize, what: Thing, out: mpsc::Sender<Told>, looked: Looked) {
    let mut ticks = interval(what.every());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = Known::default();
    let mut since_us = None;
    loop {
        ticks.tick().await;
        let (not_before_us, before) = (monotonic_us(), cpu_time());
        let seen = what.look().await;
        let at = Within { not_before_us, by_us: monotonic_us() };
        if known.is_news(&seen) && out.send(Told { thing, at, since_us, seen: Some(seen) }).await.is_err() {
            return;
        }
        looked.borrow_mut()[thing] = Some(at);
        since_us = Some(not_before_us);
        // What other looks took meanwhile counts too: all of them together stay below their share.
        let pause = cpu_time().saturating_sub(before) * REST;
        if pause > what.every() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// What this thread, which makes all looks, has taken of the CPU.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// What was said of a thing last.
#[derive(Default)]
struct Known(Option<(Result<Sight, Unseen>, Instant)>);

impl Known {
    fn is_news(&mut self, seen: &Result<Sight, Unseen>) -> bool {
        let is_news = match (&self.0, seen) {
            (None, _) => true,
            (Some((Ok(Sight::Haproxy(_)), at)), Ok(Sight::Haproxy(_))) if at.elapsed() >= COUNTS_EVERY => true,
            (Some((Ok(before), _)), Ok(now)) => now.is_news(before),
            (Some((before, _)), now) => before != now,
        };
        if is_news {
            self.0 = Some((seen.clone(), Instant::now()));
        }
        is_news
    }
}

/// Writes until the output is closed.
async fn write_on(mut changes: mpsc::Receiver<Told>, looked: &Looked) {
    let mut output = tokio::io::stdout();
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut looks = Vec::new();
        tokio::select! {
            biased;
            _ = beats.tick() => {}
            told = changes.recv() => looks.extend(told),
        }
        let is_beat = looks.is_empty();
        // A heartbeat says that all is as was said before: what waits is said first.
        while let Ok(told) = changes.try_recv() {
            looks.push(told);
        }
        if is_beat {
            let last = looked.borrow().clone().into_iter().enumerate();
            let last = last.filter_map(|(thing, at)| Some(Told { thing, at: at?, since_us: None, seen: None }));
            looks.extend(last);
        }
        let line =
            serde_json::to_string(&Line { written_us: monotonic_us(), looks }).expect("a line is plain data") + "\n";
        if output.write_all(line.as_bytes()).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

/// Until the standard input ends, or is silent for too long.
pub(in crate::agent) async fn listened_to() {
    let mut input = tokio::io::stdin();
    let mut some = [0; 64];
    while let Ok(Ok(1..)) = timeout(LISTENED, input.read(&mut some)).await {}
}
