//! **Chaos as integration tests.** A Gherkin scenario provisions a website, puts it under load, breaks it, and is
//! judged on what its users measured.
//!
//! # Start here
//! One way, from text to verdict:
//!
//! ```text
//! features/*.feature ─ steps/ ─▶ declare ─▶ Plan        (nothing has booted; every error is told here)
//! Plan ─▶ harness ─▶ sandbox ─▶ run ─▶ { site, load, observer, nemesis, reconciler }
//!                                          └─ record ─▶ history: events.ndjson, requests.bin, operations.ndjson
//! history ─▶ measure ─▶ checker ─▶ judge ─▶ report      (pure: `chimp report` does it again)
//! ```
//!
//! # Layers
//! From top to bottom. A module imports only from rows below its own; a test (`tests/layers.rs`) reads this table.
//!
//! | modules | own |
//! |---|---|
//! | [`cli`] | the command line, and the `chaos` test target |
//! | [`harness`], [`attack`] | from a request to an exit code; an attack on servers that run already |
//! | [`run`] | carrying a plan through |
//! | [`steps`] | the step language |
//! | [`declare`] | from feature files to a [`plan::Plan`], or one clear error |
//! | [`judge`] | verdicts of hypotheses, scenarios and runs |
//! | [`report`] | HTML, Markdown, JUnit, JSON, the terminal's table |
//! | [`checker`] | hypotheses: pure functions of a history |
//! | [`environment`] | where scenarios run and attacks strike: the sandbox of this machine, a testbed, an inventory |
//! | [`config_agent`], [`mod@testbed`] | the cron job that gives servers their roles; an infrastructure that is kept up, to be attacked from other processes |
//! | [`reconciler`], [`mod@provision`] | the reconciler that replaces what is missing; bringing a whole site up |
//! | [`database`], [`mod@final_state`], [`nemesis`], [`mod@declared_wait`] | databases that are formed, failed over and rebuilt; what they hold when the load is over; strikes with witnesses; declared waits, divided where time runs faster |
//! | [`site`], [`observer`], [`load`], [`journal`] | an infrastructure on a provider; what components see themselves; the open-loop prober that judges, and goose users; heals, on disk before their faults |
//! | [`measure`] | definitions: phases, milestones, quantiles |
//! | [`fault`], [`selector`], [`mod@inventory`] | what breaks; which servers; servers that are there already, over SSH |
//! | [`history`] | everything that was observed, on disk as it happens |
//! | [`agent`], [`readiness`] | what holds a fault on a victim, under a lease; whether a server is what its role says |
//! | [`graph`], [`render`], [`plan`] | the servers as a graph; roles filled in for one server; what a scenario asks for, as data |
//! | [`settings`] | every default |
//! | [`infrastructure`], [`provider`] | what should be: servers, links, zones; where servers live (the local cloud of namespaces) |
//! | [`role`], [`launch`], [`mod@console`] | what a server becomes; the start of a service; standard output and error, whose readers may hang up |
//! | [`document`], [`instance`], [`exit`] | files that users write; servers as data; exit codes |
//! | [`units`], [`clock`], [`text`], [`draw`], [`verdict`], [`palette`], [`awaited`], [`log`], [`mod@lock`], [`mod@signals`] | percentages, rates, bounds; one monotonic clock; the reading of text files; chance, from the seed; how something was judged; colours; what is waited for now; the log; what only one process of a machine may do at a time; the signals that end this program in order |
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
mod declared_wait;
pub mod document;
pub mod draw;
pub mod environment;
pub mod exit;
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
pub mod reconciler;
pub mod render;
pub mod report;
pub mod role;
pub mod run;
pub mod selector;
pub mod settings;
mod signals;
pub mod site;
#[path = "../steps/mod.rs"]
pub mod steps;
pub mod testbed;
pub mod text;
pub mod units;
pub mod verdict;

pub use cli::chaos;

/// Becomes a hidden worker (an agent on a victim, the users' process, an end of a pipe) if the program was started as one. Call it first
/// in every `main` that enters a sandbox or starts users; if it returns something, end with it.
pub fn run_if_asked() -> Option<std::process::ExitCode> {
    agent::run_if_asked().or_else(load::run_if_asked).or_else(database::pipe::run_if_asked)
}
