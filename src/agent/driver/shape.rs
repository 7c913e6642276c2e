//! Packets that leave are delayed or lost: by the `netem` qdisc where the kernel has it, else by a queue of our own.
//!
//! netem sits at the root of the victim's interface. The queue gets its packets by a rule at the head of mangle's
//! OUTPUT: all IPv4 that the victim itself sends; what is let go sees the rules behind it. What netem does besides, to
//! ARP, to IPv6 and to what is only forwarded, it does not. Both bound what waits, see [`MOST_WAITING`].

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{DriverError, EffectDriver};
use crate::agent::iptables::{self, Found, Rules};
use crate::agent::probe::{self, Delays};
use crate::agent::queue::delayer::{Delayer, Path};
use crate::agent::queue::{self, Listened, MARK, MOST_WAITING, Shaping};
use crate::agent::tc::{Place, Qdisc, Root};
use crate::agent::{Observation, StrikeId, interface};

const EFFECT: &str = "delay and loss";

pub(super) struct Shape {
    id: StrikeId,
    address: Ipv4Addr,
    shaping: Shaping,
    /// Which interface of those that the strike is on: each has a queue of its own.
    n: u16,
    by: Option<Backend>,
}

/// What was armed here, with what heals it.
enum Backend {
    Netem(Root),
    Queue { path: Path, rules: Rules, delayer: Option<Delayer> },
}

/// What the record keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UndoState {
    Netem(Place),
    Queue { interface: String, number: u16 },
}

impl Shape {
    /// On the interface with this address, the `n`th of the strike's, from 0.
    pub fn nth(id: &StrikeId, address: Ipv4Addr, shaping: Shaping, n: u16) -> Self {
        Shape { id: id.clone(), address, shaping, n, by: None }
    }

    /// So that the same strike loses the same packets again.
    fn seed(&self) -> u64 {
        let hash = Sha256::digest(&self.id.0);
        hash[..8].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    }

    fn netem(&self) -> Vec<String> {
        let Shaping { delay, jitter, loss } = self.shaping;
        let numbers = [
            MOST_WAITING.to_string(),
            format!("{}us", delay.as_micros()),
            format!("{}us", jitter.as_micros()),
            format!("{}%", loss * 100.0),
        ];
        let words = ["netem", "limit", &numbers[0], "delay", &numbers[1], &numbers[2], "loss", "random", &numbers[3]];
        words.map(str::to_string).to_vec()
    }

    fn is_asked(&self, qdisc: &Qdisc) -> bool {
        let Shaping { delay, jitter, loss } = self.shaping;
        let near = |pointer, asked: f64, within: f64| (qdisc.number(pointer).unwrap_or(0.0) - asked).abs() <= within;
        qdisc.kind == "netem"
            && near("/delay/delay", delay.as_secs_f64(), 1e-5)
            && near("/delay/jitter", jitter.as_secs_f64(), 1e-5)
            && near("/loss-random/loss", loss, 1e-4)
    }

    fn rules(&self, interface: &str, number: u16) -> Rules {
        let (number, ours) = (number.to_string(), format!("{MARK:#x}"));
        let matches = ["-o", interface, "-m", "mark", "!", "--mark", &ours];
        let target = ["-j", "NFQUEUE", "--queue-num", &number, "--queue-bypass"];
        Rules::new(&self.id).with("mangle", "OUTPUT", &[&matches[..], &target[..]].concat())
    }

    fn observe_netem(&self, place: &Place) -> Result<Observation, DriverError> {
        let Place { interface, handle } = place;
        Ok(match place.shown()? {
            None => Observation { in_force: false, evidence: format!("no qdisc {handle} at the root of {interface}") },
            Some(qdisc) => Observation {
                in_force: self.is_asked(&qdisc),
                evidence: format!("the qdisc {qdisc} at the root of {interface}, {}", told(&qdisc)),
            },
        })
    }

    /// Without a record any interface's: it is not known then which one is asked for.
    fn observe_queue(&self, recorded: Option<&str>) -> Result<Observation, DriverError> {
        let seen = |in_force, evidence| Ok(Observation { in_force, evidence });
        let rules = iptables::found(Some(&self.id))?;
        let is_its = |rule: &&Found| recorded.is_none_or(|interface| after(rule, "-o") == interface);
        let Some(rule) = rules.iter().filter(is_its).find(|rule| rule.chain == "OUTPUT") else {
            return seen(false, "no rule carries its id".into());
        };
        let (interface, number) = (after(rule, "-o"), after(rule, "--queue-num"));
        let queues = queue::listened().map_err(DriverError::at("read the queues of the packet filter"))?;
        let sends = format!("a rule sends what leaves {interface} to queue {number}");
        match queues.iter().find(|queue| queue.number.to_string() == number) {
            None => seen(false, format!("{sends}, on which no process listens")),
            Some(Listened { port, waiting, seen: came, .. }) => {
                seen(true, format!("{sends}, where port {port} listens: {came} packets came, {waiting} wait"))
            }
        }
    }
}

