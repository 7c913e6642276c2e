//! What leaves is limited to a rate: the `tbf` qdisc at the root of the victim's interface.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::{DriverError, EffectDriver};
use crate::agent::tc::{Place, Qdisc, Root};
use crate::agent::{Observation, StrikeId, interface, probe};

const EFFECT: &str = "a rate limit";

/// Bytes before the IP header on the wire, which a qdisc counts.
const ETHERNET: u64 = 14;

pub(super) struct Rate {
    id: StrikeId,
    address: Ipv4Addr,
    bits_per_s: u64,
    root: Option<Root>,
}

impl Rate {
    pub fn new(id: &StrikeId, address: Ipv4Addr, bits_per_s: u64) -> Self {
        Rate { id: id.clone(), address, bits_per_s, root: None }
    }

    fn place(&self, undo_state: Option<&Value>) -> Result<Place, DriverError> {
        match undo_state {
            Some(undo_state) => read(undo_state),
            None => Ok(Place::of(&self.id, interface::carrying(self.address)?)),
        }
    }

    /// The bucket holds what may leave in 10 ms: kernels with a slow tick (100 Hz) could not keep the rate with less,
    /// and more would let bursts through that no link of this rate does; but never less than two packets. 50 ms may wait
    /// behind it, as in the buffer of a small router, but never less than 30 packets, of which TCP needs a
    /// window's worth.
    fn kind(&self, interface: &str) -> Vec<String> {
        let packet = interface::mtu(interface) + ETHERNET;
        let bytes_in = |ms: u64| self.bits_per_s.saturating_mul(ms) / 8_000;
        let burst = bytes_in(10).max(2 * packet);
        let limit = burst.saturating_add(bytes_in(50).max(30 * packet));
        let numbers = [format!("{}bit", self.bits_per_s), burst.to_string(), limit.min(u32::MAX.into()).to_string()];
        let words = ["tbf", "rate", &numbers[0], "burst", &numbers[1], "limit", &numbers[2]];
        words.map(str::to_string).to_vec()
    }

    fn is_asked(&self, qdisc: &Qdisc) -> bool {
        let bits = qdisc.number("/rate").map_or(0.0, |bytes| bytes * 8.0);
        qdisc.kind == "tbf" && (bits - self.bits_per_s as f64).abs() <= 0.01 * self.bits_per_s as f64 + 8.0
    }
}

impl EffectDriver for Rate {
    fn arm(&mut self) -> Result<Value, DriverError> {
        probe::token_bucket().map_err(|lacks| DriverError::Unavailable { effect: EFFECT, lacks })?;
        let place = self.place(None)?;
        let root = self.root.insert(Root::new(place.clone()));
        root.arm()?;
        Ok(serde_json::to_value(place).expect("a place is plain data"))
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        let interface = interface::carrying(self.address)?;
        let kind = self.kind(&interface);
        self.root.as_ref().map_or(Ok(()), |root| root.add(&kind))
    }

    fn heal(&mut self, undo_state: &Value) -> Result<(), DriverError> {
        let root = self.root.take();
        root.map_or_else(|| read(undo_state).map(Root::new), Ok)?.remove()
    }

    fn observe(&self, undo_state: Option<&Value>) -> Result<Observation, DriverError> {
        let place = self.place(undo_state)?;
        Ok(match place.shown()? {
            None => {
                let evidence = format!("no qdisc {} at the root of {}", place.handle, place.interface);
                Observation { in_force: false, evidence }
            }
            Some(qdisc) => Observation {
                in_force: self.is_asked(&qdisc),
                evidence: format!(
                    "the qdisc {qdisc} at the root of {} with a rate of {} bit/s",
                    place.interface,
                    qdisc.number("/rate").map_or(0.0, |bytes| bytes * 8.0)
                ),
            },
        })
    }
}

fn read(undo_state: &Value) -> Result<Place, DriverError> {
    serde_json::from_value(undo_state.clone()).map_err(|source| DriverError::UndoState { effect: EFFECT, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bits_per_s: u64) -> String {
        Rate::new(&StrikeId("1.web-1".into()), Ipv4Addr::LOCALHOST, bits_per_s).kind("no-such-one").join(" ")
    }

    #[test]
    fn bucket_and_buffer_fit_the_rate_but_always_some_packets() {
        assert_eq!(kind(10_000_000), "tbf rate 10000000bit burst 12500 limit 75000");
        assert_eq!(kind(1_000_000_000), "tbf rate 1000000000bit burst 1250000 limit 7500000");
        assert_eq!(kind(64_000), "tbf rate 64000bit burst 3028 limit 48448");
    }
}
