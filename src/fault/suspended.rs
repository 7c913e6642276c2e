//! A server is suspended: its memory is put aside, and nothing answers for it.

use super::{Action, Fault, FaultTarget, Heal, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} is suspended`, `… for {duration}`
///
/// Runs: the provider's suspend. Witness: no process of it runs, or the cloud's word for that. Heal: resume. Other than one that
/// hangs in the local cloud, it accepts no connection: its kernel stands as well.
pub struct Suspended;

impl Fault for Suspended {
    fn name(&self) -> &'static str {
        "suspended"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} is/are suspended{schedule}"]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::State(PowerState::Running),
            inject: Action::Power(PowerOp::Suspend),
            witness: Witness::State(PowerState::Frozen),
            then: None,
            heal: Some(Heal { action: Action::Power(PowerOp::Resume), witness: Witness::State(PowerState::Running) }),
        }
    }
}
