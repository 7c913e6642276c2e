//! goose users, from the harness's side: a child process that is given its job over stdin, streams what its users
//! met over stdout in [`frames`], and stops when stdin closes.
//!
//! goose keeps global state (one stop ends every attack of a process, and dropping an attack leaks its users), so
//! every load is a process of its own: [`worker`]. It lives no longer than the harness.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::history::{Event, Recorder, Source};

use super::frames::{self, Frame};
use super::request::PreparedRequest;
use super::{LoadError, worker};

/// How long the worker may take to end once it was asked to.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the users do: they see the request's pages, in turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsersConfig {
    /// What is sent and what is good.
    pub request: PreparedRequest,
    /// How many users; each has a connection of its own.
    pub users: u32,
    /// A user's pause between two pages, drawn evenly from here…
    pub pause_min: Duration,
    /// …to here.
    pub pause_max: Duration,
    /// After this long a user gives up on an answer.
    pub deadline: Duration,
}

/// What the worker is told, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) config: UsersConfig,
    /// Where the run's clock is zero.
    pub(super) epoch_us: u64,
}

/// Users at work. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct Users {
    worker: Arc<Worker>,
    stdin: Option<ChildStdin>,
    done: oneshot::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// The worker process, shared with the thread that listens to it.
#[derive(Debug)]
struct Worker {
    child: Mutex<Child>,
    stopping: AtomicBool,
    samples: AtomicU64,
}

impl Users {
    /// Starts the users in a child process of this very program, whose `main` calls
    /// [`run_if_asked`](super::run_if_asked). [`Event::UsersStarted`] is recorded when the last of
    /// them has come, [`Event::UsersLost`] if they end by themselves.
    ///
    /// # Errors
    /// For settings that make no sense, and when no process can be started.
    pub fn start(config: UsersConfig, recorder: Recorder) -> Result<Users, LoadError> {
        Self::start_with(Path::new("/proc/self/exe"), config, recorder)
    }

    /// [`start`](Self::start) with another program as the worker.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(program: &Path, config: UsersConfig, recorder: Recorder) -> Result<Users, LoadError> {
        check(&config)?;
        let (tell, told) = std::sync::mpsc::channel();
        let (finished, done) = oneshot::channel();
        let program = program.to_path_buf();
        // The worker dies with the thread that started it (PDEATHSIG), so that thread lives as long as the worker.
        let thread = std::thread::Builder::new()
            .name("users".into())
            .spawn(move || {
                let started = spawn(&program);
                let Ok((worker, stdout, complaints)) = started.map_err(|why| drop(tell.send(Err(why)))) else { return };
                let stdin = worker.child().stdin.take().expect("stdin was piped");
                let users = config.users;
                let job = Job { config, epoch_us: recorder.clock().epoch() };
                let _ = tell.send(Ok((worker.clone(), stdin, job)));
                listen(&worker, stdout, complaints, users, &recorder);
                let _ = finished.send(());
            })
            .map_err(|source| LoadError::System { action: "starting the users' thread", source })?;
        let failed = |source| LoadError::System { action: "starting the users' process", source };
        let (worker, mut stdin, job) =
            told.recv().map_err(|_| LoadError::Panicked { part: "the users' thread" })?.map_err(failed)?;
        let mut line = serde_json::to_vec(&job).map_err(|why| failed(why.into()))?;
        line.push(b'\n');
        // A worker that is already gone is told of by the listening thread.
        let _ = stdin.write_all(&line);
        Ok(Users { worker, stdin: Some(stdin), done, thread: Some(thread) })
    }

    /// How many of the users' requests were recorded so far.
    pub fn samples(&self) -> u64 {
        self.worker.samples.load(Ordering::Relaxed)
    }

    /// The users' process, by its number.
    pub fn process_id(&self) -> u32 {
        self.worker.child().id()
    }

    /// The resident memory of the users' process, in kB; `None` once it is gone.
    pub fn memory_kb(&self) -> Option<u64> {
        let pid = self.process_id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
    }

    /// Stops the users: they are asked to, and killed if they have not ended a second later.
    ///
    /// # Errors
    /// When the thread that listens to them died.
    pub async fn stop(mut self) -> Result<(), LoadError> {
        self.worker.stopping.store(true, Ordering::SeqCst);
        drop(self.stdin.take());
        let finished = match tokio::time::timeout(PATIENCE, &mut self.done).await {
            Ok(finished) => finished.is_ok(),
            Err(_) => {
                // It may have ended just now, which is as well.
                let _ = self.worker.child().kill();
                (&mut self.done).await.is_ok()
            }
        };
        let joined = self.thread.take().is_none_or(|thread| thread.join().is_ok());
        if finished && joined { Ok(()) } else { Err(LoadError::Panicked { part: "the users' thread" }) }
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.worker.stopping.store(true, Ordering::SeqCst);
    }
}

