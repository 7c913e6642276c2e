//! A server reboots without warning.

use super::{Action, Fault, FaultTarget, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} reboots`
///
/// Runs: stop; once the witness has seen that no process is left, start. t0 is between the two, so a reboot that
/// did not happen can't be missed. Heal: none needed.
pub struct Reboots;

impl Fault for Reboots {
    fn name(&self) -> &'static str {
        "reboots"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} reboot(s){schedule}"]
    }

    fn is_instant(&self) -> bool {
        true
    }

    fn passes(&self) -> bool {
        true
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::State(PowerState::Running),
            inject: Action::Power(PowerOp::Stop),
            witness: Witness::State(PowerState::Stopped),
            then: Some(Action::Power(PowerOp::Start)),
            heal: None,
        }
    }
}
