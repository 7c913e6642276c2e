//! The request log `requests.bin`: every request of a scenario (or of several), exact to the microsecond.
//!
//! After an 8-byte magic come self-contained chunks. A chunk is a header (little endian: scenario u32, source u8,
//! count u32, payload length u32, first due time u64, checksum of the payload u32, checksum of the header so far u32)
//! and a payload of delta-coded varints, 4 to 7 bytes a request (500/s: 5). So a log can be cut anywhere: a last
//! chunk that is not whole (the writer was killed) is ignored, anything else that does not fit is an error.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::plausible::latest_us;
use super::requests::{Outcome, Request, Source};

mod tail;

pub(crate) use tail::Tail;

/// The first bytes of a request log; the last one is the version.
const MAGIC: [u8; 8] = *b"chimprq\x01";
const HEADER_LEN: usize = 29;
/// More requests than this in one call become several chunks, so that a reader's memory is bounded too.
const CHUNK_MAX: usize = 65_536;
/// The longest a request can be: two 10-byte varints, a 5-byte and a 3-byte one.
const RECORD_MAX: usize = 28;

/// Why a request log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RequestLogError {
    /// The file system refused.
    #[error("{}: can't be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It is no request log, or one of another version.
    #[error("{}: not a request log of version 1", .path.display())]
    NotALog { path: PathBuf },
    /// What is written there cannot be true.
    #[error("{} is corrupt at byte {offset}: {what}", .path.display())]
    Corrupt { path: PathBuf, offset: u64, what: &'static str },
}

/// Appends requests to a log.
#[derive(Debug)]
pub struct RequestLogWriter<W: Write> {
    out: W,
    payload: Vec<u8>,
}

impl<W: Write> RequestLogWriter<W> {
    /// Begins a log: writes its magic.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        Ok(RequestLogWriter { out, payload: Vec::new() })
    }

    /// Goes on with a log that was begun before.
    pub fn resume(out: W) -> Self {
        RequestLogWriter { out, payload: Vec::new() }
    }

    /// Appends requests, in this order.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, scenario: u32, source: Source, requests: &[Request]) -> io::Result<()> {
        for chunk in requests.chunks(CHUNK_MAX) {
            self.payload.clear();
            encode(chunk, &mut self.payload);
            let header = Header {
                scenario,
                source,
                count: chunk.len() as u32,
                length: self.payload.len() as u32,
                base_us: chunk[0].due_us,
                check: checksum(&self.payload),
            };
            self.out.write_all(&header.to_bytes())?;
            self.out.write_all(&self.payload)?;
        }
        Ok(())
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads one scenario's requests of one source from a log, in the order they were written, a chunk at a time.
///
/// # Errors
/// When the file cannot be opened or is no request log; the iterator's own errors name file and offset.
pub fn read(
    path: &Path,
    scenario: u32,
    source: Source,
) -> Result<impl Iterator<Item = Result<Request, RequestLogError>>, RequestLogError> {
    let file = File::open(path).map_err(|source| RequestLogError::Unreadable { path: path.into(), source })?;
    let mut chunks = Chunks::new(BufReader::new(file), path)?;
    let mut chunk = Vec::new().into_iter();
    Ok(std::iter::from_fn(move || {
        loop {
            if let Some(request) = chunk.next() {
                return Some(Ok(request));
            }
            match chunks.next(|header| header.scenario == scenario && header.source == source) {
                Ok(Some(requests)) => chunk = requests.into_iter(),
                Ok(None) => return None,
                Err(why) => return Some(Err(why)),
            }
        }
    }))
}

/// The chunks of a log, one after another; of a file or of a pipe.
pub(crate) struct Chunks<R> {
    input: R,
    path: PathBuf,
    offset: u64,
    failed: bool,
}

impl<R: Read> Chunks<R> {
    /// Begins to read; `path` is what errors call it.
    pub(crate) fn new(mut input: R, path: &Path) -> Result<Self, RequestLogError> {
        let mut magic = [0; MAGIC.len()];
        let read =
            fill(&mut input, &mut magic).map_err(|source| RequestLogError::Unreadable { path: path.into(), source })?;
        // A writer killed before its first flush leaves an empty or cut file: a log without requests.
        if magic[..read] != MAGIC[..read] {
            return Err(RequestLogError::NotALog { path: path.into() });
        }
        Ok(Chunks { input, path: path.into(), offset: read as u64, failed: false })
    }

    /// The requests of the next whole chunk that is wanted; `None` at the end, where a cut chunk counts as the end.
    pub(crate) fn next(&mut self, wanted: impl Fn(&Header) -> bool) -> Result<Option<Vec<Request>>, RequestLogError> {
        while !self.failed {
            let Some(header) = self.header().inspect_err(|_| self.failed = true)? else { return Ok(None) };
            if !wanted(&header) {
                self.skip(&header)?;
                continue;
            }
            return self.payload(&header).inspect_err(|_| self.failed = true);
        }
        Ok(None)
    }

    fn header(&mut self) -> Result<Option<Header>, RequestLogError> {
        let mut bytes = [0; HEADER_LEN];
        let read = fill(&mut self.input, &mut bytes).map_err(|why| self.unreadable(why))?;
        if read < HEADER_LEN {
            return Ok(None);
        }
        let header = Header::from_bytes(&bytes).ok_or_else(|| self.corrupt("a chunk's header"))?;
        self.offset += HEADER_LEN as u64;
        Ok(Some(header))
    }

