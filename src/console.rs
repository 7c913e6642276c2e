//! Standard output and standard error: the only place that writes to them.
//!
//! A reader may hang up (`chimp plan | head -1`), and a disk that holds the output may be full. Neither stops what is
//! under way: a run goes on, cleans up and keeps its exit code. A reader that hung up needs no message; any other
//! failure of the standard output is reported once, by [`ended`].

use std::fmt::Arguments;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

use crate::exit;

/// Why standard output could not be written, where it could not.
static FAILED: OnceLock<(io::ErrorKind, String)> = OnceLock::new();

/// Writes to standard output, as `print!` does.
macro_rules! put {
    ($($text:tt)*) => { $crate::console::out(format_args!($($text)*), "") };
}

/// Writes a line to standard output, as `println!` does.
macro_rules! say {
    ($($text:tt)*) => { $crate::console::out(format_args!($($text)*), "\n") };
}

/// Writes a line to standard error, as `eprintln!` does.
macro_rules! complain {
    ($($text:tt)*) => { $crate::console::err(format_args!($($text)*)) };
}

pub(crate) use {complain, put, say};

/// What [`put`] and [`say`] do.
pub(crate) fn out(text: Arguments, end: &str) {
    note(io::stdout().lock().write_fmt(format_args!("{text}{end}")));
}

/// What [`complain`] does. Where standard error is closed, the complaint is dropped.
pub(crate) fn err(text: Arguments) {
    let _ = io::stderr().lock().write_fmt(format_args!("{text}\n"));
}

fn note(written: io::Result<()>) {
    if let Err(why) = written {
        FAILED.get_or_init(|| (why.kind(), why.to_string()));
    }
}

/// The exit code of a command that wanted to end with `code`: what it printed must have arrived, unless its reader
/// hung up.
pub(crate) fn ended(code: u8) -> u8 {
    note(io::stdout().flush());
    match FAILED.get() {
        Some((kind, why)) if *kind != io::ErrorKind::BrokenPipe => {
            complain!("chimp: can't write to the standard output: {why}");
            if code == exit::PASS { exit::COULD_NOT_TELL } else { code }
        }
        _ => code,
    }
}

/// [`ended`] for the code of a whole process.
pub(crate) fn finish(code: ExitCode) -> ExitCode {
    let printed = ended(exit::PASS);
    if code == ExitCode::SUCCESS { ExitCode::from(printed) } else { code }
}
