//! A history that is read while it is still being recorded: each look reads only what came since the last one.

use std::path::{Path, PathBuf};

use super::event::{Event, Record};
use super::event_tail::EventTail;
use super::request_log::Tail;
use super::requests::{Request, Source};
use super::{EVENTS_FILE, FinalState, History, HistoryError, REQUESTS_FILE, SCENARIOS_FOLDER, recorded_in};
use crate::plan::ScenarioPlan;

/// One scenario's history, as far as it was read; without its operations, which nothing asks for while a scenario is
/// watched.
#[derive(Debug)]
pub struct Watched {
    /// The folders of all scenarios, and the one of this.
    folders: (PathBuf, PathBuf),
    events: EventTail,
    requests: Tail,
    history: History,
    since_us: u64,
}

impl Watched {
    /// Nothing was read yet.
    pub fn new(dir: &Path, plan: &ScenarioPlan) -> Self {
        let (events, probes, users) = (Vec::new(), Vec::new(), Vec::new());
        let history = History {
            plan: plan.clone(),
            events,
            probes,
            users,
            works: Vec::new(),
            final_state: FinalState::default(),
        };
        let own = recorded_in(dir, plan.index);
        Watched {
            events: EventTail::new(own.join(EVENTS_FILE)),
            requests: Tail::new(own.join(REQUESTS_FILE)),
            folders: (dir.join(SCENARIOS_FOLDER), own),
            history,
            since_us: 0,
        }
    }

    /// Reads what was written since the last time; the whole history until now. As with [`History::read`], only the
    /// last try of a scenario counts, and what is not whole yet waits for the next look.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn read_on(&mut self) -> Result<&History, HistoryError> {
        // Of a scenario that has not begun there is no folder.
        if self.folders.0.exists() && !self.folders.1.exists() {
            return Ok(&self.history);
        }
        for record in self.events.read_on(Some(self.history.plan.index))? {
            self.event(record);
        }
        let (history, since_us) = (&mut self.history, self.since_us);
        self.requests.read_on(history.plan.index, |source, requests| {
            let all = match source {
                Source::Prober => &mut history.probes,
                Source::User => &mut history.users,
            };
            append(all, requests.into_iter().filter(|request| request.due_us >= since_us));
        })?;
        Ok(&self.history)
    }

    /// What was read.
    pub fn into_history(self) -> History {
        self.history
    }

    fn event(&mut self, record: Record) {
        if matches!(record.event, Event::ScenarioStarted { .. }) {
            let since_us = record.at_us;
            self.since_us = since_us;
            self.history.events.retain(|earlier| earlier.at_us >= since_us);
            self.history.probes.retain(|request| request.due_us >= since_us);
            self.history.users.retain(|request| request.due_us >= since_us);
        }
        if record.at_us < self.since_us {
            return;
        }
        let events = &mut self.history.events;
        let at = match events.last() {
            Some(last) if last.at_us > record.at_us => events.partition_point(|other| other.at_us <= record.at_us),
            _ => events.len(),
        };
        events.insert(at, record);
    }
}

