//! One log that is followed: what is appended to the file at a path, from the file's end when following began.
//!
//! Every look reads a bounded part. A log that grows faster is not read in whole, and what was left out is counted. A file
//! that was moved away is read for a while beside the one that took its place, since services write to it until they are
//! told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::{LINE, MOST_BYTES, MOST_LINES, Said};

/// Bytes that one look reads.
const READ: usize = 64 << 10;
/// With more bytes than this to be read, those before the last [`READ`] are left out.
const BEHIND: u64 = 256 << 10;
/// The time for which lines and bytes are counted, in microseconds.
const SECOND_US: u64 = 1_000_000;
/// How long a file that was moved away is read on, in microseconds.
const MOVED_US: u64 = 5_000_000;

/// A log that is followed.
pub(super) struct Log {
    path: PathBuf,
    open: Option<Open>,
    /// The file that was at the path before, and until when it is read.
    former: Option<(Open, u64)>,
    /// Why the path could not be opened last.
    trouble: Option<String>,
    /// Whether there was no file when it was looked for last: one that appears is read from its beginning.
    was_missing: bool,
    allowance: Allowance,
}

/// A file that is read.
struct Open {
    file: File,
    identity: Identity,
    /// What is before this byte has been read.
    at: u64,
    line: Gathered,
}

/// Which file it is, whatever its name.
type Identity = (u64, u64);

/// A line that has not ended yet.
#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    cut: u64,
}

/// What may still be reported in this second, and what was left out.
#[derive(Default)]
struct Allowance {
    since_us: u64,
    lines: u64,
    bytes: usize,
    left_out: u64,
    unread: u64,
}

impl Log {
    pub fn new(path: PathBuf) -> Log {
        Log { path, open: None, former: None, trouble: None, was_missing: false, allowance: Allowance::default() }
    }

    /// What is new by this moment of `CLOCK_MONOTONIC`.
    pub fn look(&mut self, now_us: u64) -> Vec<Said> {
        let mut said = Vec::new();
        self.allowance.renew(now_us, &mut said);
        if let Some((former, until_us)) = &mut self.former {
            // What it says last is worth more than why it can't be read any more.
            let is_read = former.read_on(&mut self.allowance, &mut said).is_err() || now_us >= *until_us;
            if is_read {
                former.line.end(&mut self.allowance, &mut said);
                self.former = None;
            }
        }
        let looked = match identity(&self.path) {
            Ok(found) => self.follow(found, now_us, &mut said),
            Err(why) => {
                // It may have been moved away, and is still written to.
                let read = self.open.as_mut().map(|open| open.read_on(&mut self.allowance, &mut said));
                drop(read);
                Err(why)
            }
        };
        self.was_missing = looked.as_ref().is_err_and(|why| why.kind() == ErrorKind::NotFound);
        self.note(looked, &mut said);
        said
    }

    /// Reads the file at the path, which is this one.
    fn follow(&mut self, found: Identity, now_us: u64, said: &mut Vec<Said>) -> io::Result<()> {
        match self.open.take_if(|open| open.identity != found) {
            Some(mut moved) => {
                // Opened first: if it can't be, the one before goes on being the one that is read.
                let opened = Open::begin(&self.path, false);
                let opened = opened.inspect_err(|_| drop(moved.read_on(&mut self.allowance, said)));
                match opened {
                    Ok(opened) => {
                        drop(moved.read_on(&mut self.allowance, said));
                        if let Some((mut former, _)) = self.former.replace((moved, now_us + MOVED_US)) {
                            former.line.end(&mut self.allowance, said);
                        }
                        self.allowance.tell(said);
                        said.push(Said::Rotated);
                        self.open = Some(opened);
                    }
                    Err(why) => {
                        self.open = Some(moved);
                        return Err(why);
                    }
                }
            }
            None if self.open.is_none() => {
                let opened = Open::begin(&self.path, !self.was_missing)?;
                said.push(Said::From(opened.at));
                self.open = Some(opened);
            }
            None => {}
        }
        let read = self.open.as_mut().map_or(Ok(()), |open| open.read_on(&mut self.allowance, said));
        if read.is_err() {
            self.open = None;
        }
        read
    }

