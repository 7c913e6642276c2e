//! A server that lost its power gets it back.

use super::{Action, Fault, FaultTarget, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} comes back`
///
/// Runs: the provider's start, from the kept disk. Witness: its first process runs. Heal: none, it is one itself.
pub struct PowerOn;

impl Fault for PowerOn {
    fn name(&self) -> &'static str {
        "power-on"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} come(s) back{schedule}"]
    }

    fn is_instant(&self) -> bool {
        true
    }

    fn can_recur(&self) -> bool {
        false
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::State(PowerState::Stopped),
            inject: Action::Power(PowerOp::Start),
            witness: Witness::State(PowerState::Running),
            then: None,
            heal: None,
        }
    }
}