impl EffectDriver for Shape {
    fn arm(&mut self) -> Result<Value, DriverError> {
        let delays = probe::delays().map_err(|lacks| DriverError::Unavailable { effect: EFFECT, lacks })?;
        let interface = interface::carrying(self.address)?;
        let undo_state = match delays {
            Delays::Netem => UndoState::Netem(Place::of(&self.id, interface)),
            Delays::Queue => {
                let taken = queue::listened().map_err(DriverError::at("read the queues of the packet filter"))?;
                UndoState::Queue {
                    interface,
                    number: queue::free_number((self.seed() as u16).wrapping_add(self.n), &taken),
                }
            }
        };
        self.by = Some(match undo_state.clone() {
            UndoState::Netem(place) => {
                let mut root = Root::new(place);
                root.arm()?;
                Backend::Netem(root)
            }
            UndoState::Queue { interface, number } => {
                let mut rules = self.rules(&interface, number);
                rules.arm()?;
                let mtu = interface::mtu(&interface) as usize;
                Backend::Queue { path: Path { queue: number, interface, mtu }, rules, delayer: None }
            }
        });
        Ok(serde_json::to_value(undo_state).expect("a undo_state is plain data"))
    }

    fn inject(&mut self) -> Result<(), DriverError> {
        let (netem, seed) = (self.netem(), self.seed());
        match &mut self.by {
            None => Ok(()),
            Some(Backend::Netem(root)) => root.add(&netem),
            Some(Backend::Queue { path, rules, delayer }) => {
                let started = Delayer::start(path, self.shaping, seed);
                *delayer = Some(started.map_err(DriverError::at(&format!("listen to queue {}", path.queue)))?);
                rules.insert()
            }
        }
    }

    fn heal(&mut self, undo_state: &Value) -> Result<(), DriverError> {
        match self.by.take() {
            Some(Backend::Netem(mut root)) => root.remove(),
            Some(Backend::Queue { mut rules, delayer, .. }) => {
                // The delayer goes after the rule, and even if that is left: it lets everything through then.
                let removed = rules.remove();
                drop(delayer);
                removed
            }
            None => match read(undo_state)? {
                UndoState::Netem(place) => Root::new(place).remove(),
                UndoState::Queue { .. } => Rules::new(&self.id).remove(),
            },
        }
    }

    fn observe(&self, undo_state: Option<&Value>) -> Result<Observation, DriverError> {
        match undo_state.map(read).transpose()? {
            Some(UndoState::Netem(place)) => self.observe_netem(&place),
            Some(UndoState::Queue { interface, .. }) => self.observe_queue(Some(&interface)),
            None => match probe::delays() {
                Ok(Delays::Netem) => self.observe_netem(&Place::of(&self.id, interface::carrying(self.address)?)),
                Ok(Delays::Queue) => self.observe_queue(None),
                Err(evidence) => Ok(Observation { in_force: false, evidence }),
            },
        }
    }
}

fn read(undo_state: &Value) -> Result<UndoState, DriverError> {
    serde_json::from_value(undo_state.clone()).map_err(|source| DriverError::UndoState { effect: EFFECT, source })
}

/// The word that follows this option in a rule.
fn after<'a>(rule: &'a Found, option: &str) -> &'a str {
    let at = rule.words.iter().position(|word| word == option);
    at.and_then(|at| rule.words.get(at + 1)).map_or("?", String::as_str)
}

/// The parameters of a netem qdisc, in words.
fn told(qdisc: &Qdisc) -> String {
    let number = |pointer| qdisc.number(pointer).unwrap_or(0.0);
    format!(
        "delay {} ms ± {} ms, loss {} %",
        number("/delay/delay") * 1e3,
        number("/delay/jitter") * 1e3,
        number("/loss-random/loss") * 1e2
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shape(id: &str) -> Shape {
        let shaping = Shaping { delay: Duration::from_millis(100), jitter: Duration::from_micros(2_500), loss: 0.3 };
        Shape::nth(&StrikeId(id.into()), Ipv4Addr::LOCALHOST, shaping, 0)
    }

    #[test]
    fn netem_is_asked_in_its_own_words() {
        let asked = "netem limit 32768 delay 100000us 2500us loss random 30%";
        assert_eq!(shape("1.web-1").netem().join(" "), asked);
    }

    #[test]
    fn only_netem_with_these_very_parameters_is_what_was_asked() {
        let shown = |kind: &str, delay: f64, loss: f64| -> Qdisc {
            let options = serde_json::json!({"limit": 65536, "loss-random": {"loss": loss, "correlation": 0},
                "delay": {"delay": delay, "jitter": 0.0025, "correlation": 0}});
            serde_json::from_value(
                serde_json::json!({"kind": kind, "handle": "2f10:", "root": true, "options": options}),
            )
            .unwrap()
        };
        assert!(shape("1.web-1").is_asked(&shown("netem", 0.1, 0.3)));
        assert!(!shape("1.web-1").is_asked(&shown("netem", 0.2, 0.3)));
        assert!(!shape("1.web-1").is_asked(&shown("netem", 0.1, 0.0)));
        assert!(!shape("1.web-1").is_asked(&shown("tbf", 0.1, 0.3)));
    }

    #[test]
    fn the_same_strike_has_the_same_seed_and_another_has_another() {
        assert_eq!(shape("1.web-1").seed(), shape("1.web-1").seed());
        assert_ne!(shape("1.web-1").seed(), shape("2.web-1").seed());
    }

    #[test]
    fn a_memo_is_read_as_it_was_written() {
        let undo_states = [
            UndoState::Netem(Place::of(&StrikeId("1.a".into()), "eth0".into())),
            UndoState::Queue { interface: "eth0".into(), number: 7 },
        ];
        for undo_state in undo_states {
            assert_eq!(read(&serde_json::to_value(&undo_state).unwrap()).unwrap(), undo_state);
        }
        assert!(read(&Value::Null).is_err());
    }
}
