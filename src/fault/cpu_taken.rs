//! The CPU of a server is taken.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When {percent} of the CPU of {target} is taken`, `… for {duration}`
///
/// Runs: threads of the victim's agent compute in vain for this share of the time, on every CPU the victim sees.
/// Witness: the agent measures it. Heal: it lets go.
pub struct CpuTaken;

impl Fault for CpuTaken {
    fn name(&self) -> &'static str {
        "cpu-taken"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{percent} of the CPU of {target} is taken{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Percent]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let percent = with.percent.map_or(0.0, |percent| percent.0);
        ServerStrike::held(victim.server, Effect::Cpu { percent })
    }
}
