//! Writes a run's history to disk as it happens.
//!
//! A [`RunRecorder`] owns the files of a run and the one thread that writes them; a [`Recorder`] is a handle to
//! it on behalf of one scenario. Events and data are never dropped; requests wait in a bounded queue, and what does not fit is
//! counted and recorded as [`Event::RecorderDropped`], which makes the scenario's verdict `invalid`.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::awaited::Awaited;
use crate::clock::Clock;

use super::data::DataRecord;
use super::event::{Event, Record};
use super::requests::{Request, Source};
use super::writer::{Layout, Message, Place, Writer};

/// Requests that may wait for the disk: 24 MB, over three minutes at 5,000 a second.
const QUEUE_MAX: usize = 1_000_000;

/// A handle to record into a run's history on behalf of one scenario. Cheap to clone; never blocks on the disk.
#[derive(Debug, Clone)]
pub struct Recorder {
    clock: Clock,
    scenario: u32,
    sink: Sink,
    awaited: Awaited,
}

#[derive(Debug, Clone)]
enum Sink {
    Disk { queue: Sender<Message>, waiting: Arc<AtomicUsize>, limit: usize },
    Memory(Memory),
}

impl Recorder {
    /// A recorder that keeps everything in memory, and what it kept: for tests and benchmarks.
    pub fn memory(clock: Clock) -> (Recorder, Memory) {
        let memory = Memory::default();
        let sink = Sink::Memory(memory.clone());
        (Recorder { clock, scenario: 0, sink, awaited: Awaited::default() }, memory)
    }

    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What is waited for on behalf of whoever has this handle, or a clone of it. It is shown, and never recorded.
    pub fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// Records what happened now.
    pub fn record(&self, event: Event) {
        self.record_at(self.clock.now_us(), 0, event);
    }

    /// Records what happened at `at_us`, known to `resolution_us`.
    pub fn record_at(&self, at_us: u64, resolution_us: u64, event: Event) {
        let record = Record { at_us, scenario: self.scenario, resolution_us, event };
        match record.event {
            Event::BalancerSessions { .. }
            | Event::NginxStatus { .. }
            | Event::Observed { .. }
            | Event::Pressure { .. }
            | Event::DatabaseView { .. } => {
                tracing::trace!(at_us, scenario = self.scenario, "{:?}", record.event);
            }
            _ => tracing::info!(at_us, scenario = self.scenario, "{:?}", record.event),
        }
        match &self.sink {
            // The queue is closed only once the run is finished: what comes later belongs to no run.
            Sink::Disk { queue, .. } => drop(queue.send(Message::Event(record))),
            Sink::Memory(memory) => memory.kept().events.push(record),
        }
    }

    /// Records requests; prober's in the order of their due times.
    pub fn requests(&self, source: Source, requests: Vec<Request>) {
        match &self.sink {
            Sink::Memory(memory) => memory.kept().requests.extend(requests.into_iter().map(|r| (source, r))),
            Sink::Disk { queue, waiting, limit } => {
                let count = requests.len();
                if waiting.fetch_add(count, Ordering::Relaxed) + count > *limit {
                    waiting.fetch_sub(count, Ordering::Relaxed);
                    self.record(Event::RecorderDropped { events: count as u64 });
                } else {
                    let _ = queue.send(Message::Requests { scenario: self.scenario, source, requests });
                }
            }
        }
    }

    /// Records what users did, or what a database held.
    pub fn data(&self, records: Vec<DataRecord>) {
        match &self.sink {
            Sink::Disk { queue, .. } => drop(queue.send(Message::Data { scenario: self.scenario, records })),
            Sink::Memory(memory) => memory.kept().data.extend(records),
        }
    }

    /// Waits until everything that this thread recorded before is on disk, for those who read the files of a run
    /// that still goes on.
    ///
    /// # Errors
    /// The first that writing met.
    pub async fn sync(&self) -> io::Result<()> {
        let Sink::Disk { queue, .. } = &self.sink else { return Ok(()) };
        let (reply, written) = tokio::sync::oneshot::channel();
        queue.send(Message::Sync(Box::new(|result| drop(reply.send(result))))).map_err(|_| finished())?;
        written.await.map_err(|_| finished())?
    }

