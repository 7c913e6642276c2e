//! The log for people who look for what hangs: `--log FILE`, `--log-level LEVEL`, and `CHIMP_LOG`. Off by default.
//!
//! It says what happens and what is waited for, within spans for each scenario, strike, boot and repair. It is no
//! evidence: verdicts rest on the history alone. The hidden workers and the agents do not write to it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FmtSpan, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The level where none is named on the command line; logs to standard error where no file is named.
const VARIABLE: &str = "CHIMP_LOG";

/// What is logged, and where.
#[derive(Debug, Clone, Default, Args)]
pub struct LogArgs {
    /// Append a log of what happens, and of what is waited for, to this file.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
    /// How much to log, to FILE or to the standard error. Default: the level in CHIMP_LOG, else `info` with --log, else `off`.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<Level>,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What failed or is suspicious.
    Warn,
    /// What happens: each recorded event except what observers see all the time.
    Info,
    /// And what is waited for.
    Debug,
    /// And everything else that is recorded.
    Trace,
}

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file can't be opened.
    #[error("--log {}: can't be opened: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The variable names no level.
    #[error("{VARIABLE}={0}: expected off, error, warn, info, debug or trace")]
    Level(String),
}

impl LogArgs {
    /// Begins to log, if that was asked for. Call it once, before any thread starts: the file is open in every process
    /// that is cloned from this one.
    ///
    /// # Errors
    /// When the file can't be opened, or the variable names no level.
    pub fn start(&self) -> Result<(), LogError> {
        let Some(level) = self.level()? else { return Ok(()) };
        let writer = match &self.log {
            Some(path) => {
                let opened = File::options().create(true).append(true).open(path);
                let file = opened.map_err(|source| LogError::File { path: path.clone(), source })?;
                BoxMakeWriter::new(Mutex::new(file))
            }
            None => BoxMakeWriter::new(std::io::stderr),
        };
        let lines = tracing_subscriber::fmt::layer()
            .with_timer(Times(Instant::now()))
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_ansi(false)
            .with_target(false)
            .log_internal_errors(false)
            .with_writer(writer);
        // What libraries have to say of themselves is left out.
        let ours = Targets::new().with_target("anarcho_chimp", level);
        tracing_subscriber::registry().with(lines.with_filter(ours)).init();
        Ok(())
    }

    /// `None`: nothing is logged.
    fn level(&self) -> Result<Option<LevelFilter>, LogError> {
        let said = match std::env::var(VARIABLE) {
            Ok(word) if !word.is_empty() => {
                Some(Level::from_str(&word, true).map_err(|_| LogError::Level(word.clone()))?)
            }
            _ => None,
        };
        let default = self.log.as_ref().map(|_| Level::Info);
        Ok(match self.log_level.or(said).or(default) {
            None | Some(Level::Off) => None,
            Some(Level::Error) => Some(LevelFilter::ERROR),
            Some(Level::Warn) => Some(LevelFilter::WARN),
            Some(Level::Info) => Some(LevelFilter::INFO),
            Some(Level::Debug) => Some(LevelFilter::DEBUG),
            Some(Level::Trace) => Some(LevelFilter::TRACE),
        })
    }
}

/// The wall clock, for people, and the monotonic time since the program started.
struct Times(Instant);

impl FormatTime for Times {
    fn format_time(&self, line: &mut Writer<'_>) -> std::fmt::Result {
        let wall = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
        write!(line, "{wall} {:+.6}s", self.0.elapsed().as_secs_f64())
    }
}
