//! A server hangs: it is there, it accepts connections, it never answers.

use super::{Action, Fault, FaultTarget, Heal, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} hangs`, `… for {duration}`
///
/// Runs: SIGSTOP to every process of the instance. Witness: all of them are stopped (`T`). Heal: SIGCONT.
/// The kernel goes on accepting connections for it, so only checks that want an answer notice.
pub struct Hangs;

impl Fault for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} hang(s){schedule}"]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::State(PowerState::Running),
            inject: Action::Power(PowerOp::Freeze),
            witness: Witness::State(PowerState::Frozen),
            then: None,
            heal: Some(Heal { action: Action::Power(PowerOp::Thaw), witness: Witness::State(PowerState::Running) }),
        }
    }
}
