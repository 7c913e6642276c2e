//! The attacker by itself: the paper's four failure models without a feature file, against servers that somebody else
//! keeps up.
//!
//! ```text
//! command line + inventory or testbed ─ pick ─▶ AttackPlan   (everything resolved; --dry-run prints it and ends here)
//! AttackPlan ─ execute ─▶ nemesis ─▶ bundle: attack.json, journal.ndjson, events.ndjson
//! bundle ─ heal ─▶ what a crash left open is undone          (replay: the same plan again)
//! ```
//!
//! Strikes go the one way that scenarios' do: journal, lease, injection, witness, heal, witness.

pub mod execute;
pub mod heal;
pub mod pick;
pub mod place;
pub mod plan;
pub mod processes;

pub use plan::{AttackPlan, Round};

/// Why an attack was not begun, or could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// What was asked for makes no sense; nothing was touched.
    #[error("{0}")]
    Usage(String),
    /// The servers can't be found or reached.
    #[error(transparent)]
    Provider(#[from] crate::provider::ProviderError),
    /// The bundle can't be written or read.
    #[error("{}: can't be read or written: {source}", .path.display())]
    Bundle {
        /// Which file or folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The recorded plan can't be used; nothing was touched.
    #[error(transparent)]
    Plan(#[from] crate::plan::PlanError),
    /// The servers' place has ended, and with it every fault on them; nothing is left to attack or to undo.
    #[error("{detail}\n  help: {help}")]
    Gone {
        /// What has ended.
        detail: String,
        /// What to do for a new one.
        help: &'static str,
    },
    /// Somebody's fault is still there.
    #[error("{0}")]
    Dirty(String),
}
