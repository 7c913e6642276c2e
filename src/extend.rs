//! What another crate can add to the harness, as it adds steps: [`register!`](crate::register) in its test target.
//!
//! | to add | implement | what features say |
//! |---|---|---|
//! | a fault | [`Fault`]; its [`ServerStrike`] is mostly [held](ServerStrike::held) by an agent, as an [`Effect`], such as [`Commands`] | its phrases |
//! | a Then | [`Then`], a pure judge of a [`History`] | its phrases |
//! | a selector | [`Selector`] | `the "name" webserver` |
//! | an observer | [`Gauge`] | |
//! | a workload | [`User`], what one of its users does next and what answers mean; a [`Then`] judges it | `20 users work with "transfers"` |
//! | its meaning | [`Meaning`], so that the Thens of this crate judge it, too, by what users saw and, with its [`Tables`], by what databases held | `no acknowledged write is lost` |
//! | a report | [`Report`], a file more in the bundle | |
//!
//! Names that are taken are refused before anything boots: each fault, Then, selector, workload and file of a report needs one of its own.
//!
//! A program that did not register them can neither strike nor judge with them: judge such a run again by `cargo test --test chaos`, not by
//! `chimp report`. `docs/extending.md` walks through one of each. What a [`History`] and a [`JudgedRun`] are made of may grow, and
//! change, with any version.

pub use async_trait::async_trait;

pub use crate::agent::effect::{Commands, Effect};
pub use crate::checker::Judgement;
pub use crate::checker::registered::{RegisteredThen, Then};
pub use crate::fault::{Action, Fault, FaultTarget, Heal, Parameter, RegisteredFault, ServerStrike, Witness};
pub use crate::history::entries::{Entries, Page};
pub use crate::history::final_state::Content;
pub use crate::history::{Ended, Event, History, Outcome, Ranges, Record, Request, Work};
pub use crate::infrastructure::Server;
pub use crate::load::registered::{Invocation, Member, RegisteredWorkload, Response, User};
pub use crate::measure::meaning::{Deed, Did, Meaning, RegisteredMeaning, Row, Tables, entry_of, key_of};
pub use crate::measure::writes::contents;
pub use crate::observer::registered::{Gauge, Ground, RegisteredObservers};
pub use crate::report::bundle::RegisteredReport;
pub use crate::report::{JudgedRun, Report};
pub use crate::selector::registered::RegisteredSelector;
pub use crate::selector::{Selection, Selector, View};
pub use crate::verdict::Verdict;
/// How a [`Chance`] draws.
pub use rand::RngExt;
/// What a [`Selector`] draws with, seeded for this one decision; and a [`User`], seeded for this one user.
pub use rand::rngs::StdRng as Chance;
pub use serde_json::{Value, json};

#[doc(hidden)]
pub use cucumber::codegen::submit;

/// Registers what another crate adds; anywhere in its test target, outside of functions.
///
/// ```
/// use anarcho_chimp::extend::{Commands, Effect, Fault, FaultTarget, ServerStrike};
///
/// struct Locked;
///
/// impl Fault for Locked {
///     fn name(&self) -> &'static str {
///         "locked"
///     }
///
///     fn phrases(&self) -> &'static [&'static str] {
///         &["{target} is locked{schedule}"]
///     }
///
///     fn strike(&self, victim: &FaultTarget<'_>, _: &anarcho_chimp::Parameters) -> ServerStrike {
///         let words = |text: &str| text.split(' ').map(String::from).collect();
///         let [make, see, undo] = ["touch /run/lock", "test -e /run/lock", "rm -f /run/lock"].map(words);
///         ServerStrike::held(victim.server, Effect::Command(Commands { make, see, undo }))
///     }
/// }
///
/// anarcho_chimp::register!(fault Locked);
/// ```
#[macro_export]
macro_rules! register {
    (fault $fault:expr) => {
        $crate::extend::submit! { $crate::extend::RegisteredFault { fault: &$fault, place: (file!(), line!()) } }
    };
    (then $then:expr) => {
        $crate::extend::submit! { $crate::extend::RegisteredThen { then: &$then, place: (file!(), line!()) } }
    };
    (selector $name:literal, $selector:expr) => {
        $crate::extend::submit! { $crate::extend::RegisteredSelector { name: $name, selector: &$selector, place: (file!(), line!()) } }
    };
    (observers $make:expr) => {
        $crate::extend::submit! { $crate::extend::RegisteredObservers($make) }
    };
    (workload $name:literal, $user:expr) => {
        $crate::extend::submit! {
            $crate::extend::RegisteredWorkload { name: $name, user: $user, place: (file!(), line!()) }
        }
    };
    (meaning $name:literal, $meaning:expr) => {
        $crate::extend::submit! { $crate::extend::RegisteredMeaning { workload: $name, meaning: &$meaning, place: (file!(), line!()) } }
    };
    (report $report:expr) => {
        $crate::extend::submit! { $crate::extend::RegisteredReport { report: &$report, place: (file!(), line!()) } }
    };
}
