//! What users met, on its way from their process to the harness.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::history::Request;

use super::frames::{self, Frame};

/// How often what was gathered is sent to the harness.
const SEND_EVERY: Duration = Duration::from_millis(50);

/// Gathers, and sends now and then.
pub(super) struct Outbox {
    gathered: Mutex<Gathered>,
    out: Mutex<BufWriter<File>>,
}

#[derive(Default)]
struct Gathered {
    requests: Vec<Request>,
    /// That the last user has come is still to be told.
    arrived: bool,
}

impl Outbox {
    /// Takes the stdout of the process for itself, so that nothing else can write between frames.
    pub(super) fn new() -> io::Result<Outbox> {
        let out = File::from(nix::unistd::dup(io::stdout())?);
        nix::unistd::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
        Ok(Outbox { gathered: Mutex::default(), out: Mutex::new(BufWriter::new(out)) })
    }

    /// A request has ended.
    pub(super) fn request(&self, request: Request) {
        lock(&self.gathered).requests.push(request);
    }

    /// The last user has come, and its first request has ended.
    pub(super) fn arrived(&self) {
        lock(&self.gathered).arrived = true;
    }

    /// Until the harness does not listen any more; then there is nothing left to do.
    pub(super) fn send_regularly(&self) -> ! {
        while self.send(&mut lock(&self.out)).is_ok() {
            std::thread::sleep(SEND_EVERY);
        }
        std::process::exit(1)
    }

    /// Sends the rest, and ends the process before more can begin.
    pub(super) fn send_last(&self) -> ! {
        let sent = self.send(&mut lock(&self.out));
        std::process::exit(i32::from(sent.is_err()))
    }

    fn send(&self, out: &mut BufWriter<File>) -> io::Result<()> {
        let Gathered { requests, arrived } = take(&mut *lock(&self.gathered));
        frames::write(out, &Frame::Requests(requests))?;
        if arrived {
            frames::write(out, &Frame::Arrived)?;
        }
        out.flush()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
