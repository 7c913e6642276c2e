//! A request log that is read on while it grows.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use super::{Chunks, Header, MAGIC, Request, RequestLogError, Source};

/// A log that is read on while it grows.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    offset: u64,
}

impl Tail {
    /// Nothing of it was read yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Tail { path, offset: 0 }
    }

    /// Hands over the requests of one scenario in the whole chunks that came since the last time, a chunk at a time. A
    /// chunk that is not whole yet waits for the next time.
    pub(crate) fn read_on(
        &mut self,
        scenario: u32,
        mut take: impl FnMut(Source, Vec<Request>),
    ) -> Result<(), RequestLogError> {
        let unreadable = |source| RequestLogError::Unreadable { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(unreadable)?;
        file.seek(SeekFrom::Start(self.offset)).map_err(unreadable)?;
        let input = BufReader::with_capacity(256 * 1024, file);
        let mut chunks = match self.offset {
            0 => Chunks::new(input, &self.path)?,
            offset => Chunks { input, path: self.path.clone(), offset, failed: false },
        };
        if chunks.offset < MAGIC.len() as u64 {
            return Ok(());
        }
        self.offset = chunks.offset;
        while let Some(header) = chunks.header()? {
            let requests =
                if header.scenario == scenario { chunks.payload(&header)? } else { chunks.passed(&header)? };
            let Some(requests) = requests else { break };
            self.offset = chunks.offset;
            if !requests.is_empty() {
                take(header.source, requests);
            }
        }
        Ok(())
    }
}

impl Chunks<BufReader<File>> {
    /// Passes over a payload; `None` if it is not whole.
    fn passed(&mut self, header: &Header) -> Result<Option<Vec<Request>>, RequestLogError> {
        let length = self.input.get_ref().metadata().map_err(|why| self.unreadable(why))?.len();
        let end = self.offset + u64::from(header.length);
        if length < end {
            return Ok(None);
        }
        self.input.seek_relative(i64::from(header.length)).map_err(|why| self.unreadable(why))?;
        self.offset = end;
        Ok(Some(Vec::new()))
    }
}
