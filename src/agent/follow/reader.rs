//! The other end of a follower's lines. What a server says is read with suspicion: a line that contradicts itself or an
//! earlier one ends the stream.

use super::{LINE, Line, Said};

/// A server that booted 280 years ago says this.
const LATEST_US: u64 = 1 << 53;
/// The longest text of a line: bytes that are no UTF-8 are replaced by three each.
const MOST_TEXT: usize = 3 * LINE;

/// What a follower said of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which, by its place in the order.
    pub log: usize,
    /// When it was read, by the server's clock.
    pub read_us: u64,
    /// Empty in a heartbeat.
    pub said: Vec<Said>,
}

/// Why a line is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("the follower wrote something else than a line of its own: {0}")]
    Line(#[from] serde_json::Error),
    #[error("the follower speaks of log {log}, and was asked for {asked}")]
    Log { log: usize, asked: usize },
    #[error("the follower's clock went backwards, from {before_us} to {now_us} µs")]
    Backwards { before_us: u64, now_us: u64 },
    #[error("the follower's clock says {0} µs, which no clock that counts from a boot can")]
    Late(u64),
    #[error("the follower passed on a line of log {0} that is none: it has a line feed, or is too long")]
    Text(usize),
}

/// Reads the lines of one follower, in their order.
pub struct Reader {
    asked: usize,
    last_us: u64,
}

impl Reader {
    /// A reader of a follower that was asked for so many logs.
    pub fn new(asked: usize) -> Reader {
        Reader { asked, last_us: 0 }
    }

    /// What the next line says.
    ///
    /// # Errors
    /// When it is no line of a follower, or contradicts itself or an earlier one.
    pub fn read(&mut self, line: &str) -> Result<Report, Malformed> {
        let Line { read_us, log, said } = serde_json::from_str(line)?;
        if read_us < self.last_us {
            return Err(Malformed::Backwards { before_us: self.last_us, now_us: read_us });
        }
        if read_us > LATEST_US {
            return Err(Malformed::Late(read_us));
        }
        if log >= self.asked {
            return Err(Malformed::Log { log, asked: self.asked });
        }
        let is_line = |said: &Said| match said {
            Said::Line { text, .. } | Said::Unreadable(text) => !text.contains('\n') && text.len() <= MOST_TEXT,
            _ => true,
        };
        if !said.iter().all(is_line) {
            return Err(Malformed::Text(log));
        }
        self.last_us = read_us;
        Ok(Report { log, read_us, said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(read_us: u64, log: usize, said: &str) -> String {
        format!(r#"{{"read_us":{read_us},"log":{log},"said":[{said}]}}"#)
    }

    #[test]
    fn lines_are_read_with_their_moments_and_a_heartbeat_says_nothing() {
        let mut reader = Reader::new(2);
        let report = reader.read(&line(10, 1, r#"{"line":{"text":"GET /","cut":0}}"#)).unwrap();
        assert_eq!(report, Report { log: 1, read_us: 10, said: vec![Said::Line { text: "GET /".into(), cut: 0 }] });
        assert_eq!(reader.read(&line(12, 0, "")).unwrap().said, []);
    }

    /// Why the second of two lines is not believed.
    fn refused(second: &str) -> String {
        let mut reader = Reader::new(1);
        reader.read(&line(10, 0, r#"{"from":7}"#)).unwrap();
        reader.read(second).unwrap_err().to_string()
    }

    #[test]
    fn what_contradicts_itself_is_not_believed() {
        assert!(refused("sh: follow: not found").contains("something else"));
        assert!(refused(&line(11, 0, r#"{"gone":{}}"#)).contains("something else"));
        assert!(refused(&line(9, 0, "")).contains("backwards, from 10 to 9"));
        assert!(refused(&line(u64::MAX, 0, "")).contains("no clock that counts from a boot"));
        assert_eq!(refused(&line(11, 1, "")), "the follower speaks of log 1, and was asked for 1");
        let forged = r#"{"line":{"text":"a\n  12.000 # followed","cut":0}}"#;
        assert!(refused(&line(11, 0, forged)).contains("it has a line feed"));
        let long = format!(r#"{{"line":{{"text":"{}","cut":0}}}}"#, "a".repeat(MOST_TEXT + 1));
        assert!(refused(&line(11, 0, &long)).contains("too long"));
        let why = r#"{"unreadable":"a\nb"}"#;
        assert!(refused(&line(11, 0, why)).contains("it has a line feed"));
    }
}