    /// Says once why it can't be read, and that it can again.
    fn note(&mut self, looked: io::Result<()>, said: &mut Vec<Said>) {
        match looked {
            Ok(()) => {
                let is_told = said.iter().any(|said| matches!(said, Said::From(_) | Said::Rotated));
                if self.trouble.take().is_some() && !is_told {
                    said.extend(self.open.as_ref().map(|open| Said::From(open.at)));
                }
            }
            Err(why) => {
                let why = why.to_string();
                if self.trouble.as_ref() != Some(&why) {
                    said.push(Said::Unreadable(why.clone()));
                    self.trouble = Some(why);
                }
            }
        }
    }
}

/// Which regular file lies there.
fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::metadata(path)?;
    if found.is_file() { Ok((found.dev(), found.ino())) } else { Err(io::Error::other("it is no regular file")) }
}

impl Open {
    /// Opens it, to be read from its end or its beginning.
    fn begin(path: &Path, from_end: bool) -> io::Result<Open> {
        // What has taken its place meanwhile must not make us wait.
        let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
        let found = file.metadata()?;
        file.read_at(&mut [0], 0)?;
        let at = if from_end { found.len() } else { 0 };
        Ok(Open { file, identity: (found.dev(), found.ino()), at, line: Gathered::default() })
    }

    /// Reads what was appended, as far as one look does.
    fn read_on(&mut self, allowance: &mut Allowance, said: &mut Vec<Said>) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length < self.at {
            self.line.end(allowance, said);
            allowance.tell(said);
            said.push(Said::Truncated);
            self.at = 0;
        }
        if length - self.at > BEHIND {
            self.line.end(allowance, said);
            let skipped = length - self.at - READ as u64;
            allowance.unread += skipped;
            self.at += skipped;
        }
        let mut read = vec![0; READ];
        let mut filled = 0;
        while filled < READ {
            match self.file.read_at(&mut read[filled..], self.at + filled as u64) {
                Ok(0) => break,
                Ok(some) => filled += some,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        self.at += filled as u64;
        for piece in read[..filled].split_inclusive(|byte| *byte == b'\n') {
            match piece.split_last() {
                Some((b'\n', rest)) => {
                    self.line.add(rest);
                    self.line.take().tell(allowance, said);
                }
                _ => self.line.add(piece),
            }
        }
        Ok(())
    }
}

impl Gathered {
    fn add(&mut self, piece: &[u8]) {
        let fits = piece.len().min(LINE - self.bytes.len());
        self.bytes.extend_from_slice(&piece[..fits]);
        self.cut += (piece.len() - fits) as u64;
    }

    fn take(&mut self) -> Gathered {
        std::mem::take(self)
    }

    /// What has no line feed, and gets none any more.
    fn end(&mut self, allowance: &mut Allowance, said: &mut Vec<Said>) {
        if !self.bytes.is_empty() {
            self.take().tell(allowance, said);
        }
    }

    /// A whole line, if it may still be told.
    fn tell(self, allowance: &mut Allowance, said: &mut Vec<Said>) {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.strip_suffix('\r').unwrap_or(&text).to_string();
        if allowance.lines >= MOST_LINES || allowance.bytes + text.len() > MOST_BYTES {
            allowance.left_out += 1;
            return;
        }
        allowance.tell(said);
        allowance.lines += 1;
        allowance.bytes += text.len();
        said.push(Said::Line { text, cut: self.cut });
    }
}

impl Allowance {
    /// A new second begins; what was left out in the last one is reported.
    fn renew(&mut self, now_us: u64, said: &mut Vec<Said>) {
        if now_us.saturating_sub(self.since_us) >= SECOND_US {
            self.tell(said);
            *self = Allowance { since_us: now_us, ..Allowance::default() };
        }
    }

    /// Tells what was left out, if anything was.
    fn tell(&mut self, said: &mut Vec<Said>) {
        let (lines, unread) = (std::mem::take(&mut self.left_out), std::mem::take(&mut self.unread));
        if lines > 0 || unread > 0 {
            said.push(Said::LeftOut { lines, unread });
        }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
