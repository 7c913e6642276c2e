//! The disk space of a server is taken.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When {percent} of the disk space of {target} is taken`, `… for {duration}`
///
/// Runs: the victim's agent fills the disk that `/` lies on until this share of it is full.
/// Witness: the agent measures it. Heal: it lets go.
pub struct DiskTaken;

impl Fault for DiskTaken {
    fn name(&self) -> &'static str {
        "disk-taken"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{percent} of the disk space of {target} is taken{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Percent]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let percent = with.percent.map_or(0.0, |percent| percent.0);
        ServerStrike::held(victim.server, Effect::Disk { percent })
    }
}
