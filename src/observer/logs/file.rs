//! A log in the bundle: each line with its moment, in seconds of the run's clock, then `|` and what a service wrote, or `#` and
//! what there is to know about it.
//!
//! ```text
//!     12.345 # followed from here, byte 1024 of the file
//!     12.400 | 192.0.2.7 "GET / HTTP/1.1" 200
//!     13.401 # 120 lines left out: more than 500 lines or 96 KiB came in a second
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::agent::follow::{MOST_BYTES, MOST_LINES, Said};

/// How long a file may become, in bytes.
const MOST: u64 = 16 << 20;

/// A line of the file.
pub(super) enum Entry {
    /// What a service wrote; of a longer line, how many bytes are missing.
    Line { text: String, cut: u64 },
    /// What there is to know.
    Note(String),
}

impl From<Said> for Entry {
    fn from(said: Said) -> Entry {
        Entry::Note(match said {
            Said::Line { text, cut } => return Entry::Line { text, cut },
            Said::From(byte) => format!("followed from here, byte {byte} of the file"),
            Said::LeftOut { lines, unread } => left_out(lines, unread),
            Said::Unreadable(why) => format!("can't be read: {why}"),
            Said::Rotated => "another file took its place".into(),
            Said::Truncated => "it was truncated".into(),
        })
    }
}

fn left_out(lines: u64, unread: u64) -> String {
    let lines = (lines > 0).then(|| {
        let kib = MOST_BYTES >> 10;
        format!("{lines} lines left out: more than {MOST_LINES} lines or {kib} KiB came in a second")
    });
    let unread = (unread > 0).then(|| format!("{unread} bytes left out: the file grew faster than it is read"));
    lines.into_iter().chain(unread).collect::<Vec<_>>().join("; ")
}

/// A file that grows.
#[derive(Default)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    is_full: bool,
    /// Lines that could not be written since the last one that could, and why.
    lost: Option<(usize, String)>,
}

impl LogFile {
    /// It is made with its first line, or continued.
    pub fn at(path: PathBuf) -> LogFile {
        LogFile { path, ..LogFile::default() }
    }

    /// Writes lines. What the disk does not take is counted, and said once it takes something again; the run itself ends
    /// where the disk is full.
    pub fn write(&mut self, at_us: u64, entries: &[Entry]) {
        if self.is_full {
            return;
        }
        if let Err(why) = self.try_write(at_us, entries) {
            let before = self.lost.take().map_or(0, |(lines, _)| lines);
            self.lost = Some((before + entries.len(), why.to_string()));
            // A line may have been torn: where the file ends is looked up again.
            self.file = None;
        }
    }

    fn try_write(&mut self, at_us: u64, entries: &[Entry]) -> io::Result<()> {
        let mut text = String::new();
        if let Some((lines, why)) = &self.lost {
            text += &line(at_us, &Entry::Note(format!("{lines} lines could not be written here: {why}")));
        }
        text.extend(entries.iter().map(|entry| line(at_us, entry)));
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let (opened, length) = open(&self.path)?;
                self.length = length;
                if self.lost.is_some() {
                    text.insert(0, '\n');
                }
                self.file.insert(opened)
            }
        };
        if self.length + text.len() as u64 > MOST {
            let mib = MOST >> 20;
            text =
                line(at_us, &Entry::Note(format!("what comes from here on is left out: a log has {mib} MiB at most")));
            self.is_full = true;
        }
        file.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        self.lost = None;
        Ok(())
    }
}

fn open(path: &PathBuf) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn line(at_us: u64, entry: &Entry) -> String {
    let moment = format!("{:>6}.{:03}", at_us / 1_000_000, at_us / 1_000 % 1_000);
    match entry {
        Entry::Line { text, cut: 0 } => format!("{moment} | {text}\n"),
        Entry::Line { text, cut } => {
            let missing = Entry::Note(format!("{cut} bytes of this line left out"));
            line(at_us, &Entry::Line { text: text.clone(), cut: 0 }) + &line(at_us, &missing)
        }
        Entry::Note(note) => format!("{moment} # {note}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Entry {
        Entry::from(Said::Line { text: text.into(), cut: 0 })
    }

    #[test]
    fn each_line_has_its_moment_and_says_whether_it_is_the_service_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web-1/access.log");
        let mut file = LogFile::at(path.clone());
        file.write(12_345_678, &[Said::From(7).into(), plain("GET /")]);
        file.write(1_013_400_000, &[Said::LeftOut { lines: 120, unread: 9 }.into(), Said::Rotated.into()]);
        file.write(1_013_400_999, &[Said::Line { text: "long".into(), cut: 9 }.into(), Entry::Note("it ended".into())]);
        let mut again = LogFile::at(path.clone());
        again.write(1_014_000_000, &[Said::Truncated.into(), Said::Unreadable("Permission denied".into()).into()]);
        let expected = "    12.345 # followed from here, byte 7 of the file
    12.345 | GET /
  1013.400 # 120 lines left out: more than 500 lines or 96 KiB came in a second; 9 bytes left out: the file grew faster than it is read
  1013.400 # another file took its place
  1013.400 | long
  1013.400 # 9 bytes of this line left out
  1013.400 # it ended
  1014.000 # it was truncated
  1014.000 # can't be read: Permission denied
";
        assert_eq!(fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn a_file_that_would_become_too_long_says_so_once_and_gets_nothing_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        File::create(&path).unwrap().set_len(MOST - 20).unwrap();
        let mut file = LogFile::at(path.clone());
        file.write(0, &[plain("a")]);
        file.write(0, &[plain("bcdefghijklmnop")]);
        file.write(0, &[plain("q")]);
        let text = fs::read(path).unwrap();
        let end = String::from_utf8_lossy(&text[MOST as usize - 20..]).into_owned();
        let expected = "     0.000 | a\n     0.000 # what comes from here on is left out: a log has 16 MiB at most\n";
        assert_eq!(end, expected);
    }

    #[test]
    fn what_could_not_be_written_is_counted_and_said_once_something_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web-1");
        let mut file = LogFile::at(path.clone());
        fs::create_dir(&path).unwrap();
        file.write(0, &[plain("a"), plain("b")]);
        file.write(0, &[plain("c")]);
        fs::remove_dir(&path).unwrap();
        file.write(1_000, &[plain("d")]);
        let text = fs::read_to_string(path).unwrap();
        let said = "\n     0.001 # 3 lines could not be written here: Is a directory (os error 21)\n     0.001 | d\n";
        assert_eq!(text, said);
    }

    /// `/dev/full` takes nothing, as a full disk.
    #[test]
    fn a_full_disk_is_no_panic() {
        let mut file = LogFile::at("/dev/full".into());
        file.write(0, &[plain("a")]);
        file.write(0, &[plain("b")]);
        let (lines, why) = file.lost.unwrap();
        assert_eq!((lines, why.as_str()), (2, "No space left on device (os error 28)"));
    }
}
