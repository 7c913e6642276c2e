//! A server can send only so much.

use super::{Fault, FaultTarget, Parameter, ServerStrike};
use crate::agent::Need;
use crate::agent::effect::Effect;
use crate::plan::Parameters;

/// `When the network of {target} is limited to {bandwidth}`, `… for {duration}`
///
/// Runs, in the victim: a token bucket (`tbf`) on what leaves it. What comes in is left alone.
/// Witness: the victim's agent finds the qdisc. Heal: it is removed.
pub struct BandwidthLimit;

impl Fault for BandwidthLimit {
    fn name(&self) -> &'static str {
        "bandwidth-limit"
    }

    fn phrases(&self) -> &'static [&'static str] {
        &["the network of {target} is limited to {bandwidth}{schedule}"]
    }

    fn takes(&self) -> &'static [Parameter] {
        &[Parameter::Bandwidth]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::TokenBucket]
    }

    fn strike(&self, victim: &FaultTarget<'_>, with: &Parameters) -> ServerStrike {
        let bits_per_s = with.bits_per_s.unwrap_or_default();
        ServerStrike::held(victim.server, Effect::Rate { bits_per_s })
    }
}
