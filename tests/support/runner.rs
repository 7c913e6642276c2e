//! Tests that enter a sandbox themselves. That must happen before any thread starts, so each runs in a process of its
//! own: this program, started again.

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed};

#[path = "needs.rs"]
mod needs;

pub use needs::Needs;

/// Starts this program for one test alone, which follows.
const ALONE: &str = "--alone";

/// A test: its name is its claim.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub run: fn() -> Result<(), String>,
}

/// Runs the cases that libtest's arguments ask for, so many side by side: cases that mostly wait, and measure nothing
/// that another one could spoil. They come in groups, each with what its cases need.
pub fn main(groups: &[(Needs, &[Case])], side_by_side: usize) -> ExitCode {
    let cases = || groups.iter().flat_map(|(needs, cases)| cases.iter().map(move |case| (*needs, case)));
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = words.as_slice()
        && flag == ALONE
    {
        return alone(cases().map(|(_, case)| case).find(|case| case.name == name), name);
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(side_by_side).min(side_by_side));
    let shows = arguments.nocapture || arguments.show_output;
    let trial = |(needs, case): (Needs, &Case)| {
        let name = case.name;
        needs.trial(&arguments, name, move || elsewhere(name, shows))
    };
    libtest_mimic::run(&arguments, cases().map(trial).collect()).exit_code()
}

/// Runs one case in this process.
fn alone(case: Option<&Case>, name: &str) -> ExitCode {
    let Some(case) = case else {
        eprintln!("there is no test `{name}`");
        return ExitCode::FAILURE;
    };
    let begun = Instant::now();
    match (case.run)() {
        Ok(()) => {
            println!("  took {} ms", begun.elapsed().as_millis());
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("  {why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a case in another process; what it printed is shown if it failed, or if that was asked for.
fn elsewhere(name: &str, shows: bool) -> Result<(), Failed> {
    let this = std::env::current_exe()?;
    let output = Command::new(this).args([ALONE, name]).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if shows {
        eprint!("{name}:\n{said}");
    }
    if output.status.success() { Ok(()) } else { Err(format!("{}\n{said}", output.status).into()) }
}
