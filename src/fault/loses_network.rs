//! A server loses its network: the paper's network failure.

use std::time::Duration;

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When {target} loses network`, `… for {duration}`
///
/// Runs, in the victim: `iptables -P INPUT DROP`, the same for OUTPUT and FORWARD, in the background after
/// `nemesis.network_delay` (5 s as in the paper), so that the session that asked for it can end. Loopback is cut too.
/// Witness: a new TCP connection to the victim's SSH port does not come about. Heal: the policies become what they
/// were; nothing else is flushed. It cuts the path of its own heal, so the agent's lease ends it.
pub struct LosesNetwork;

/// The paper's.
const DELAY: Duration = Duration::from_secs(5);

impl Fault for LosesNetwork {
    fn name(&self) -> &'static str {
        "loses-network"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["{target} lose(s) network{schedule}"]
    }

    fn accepts(&self) -> &'static [Parameter] {
        &[Parameter::After]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::Iptables]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let after = with.after.unwrap_or(DELAY);
        ServerStrike::held(victim.server, Effect::DropAll { after })
    }
}
