//! Some of what a server sends is lost.

use std::time::Duration;

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When the network of {target} loses {percent} of packets`, `… for {duration}`
///
/// Runs, in the victim: each packet that leaves it is dropped with this probability, by netem where the kernel has
/// it, else by NFQUEUE. What comes in is left alone.
/// Witness: the victim's agent finds the qdisc (or the rule and its listener). Heal: they are removed.
pub struct LosesPackets;

impl Fault for LosesPackets {
    fn name(&self) -> &'static str {
        "loses-packets"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["the network of {target} loses {percent} of packets{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Percent]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::DelayQueue]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let loss_pct = with.percent.map_or(0.0, |percent| percent.0);
        let effect = Effect::Shape { delay: Duration::ZERO, jitter: Duration::ZERO, loss_pct };
        ServerStrike::held(victim.server, effect)
    }
}
