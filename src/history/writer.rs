//! The thread that writes a run's history to disk, and the files that it writes.
//!
//! A run of scenarios has a folder for each of them, so that reading one back costs what was recorded of it, however many
//! others there are. An attack has one set of files, in its bundle itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::data::{DATA_FILE, DataLine, DataRecord};
use super::event::Record;
use super::request_log::RequestLogWriter;
use super::requests::{Request, Source};
use super::{EVENTS_FILE, REQUESTS_FILE, SCENARIOS_FOLDER, scenario_folder};

/// How old what is not yet on disk may become.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// What is sent to the writer thread.
pub(super) enum Message {
    Event(Record),
    Requests { scenario: u32, source: Source, requests: Vec<Request> },
    Data { scenario: u32, records: Vec<DataRecord> },
    Sync(Reply),
    Finish,
}

/// Tells whoever waits that everything sent before is on disk, or why not.
type Reply = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Which files there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One set for everything, in the folder itself.
    Together,
    /// One set a scenario, each in its own folder.
    ByScenario,
}

/// Where the open files are.
#[derive(Debug)]
pub(super) struct Place {
    dir: PathBuf,
    layout: Layout,
    open: BTreeMap<u32, Files>,
}

impl Place {
    /// Makes what a reader may look for before anything is recorded.
    ///
    /// # Errors
    /// When it can't be made; it is named.
    pub(super) fn create(dir: &Path, layout: Layout) -> io::Result<Place> {
        let mut place = Place { dir: dir.into(), layout, open: BTreeMap::new() };
        match layout {
            Layout::Together => place.files(0).map(drop)?,
            Layout::ByScenario => make_folder(&dir.join(SCENARIOS_FOLDER))?,
        }
        Ok(place)
    }

    /// The files of a scenario; they are opened when there is something to be written.
    fn files(&mut self, scenario: u32) -> io::Result<&mut Files> {
        let number = if self.layout == Layout::Together { 0 } else { scenario };
        match self.open.entry(number) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(closed) if self.layout == Layout::Together => Ok(closed.insert(Files::open(&self.dir)?)),
            Entry::Vacant(closed) => {
                let dir = self.dir.join(scenario_folder(scenario));
                make_folder(&dir)?;
                Ok(closed.insert(Files::open(&dir)?))
            }
        }
    }

    /// Hands everything to the operating system, and closes the files of scenarios of which nothing was recorded since
    /// the last time: a run may have more of them than a process may have files.
    fn flush(&mut self) -> io::Result<()> {
        self.open.values_mut().try_for_each(Files::flush)?;
        self.open.retain(|_, files| std::mem::take(&mut files.used));
        Ok(())
    }
}

/// The open files of one scenario.
#[derive(Debug)]
struct Files {
    events: BufWriter<File>,
    requests: RequestLogWriter<BufWriter<File>>,
    data: Later,
    used: bool,
}

impl Files {
    /// Opens those in a folder, or makes them.
    fn open(dir: &Path) -> io::Result<Files> {
        let events = append_to(&dir.join(EVENTS_FILE))?;
        let requests = append_to(&dir.join(REQUESTS_FILE))?;
        let is_new = requests.get_ref().metadata()?.len() == 0;
        let requests = if is_new { RequestLogWriter::new(requests)? } else { RequestLogWriter::resume(requests) };
        Ok(Files { events, requests, data: Later { path: dir.join(DATA_FILE), file: None }, used: true })
    }

    fn event(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.events, record)?;
        self.events.write_all(b"\n")
    }

    fn data(&mut self, scenario: u32, records: Vec<DataRecord>) -> io::Result<()> {
        for record in records {
            let file = self.data.file()?;
            serde_json::to_writer(&mut *file, &DataLine { scenario, record })?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.events.flush()?;
        self.requests.flush()?;
        self.data.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => Err(named(path, &why)),
        _ => Ok(()),
    }
}

fn append_to(path: &Path) -> io::Result<BufWriter<File>> {
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(|why| named(path, &why))?;
    Ok(BufWriter::with_capacity(64 * 1024, file))
}

fn named(path: &Path, why: &io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("{}: {why}", path.display()))
}

/// A file that is made when there is something to be written.
#[derive(Debug)]
struct Later {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Later {
    fn file(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.file.is_none() {
            self.file = Some(append_to(&self.path)?);
        }
        Ok(self.file.as_mut().expect("just opened"))
    }
}

/// The writer thread's own.
pub(super) struct Writer {
    place: Place,
    /// How many requests wait for the disk.
    waiting: Arc<AtomicUsize>,
    /// Since when something is not on disk.
    oldest: Option<Instant>,
    /// The first error; after it nothing is written.
    failed: Option<(io::ErrorKind, String)>,
    /// Tells that there was one.
    fails: watch::Sender<bool>,
}

impl Writer {
    /// Nothing was written yet.
    pub(super) fn new(place: Place, waiting: Arc<AtomicUsize>, fails: watch::Sender<bool>) -> Writer {
        Writer { place, waiting, oldest: None, failed: None, fails }
    }

    /// Writes what it receives until the run's recording ends.
    ///
    /// # Errors
    /// The first that writing met.
    pub(super) fn run(mut self, messages: &Receiver<Message>) -> io::Result<()> {
        loop {
            let patience = self.oldest.map_or(FLUSH_EVERY, |since| FLUSH_EVERY.saturating_sub(since.elapsed()));
            match messages.recv_timeout(patience) {
                Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(Message::Sync(reply)) => {
                    self.flush();
                    reply(self.result());
                }
                Ok(Message::Event(record)) => self.write(record.scenario, |files| files.event(&record)),
                Ok(Message::Requests { scenario, source, requests }) => {
                    self.write(scenario, |files| files.requests.write(scenario, source, &requests));
                    self.waiting.fetch_sub(requests.len(), Ordering::Relaxed);
                }
                Ok(Message::Data { scenario, records }) => self.write(scenario, |files| files.data(scenario, records)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.oldest.is_some_and(|since| since.elapsed() >= FLUSH_EVERY) {
                self.flush();
            }
        }
        self.flush();
        self.result()
    }

    fn write(&mut self, scenario: u32, write: impl FnOnce(&mut Files) -> io::Result<()>) {
        self.oldest.get_or_insert_with(Instant::now);
        self.tried(|place| {
            let files = place.files(scenario)?;
            files.used = true;
            write(files)
        });
    }

    fn flush(&mut self) {
        self.tried(Place::flush);
        self.oldest = None;
    }

    fn tried(&mut self, act: impl FnOnce(&mut Place) -> io::Result<()>) {
        if self.failed.is_some() {
            return;
        }
        if let Err(why) = act(&mut self.place) {
            self.failed = Some((why.kind(), why.to_string()));
            self.fails.send_replace(true);
        }
    }

    fn result(&self) -> io::Result<()> {
        self.failed.clone().map_or(Ok(()), |(kind, why)| Err(io::Error::new(kind, why)))
    }
}
