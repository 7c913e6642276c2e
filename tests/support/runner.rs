//! As much of libtest's command line as `cargo test` and `cargo nextest` use.

use std::process::ExitCode;

/// A test: its name is its claim.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub run: fn() -> Result<(), String>,
}

/// Runs the cases that the arguments ask for, one after the other.
pub fn main(cases: &[Case]) -> ExitCode {
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
    let failed = asked.iter().filter(|case| !passes(case)).count();
    println!("\n{} of {} passed", asked.len() - failed, asked.len());
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
