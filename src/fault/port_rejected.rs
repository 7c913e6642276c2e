//! A port of a server is rejected: whoever asks is told no.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When port {port} of {target} is rejected`, `… for {duration}`
///
/// Runs, in the victim: `iptables` refuses what comes in for the port, TCP by a reset and UDP by an ICMP error,
/// in a chain of its own that carries the strike's id. Connections that are open are hit too.
/// Witness: the victim's agent finds the rules in the kernel. Heal: the rules and the chain are removed.
pub struct PortRejected;

impl Fault for PortRejected {
    fn name(&self) -> &'static str {
        "port-rejected"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["port {port} of {target} is rejected{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Port]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::Iptables]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let port = with.port.unwrap_or_default();
        ServerStrike::held(victim.server, Effect::Port { port, reject: true })
    }
}
