//! One that hears some others no more: what comes in from them is dropped.
//!
//! One side of a partition between two sets. Adds `-I INPUT -s PEERS … -j DROP`, at the head of the chain. Witness:
//! a rule with the strike's id for each peer. Heal: these rules are deleted, each by its own words. May stack.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::{DriverError, EffectDriver, unfit};
use crate::agent::iptables::Rules;
use crate::agent::{Observation, StrikeId};

/// See the module.
pub(super) struct DropFrom {
    rules: Rules,
    peers: usize,
}

impl DropFrom {
    /// DropFrom to these.
    pub fn new(id: &StrikeId, peers: &[Ipv4Addr]) -> Self {
        let mut peers = peers.to_vec();
        peers.sort_unstable();
        peers.dedup();
        let listed = peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let rules = Rules::new(id).with("filter", "INPUT", &["-s", &listed, "-j", "DROP"]);
        DropFrom { rules, peers: peers.len() }
    }
}

impl EffectDriver for DropFrom {
    fn arm(&mut self) -> Result<Value, DriverError> {
        if self.peers == 0 {
            return Err(unfit("the list of peers", "empty", "one address at least"));
        }
        self.rules.arm().map(|()| Value::Null)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        self.rules.insert()
    }

    fn heal(&mut self, _memo: &Value) -> Result<(), DriverError> {
        self.rules.remove()
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, DriverError> {
        self.rules.observe(self.peers)
    }
}
