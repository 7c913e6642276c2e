//! Looks again and again on behalf of an observer, and records when it goes blind and when it sees again.

use tokio::time::MissedTickBehavior;

use super::{Kind, Look, Observer, ObserverError};
use crate::history::{Event, Recorder};
use crate::measure::sight::MISSED_US;

/// Looks at the observer's own pace for as long as the task lives.
pub(super) async fn watch_on(observer: Box<dyn Observer>, recorder: Recorder) {
    let mut ticks = tokio::time::interval(observer.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watcher = Watcher::new(observer, recorder);
    loop {
        ticks.tick().await;
        watcher.look().await;
    }
}

/// An observer, and whether it sees.
struct Watcher {
    observer: Box<dyn Observer>,
    recorder: Recorder,
    past: Past,
    blindness: Blindness,
}

impl Watcher {
    fn new(observer: Box<dyn Observer>, recorder: Recorder) -> Self {
        let past = Past::new(recorder.clock().now_us());
        let blindness = Blindness::new(recorder.clone(), observer.watches());
        Watcher { observer, recorder, past, blindness }
    }

    /// One look. Says when the observer goes blind, when that has another reason, and when it sees again.
    async fn look(&mut self) {
        let began_us = self.recorder.clock().now_us();
        let since_us = self.past.since_us(began_us);
        let mut look = Look { recorder: &self.recorder, since_us, made_us: None, blindness: &mut self.blindness };
        let outcome = self.observer.observe(&mut look).await;
        let now_us = self.recorder.clock().now_us();
        self.past.add(began_us, now_us, outcome.is_ok());
        self.blindness.turn(now_us, outcome.as_ref().copied());
    }
}

/// Whether an observer is blind, and for which kind of reason.
pub(super) struct Blindness {
    recorder: Recorder,
    /// What observes, and what it watches.
    who: (String, String),
    reason: Option<Kind>,
    /// When that was recorded last, in microseconds of the run's clock.
    turned_us: u64,
}

impl Blindness {
    pub fn new(recorder: Recorder, who: (String, String)) -> Blindness {
        Blindness { recorder, who, reason: None, turned_us: 0 }
    }

    /// Whether it sees at a moment, or why it does not. Only a change is recorded. Moments of one observer never run
    /// backwards.
    pub fn turn(&mut self, at_us: u64, sees: Result<(), &ObserverError>) {
        let reason = sees.err().map(ObserverError::kind);
        if reason == self.reason {
            return;
        }
        let (observer, of) = self.who.clone();
        self.turned_us = at_us.max(self.turned_us);
        let event = match sees {
            Ok(()) => Event::ObserverSees { observer, of },
            Err(why) => Event::ObserverBlind { observer, of, detail: why.to_string(), servers: why.servers().to_vec() },
        };
        self.recorder.record_at(self.turned_us, 0, event);
        self.reason = reason;
    }
}

/// The looks so far, as moments in microseconds of the run's clock.
struct Past {
    /// When the last look began that saw.
    seen_us: u64,
    /// When the last look began, whether it saw or not.
    looked_us: u64,
    /// When it went blind, if it is.
    blind_us: Option<u64>,
}

impl Past {
    fn new(now_us: u64) -> Past {
        Past { seen_us: now_us, looked_us: now_us, blind_us: None }
    }

    fn add(&mut self, began_us: u64, ended_us: u64, saw: bool) {
        self.looked_us = began_us;
        if saw {
            (self.seen_us, self.blind_us) = (began_us, None);
        } else {
            self.blind_us.get_or_insert(ended_us);
        }
    }

    /// When a change that a look sees which begins now had not happened yet: at the last look that saw, if no more than a few
    /// looks were missed since. A longer blindness counts as such ([`crate::measure::observations`]), or its reason is known:
    /// what was not there had nothing to be seen of.
    fn since_us(&self, now_us: u64) -> u64 {
        let missed = |blind_us| now_us.saturating_sub(blind_us) <= MISSED_US;
        if self.blind_us.is_none_or(missed) { self.seen_us } else { self.looked_us }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;
    use crate::clock::Clock;
    use crate::history::read_events;
    use crate::history::recorder::RunRecorder;

    /// Sees a change, or not, as it was told to.
    struct Scripted(VecDeque<Result<u32, ObserverError>>);

    #[async_trait]
    impl Observer for Scripted {
        fn watches(&self) -> (String, String) {
            ("scripted".into(), "lb-1".into())
        }

        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }

        async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
            let seen = self.0.pop_front().expect("one look for each entry");
            seen.map(|strike| look.changed(Event::InjectionStarted { strike }))
        }
    }

    /// What is recorded of these looks, one after the other.
    async fn recorded(looks: Vec<Result<u32, ObserverError>>) -> Vec<Event> {
        let folder = tempfile::tempdir().unwrap();
        let run = RunRecorder::create(folder.path(), Clock::start()).unwrap();
        let count = looks.len();
        let mut watcher = Watcher::new(Box::new(Scripted(looks.into())), run.scenario(0));
        for _ in 0..count {
            watcher.look().await;
        }
        drop(watcher);
        run.finish().unwrap();
        let events = read_events(&folder.path().join(crate::history::EVENTS_FILE)).unwrap();
        events.into_iter().map(|record| record.event).collect()
    }

    #[test]
    fn a_change_after_missed_looks_is_known_to_within_the_time_since_the_last_look_that_saw() {
        let mut past = Past::new(0);
        past.add(100_000, 101_000, true);
        assert_eq!(past.since_us(110_000), 100_000);
        for began_us in [110_000, 120_000, 330_000] {
            past.add(began_us, began_us + 1000, false);
        }
        assert_eq!(past.since_us(340_000), 100_000, "it went blind at 111 ms");
        assert_eq!(past.since_us(361_000), 100_000, "that is 250 ms later");
        assert_eq!(past.since_us(361_001), 330_000, "now it counts as blindness");
        past.add(370_000, 371_000, true);
        assert_eq!(past.since_us(380_000), 370_000);
    }

    fn blind(detail: &str) -> Event {
        Event::ObserverBlind { observer: "scripted".into(), of: "lb-1".into(), detail: detail.into(), servers: vec![] }
    }

    #[tokio::test]
    async fn an_observer_that_cannot_see_records_that_it_is_blind_and_nothing_else() {
        let silent = || Err(ObserverError::Silent(Duration::from_millis(300)));
        let gone = Err(ObserverError::Absent("lb-1".into()));
        let sees = Event::ObserverSees { observer: "scripted".into(), of: "lb-1".into() };
        let seen = |strike| Event::InjectionStarted { strike };
        assert_eq!(
            recorded(vec![Ok(1), gone, silent(), silent(), Ok(2), Ok(3)]).await,
            [seen(1), blind("lb-1 is not there"), blind("no answer within 300 ms"), seen(2), sees, seen(3)]
        );
    }
}
