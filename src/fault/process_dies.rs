//! Every process of a name is killed on a server; the server lives on.

use super::{Action, Fault, Parameter, Strike, Target, Witness};
use crate::plan::Parameters;
use crate::provider::Command;

/// `When process {string} on {target} dies`
///
/// Runs, over SSH: `pkill -KILL -x NAME` in the instance, whose processes are the only ones it can see.
/// Witness, over SSH: `pgrep -x NAME` finds none. Heal: none; whatever supervises the process may start it again.
pub struct ProcessDies;

/// The kernel keeps this much of a process's name, and `pgrep -x` compares with that.
const COMM_LENGTH: usize = 15;

impl Fault for ProcessDies {
    fn name(&self) -> &'static str {
        "process-dies"
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Process]
    }

    fn strike(&self, victim: &Target<'_>, with: &Parameters) -> Strike {
        let process: String = with.process.as_deref().unwrap_or_default().chars().take(COMM_LENGTH).collect();
        let pattern = regex::escape(&process);
        Strike {
            server: victim.server.into(),
            before: Witness::ProcessRuns(pattern.clone()),
            inject: Action::Exec(Command::new(["pkill", "-KILL", "-x", "--", &pattern])),
            witness: Witness::NoProcess(pattern),
            then: None,
            heal: None,
        }
    }
}
