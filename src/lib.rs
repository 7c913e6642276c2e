//! **Chaos as integration tests.** A Gherkin scenario provisions a website, puts it under load, breaks it, and is
//! judged on what its users measured.
//!
//! A crate that tests its own site adds this crate to its dev-dependencies. It needs one test target; steps of its own
//! are optional. `README.md` leads to a tutorial and to a reference of the step language, `docs/language.md`.
//!
//! # A test target
//! In `Cargo.toml`:
//! ```toml
//! [[test]]
//! name = "chaos"
//! harness = false
//! ```
//! and the whole of `tests/chaos.rs`:
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     anarcho_chimp::chaos("features")
//! }
//! ```
//! [`chaos`] runs every feature below that folder and accepts the arguments of `cargo test`. A program that starts runs in
//! another way calls [`run_if_asked`] first in its `main`.
//!
//! # Steps of your own
//! A step function takes a [`World`], in the same test target. It only **declares**: it runs before anything boots, calls
//! one verb of [`World::declaration`], and returns. What it must remember until the next step, it keeps with
//! [`World::extension`]. This needs `cucumber` in the dev-dependencies, with the version that this crate uses.
//!
//! ```
//! use std::time::Duration;
//!
//! use anarcho_chimp::params::{Count, DurationBound, Target};
//! use anarcho_chimp::{Expectation, Interval, Schedule, StepError, Strike, World};
//! use cucumber::{given, then, when};
//!
//! #[derive(Default)]
//! struct Shop {
//!     orders: usize,
//! }
//!
//! #[given(expr = "{count} orders in the shop")]
//! fn orders(world: &mut World, count: Count) {
//!     world.extension::<Shop>().orders = count.0;
//! }
//!
//! #[when(expr = "{target} is sold out")]
//! fn sold_out(world: &mut World, target: Target) -> Result<(), StepError> {
//!     if world.extension::<Shop>().orders == 0 {
//!         return Err(StepError::refused("nothing was ordered", "say `Given 3 orders in the shop`"));
//!     }
//!     world.declaration.strike(Strike::of("hangs", target.0), Schedule::For(Duration::from_secs(6)))
//! }
//!
//! #[then(expr = "the shop is open again in {duration_bound}")]
//! fn open_again(world: &mut World, bound: DurationBound) -> Result<(), StepError> {
//!     world.declaration.expect(Expectation::Interval { interval: Interval::Recovery, bound: bound.0 })
//! }
//! ```
//!
//! | to say | call | with |
//! |---|---|---|
//! | which servers there are | [`Declaration::provision`] | a [`Draft`] of the infrastructure |
//! | how the site is loaded, watched and repaired | [`Declaration::set`] | the [`Settings`] of the scenario |
//! | how many may be struck at once, and when to stop | [`Declaration::limit`], [`Declaration::abort`] | a [`Group`] and the [`Most`] of it; an [`Abort`] |
//! | what breaks | [`Declaration::strike`], [`Declaration::in_turn`] | a [`Strike`] at a [`Target`], and its [`Schedule`] |
//! | what else is done | [`Declaration::act`] | an [`Act`] |
//! | what must be true | [`Declaration::expect`] | an [`Expectation`], with its [`Phase`] or [`Interval`] and its [`Bound`] |
//!
//! [`params`] has the types that turn the text of a step into these. A step that makes no sense returns a [`StepError`]; the
//! user reads it with file and line, together with all other mistakes, before anything boots.
//!
//! # What is promised
//! What this page shows is the public surface, and the crate's version tells when it changes. Enums and structs marked as
//! non-exhaustive may grow at any time. Faults, selectors, observers, workloads, Thens and reports of your own are registered: [`extend`].

// # Start here
// One way, from text to verdict:
//
// ```text
// features/*.feature ─ steps/ ─▶ declare ─▶ Plan        (nothing has booted; every error is reported here)
// Plan ─▶ harness ─▶ sandbox ─▶ run ─▶ { site, load, observer, nemesis, reconciler }
//                                          └─ record ─▶ history: events.ndjson, requests.bin, operations.ndjson
// history ─▶ measure ─▶ checker ─▶ judge ─▶ report      (pure: `chimp report` does it again)
// ```
//
// # Layers
// From top to bottom. A module imports only from rows below its own; a test (`tests/layers.rs`) reads this table.
//
// | modules | own |
// |---|---|
// | `cli` | the command line, and the `chaos` test target |
// | `init` | the first files of somebody who begins |
// | `harness`, `attack`, `observe` | from a request to an exit code; an attack on servers that run already; a site that is observed without a fault |
// | `run` | carrying a plan through |
// | `site_plugin` | what `extend` lets a plug-in add, for the demonstration site: what its users do, and what that means |
// | `steps` | the step language |
// | `extend` | what other crates add |
// | `declare` | from feature files to a `plan::Plan`, or one clear error |
// | `judge` | verdicts of hypotheses, scenarios and runs |
// | `report` | HTML, Markdown, JUnit, JSON, the terminal's table |
// | `checker` | hypotheses: pure functions of a history |
// | `environment` | where scenarios run and attacks strike: the sandbox of this machine, a testbed, an inventory, a cloud, a site's URL |
// | `config_agent`, `testbed` | the cron job that gives servers their roles; an infrastructure that is kept up, to be attacked from other processes |
// | `attach` | taking over a site that is there already |
// | `reconciler`, `provision`, `failover`, `auto_scaling` | the reconciler that replaces what is missing; bringing a whole site up; leading floating IPs to servers that serve; what Auto Scaling replaces, seen |
// | `database`, `final_state`, `nemesis`, `declared_wait` | databases that are formed, failed over and rebuilt; what they hold when the load is over; strikes with witnesses; declared waits, divided where time runs faster |
// | `site`, `observer`, `load`, `journal` | an infrastructure on a provider; what components see themselves; the open-loop prober that judges, goose users, and users of workloads; heals, on disk before their faults |
// | `measure` | definitions: phases, milestones, quantiles |
// | `fault`, `selector`, `inventory`, `docker`, `openstack`, `ec2` | what breaks; which servers; servers that are there already, over SSH; the Docker Engine of this machine, and a way into its containers; an OpenStack cloud's account and its APIs; an account of EC2 and its API |
// | `history` | everything that was observed, on disk as it happens |
// | `agent`, `readiness` | what holds a fault on a victim, under a lease; whether a server is what its role says |
// | `graph`, `render`, `plan` | the servers as a graph; roles filled in for one server; what a scenario asks for, as data |
// | `settings`, `workload` | every default; what users do with an application's data |
// | `infrastructure`, `provider` | what should be: servers, links, zones; where servers live (the local cloud of namespaces) |
// | `requests` | requests to a cloud's API: how many per minute, and when one is sent again |
// | `role`, `launch`, `console` | what a server becomes; the start of a service; standard output and error, whose readers may hang up |
// | `document`, `instance`, `exit` | files that users write; servers as data; exit codes |
// | `units`, `clock`, `text`, `draw`, `verdict`, `palette`, `awaited`, `log`, `lock`, `signals` | percentages, rates, bounds; one monotonic clock; the reading of text files; chance, from the seed; how something was judged; colours; what is waited for now; the log; what only one process of a machine may do at a time; the signals that end this program in order |

