//! The logs of services on servers whose files this machine does not have: a [follower](crate::agent::follow) on the server
//! reports what is appended, over a stream of its own, and the bundle gets it with moments of the run's clock.
//!
//! They are for people who read a bundle. Nothing is judged by them, so what is missing is said in the file and nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::instances::living;
use super::streams::{AGAIN, fits, measured_again, next_line, reached};
use crate::agent::follow::FollowOrder;
use crate::agent::follow::reader::{Reader, Report};
use crate::agent::offset::Offset;
use crate::agent::stamp::Within;
use crate::clock::Clock;
use crate::instance::Instance;
use crate::provider::{Lines, Provider, Remote};

mod file;

use file::{Entry, LogFile};

/// How long the streams have to end.
const END: Duration = Duration::from_secs(2);
/// What may wait for the disk: when it is more, nothing is read from the stream.
const WAITING: usize = 64;

/// Logs that are followed. Dropping it stops that; [`stop`](Self::stop) also says so in the files.
pub struct ServiceLogs {
    streams: JoinSet<()>,
    ends: watch::Sender<bool>,
}

impl ServiceLogs {
    /// Follows these files of each server, and writes `<server>/<file name>` below the folder.
    pub fn start(
        provider: &Arc<dyn Provider>,
        followed: &BTreeMap<String, Vec<PathBuf>>,
        folder: &Path,
        instances: &watch::Receiver<Vec<Instance>>,
        clock: Clock,
    ) -> ServiceLogs {
        let (ends, ended) = watch::channel(false);
        let mut streams = JoinSet::new();
        for (server, logs) in followed {
            let name = |log: &PathBuf| folder.join(server).join(log.file_name().unwrap_or(log.as_os_str()));
            let files: Vec<LogFile> = logs.iter().map(|log| LogFile::at(name(log))).collect();
            let (out, written) = mpsc::channel(WAITING);
            let following = Following {
                server: server.clone(),
                logs: logs.clone(),
                out,
                provider: Arc::clone(provider),
                instances: instances.clone(),
                clock,
                until_us: clock.now_us(),
            };
            streams.spawn_blocking(move || write_all(files, written));
            streams.spawn(following.run(ended.clone()));
        }
        ServiceLogs { streams, ends }
    }

    /// Ends the streams.
    pub async fn stop(mut self) {
        let _ = self.ends.send(true);
        let _ = timeout(END, async { while self.streams.join_next().await.is_some() {} }).await;
        self.streams.shutdown().await;
    }
}

/// Lines of one of the logs, by its place, with their moment on the run's clock.
struct Written {
    log: usize,
    at_us: u64,
    entries: Vec<Entry>,
}

/// Writes, on a thread that may wait for the disk, until nothing more comes.
fn write_all(mut files: Vec<LogFile>, mut written: mpsc::Receiver<Written>) {
    while let Some(Written { log, at_us, entries }) = written.blocking_recv() {
        files[log].write(at_us, &entries);
    }
}

/// The logs of one server.
struct Following {
    server: String,
    logs: Vec<PathBuf>,
    /// What is to be written of them.
    out: mpsc::Sender<Written>,
    provider: Arc<dyn Provider>,
    instances: watch::Receiver<Vec<Instance>>,
    clock: Clock,
    /// Up to this moment of the run's clock it is known what was appended.
    until_us: u64,
}

/// A follower that runs.
struct Stream {
    remote: Box<dyn Remote>,
    lines: Lines,
    reader: Reader,
    offset: Offset,
    since_us: u64,
}

impl Following {
    async fn run(mut self, mut ends: watch::Receiver<bool>) {
        tokio::select! {
            _ = ends.wait_for(|ends| *ends) => {}
            () = self.follow() => {}
        }
        self.say_of_all("followed until here").await;
    }

    /// Until there are no instances any more.
    async fn follow(&mut self) {
        let mut said = None;
        while let Some(instance) = self.next_instance().await {
            let why = match self.begin(&instance).await {
                Ok(stream) => {
                    let why = self.listen(stream).await;
                    said = None;
                    format!("the stream broke: {why}; what was written from here until it came back is missing")
                }
                Err(why) => format!("it can't be followed: {why}"),
            };
            if said.as_ref() != Some(&why) {
                self.say_of_all(&why).await;
                said = Some(why);
            }
            sleep(AGAIN).await;
        }
    }

    async fn next_instance(&mut self) -> Option<Instance> {
        let server = self.server.clone();
        let lives = |listed: &Vec<Instance>| living(listed, &server).is_ok();
        let listed = self.instances.wait_for(lives).await.ok()?;
        living(&listed, &server).ok().cloned()
    }

    /// Starts a follower, or says why there is none.
    async fn begin(&self, instance: &Instance) -> Result<Stream, String> {
        let (remote, offset) = reached(&*self.provider, instance).await?;
        let since_us = self.clock.now_us();
        let program = remote.program(None).await.map_err(|why| why.to_string())?.path;
        let order = FollowOrder { logs: self.logs.clone() };
        let lines = remote.stream(&order.command(&program)).await.map_err(|why| why.to_string())?;
        Ok(Stream { remote, lines, reader: Reader::new(self.logs.len()), offset, since_us })
    }

    /// Writes what a follower says until it says no more; why.
    async fn listen(&mut self, stream: Stream) -> String {
        let Stream { remote, mut lines, mut reader, mut offset, since_us } = stream;
        let provider = Arc::clone(&self.provider);
        let mut measured = std::pin::pin!(measured_again(&*provider, &*remote));
        loop {
            let line = tokio::select! {
                line = next_line(&mut lines, "follower") => line,
                found = &mut measured => {
                    offset = found;
                    measured.set(measured_again(&*provider, &*remote));
                    continue;
                }
            };
            let report = line.and_then(|line| reader.read(&line).map_err(|why| why.to_string()));
            let Report { log, read_us, said } = match report {
                Ok(report) => report,
                Err(why) => return why,
            };
            let at = offset.on(self.clock, Within { not_before_us: read_us, by_us: read_us });
            if !fits(at, since_us, self.clock.now_us()) {
                return "its follower's stamps do not fit what was measured of its clock".into();
            }
            // By then it surely had been read; also where the clock was measured more exactly meanwhile.
            self.until_us = self.until_us.max(at.by_us);
            self.write(log, said.into_iter().map(Entry::from).collect()).await;
        }
    }

    async fn say_of_all(&self, what: &str) {
        for log in 0..self.logs.len() {
            self.write(log, vec![Entry::Note(what.into())]).await;
        }
    }

    /// With the moment up to which all is known.
    async fn write(&self, log: usize, entries: Vec<Entry>) {
        if !entries.is_empty() {
            let _ = self.out.send(Written { log, at_us: self.until_us, entries }).await;
        }
    }
}
