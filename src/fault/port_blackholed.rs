//! A port of a server is blackholed: whoever asks hears nothing.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When port {port} of {target} is blackholed`, `… for {duration}`
///
/// Runs, in the victim: `iptables` drops what comes in for the port, TCP and UDP, in a chain of its own that carries
/// the strike's id. Connections that are open are hit too.
/// Witness: the victim's agent finds the rules in the kernel. Heal: the rules and the chain are removed.
pub struct PortBlackholed;

impl Fault for PortBlackholed {
    fn name(&self) -> &'static str {
        "port-blackholed"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["port {port} of {target} is blackholed{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Port]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::Iptables]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let port = with.port.unwrap_or_default();
        ServerStrike::held(victim.server, Effect::Port { port, reject: false })
    }
}
