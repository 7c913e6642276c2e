//! Processes that stand still, alive: their sockets accept, and nobody answers.
//!
//! `When the process haproxy of … is stopped`. Sends SIGSTOP to every process of that name that ran when the strike was
//! armed, and to no other: never to the victim's first process, to an agent, or to a process of a container on it.
//! Those that start later run, and are told in the evidence. Witness: each of the recorded that still lives is stopped
//! (`T`), and one lives at least. Heal: SIGCONT to the recorded, by number and start, so never to another that took the
//! number.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{DriverError, EffectDriver, unfit};
use crate::agent::Observation;
use crate::agent::process::{self, Identity, Process};

/// How long a process in the middle of a system call may take to stop.
const SETTLE: Duration = Duration::from_secs(3);
const EFFECT: &str = "stopping processes";

/// See the module.
pub(super) struct StopProcess {
    name: String,
    /// What was armed; empty in a process that did not arm it.
    armed: Vec<Identity>,
}

impl StopProcess {
    /// All of this name.
    pub fn new(name: &str) -> Self {
        StopProcess { name: name.into(), armed: Vec::new() }
    }

    /// The processes of the name that may be stopped.
    fn candidates(&self) -> Vec<Process> {
        let name = &self.name.as_bytes()[..self.name.len().min(process::NAME_BYTES)];
        let agents: Vec<Identity> = process::agents().into_iter().map(|(identity, _)| identity).collect();
        let own = |process: &Process| process.identity.pid == 1 || agents.contains(&process.identity);
        process::all().into_iter().filter(|process| process.name == name && !own(process)).collect()
    }
}

impl EffectDriver for StopProcess {
    fn arm(&mut self) -> Result<Value, DriverError> {
        let candidates = self.candidates();
        let what = format!("the process {:?}", self.name);
        if candidates.is_empty() {
            let expected =
                format!("one process of this name at least{}", process::instead(&self.name, process::names()));
            return Err(unfit(&what, "not there", &expected));
        }
        // One that somebody else stopped is not ours to let go on.
        let running = candidates.iter().filter(|process| !stands(process));
        self.armed = running.map(|process| process.identity).collect();
        if self.armed.is_empty() {
            return Err(unfit(&what, "stopped already", "one that runs at least"));
        }
        serde_json::to_value(&self.armed).map_err(undo_state)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        signal_all(&self.armed, Signal::SIGSTOP)?;
        let deadline = Instant::now() + SETTLE;
        loop {
            let running = living(&self.armed).iter().filter(|process| !stands(process)).count();
            match running {
                0 => return Ok(()),
                _ if Instant::now() > deadline => {
                    let what = format!("{running} processes {:?}", self.name);
                    return Err(unfit(&what, "running 3 s after SIGSTOP", "stopped (T)"));
                }
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn heal(&mut self, undo_state: &Value) -> Result<(), DriverError> {
        signal_all(&recorded(undo_state)?, Signal::SIGCONT)
    }

    fn observe(&self, undo_state: Option<&Value>) -> Result<Observation, DriverError> {
        let candidates = self.candidates();
        let recorded = match undo_state {
            Some(undo_state) => recorded(undo_state)?,
            None => candidates.iter().map(|process| process.identity).collect(),
        };
        let living = living(&recorded);
        let stopped = living.iter().filter(|process| stands(process)).count();
        let later = candidates.iter().filter(|process| !recorded.contains(&process.identity)).count();
        let and_later = if later > 0 { format!(", {later} started later") } else { String::new() };
        let evidence = format!("{stopped} of {} processes stopped (T){and_later}", living.len());
        Ok(Observation { in_force: stopped > 0 && stopped == living.len(), evidence })
    }
}

fn undo_state(source: serde_json::Error) -> DriverError {
    DriverError::UndoState { effect: EFFECT, source }
}

fn recorded(undo_state: &Value) -> Result<Vec<Identity>, DriverError> {
    serde_json::from_value(undo_state.clone()).map_err(self::undo_state)
}

fn living(identities: &[Identity]) -> Vec<Process> {
    identities.iter().filter_map(|identity| identity.find()).collect()
}

/// Stopped by a signal (`T`) or held by a debugger (`t`).
fn stands(process: &Process) -> bool {
    process.state.eq_ignore_ascii_case(&'t')
}

/// To all of them, whatever becomes of one; the first trouble is told.
fn signal_all(identities: &[Identity], signal: Signal) -> Result<(), DriverError> {
    let send = |identity: &Identity| {
        let sent = identity.signal(signal).map(drop);
        sent.map_err(DriverError::at(&format!("sending {signal} to process {}", identity.pid)))
    };
    identities.iter().map(send).fold(Ok(()), Result::and)
}
