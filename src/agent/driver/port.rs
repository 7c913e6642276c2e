//! A port that swallows or refuses what comes in for it.
//!
//! `When port 80 of … is blackholed` or `is rejected`. Adds `-I INPUT -p {tcp,udp} --dport PORT … -j DROP`, or
//! `-j REJECT`: with a reset for TCP, with an ICMP error for UDP; both at once. Established connections are cut as well. Witness: both
//! rules are there with the strike's id. Heal: they are deleted, each by its own words. May stack.

use serde_json::Value;

use super::{DriverError, EffectDriver};
use crate::agent::iptables::Rules;
use crate::agent::{Observation, StrikeId};

/// See the module.
pub(super) struct Port {
    rules: Rules,
}

/// One rule for TCP, one for UDP.
const RULES: usize = 2;

impl Port {
    /// This port, its senders told or not.
    pub fn new(id: &StrikeId, port: u16, reject: bool) -> Self {
        let port = port.to_string();
        let tcp: &[&str] = if reject { &["REJECT", "--reject-with", "tcp-reset"] } else { &["DROP"] };
        let udp: &[&str] = if reject { &["REJECT"] } else { &["DROP"] };
        let words = |protocol, target: &[&'static str]| -> Vec<String> {
            let matches = ["-p", protocol, "--dport", &port, "-j"];
            matches.into_iter().chain(target.iter().copied()).map(str::to_string).collect()
        };
        let part = |rules: Rules, words: Vec<String>| {
            rules.with("filter", "INPUT", &words.iter().map(String::as_str).collect::<Vec<_>>())
        };
        Port { rules: part(part(Rules::new(id), words("tcp", tcp)), words("udp", udp)) }
    }
}

impl EffectDriver for Port {
    fn arm(&mut self) -> Result<Value, DriverError> {
        self.rules.arm().map(|()| Value::Null)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        self.rules.insert()
    }

    fn heal(&mut self, _memo: &Value) -> Result<(), DriverError> {
        self.rules.remove()
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, DriverError> {
        self.rules.observe(RULES)
    }
}
