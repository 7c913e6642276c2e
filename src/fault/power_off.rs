//! A server loses its power: as dead as dead, but its disk is kept.

use super::{Action, Fault, FaultTarget, Heal, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} loses power`, `… for {duration}`
///
/// Runs: the provider's stop (link cut, killed, disk kept). Witness: no process is left, the disk is.
/// Heal: start. The reconciler leaves it alone: a provider still lists it.
pub struct PowerOff;

impl Fault for PowerOff {
    fn name(&self) -> &'static str {
        "power-off"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} lose(s) power{schedule}"]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::State(PowerState::Running),
            inject: Action::Power(PowerOp::Stop),
            witness: Witness::State(PowerState::Stopped),
            then: None,
            heal: Some(Heal { action: Action::Power(PowerOp::Start), witness: Witness::State(PowerState::Running) }),
        }
    }
}
