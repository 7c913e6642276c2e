//! What breaks: a [`Fault`] turns targets into a [`Strike`], which is pure data — what is done, how it is witnessed,
//! how it heals. Only [`crate::nemesis`] executes strikes.
//!
//! To add a fault: one file with a type that implements [`Fault`], and one row in [`FAULTS`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::provider::{Command, PowerOp, PowerState};

mod comes_back;
mod dies;
mod hangs;
mod loses_power;
mod process_dies;
mod reboots;

/// Every fault there is, by its name in plans and reports.
pub const FAULTS: &[&dyn Fault] = &[
    &dies::Dies,
    &loses_power::LosesPower,
    &comes_back::ComesBack,
    &reboots::Reboots,
    &hangs::Hangs,
    &process_dies::ProcessDies,
];

/// A way to break servers.
pub trait Fault: Sync {
    /// Its name in the table, in plans and in reports.
    fn name(&self) -> &'static str;

    /// What is done to one server, as data. Pure: no I/O, no chance. `argument` is what the step named beside the
    /// target (a process).
    fn strike(&self, server: &str, argument: Option<&str>) -> Strike;
}

/// The fault of this name.
pub fn named(name: &str) -> Option<&'static dyn Fault> {
    FAULTS.iter().copied().find(|fault| fault.name() == name)
}

/// One planned hit on one server: inject, witness, heal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strike {
    /// Whom it hits.
    pub server: String,
    /// What must be true of the victim before, or there is nothing to break.
    pub before: Witness,
    /// What is done.
    pub inject: Action,
    /// What must be true of the victim for the fault to count; the moment it is first seen is t0.
    pub witness: Witness,
    /// What is done as soon as the fault is confirmed (a reboot starts again by itself).
    pub then: Option<Action>,
    /// How it is undone; `None` for what is for good.
    pub heal: Option<Heal>,
}

/// How a strike is undone, and how that is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heal {
    /// What is done; idempotent.
    pub action: Action,
    /// What must be true of the victim afterwards.
    pub witness: Witness,
}

/// One thing done to a victim, with where it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// At the provider.
    Power(PowerOp),
    /// In the instance, over SSH; the exit status is not believed, the witness is.
    Exec(Command),
}

/// What is measured at a victim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// The instance is in this state, by its processes.
    State(PowerState),
    /// Processes of this name run in the instance.
    ProcessRuns(String),
    /// No process of this name runs in the instance.
    NoProcess(String),
}

/// How long a witness is asked before the answer is no: far longer than any injection takes.
pub const WITNESS_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for fault in FAULTS {
            assert_eq!(named(fault.name()).map(|found| found.name()), Some(fault.name()));
            assert_eq!(FAULTS.iter().filter(|other| other.name() == fault.name()).count(), 1);
        }
    }

    #[test]
    fn a_strike_never_witnesses_what_was_true_before() {
        for fault in FAULTS {
            let strike = fault.strike("web-1", Some("nginx"));
            assert_ne!(strike.before, strike.witness, "{} would confirm itself", fault.name());
        }
    }

    #[test]
    fn every_strike_as_data() {
        let strikes: Vec<_> = FAULTS.iter().map(|fault| (fault.name(), fault.strike("web-1", Some("nginx")))).collect();
        insta::assert_json_snapshot!(strikes);
    }
}