    /// [`sync`](Self::sync) for threads that may block.
    ///
    /// # Errors
    /// The first that writing met.
    pub fn flush(&self) -> io::Result<()> {
        let Sink::Disk { queue, .. } = &self.sink else { return Ok(()) };
        let (reply, written) = mpsc::sync_channel(1);
        queue.send(Message::Sync(Box::new(move |result| drop(reply.send(result))))).map_err(|_| finished())?;
        written.recv().map_err(|_| finished())?
    }
}

fn finished() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the run's recording is finished")
}

/// What a recorder of [`Recorder::memory`] kept.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Record>,
    requests: Vec<(Source, Request)>,
    data: Vec<DataRecord>,
}

impl Memory {
    /// The events so far.
    pub fn events(&self) -> Vec<Record> {
        self.kept().events.clone()
    }

    /// The events since they were taken the last time.
    pub fn take_events(&self) -> Vec<Record> {
        std::mem::take(&mut self.kept().events)
    }

    /// The requests of one source so far.
    pub fn requests(&self, source: Source) -> Vec<Request> {
        self.kept().requests.iter().filter(|(of, _)| *of == source).map(|(_, request)| *request).collect()
    }

    /// The records of data so far.
    pub fn data(&self) -> Vec<DataRecord> {
        self.kept().data.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files of a run and the thread that writes them. Dropping it finishes it too, but hides errors.
#[derive(Debug)]
pub struct RunRecorder {
    clock: Clock,
    queue: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
    writer: Option<JoinHandle<io::Result<()>>>,
    failed: watch::Receiver<bool>,
}

impl RunRecorder {
    /// Records everything together: creates `events.ndjson` and `requests.bin` in `dir`, which must exist, and starts
    /// the writer; `operations.ndjson` comes with its first line.
    ///
    /// # Errors
    /// When a file cannot be created; it is named.
    pub fn create(dir: &Path, clock: Clock) -> io::Result<RunRecorder> {
        Self::start(Place::create(dir, Layout::Together)?, clock, QUEUE_MAX)
    }

    /// Records each scenario into a folder of its own, `scenarios/00` and so on in `dir`, which must exist.
    ///
    /// # Errors
    /// When a folder cannot be created; it is named.
    pub fn create_by_scenario(dir: &Path, clock: Clock) -> io::Result<RunRecorder> {
        Self::start(Place::create(dir, Layout::ByScenario)?, clock, QUEUE_MAX)
    }

    fn start(place: Place, clock: Clock, limit: usize) -> io::Result<RunRecorder> {
        let (queue, messages) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (fails, failed) = watch::channel(false);
        let writer = Writer::new(place, Arc::clone(&waiting), fails);
        let writer = std::thread::Builder::new().name("recorder".into()).spawn(move || writer.run(&messages))?;
        Ok(RunRecorder { clock, queue, waiting, limit, writer: Some(writer), failed })
    }

    /// A handle to record on behalf of this scenario.
    pub fn scenario(&self, index: u32) -> Recorder {
        let sink = Sink::Disk { queue: self.queue.clone(), waiting: self.waiting.clone(), limit: self.limit };
        Recorder { clock: self.clock, scenario: index, sink, awaited: Awaited::default() }
    }

    /// Waits until something could not be written: from then on nothing is recorded. Never ends otherwise.
    pub async fn failed(&self) {
        let mut failed = self.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            std::future::pending().await
        }
    }

    /// Writes what is still queued and closes the files. Recorders that live on record nothing any more.
    ///
    /// # Errors
    /// The first that writing met.
    pub fn finish(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let _ = self.queue.send(Message::Finish);
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the recorder's thread panicked")))
    }
}

impl Drop for RunRecorder {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