/// Appends requests and puts them in their order; most are in it already.
fn append(all: &mut Vec<Request>, more: impl Iterator<Item = Request>) {
    let before = all.len();
    all.extend(more);
    let Some(first) = all[before..].iter().map(|request| request.due_us).min() else { return };
    let from = all[..before].partition_point(|request| request.due_us <= first);
    all[from..].sort_by_key(|request| request.due_us);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::history::synthetic::Script;
    use crate::history::{Outcome, RunRecorder};

    fn request(due_us: u64) -> Request {
        Request { due_us, late_us: 1, latency_us: 900, outcome: Outcome::Good }
    }

    fn ready(server: &str) -> Event {
        Event::ServerReady { server: server.into(), instance: format!("{server}.1") }
    }

    /// Two scenarios record into one run; whoever looks in between sees what a whole reading sees.
    #[test]
    fn every_look_sees_what_a_whole_reading_sees() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
        let mut plan = Script::website(2, 1).plan();
        plan.index = 1;
        let (ours, other) = (run.scenario(1), run.scenario(11));
        let mut watched = Watched::new(dir.path(), &plan);
        let mut lengths = Vec::new();
        for look in 0..30 {
            if look % 10 == 0 {
                ours.record(Event::ScenarioStarted { attempt: 1 + look / 10 });
                other.record(Event::ScenarioStarted { attempt: 1 });
            }
            let now_us = ours.clock().now_us();
            ours.record_at(now_us, 0, ready("web-1"));
            other.record(ready("web-9"));
            // What an observer saw is recorded after what happened later.
            ours.record_at(now_us.saturating_sub(1), 0, ready("web-2"));
            let dues: Vec<u64> = (0..50).map(|n| now_us + n).collect();
            ours.requests(Source::Prober, dues.iter().copied().map(request).collect());
            ours.requests(Source::User, dues.iter().rev().copied().map(request).collect());
            other.requests(Source::Prober, dues.iter().copied().map(request).collect());
            ours.flush().unwrap();
            let whole = History::read(dir.path(), &plan).unwrap();
            let seen = watched.read_on().unwrap();
            assert!(*seen == whole, "look {look}: {} events of {}", seen.events.len(), whole.events.len());
            lengths.push(seen.probes.len());
        }
        assert_eq!((lengths[9], lengths[10], lengths[29]), (500, 50, 500), "only the last try counts");
    }

    #[test]
    fn what_is_not_whole_yet_waits_for_the_next_look() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
        let plan = Script::website(2, 1).plan();
        let ours = run.scenario(plan.index);
        ours.record(Event::ScenarioStarted { attempt: 1 });
        ours.record(ready("web-1"));
        let later = ours.clock().now_us() + 1_000_000;
        ours.requests(Source::Prober, (0..300).map(|n| request(later + n * 2_000)).collect());
        ours.requests(Source::User, vec![request(later)]);
        run.finish().unwrap();
        let whole = History::read(dir.path(), &plan).unwrap();
        let files = [EVENTS_FILE, REQUESTS_FILE].map(|name| std::fs::read(dir.path().join(name)).unwrap());
        let cut = tempfile::tempdir().unwrap();
        std::fs::write(cut.path().join(EVENTS_FILE), "").unwrap();
        let mut watched = Watched::new(cut.path(), &plan);
        for permille in 0..=1000 {
            for (name, bytes) in [EVENTS_FILE, REQUESTS_FILE].iter().zip(&files) {
                std::fs::write(cut.path().join(name), &bytes[..bytes.len() * permille / 1000]).unwrap();
            }
            watched.read_on().unwrap();
        }
        assert!(*watched.read_on().unwrap() == whole);
        assert_eq!(whole.probes.len(), 300);
    }

    /// What this thread has read from files so far.
    pub(crate) fn bytes_read() -> u64 {
        let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
        io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
    }

    #[test]
    fn a_look_reads_what_came_since_the_last_however_long_the_history_is() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunRecorder::create_by_scenario(dir.path(), Clock::start()).unwrap();
        let plan = Script::website(2, 1).plan();
        let (ours, other) = (run.scenario(plan.index), run.scenario(plan.index + 1));
        let mut watched = Watched::new(dir.path(), &plan);
        let mut read = Vec::new();
        for look in 0..50 {
            let from_us = 1_000_000 + look * 2_000_000;
            for recorder in [&ours, &other] {
                recorder.record_at(from_us, 0, ready("web-1"));
                recorder.requests(Source::Prober, (0..1_000).map(|n| request(from_us + n * 2_000)).collect());
            }
            ours.flush().unwrap();
            let before = bytes_read();
            watched.read_on().unwrap();
            read.push(bytes_read() - before);
        }
        assert_eq!(watched.read_on().unwrap().probes.len(), 50_000);
        let (least, most) = (read.iter().min().unwrap(), read.iter().max().unwrap());
        // What stands in a line or a header may be some bytes longer at times.
        assert!(most - least < 64, "{read:?}");
        assert!(*most < 10_000, "{most} bytes for 1,000 requests of one scenario");
    }
}
