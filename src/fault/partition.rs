//! The network between servers is cut.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When the network between {target} and {target} is cut`, `When traffic from {target} to {target} is dropped`
///
/// Runs, in each victim: `iptables` drops what comes in from each address it no longer hears, in a chain of its own
/// that carries the strike's id. Witness: the victim's agent finds the rules in the kernel. Heal: the rules and the
/// chain are removed. It covers IPv4, by the servers' own addresses.
pub struct Partition;

impl Fault for Partition {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Partition]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::Iptables]
    }

    fn strike(&self, victim: &FaultTarget<'_>, _with: &Parameters) -> ServerStrike {
        ServerStrike::held(victim.server, Effect::DropFrom { peers: victim.peers.to_vec() })
    }
}