    fn skip(&mut self, header: &Header) -> Result<(), RequestLogError> {
        self.offset += u64::from(header.length);
        let mut payload = self.input.by_ref().take(u64::from(header.length));
        io::copy(&mut payload, &mut io::sink()).map(drop).map_err(|why| self.unreadable(why))
    }

    fn payload(&mut self, header: &Header) -> Result<Option<Vec<Request>>, RequestLogError> {
        let mut payload = vec![0; header.length as usize];
        let read = fill(&mut self.input, &mut payload).map_err(|why| self.unreadable(why))?;
        if read < payload.len() {
            return Ok(None);
        }
        if checksum(&payload) != header.check {
            return Err(self.corrupt("a chunk's checksum"));
        }
        let requests = decode(&payload, header).ok_or_else(|| self.corrupt("a chunk's requests"))?;
        self.offset += u64::from(header.length);
        Ok(Some(requests))
    }

    fn unreadable(&self, source: io::Error) -> RequestLogError {
        RequestLogError::Unreadable { path: self.path.clone(), source }
    }

    fn corrupt(&self, what: &'static str) -> RequestLogError {
        RequestLogError::Corrupt { path: self.path.clone(), offset: self.offset, what }
    }
}

/// What a chunk says of itself.
pub(crate) struct Header {
    scenario: u32,
    source: Source,
    count: u32,
    length: u32,
    base_us: u64,
    check: u32,
}

impl Header {
    fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..4].copy_from_slice(&self.scenario.to_le_bytes());
        bytes[4] = match self.source {
            Source::Prober => 0,
            Source::User => 1,
        };
        bytes[5..9].copy_from_slice(&self.count.to_le_bytes());
        bytes[9..13].copy_from_slice(&self.length.to_le_bytes());
        bytes[13..21].copy_from_slice(&self.base_us.to_le_bytes());
        bytes[21..25].copy_from_slice(&self.check.to_le_bytes());
        let check = checksum(&bytes[..25]);
        bytes[25..29].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// `None` if its checksum or its content cannot be right.
    fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Option<Header> {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let header = Header {
            scenario: u32_at(0),
            source: match bytes[4] {
                0 => Source::Prober,
                1 => Source::User,
                _ => return None,
            },
            count: u32_at(5),
            length: u32_at(9),
            base_us: u64::from_le_bytes(bytes[13..21].try_into().expect("eight bytes")),
            check: u32_at(21),
        };
        let sane = header.count as usize <= CHUNK_MAX && header.length as usize <= CHUNK_MAX * RECORD_MAX;
        (sane && checksum(&bytes[..25]) == u32_at(25)).then_some(header)
    }
}

/// Due times as differences of differences (a steady rate costs one byte), latency without the lateness it contains,
/// and the outcome in that number's lowest three bits.
fn encode(requests: &[Request], out: &mut Vec<u8>) {
    let (mut due, mut step) = (requests[0].due_us, 0_i64);
    for request in requests {
        let this_step = request.due_us.wrapping_sub(due) as i64;
        put(out, zigzag(this_step.wrapping_sub(step)));
        (due, step) = (request.due_us, this_step);
        put(out, u64::from(request.late_us));
        let (code, status) = code(request.outcome);
        let rest = i64::from(request.latency_us) - i64::from(request.late_us);
        put(out, zigzag(rest) << 3 | code);
        if let Some(status) = status {
            put(out, u64::from(status));
        }
    }
}

/// The requests of a payload; `None` if it is not exactly that.
fn decode(mut payload: &[u8], header: &Header) -> Option<Vec<Request>> {
    let mut requests = Vec::with_capacity(header.count as usize);
    let (mut due, mut step) = (header.base_us, 0_i64);
    for _ in 0..header.count {
        step = step.wrapping_add(unzigzag(take(&mut payload)?));
        due = due.wrapping_add(step as u64);
        if due > latest_us() {
            return None;
        }
        let late_us = u32::try_from(take(&mut payload)?).ok()?;
        let packed = take(&mut payload)?;
        let latency = i64::from(late_us).checked_add(unzigzag(packed >> 3))?;
        let outcome = outcome(packed & 7, &mut payload)?;
        requests.push(Request { due_us: due, late_us, latency_us: u32::try_from(latency).ok()?, outcome });
    }
    payload.is_empty().then_some(requests)
}

fn code(outcome: Outcome) -> (u64, Option<u16>) {
    match outcome {
        Outcome::Good => (0, None),
        Outcome::Status(status) => (1, Some(status)),
        Outcome::WrongBody => (2, None),
        Outcome::Timeout => (3, None),
        Outcome::Refused => (4, None),
        Outcome::Broken => (5, None),
        Outcome::NotSent => (6, None),
    }
}

fn outcome(code: u64, payload: &mut &[u8]) -> Option<Outcome> {
    Some(match code {
        0 => Outcome::Good,
        1 => Outcome::Status(u16::try_from(take(payload)?).ok()?),
        2 => Outcome::WrongBody,
        3 => Outcome::Timeout,
        4 => Outcome::Refused,
        5 => Outcome::Broken,
        6 => Outcome::NotSent,
        _ => return None,
    })
}

fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)) as u64
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(n);
        }
    }
    None
}

/// FNV-1a, 32 bits: enough to tell a damaged chunk from a whole one.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Reads until the buffer is full or the input ends; how much it was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Ok(filled)
}

#[cfg(test)]
#[path = "request_log_tests.rs"]
mod tests;
