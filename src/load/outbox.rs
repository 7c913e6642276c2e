//! What users met and did, on its way from their process to the harness.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::history::{Ended, Op, Operation, Request};

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
    operations: Vec<Operation>,
    /// What has begun and not ended, by ticket: who, what, when.
    under_way: BTreeMap<u64, (String, Op, u64)>,
    tickets: u64,
    /// That the last user has come is still to be told.
    arrived: bool,
    closed: bool,
}

/// Stands for an operation under way.
pub(super) struct Ticket(u64);

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

    /// An operation is about to be sent. `None`: too late, nothing may be sent any more.
    pub(super) fn begin(&self, process: &str, op: &Op, invoked_us: u64) -> Option<Ticket> {
        lock(&self.gathered).begin(process, op, invoked_us)
    }

    /// It has ended so.
    pub(super) fn end(&self, ticket: Ticket, op: Op, ended_us: u64, outcome: Ended, detail: Option<String>) {
        lock(&self.gathered).end(ticket, op, ended_us, outcome, detail);
    }

    /// Until the harness does not listen any more; then there is nothing left to do.
    pub(super) fn send_regularly(&self) -> ! {
        while self.send(&mut lock(&self.out)).is_ok() {
            std::thread::sleep(SEND_EVERY);
        }
        std::process::exit(1)
    }

    /// Sends the rest, what is still under way as indeterminate, and ends the process before anybody could begin more.
    pub(super) fn send_last(&self, now_us: u64) -> ! {
        let mut out = lock(&self.out);
        lock(&self.gathered).close(now_us);
        let sent = self.send(&mut out).and_then(|()| frames::write(&mut *out, &Frame::End)).and_then(|()| out.flush());
        std::process::exit(i32::from(sent.is_err()))
    }

    fn send(&self, out: &mut BufWriter<File>) -> io::Result<()> {
        let (requests, operations, arrived) = {
            let mut gathered = lock(&self.gathered);
            let gathered = &mut *gathered;
            (take(&mut gathered.requests), take(&mut gathered.operations), take(&mut gathered.arrived))
        };
        // An operation is told before its request: who sees the request finds the operation on record.
        if !operations.is_empty() {
            frames::write(out, &Frame::Operations(operations))?;
        }
        frames::write(out, &Frame::Requests(requests))?;
        if arrived {
            frames::write(out, &Frame::Arrived)?;
        }
        out.flush()
    }
}

impl Gathered {
    fn begin(&mut self, process: &str, op: &Op, invoked_us: u64) -> Option<Ticket> {
        if self.closed {
            return None;
        }
        self.tickets += 1;
        self.under_way.insert(self.tickets, (process.into(), op.clone(), invoked_us));
        Some(Ticket(self.tickets))
    }

    fn end(&mut self, ticket: Ticket, op: Op, ended_us: u64, outcome: Ended, detail: Option<String>) {
        // After the close it has been told already.
        if let Some((process, _, invoked_us)) = self.under_way.remove(&ticket.0) {
            self.operations.push(Operation { process, op, invoked_us, ended_us, outcome, detail });
        }
    }

    fn close(&mut self, now_us: u64) {
        self.closed = true;
        for (process, op, invoked_us) in take(&mut self.under_way).into_values() {
            let (ended_us, outcome) = (now_us, if op.is_write() { Ended::Info } else { Ended::Fail });
            let detail = Some("still under way when the users left".into());
            self.operations.push(Operation { process, op, invoked_us, ended_us, outcome, detail });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_at_the_end_is_told_as_indeterminate_and_only_once() {
        let mut gathered = Gathered::default();
        let first = gathered.begin("u-1", &Op::Post { seq: 1 }, 10).unwrap();
        let second = gathered.begin("u-2", &Op::Post { seq: 1 }, 11).unwrap();
        gathered.end(first, Op::Post { seq: 1 }, 12, Ended::Ok, None);
        gathered.close(20);
        gathered.end(second, Op::Post { seq: 1 }, 21, Ended::Ok, None);
        assert!(gathered.begin("u-1", &Op::Post { seq: 2 }, 22).is_none());
        let told: Vec<_> = gathered.operations.iter().map(|o| (o.process.as_str(), o.ended_us, o.outcome)).collect();
        assert_eq!(told, [("u-1", 12, Ended::Ok), ("u-2", 20, Ended::Info)]);
    }
}
