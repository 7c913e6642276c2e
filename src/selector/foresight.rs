//! Which servers a scenario's strikes will hit, as far as that is known before anything runs.

use std::collections::BTreeSet;
use std::fmt;

use super::{Prospect, Selection, View, either, prospect, resolve, sides};
use crate::draw::{Draw, Purpose};
use crate::infrastructure::Infrastructure;
use crate::plan::{Act, Choice, Partition, Schedule, StrikeOrder};

/// What is known of a strike's victims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreseen {
    /// These, whatever happens.
    Sure(Selection),
    /// These, for as long as this server holds the site's address.
    WhileHolding(Selection, String),
    /// They are found at the strike; how.
    AtTheStrike(&'static str),
    /// No server, and why.
    NoServer(String),
}

impl fmt::Display for Foreseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreseen::Sure(selection) => write!(f, "hits {}: {}", selection.servers.join(", "), selection.why),
            Foreseen::WhileHolding(selection, holder) => {
                write!(f, "hits {} if {holder} holds the site's address then", selection.servers.join(", "))?;
                if selection.why.is_empty() { Ok(()) } else { write!(f, ": {}", selection.why) }
            }
            Foreseen::AtTheStrike(how) => write!(f, "its servers are found at the strike: {how}"),
            Foreseen::NoServer(why) => write!(f, "hits no server: {why}"),
        }
    }
}

/// Looks at a scenario's strikes, one after the other, in the order of its steps.
pub struct Foresight<'a> {
    infrastructure: &'a Infrastructure,
    protected: &'a BTreeSet<String>,
    draw: Draw,
    /// The number of the next strike, by which chance is drawn; `None` after strikes of which it is not known how many there
    /// will be.
    number: Option<u64>,
    /// Which servers the strike before hits, where that is sure.
    struck: Option<Vec<String>>,
}

impl<'a> Foresight<'a> {
    /// Nothing was struck yet. `protected` are the servers that chance never draws.
    pub fn new(infrastructure: &'a Infrastructure, protected: &'a BTreeSet<String>, draw: Draw) -> Foresight<'a> {
        Foresight { infrastructure, protected, draw, number: Some(0), struck: None }
    }

    /// The victims of the next act's orders, in their order.
    pub fn act(&mut self, act: &Act) -> Vec<Foreseen> {
        match act {
            Act::Strike { order, schedule } => vec![self.strike(order, schedule)],
            Act::InTurn { order } => vec![self.in_turn(order)],
            Act::Random { orders, .. } => orders.iter().map(|_| self.at_random()).collect(),
            _ => Vec::new(),
        }
    }

    /// The victims of the next strike.
    pub fn strike(&mut self, order: &StrikeOrder, schedule: &Schedule) -> Foreseen {
        let again = matches!(schedule, Schedule::Every { .. } | Schedule::Poisson { .. });
        let foreseen = match again && order.target.choice.is_drawn() {
            true => Foreseen::AtTheStrike("drawn with the seed each time"),
            false => self.foresee(order),
        };
        // A strike that comes later may come after those of later steps.
        let in_order = matches!(schedule, Schedule::Once | Schedule::For(_));
        self.number = self.number.filter(|_| in_order).map(|number| number + 1);
        self.struck = match &foreseen {
            Foreseen::Sure(selection) if in_order => Some(selection.servers.clone()),
            _ => None,
        };
        foreseen
    }

    /// The victims of strikes on each server of a target.
    pub fn in_turn(&mut self, order: &StrikeOrder) -> Foreseen {
        let foreseen = self.foresee(order);
        self.struck = None;
        self.number = match (&foreseen, self.number) {
            (Foreseen::Sure(selection), Some(number)) => Some(number + selection.servers.len() as u64),
            _ => None,
        };
        foreseen
    }

    /// The victims of strikes at random moments.
    pub fn at_random(&mut self) -> Foreseen {
        (self.number, self.struck) = (None, None);
        Foreseen::AtTheStrike("drawn with the seed each time")
    }

    /// Who, if the strike came to hit them, would have it held back; `None` where that can't happen.
    pub fn held_back_by(&self, order: &StrikeOrder) -> Option<String> {
        match prospect(self.infrastructure, self.protected, order) {
            Prospect::Free => None,
            Prospect::Doubtful(names) | Prospect::HeldBack(names) => Some(either(&names)),
        }
    }

    fn foresee(&self, order: &StrikeOrder) -> Foreseen {
        let (choice, holder) = (&order.target.choice, self.preferred());
        let far = match &order.partition {
            Some(Partition::Between(far) | Partition::From(far)) => Some(far),
            Some(Partition::Halves | Partition::MajoritiesRing) | None => None,
        };
        match choice {
            Choice::Busiest(_) | Choice::Idlest(_) => {
                return Foreseen::AtTheStrike("by the requests that were counted");
            }
            Choice::Unhealthy => return Foreseen::AtTheStrike("by what the balancers see"),
            Choice::Same if self.struck.is_none() => return Foreseen::AtTheStrike("those of the strike before"),
            _ if far.is_some_and(|far| far.choice.is_live()) => {
                return Foreseen::AtTheStrike("the other side is known only then");
            }
            _ => {}
        }
        let Some(number) = self.number.or((!self.is_drawn(choice)).then_some(0)) else {
            return Foreseen::AtTheStrike("drawn with the seed, by the number of strikes so far");
        };
        let view = View {
            holder: holder.as_deref(),
            last_struck: self.struck.as_deref().unwrap_or_default(),
            protected: self.protected,
            ..View::of(self.infrastructure)
        };
        let selected = match far {
            Some(far) => {
                let both = matches!(order.partition, Some(Partition::Between(_)));
                sides(&order.target, far, &view, self.draw, number)
                    .map(|(near, far)| if both { with_other_side(near, &far) } else { deaf_to(near, &far) })
            }
            None => resolve(&order.target, &view, &mut self.draw.for_purpose(Purpose::Targets, number)),
        };
        let follows_the_address = choice.is_live() && *choice != Choice::Same;
        match (selected, holder) {
            (Err(why), _) => Foreseen::NoServer(why),
            (Ok(mut selection), Some(holder)) if follows_the_address => {
                if matches!(choice, Choice::Active | Choice::Standby) {
                    selection.why.clear();
                }
                Foreseen::WhileHolding(selection, holder)
            }
            (Ok(selection), _) => Foreseen::Sure(selection),
        }
    }

    /// Whether chance may have a say: also where servers that matter as much are told apart by it.
    fn is_drawn(&self, choice: &Choice) -> bool {
        choice.is_drawn() || matches!(choice, Choice::HighestDegree(_) | Choice::MostCentral(_))
    }

    /// The server that holds the site's address first, where it is shared.
    fn preferred(&self) -> Option<String> {
        let entry = self.infrastructure.entry.host.as_str();
        let shared = self.infrastructure.virtual_ips.iter().find(|shared| shared.name == entry);
        shared.and_then(|shared| shared.holders.first()).cloned()
    }
}

/// Those that no longer hear another one: no server is deaf to itself.
fn deaf_to(near: Selection, far: &Selection) -> Selection {
    let hears_less = |server: &String| far.servers.iter().any(|other| other != server);
    Selection { servers: near.servers.into_iter().filter(hears_less).collect(), ..near }
}

/// A cut between two sides is made on both.
fn with_other_side(near: Selection, far: &Selection) -> Selection {
    let why = format!("{}; and the other side, {}", near.why, far.servers.join(", "));
    Selection { why, ..near }
}
