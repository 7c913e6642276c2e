//! A server dies: a black hole, gone for good.

use super::{Action, Fault, FaultTarget, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} dies`
///
/// Runs: the provider's terminate; locally the link is cut first, then everything is killed, so no peer is told.
/// Witness: the instance's first process is gone. Heal: none; a reconciler may replace it.
pub struct Dies;

impl Fault for Dies {
    fn name(&self) -> &'static str {
        "dies"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} die(s){schedule}"]
    }

    fn passes(&self) -> bool {
        true
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::State(PowerState::Running),
            inject: Action::Power(PowerOp::Terminate),
            witness: Witness::State(PowerState::Terminated),
            then: None,
            heal: None,
        }
    }
}
