//! The paper's cut: nothing comes in, goes out or through, but what rules let.
//!
//! `When … is cut off`. Runs `iptables -P {INPUT,OUTPUT,FORWARD} DROP`, in the background, so that the session that
//! asked can end. Witness: all three policies read DROP. Heal: each that is DROP becomes what it was when the strike
//! was armed; rules are not touched.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Grip, GripError, unfit};
use crate::agent::Observation;
use crate::agent::iptables::{argv, call_spare};
use crate::agent::spare::Spare;

const CHAINS: [&str; 3] = ["INPUT", "OUTPUT", "FORWARD"];
const CUT: &str = "DROP";
const EFFECT: &str = "a cut by policies";

/// Policies by chain.
type Policies = BTreeMap<String, String>;

/// See the module.
#[derive(Default)]
pub(super) struct Cut {
    /// What cuts, and what heals, by chain; taken as it is used.
    cutters: BTreeMap<&'static str, Spare>,
    restorers: BTreeMap<&'static str, Spare>,
    lookers: Vec<Spare>,
}

impl Grip for Cut {
    fn arm(&mut self) -> Result<Value, GripError> {
        let before = look(None)?;
        if CHAINS.iter().all(|chain| policy(&before, chain) == CUT) {
            return Err(unfit("each policy", CUT, "one that lets something through"));
        }
        for chain in CHAINS {
            self.cutters.insert(chain, prepare(&setting(chain, CUT))?);
            self.restorers.insert(chain, prepare(&setting(chain, policy(&before, chain)))?);
        }
        // One to see what must be healed, one to see that it is.
        self.lookers = vec![prepare(&looking())?, prepare(&looking())?];
        serde_json::to_value(before).map_err(memo)
    }

    fn inject(&mut self) -> Result<(), GripError> {
        CHAINS.iter().try_for_each(|chain| call_spare(&setting(chain, CUT), self.cutters.remove(chain)).map(drop))
    }

    fn heal(&mut self, memo: &Value) -> Result<(), GripError> {
        let before: Policies = serde_json::from_value(memo.clone()).map_err(self::memo)?;
        let now = look(self.lookers.pop())?;
        let mut done = Ok(());
        // It hears again before it is heard: who was stood in for must hear its stand-in give way, to say so to its
        // neighbours, and a stand-in gives way as soon as it hears.
        for chain in CHAINS {
            let was = policy(&before, chain);
            if policy(&now, chain) == CUT && was != CUT {
                done = done.and(call_spare(&setting(chain, was), self.restorers.remove(chain)).map(drop));
            }
        }
        done?;
        let after = look(self.lookers.pop())?;
        let left = CHAINS.iter().filter(|chain| policy(&after, chain) == CUT && policy(&before, chain) != CUT);
        match left.copied().collect::<Vec<_>>().as_slice() {
            [] => Ok(()),
            left => Err(GripError::Left { what: format!("policy {CUT} of {}", left.join(", ")) }),
        }
    }

    fn observe(&self, _memo: Option<&Value>) -> Result<Observation, GripError> {
        let now = look(None)?;
        let said = CHAINS.map(|chain| format!("{chain} {}", policy(&now, chain)));
        let in_force = CHAINS.iter().all(|chain| policy(&now, chain) == CUT);
        Ok(Observation { in_force, evidence: format!("policies {}", said.join(", ")) })
    }
}

fn memo(source: serde_json::Error) -> GripError {
    GripError::Memo { effect: EFFECT, source }
}

fn prepare(argv: &[String]) -> Result<Spare, GripError> {
    Spare::prepare(argv).map_err(GripError::at(&argv.join(" ")))
}

fn setting(chain: &str, policy: &str) -> Vec<String> {
    argv(["-P", chain, policy].map(str::to_string))
}

fn looking() -> Vec<String> {
    argv(["-S".to_string()])
}

/// The policies as they are now.
fn look(spare: Option<Spare>) -> Result<Policies, GripError> {
    Ok(parse(&call_spare(&looking(), spare)?))
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
