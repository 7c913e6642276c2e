//! A service that ended: how, when, and what it had to say.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{duration, show_duration};

/// So many lines of a log are shown, …
const LINES: usize = 5;
/// … of at most so many characters, …
const LETTERS: usize = 300;
/// … out of so many bytes at its end.
const TAIL_BYTES: u64 = 8192;

/// One service of an instance that ended, whatever ended it, and was not started again since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEnd {
    /// The service.
    pub service: String,
    /// How.
    pub how: HowEnded,
    /// How long after it was started.
    #[serde(with = "duration")]
    pub after: Duration,
    /// Whether processes that it started go on, as those of a daemon do. Where they do, the service may serve all the same.
    pub left: bool,
    /// The last lines of its log, in order.
    pub last_lines: Vec<String>,
    /// Where its log is; `None` where it goes with the sandbox.
    pub log: Option<PathBuf>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HowEnded {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl ServiceEnd {
    /// Whether nothing can come of the service any more.
    pub fn is_final(&self) -> bool {
        !(self.left && self.how == HowEnded::Status(0))
    }

    /// What to do about it.
    fn advice(&self) -> &'static str {
        match (self.how, self.left) {
            (HowEnded::Status(0), true) => {
                "what it started goes on without it: a service must stay in the foreground, or its end is not noticed"
            }
            (HowEnded::Status(0), false) => {
                "a service must stay in the foreground for as long as its server runs; what runs once belongs under `runcmd`"
            }
            _ => "correct its command or its files in the role",
        }
    }
}

impl fmt::Display for HowEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HowEnded::Status(status) => write!(f, "status {status}"),
            HowEnded::Signal(number) => match nix::sys::signal::Signal::try_from(*number) {
                Ok(signal) => write!(f, "{signal}"),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

/// One line: a headline shows it too.
impl fmt::Display for ServiceEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceEnd { service, how, after, last_lines, log, .. } = self;
        let ended = if matches!(how, HowEnded::Status(_)) { "ended with" } else { "was ended by" };
        write!(f, "the service `{service}` {ended} {how}, {} after it was started", show_duration(*after))?;
        match log {
            Some(log) => write!(f, "; its log, {}, ", log.display())?,
            None => f.write_str("; its log (gone with the sandbox unless `--logs DIR` keeps it) ")?,
        }
        match last_lines.is_empty() {
            true => f.write_str("is empty")?,
            false => write!(f, "ends with: {}", last_lines.join(" | "))?,
        }
        write!(f, "; {}", self.advice())
    }
}

/// The last lines of a log that are not empty. A log that can't be read has none.
pub(crate) fn last_lines(log: &Path) -> Vec<String> {
    let text = tail(log).unwrap_or_default();
    let shown = |line: &str| {
        let plain: String = line.chars().filter(|sign| !sign.is_control()).collect();
        match plain.char_indices().nth(LETTERS) {
            Some((end, _)) => format!("{}…", &plain[..end]),
            None => plain,
        }
    };
    let mut lines: Vec<String> =
        text.lines().rev().map(str::trim).filter(|line| !line.is_empty()).take(LINES).map(shown).collect();
    lines.reverse();
    lines
}

fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let from = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(how: HowEnded, left: bool) -> ServiceEnd {
        let last_lines = vec!["[ALERT] unknown keyword 'serve'".into(), "[ALERT] fatal errors".into()];
        let (service, log) = ("haproxy".into(), Some("reports/x/nodes/01/lb-1/haproxy.log".into()));
        ServiceEnd { service, how, after: Duration::from_millis(34), left, last_lines, log }
    }

    #[test]
    fn it_says_how_when_what_was_said_last_and_where() {
        let shown = end(HowEnded::Status(1), false).to_string();
        assert_eq!(
            shown,
            "the service `haproxy` ended with status 1, 34 ms after it was started; its log, \
             reports/x/nodes/01/lb-1/haproxy.log, ends with: [ALERT] unknown keyword 'serve' | [ALERT] fatal errors; \
             correct its command or its files in the role"
        );
        let killed = ServiceEnd { last_lines: Vec::new(), log: None, ..end(HowEnded::Signal(11), false) }.to_string();
        assert!(
            killed.contains("was ended by SIGSEGV") && killed.contains("`--logs DIR` keeps it) is empty"),
            "{killed}"
        );
    }

    #[test]
    fn a_daemon_that_goes_on_without_its_first_process_may_serve_and_nothing_else_may() {
        assert!(!end(HowEnded::Status(0), true).is_final());
        for other in [end(HowEnded::Status(0), false), end(HowEnded::Status(1), true), end(HowEnded::Signal(9), true)] {
            assert!(other.is_final(), "{other:?}");
        }
        assert!(end(HowEnded::Status(0), false).to_string().contains("stay in the foreground"));
    }

    #[test]
    fn the_last_lines_are_few_and_short() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(1000);
        let text: String = (1..=9).map(|number| format!("line {number}\n\n")).collect();
        std::fs::write(log.path(), format!("{}{text}\u{1b}[31m{long}", "y".repeat(20_000))).unwrap();
        let shown = last_lines(log.path());
        assert_eq!(shown[..4], ["line 6", "line 7", "line 8", "line 9"]);
        assert_eq!(shown[4].chars().count(), LETTERS + 1);
        assert!(last_lines(Path::new("/nowhere")).is_empty());
    }
}
