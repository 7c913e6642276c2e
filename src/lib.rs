//! **Chaos as integration tests.** A Gherkin scenario provisions a website, puts it under load, breaks it, and is
//! judged on what its users measured.
//!
//! # Start here
//! One way, from text to verdict:
//!
//! ```text
//! features/*.feature ─ steps/ ─▶ declare ─▶ Plan        (nothing has booted; every error is told here)
//! Plan ─▶ harness ─▶ sandbox ─▶ run ─▶ { site, load, observer, nemesis, ventriloquist }
//!                                          └─ record ─▶ history: events.ndjson, requests.bin, operations.ndjson
//! history ─▶ measure ─▶ checker ─▶ judge ─▶ report      (pure: `chimp report` does it again)
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`steps`], [`declare`], [`plan`] | the step language; from feature files to a [`plan::Plan`], or one clear error |
//! | [`settings`], [`units`], [`clock`], [`text`] | every default; percentages, rates, bounds; one monotonic clock; the reading of text files |
//! | [`draw`] | chance: a generator for each random decision, from the seed |
//! | [`infrastructure`], [`role`] | what should be: servers, links, zones; what a server becomes |
//! | [`graph`] | the servers as a graph: measures, cuts, predictions, file formats, a picture |
//! | [`provider`], [`site`], [`readiness`] | where servers live (the local cloud of namespaces); bringing a site up |
//! | [`fault`], [`selector`], [`nemesis`] | what breaks, whom, and who does it: strikes with witnesses |
//! | [`agent`], [`journal`] | what holds a fault on a victim, under a lease; heals, on disk before their faults |
//! | [`mod@keeper`] | an infrastructure that is kept up, to be attacked from other processes |
//! | [`ventriloquist`] | the reconciler that replaces what is missing |
//! | [`database`] | databases that are formed, failed over and rebuilt from each other |
//! | [`wait`] | waits that a scenario declares, on record, and divided where time runs faster |
//! | [`config_agent`] | the cron job that gives servers their roles, and puts right what drifted |
//! | [`load`], [`observer`] | the open-loop prober that judges, goose users; what components see themselves |
//! | [`mod@final_state`] | what the databases hold when the load is over |
//! | [`history`] | everything that was observed, on disk as it happens |
//! | [`measure`], [`checker`], [`judge`] | definitions, hypotheses, verdicts, exit codes: pure functions of a history |
//! | [`report`] | HTML, Markdown, JUnit, JSON, the terminal's table |
//! | [`run`], [`harness`], [`cli`] | carrying a plan through; from a request to an exit code; the command line |
//! | [`mod@console`] | standard output and error, whose readers may hang up |
//! | [`awaited`], [`log`] | what is waited for now; the log, off by default |
//! | [`mod@lock`] | what only one process of a machine may do at a time |
//!
//! A crate that tests its own site needs this crate (and `cucumber`, for steps of its own) as a dev-dependency and
//! three lines, see [`chaos`].

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![allow(rustdoc::private_intra_doc_links, reason = "module docs are maps of their own parts")]

pub mod agent;
pub mod attack;
pub mod awaited;
pub mod checker;
pub mod cli;
pub mod clock;
pub mod config_agent;
mod console;
pub mod database;
pub mod declare;
pub mod document;
pub mod draw;
pub mod fault;
pub mod final_state;
pub mod graph;
pub mod harness;
pub mod history;
pub mod infrastructure;
pub mod instance;
pub mod inventory;
pub mod journal;
pub mod judge;
pub mod keeper;
pub mod launch;
pub mod load;
mod lock;
pub mod log;
pub mod measure;
pub mod nemesis;
pub mod observer;
mod palette;
pub mod plan;
pub mod provider;
pub mod provision;
pub mod readiness;
pub mod render;
pub mod report;
pub mod role;
pub mod run;
pub mod selector;
pub mod settings;
pub mod site;
#[path = "../steps/mod.rs"]
pub mod steps;
pub mod text;
pub mod units;
pub mod ventriloquist;
pub mod verdict;
mod wait;

pub use cli::chaos;

/// Becomes a hidden worker (an agent on a victim, the users' process, an end of a pipe) if the program was started as one. Call it first
/// in every `main` that enters a sandbox or starts users; if it returns something, end with it.
pub fn run_if_asked() -> Option<std::process::ExitCode> {
    agent::run_if_asked().or_else(load::run_if_asked).or_else(database::pipe::run_if_asked)
}
