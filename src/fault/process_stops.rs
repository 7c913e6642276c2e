//! Every process of a name stops where it is; the server lives on.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When process {string} on {target} stops`, `… hangs`, `… for {duration}`
///
/// Runs: the victim's agent sends SIGSTOP to every process of the name. Nothing is closed: what it listened on still
/// accepts. Witness: the agent sees all of them stopped (`T`). Heal: SIGCONT.
pub struct ProcessStops;

impl Fault for ProcessStops {
    fn name(&self) -> &'static str {
        "process-stops"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{process} on {target} stop(s){schedule}", "{process} on {target} hang(s){schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Process]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let process = with.process.clone().unwrap_or_default();
        ServerStrike::held(victim.server, Effect::StopProcess { process })
    }
}
