//! The paper's network failure: nothing comes in, goes out or through, but what rules let.
//!
//! `When … is cut off`. Runs `iptables -P {INPUT,OUTPUT,FORWARD} DROP`, in the background, so that the session that
//! asked can end. Witness: all three policies read DROP. Heal: each that is DROP becomes what it was when the strike
//! was armed; rules are not touched.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DriverError, EffectDriver, unfit};
use crate::agent::Observation;
use crate::agent::iptables::{argv, call_preforked};
use crate::agent::prefork::Preforked;

const CHAINS: [&str; 3] = ["INPUT", "OUTPUT", "FORWARD"];
const DROP: &str = "DROP";
const EFFECT: &str = "DROP policies";

/// Policies by chain.
type Policies = BTreeMap<String, String>;

/// See the module.
#[derive(Default)]
pub(super) struct DropAll {
    /// What cuts, and what heals, by chain; taken as it is used.
    cutters: BTreeMap<&'static str, Preforked>,
    restorers: BTreeMap<&'static str, Preforked>,
    lookers: Vec<Preforked>,
}

impl EffectDriver for DropAll {
    fn arm(&mut self) -> Result<Value, DriverError> {
        let before = look(None)?;
        if CHAINS.iter().all(|chain| policy(&before, chain) == DROP) {
            return Err(unfit("each policy", DROP, "one that lets something through"));
        }
        for chain in CHAINS {
            self.cutters.insert(chain, prepare(&setting(chain, DROP))?);
            self.restorers.insert(chain, prepare(&setting(chain, policy(&before, chain)))?);
        }
        // One to see what must be healed, one to see that it is.
        self.lookers = vec![prepare(&looking())?, prepare(&looking())?];
        serde_json::to_value(before).map_err(undo_state)
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        CHAINS.iter().try_for_each(|chain| call_preforked(&setting(chain, DROP), self.cutters.remove(chain)).map(drop))
    }

    fn heal(&mut self, undo_state: &Value) -> Result<(), DriverError> {
        let before: Policies = serde_json::from_value(undo_state.clone()).map_err(self::undo_state)?;
        let now = look(self.lookers.pop())?;
        let mut done = Ok(());
        // It hears again before it is heard: who was stood in for must hear its stand-in give way, to say so to its
        // neighbours, and a stand-in gives way as soon as it hears.
        for chain in CHAINS {
            let was = policy(&before, chain);
            if policy(&now, chain) == DROP && was != DROP {
                done = done.and(call_preforked(&setting(chain, was), self.restorers.remove(chain)).map(drop));
            }
        }
        done?;
        let after = look(self.lookers.pop())?;
        let left = CHAINS.iter().filter(|chain| policy(&after, chain) == DROP && policy(&before, chain) != DROP);
        match left.copied().collect::<Vec<_>>().as_slice() {
            [] => Ok(()),
            left => Err(DriverError::Left { what: format!("policy {DROP} of {}", left.join(", ")) }),
        }
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, DriverError> {
        let now = look(None)?;
        let said = CHAINS.map(|chain| format!("{chain} {}", policy(&now, chain)));
        let in_force = CHAINS.iter().all(|chain| policy(&now, chain) == DROP);
        Ok(Observation { in_force, evidence: format!("policies {}", said.join(", ")) })
    }
}

fn undo_state(source: serde_json::Error) -> DriverError {
    DriverError::UndoState { effect: EFFECT, source }
}

fn prepare(argv: &[String]) -> Result<Preforked, DriverError> {
    Preforked::prepare(argv).map_err(DriverError::at(&argv.join(" ")))
}

fn setting(chain: &str, policy: &str) -> Vec<String> {
    argv(["-P", chain, policy].map(str::to_string))
}

fn looking() -> Vec<String> {
    argv(["-S".to_string()])
}

/// The policies as they are now.
fn look(preforked: Option<Preforked>) -> Result<Policies, DriverError> {
    Ok(parse(&call_preforked(&looking(), preforked)?))
}

fn parse(listed: &str) -> Policies {
    let policy = |line: &str| {
        let (chain, policy) = line.strip_prefix("-P ")?.split_once(' ')?;
        Some((chain.to_string(), policy.to_string()))
    };
    listed.lines().filter_map(policy).collect()
}

/// A chain that was never touched lets everything through.
fn policy<'a>(policies: &'a Policies, chain: &str) -> &'a str {
    policies.get(chain).map_or("ACCEPT", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_and_rules_are_not() {
        let policies = parse("-P INPUT DROP\n-P FORWARD ACCEPT\n-N mine\n-A INPUT -i lo -j ACCEPT\n");
        assert_eq!(CHAINS.map(|chain| policy(&policies, chain)), ["DROP", "ACCEPT", "ACCEPT"]);
    }
}
