//! A server is isolated: the paper's network failure, made by the server's environment.

use super::{Action, Fault, FaultTarget, Heal, ServerStrike, Witness};
use crate::instance::PowerOp;
use crate::plan::Parameters;

/// `When {target} is isolated`, `… for {duration}`
///
/// Runs nothing in the victim: its environment drops every packet from and to it, of open connections too. In the sandbox the
/// bridge does; in OpenStack the ports of the server get a security group without rules. Witness: a new TCP connection to the
/// victim's SSH port does not come about, and one did before. Heal: the bridge forwards again, the ports get back the groups that they
/// had; then a new connection must come about.
pub struct Isolated;

impl Fault for Isolated {
    fn name(&self) -> &'static str {
        "isolated"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} is/are isolated{schedule}"]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike {
            server: victim.server.into(),
            before: Witness::Reachable(true),
            inject: Action::Power(PowerOp::Isolate),
            witness: Witness::Reachable(false),
            then: None,
            heal: Some(Heal { action: Action::Power(PowerOp::Rejoin), witness: Witness::Reachable(true) }),
        }
    }
}