impl Worker {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its end without keeping others from killing it.
    fn wait(&self) -> String {
        loop {
            match self.child().try_wait() {
                Ok(Some(status)) => return status.to_string(),
                Ok(None) => {}
                Err(why) => return why.to_string(),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn check(config: &UsersConfig) -> Result<(), LoadError> {
    let wrong = |field, found: String, expected| Err(LoadError::Setting { field, found, expected });
    if config.users == 0 {
        return wrong("load.users", "0".into(), "at least one user (with none, start no users)");
    }
    if config.pause_min > config.pause_max {
        return wrong("load.pause_min", format!("{:?}", config.pause_min), "not more than `load.pause_max`");
    }
    if config.deadline.is_zero() {
        return wrong("load.deadline", "0".into(), "a deadline above 0");
    }
    Ok(())
}

/// Starts the worker: its stdout, and the file in memory that its complaints go to (a pipe nobody reads could fill).
fn spawn(program: &Path) -> io::Result<(Arc<Worker>, impl Read + use<>, File)> {
    let complaints = File::from(nix::sys::memfd::memfd_create("users-stderr", nix::sys::memfd::MFdFlags::MFD_CLOEXEC)?);
    let mut child = Command::new(program)
        .arg(worker::ARGUMENT)
        // Ctrl-C is the harness's to handle; a worker that saw it too would seem lost.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(complaints.try_clone()?)
        .spawn()?;
    let stdout = child.stdout.take().expect("stdout was piped");
    let worker = Worker { child: Mutex::new(child), stopping: AtomicBool::new(false), samples: AtomicU64::new(0) };
    Ok((Arc::new(worker), stdout, complaints))
}

/// Records what the worker streams, until it ends.
fn listen(worker: &Worker, stdout: impl Read, mut complaints: File, users: u32, recorder: &Recorder) {
    let told = stream(worker, stdout, users, recorder);
    if told.is_err() {
        let _ = worker.child().kill();
    }
    let status = worker.wait();
    if !worker.stopping.load(Ordering::SeqCst) {
        let last = last_line(&mut complaints).unwrap_or_default();
        let detail = [Some(status), told.err(), (!last.is_empty()).then_some(last)];
        recorder.record(Event::UsersLost { detail: detail.into_iter().flatten().collect::<Vec<_>>().join(": ") });
    }
}

fn stream(worker: &Worker, stdout: impl Read, users: u32, recorder: &Recorder) -> Result<(), String> {
    let mut frames = BufReader::new(stdout);
    while let Some(frame) = frames::read(&mut frames)? {
        match frame {
            Frame::Requests(requests) => {
                worker.samples.fetch_add(requests.len() as u64, Ordering::Relaxed);
                recorder.requests(Source::User, requests);
            }
            Frame::Arrived => {
                recorder.record(Event::UsersStarted { users });
            }
        }
    }
    Ok(())
}

fn last_line(file: &mut File) -> io::Result<String> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(2000)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    Ok(tail.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_string())
}
