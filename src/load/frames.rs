//! What the users' process tells the harness, on one stream: frames of a kind, a length and a payload.
//!
//! A frame of requests is a whole request log. A process that is killed may leave a cut frame.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::history::request_log::{Chunks, RequestLogWriter};
use crate::history::{Request, Source};

/// More than any frame a worker would send (20 a second of a few hundred requests): a longer one is damaged.
const LONGEST: u32 = 64 << 20;

/// What is told at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Frame {
    /// What users met.
    Requests(Vec<Request>),
    /// The last user has come, and met what its first request met.
    Arrived,
}

/// Writes a frame; it is not flushed.
pub(super) fn write(out: &mut impl Write, frame: &Frame) -> io::Result<()> {
    let (kind, payload) = match frame {
        Frame::Requests(requests) => (0, log_of(requests)?),
        Frame::Arrived => (1, Vec::new()),
    };
    let length = u32::try_from(payload.len()).map_err(|_| io::Error::other("a frame of more than 4 GB"))?;
    out.write_all(&[kind])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&payload)
}

/// Reads the next whole frame; `None` at the end, where a cut frame counts as the end.
///
/// # Errors
/// In words, for what no worker of this version wrote.
pub(super) fn read(input: &mut impl Read) -> Result<Option<Frame>, String> {
    let mut head = [0; 5];
    if !whole(input.read_exact(&mut head))? {
        return Ok(None);
    }
    let [kind, length @ ..] = head;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(format!("a frame of {length} bytes"));
    }
    let mut payload = vec![0; length as usize];
    if !whole(input.read_exact(&mut payload))? {
        return Ok(None);
    }
    match kind {
        0 => requests_of(&payload).map(Frame::Requests).map(Some),
        1 => Ok(Some(Frame::Arrived)),
        other => Err(format!("a frame of the unknown kind {other}")),
    }
}

/// Whether all that was wanted came; the end of the input is no error.
fn whole(read: io::Result<()>) -> Result<bool, String> {
    match read {
        Ok(()) => Ok(true),
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(why) => Err(why.to_string()),
    }
}

fn log_of(requests: &[Request]) -> io::Result<Vec<u8>> {
    let mut log = Vec::new();
    RequestLogWriter::new(&mut log)?.write(0, Source::User, requests)?;
    Ok(log)
}

fn requests_of(log: &[u8]) -> Result<Vec<Request>, String> {
    let mut chunks = Chunks::new(log, Path::new("the users' process")).map_err(|why| why.to_string())?;
    let mut requests = Vec::new();
    while let Some(chunk) = chunks.next(|_| true).map_err(|why| why.to_string())? {
        requests.extend(chunk);
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;

    fn frames() -> [Frame; 3] {
        let request = Request { due_us: 7, late_us: 0, latency_us: 3, outcome: Outcome::Status(503) };
        [Frame::Requests(Vec::new()), Frame::Requests(vec![request; 3]), Frame::Arrived]
    }

    fn written() -> Vec<u8> {
        let mut bytes = Vec::new();
        frames().iter().for_each(|frame| write(&mut bytes, frame).unwrap());
        bytes
    }

    fn read_all(mut bytes: &[u8]) -> Result<Vec<Frame>, String> {
        let mut frames = Vec::new();
        while let Some(frame) = read(&mut bytes)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn frames_read_back() {
        assert_eq!(read_all(&written()).unwrap(), frames());
    }

    #[test]
    fn a_stream_may_be_cut_anywhere() {
        let bytes = written();
        for cut in 0..bytes.len() {
            let read = read_all(&bytes[..cut]).unwrap();
            assert!(read.len() < 3 && read == frames()[..read.len()], "cut at {cut}");
        }
    }

    #[test]
    fn what_no_worker_wrote_is_refused() {
        assert!(read_all(&[9, 0, 0, 0, 0]).unwrap_err().contains("kind 9"));
        assert!(read_all(&[0, 255, 255, 255, 255]).unwrap_err().contains("4294967295 bytes"));
        assert!(read_all(&[0, 1, 0, 0, 0, b'x']).is_err());
    }
}
