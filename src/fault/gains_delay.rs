//! What a server sends takes longer.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When the network of {target} gains {duration} of delay`, `… with {duration} of jitter`, `… for {duration}`
///
/// Runs, in the victim: every packet that leaves it waits, netem where the kernel has it, else NFQUEUE. So a round
/// trip to it takes this much longer once, whoever began. With jitter each wait strays evenly to both sides.
/// Witness: the victim's agent finds the qdisc (or the rule and its listener). Heal: they are removed; what waits
/// is sent.
pub struct GainsDelay;

impl Fault for GainsDelay {
    fn name(&self) -> &'static str {
        "gains-delay"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &[
            "the network of {target} gains {duration} of delay{schedule}",
            "the network of {target} gains {duration} of delay with {duration} of jitter{schedule}",
        ]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Delay]
    }

    fn accepts(&self) -> &'static [Parameter] {
        &[Parameter::Jitter]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::DelayQueue]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let (delay, jitter) = (with.delay.unwrap_or_default(), with.jitter.unwrap_or_default());
        ServerStrike::held(victim.server, Effect::Shape { delay, jitter, loss_pct: 0.0 })
    }
}