#![deny(clippy::print_stdout, clippy::print_stderr)]
#![allow(rustdoc::private_intra_doc_links, reason = "module docs are maps of their own parts")]

// The demonstration site's plug-in calls the crate by its name, as any other crate does, and so do sources of `tests/support/` that unit tests share
// with integration tests.
extern crate self as anarcho_chimp;

// Modules that are hidden are no public surface and may change at any time: the crate's own tests, benches and `chimp`
// use them, which cargo builds as crates of their own.
#[doc(hidden)]
pub mod agent;
mod attach;
#[doc(hidden)]
pub mod attack;
mod auto_scaling;
mod awaited;
mod checker;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod clock;
mod config_agent;
mod console;
mod database;
#[doc(hidden)]
pub mod declare;
mod declared_wait;
#[doc(hidden)]
pub mod docker;
mod document;
mod draw;
mod ec2;
#[doc(hidden)]
pub mod environment;
mod exit;
pub mod extend;
mod failover;
#[doc(hidden)]
pub mod fault;
mod final_state;
#[doc(hidden)]
pub mod graph;
mod harness;
#[doc(hidden)]
pub mod history;
#[doc(hidden)]
pub mod infrastructure;
mod init;
#[doc(hidden)]
pub mod instance;
#[doc(hidden)]
pub mod inventory;
#[doc(hidden)]
pub mod journal;
#[doc(hidden)]
pub mod judge;
#[doc(hidden)]
pub mod launch;
#[doc(hidden)]
pub mod load;
mod lock;
mod log;
#[doc(hidden)]
pub mod measure;
#[doc(hidden)]
pub mod nemesis;
mod observe;
#[doc(hidden)]
pub mod observer;
mod openstack;
mod palette;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod provider;
mod provision;
mod readiness;
mod reconciler;
#[doc(hidden)]
pub mod render;
#[doc(hidden)]
pub mod report;
mod requests;
#[doc(hidden)]
pub mod role;
#[doc(hidden)]
pub mod run;
mod selector;
#[doc(hidden)]
pub mod settings;
mod signals;
mod site;
#[doc(hidden)]
#[path = "../fixtures/site/plugin/mod.rs"]
pub mod site_plugin;
#[doc(hidden)]
#[path = "../steps/mod.rs"]
pub mod steps;
#[doc(hidden)]
pub mod testbed;
mod text;
#[doc(hidden)]
pub mod units;
#[doc(hidden)]
pub mod verdict;
#[doc(hidden)]
pub mod workload;

// The public surface, which the docs of the crate describe. `tests/facade.rs` has a snapshot of it.
#[doc(inline)]
pub use cli::chaos;
#[doc(inline)]
pub use declare::{Declaration, StepError, Strike, World};
#[doc(inline)]
pub use document::DocumentError;
#[doc(inline)]
pub use infrastructure::{Delay, Draft};
#[doc(inline)]
pub use plan::reconciler_step::ReconcilerStep;
#[doc(inline)]
pub use plan::{Act, Agent, Choice, Expectation, Interval, Parameters, Partition, Phase, Schedule, Target};
#[doc(inline)]
pub use settings::{Abort, Group, Most, Settings};
#[doc(inline)]
pub use steps::params;
#[doc(inline)]
pub use units::{Bound, DurationBound, HumanDuration, Percent, PercentBound, Quantile, Rate};

/// Becomes a hidden worker (an agent on a victim, the users' process, an end of a pipe, what ends a lease in a cloud) if the program was started as one. Call it first
/// in every `main` that enters a sandbox or starts users; if it returns something, end with it.
pub fn run_if_asked() -> Option<std::process::ExitCode> {
    agent::run_if_asked()
        .or_else(load::run_if_asked)
        .or_else(database::pipe::run_if_asked)
        .or_else(environment::run_if_asked)
}
