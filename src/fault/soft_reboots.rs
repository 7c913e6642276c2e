//! A server reboots as its operator would have it reboot.

use super::{Action, Fault, FaultTarget, ServerStrike, Witness};
use crate::instance::{PowerOp, PowerState};
use crate::plan::Parameters;

/// `When {target} reboots gracefully`
///
/// Runs: the provider's soft reboot. The server's own init ends its services in order (SIGTERM, and KILL for what is left after a
/// while) and starts them again, so their clients are told, and what a clean shutdown saves is kept. Witness, over SSH:
/// another boot than before. t0 is when it was asked for. Heal: none needed.
pub struct SoftReboots;

impl Fault for SoftReboots {
    fn name(&self) -> &'static str {
        "soft-reboots"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} reboot(s) gracefully{schedule}"]
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
            inject: Action::Power(PowerOp::SoftReboot),
            witness: Witness::Rebooted,
            then: None,
            heal: None,
        }
    }
}
