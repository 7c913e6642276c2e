//! As much of libtest's command line as `cargo test` and `cargo nextest` use.

use std::process::{Command, ExitCode};
use std::sync::Mutex;

/// A test: its name is its claim.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub run: fn() -> Result<(), String>,
}

/// Runs the cases that the arguments ask for, so many side by side: cases that mostly wait, and measure nothing that
/// another one could spoil.
pub fn main(cases: &[Case], side_by_side: usize) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filters: Vec<&String> = filters(&arguments);
    let asked = |case: &&Case| match (filters.is_empty(), has("--exact")) {
        (true, _) => true,
        (_, true) => filters.iter().any(|filter| case.name == **filter),
        _ => filters.iter().any(|filter| case.name.contains(filter.as_str())),
    };
    let asked: Vec<&Case> = if has("--ignored") { Vec::new() } else { cases.iter().filter(asked).collect() };
    if has("--list") {
        asked.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: the local cloud needs root");
        return ExitCode::SUCCESS;
    }
    let failed = match (side_by_side, asked.len()) {
        (1, _) | (_, 1) => asked.iter().filter(|case| !passes(case)).count(),
        _ => failed_elsewhere(&asked, side_by_side),
    };
    if asked.len() > 1 {
        println!("\n{} of {} passed", asked.len() - failed, asked.len());
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Words that are neither flags nor the value of one.
fn filters(arguments: &[String]) -> Vec<&String> {
    let mut words = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--format" | "--test-threads" | "--color" | "--skip" | "-Z" => drop(arguments.next()),
            flag if flag.starts_with('-') => {}
            _ => words.push(argument),
        }
    }
    words
}

/// How many failed, each in a process of its own: this one has threads, and so could enter no sandbox.
fn failed_elsewhere(asked: &[&Case], side_by_side: usize) -> usize {
    let waiting = Mutex::new(asked.iter());
    let next = || waiting.lock().expect("nobody panics with it").next();
    std::thread::scope(|scope| {
        let work = || std::iter::from_fn(next).filter(|case| !passes_elsewhere(case)).count();
        let workers: Vec<_> = (0..side_by_side).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).sum()
    })
}

fn passes_elsewhere(case: &Case) -> bool {
    let this = std::env::current_exe().expect("a process has a program");
    let output = Command::new(this).args([case.name, "--exact"]).output().expect("it starts again");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

fn passes(case: &Case) -> bool {
    let begun = std::time::Instant::now();
    let result = (case.run)();
    let took = begun.elapsed().as_millis();
    match &result {
        Ok(()) => println!("test {} ... ok ({took} ms)", case.name),
        Err(why) => println!("test {} ... FAILED ({took} ms)\n  {why}", case.name),
    }
    result.is_ok()
}
