//! A file of events that is read on while it grows: each time only what came since the last.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::HistoryError;
use super::event::Record;

/// Events, read on from where the last reading ended.
#[derive(Debug)]
pub struct EventTail {
    path: PathBuf,
    offset: u64,
    line: usize,
}

impl EventTail {
    /// Nothing of it was read yet.
    pub fn new(path: PathBuf) -> Self {
        EventTail { path, offset: 0, line: 0 }
    }

    /// The whole lines that came since the last time: of one scenario, where those of others are not parsed, or of all.
    ///
    /// # Errors
    /// Names file and line. A last line that is not whole yet is left for the next time.
    pub fn read_on(&mut self, scenario: Option<u32>) -> Result<Vec<Record>, HistoryError> {
        let bytes = self.rest().map_err(|source| HistoryError::Unreadable { path: self.path.clone(), source })?;
        let own = scenario.map(|scenario| format!("\"scenario\":{scenario},"));
        let mut records = Vec::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else { break };
            self.line += 1;
            self.offset += line.len() as u64;
            // It stands right after the time, which opens a line.
            let head = &text[..text.len().min(HEAD)];
            let says = |what: &str| head.windows(what.len()).any(|window| window == what.as_bytes());
            // What is of no scenario at all is no event, and an error.
            if own.as_ref().is_none_or(|own| says(own)) || !says("\"scenario\":") {
                records.push(self.parsed(text)?);
            }
        }
        Ok(records)
    }

    fn rest(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn parsed(&self, text: &[u8]) -> Result<Record, HistoryError> {
        serde_json::from_slice(text).map_err(|why| HistoryError::Malformed {
            path: self.path.clone(),
            line: self.line,
            detail: why.to_string(),
        })
    }
}

/// `{"at_us":18446744073709551615,"scenario":4294967295,` is 53 bytes long.
const HEAD: usize = 53;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::history::{EVENTS_FILE, Event, RunRecorder};

    #[test]
    fn each_reading_reads_what_came_since_the_last_and_tells_it_once() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunRecorder::create(dir.path(), Clock::start()).unwrap();
        let mut tail = EventTail::new(dir.path().join(EVENTS_FILE));
        let mut read = Vec::new();
        for round in 0..50 {
            for scenario in [0, 1] {
                run.scenario(scenario).record_at(1_000_000 + round, 0, Event::Recovered);
            }
            run.scenario(0).flush().unwrap();
            let before = crate::history::watched::tests::bytes_read();
            assert_eq!(tail.read_on(None).unwrap().len(), 2);
            read.push(crate::history::watched::tests::bytes_read() - before);
        }
        // The counter is read too, and grows by some digits.
        assert!(read.iter().all(|bytes| bytes.abs_diff(read[0]) < 64), "{read:?}");
        assert_eq!(tail.offset, std::fs::metadata(dir.path().join(EVENTS_FILE)).unwrap().len());
    }
}
