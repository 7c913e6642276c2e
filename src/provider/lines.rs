//! What a command prints, line by line, while it runs.

use std::any::Any;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

use super::RemoteError;

/// The longest line, in bytes. A longer one ends the stream with an error.
pub const MOST_LINE: usize = 1 << 20;

/// From one empty line on the command's standard input to the next.
pub const PULSE: Duration = Duration::from_secs(1);

/// The lines of a command that runs on a server. Dropping it closes the command's standard input and output there.
pub struct Lines {
    lines: Receiver<Result<String, RemoteError>>,
    _runs: Box<dyn Any + Send>,
}

impl Lines {
    /// Lines that come through a channel. `runs` is dropped with them, which ends the command.
    pub fn new(lines: Receiver<Result<String, RemoteError>>, runs: impl Any + Send) -> Lines {
        Lines { lines, _runs: Box::new(runs) }
    }

    /// The next line, without its line feed; `None` once the command has ended with status 0. Bytes that are no UTF-8 are
    /// replaced. May be cancelled: no line is lost.
    ///
    /// # Errors
    /// When the connection broke, a line was longer than [`MOST_LINE`], or the command ended with another status, with
    /// what it complained. Nothing follows an error.
    pub async fn next(&mut self) -> Result<Option<String>, RemoteError> {
        self.lines.recv().await.transpose()
    }
}
