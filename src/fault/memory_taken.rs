//! The memory of a server is taken.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When {percent} of the memory of {target} is taken`, `… for {duration}`
///
/// Runs: the victim's agent takes this share of the memory the victim sees, and touches it.
/// Witness: the agent measures it. Heal: it lets go.
pub struct MemoryTaken;

/// More would take the memory of the agent that holds it, and of the kernel.
const MOST_PCT: f64 = 90.0;

impl Fault for MemoryTaken {
    fn name(&self) -> &'static str {
        "memory-taken"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{percent} of the memory of {target} is taken{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Percent]
    }

    fn most(&self) -> Option<(f64, &'static str)> {
        Some((MOST_PCT, "with so much memory taken the kernel would kill processes of its own choice"))
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let percent = with.percent.map_or(0.0, |percent| percent.0);
        ServerStrike::held(victim.server, Effect::Memory { percent })
    }
}
