//! Which servers that may not be struck a strike may come to hit, before anything runs: the safeguards hold such a strike back.
//!
//! Who holds a shared address is not known before the run, so every server that may hold it is supposed to, one after the other.

use std::collections::BTreeSet;

use super::{View, candidates, resolve};
use crate::draw::{Draw, Purpose};
use crate::graph::{Links, Measure};
use crate::infrastructure::Infrastructure;
use crate::plan::{Choice, Partition, StrikeOrder, Target};

/// What may become of a strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prospect {
    /// It hits no server that may not be struck.
    Free,
    /// It is held back if one of these is among its victims.
    Doubtful(BTreeSet<String>),
    /// It is always held back: whatever happens, one of these is among its victims.
    HeldBack(BTreeSet<String>),
}

/// What may become of an order's strike, where these servers may not be struck. Chance never draws one of them, and
/// `the same` servers, which the previous strike hit, could be struck.
pub fn prospect(infrastructure: &Infrastructure, protected: &BTreeSet<String>, order: &StrikeOrder) -> Prospect {
    let mut named = BTreeSet::new();
    let mut may_strike = false;
    for holder in holders(infrastructure) {
        let victims: Vec<Victims> =
            struck(order).map(|target| Victims::of(target, infrastructure, holder.as_deref())).collect();
        may_strike |= victims.iter().all(|victims| victims.can_spare(protected));
        named.extend(victims.iter().flat_map(|victims| victims.protected(protected)));
    }
    match (named.is_empty(), may_strike) {
        (true, _) => Prospect::Free,
        (false, true) => Prospect::Doubtful(named),
        (false, false) => Prospect::HeldBack(named),
    }
}

/// The targets whose servers an order touches: both sides of a partition, unless one of them only is not heard.
pub fn struck(order: &StrikeOrder) -> impl Iterator<Item = &Target> {
    let far = match &order.partition {
        Some(Partition::Between(far)) => Some(far),
        _ => None,
    };
    std::iter::once(&order.target).chain(far)
}

/// `lb-1`, `lb-1 or lb-2`, `web-1, web-2 or web-3`.
pub fn either(names: &BTreeSet<String>) -> String {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last.into() } else { format!("{} or {last}", names.join(", ")) }
}

/// The servers that may hold the site's address; `None` where it is no question.
fn holders(infrastructure: &Infrastructure) -> Vec<Option<String>> {
    let entry = &infrastructure.entry.host;
    if infrastructure.servers.contains_key(entry) {
        return vec![None];
    }
    let all = &infrastructure.virtual_ips;
    let holders: Vec<_> = match all.iter().find(|shared| shared.name == *entry) {
        Some(shared) => shared.holders.iter().cloned().map(Some).collect(),
        None => all.iter().flat_map(|shared| shared.holders.iter().cloned()).map(Some).collect(),
    };
    if holders.is_empty() { vec![None] } else { holders }
}

/// The servers that a target may be, for as long as one server holds the site's address.
#[derive(Default)]
struct Victims {
    /// They are hit in any case.
    sure: Vec<String>,
    /// So many of the others are hit besides.
    more: usize,
    of: Vec<String>,
}

impl Victims {
    fn of(target: &Target, infrastructure: &Infrastructure, holder: Option<&str>) -> Victims {
        let names = || -> Vec<String> {
            candidates(target, infrastructure).into_iter().map(|server| server.name.clone()).collect()
        };
        let linked = |name: &String| infrastructure.links.iter().any(|(_, to)| to == name);
        match target.choice {
            Choice::Random(_) | Choice::Share(_) | Choice::Same => Victims::default(),
            Choice::Busiest(more) | Choice::Idlest(more) => {
                Victims { more, of: names().into_iter().filter(linked).collect(), ..Victims::default() }
            }
            Choice::Unhealthy => Victims { more: 1, of: names(), ..Victims::default() },
            Choice::HighestDegree(count) => by_measure(infrastructure, holder, &names(), Measure::Degree, count),
            Choice::MostCentral(count) => by_measure(infrastructure, holder, &names(), Measure::Betweenness, count),
            _ => {
                let view = View { holder, ..View::of(infrastructure) };
                // Never drawn from: nothing is left to chance here.
                let mut unused = Draw::of(0).for_purpose(Purpose::Targets, 0);
                let sure = resolve(target, &view, &mut unused).map_or(Vec::new(), |selection| selection.servers);
                Victims { sure, ..Victims::default() }
            }
        }
    }

    fn can_spare(&self, protected: &BTreeSet<String>) -> bool {
        let free = self.of.iter().filter(|name| !protected.contains(*name)).count();
        // Too few servers are another mistake, and reported as one.
        let enough = free >= self.more || self.of.len() < self.more;
        enough && !self.sure.iter().any(|name| protected.contains(name))
    }

    /// Who is named as being in the way: where a sure one is, that one alone.
    fn protected(&self, protected: &BTreeSet<String>) -> Vec<String> {
        let sure = self.sure.iter().find(|name| protected.contains(*name));
        match sure {
            Some(sure) => vec![sure.clone()],
            None => self.of.iter().filter(|name| protected.contains(*name)).cloned().collect(),
        }
    }
}

fn by_measure(
    infrastructure: &Infrastructure,
    holder: Option<&str>,
    names: &[String],
    measure: Measure,
    count: usize,
) -> Victims {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (sure, tied) = Links::of(infrastructure, holder).sure_among(&names, measure, count);
    let owned = |names: Vec<&str>| names.into_iter().map(String::from).collect();
    Victims { more: count.saturating_sub(sure.len()), sure: owned(sure), of: owned(tied) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infrastructure::Draft;
    use crate::plan::{Parameters, StepText};

    /// Four webservers behind two load balancers that share an address.
    fn site() -> Infrastructure {
        let mut draft = Draft::default();
        draft.behind(4, "webserver", 2, "load balancer").unwrap();
        draft.share_virtual_ip("load balancer").unwrap();
        draft.build().unwrap()
    }

    fn target(choice: Choice, role: &str) -> Target {
        Target { choice, role: role.into(), zone: None, tag: None, text: "they".into() }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn of(near: Target, partition: Option<Partition>, protected: &[&str]) -> Prospect {
        let (fault, with, step) = ("loses network".into(), Parameters::default(), StepText::default());
        let order = StrikeOrder { fault, with, target: near, partition, step };
        prospect(&site(), &names(protected), &order)
    }

    #[test]
    fn who_holds_the_address_is_known_only_then_so_one_protected_balancer_leaves_a_doubt_and_two_leave_none() {
        for choice in [Choice::Active, Choice::Standby, Choice::HighestDegree(1), Choice::MostCentral(1)] {
            let lb = || target(choice.clone(), "load balancer");
            assert_eq!(of(lb(), None, &["web-1"]), Prospect::Free, "{choice:?}");
            assert_eq!(of(lb(), None, &["lb-1"]), Prospect::Doubtful(names(&["lb-1"])), "{choice:?}");
            let both = of(lb(), None, &["lb-1", "lb-2"]);
            assert_eq!(both, Prospect::HeldBack(names(&["lb-1", "lb-2"])), "{choice:?}");
        }
    }

    #[test]
    fn both_sides_of_a_partition_are_judged_for_the_same_holder_and_who_is_only_not_heard_is_not_struck() {
        let (active, standby) = (target(Choice::Active, "load balancer"), target(Choice::Standby, "load balancer"));
        let every = target(Choice::Every, "webserver");
        let between = |far: &Target| Some(Partition::Between(far.clone()));
        assert_eq!(of(active.clone(), between(&standby), &["lb-1"]), Prospect::HeldBack(names(&["lb-1"])));
        assert_eq!(of(every.clone(), between(&active), &["lb-1"]), Prospect::Doubtful(names(&["lb-1"])));
        assert_eq!(of(active.clone(), between(&every), &["web-3"]), Prospect::HeldBack(names(&["web-3"])));
        assert_eq!(of(every, Some(Partition::From(active)), &["lb-1", "lb-2"]), Prospect::Free);
    }

    #[test]
    fn what_only_the_run_can_count_is_held_back_when_too_few_are_left() {
        let busiest = |count| target(Choice::Busiest(count), "webserver");
        assert_eq!(of(busiest(2), None, &["web-1", "web-2"]), Prospect::Doubtful(names(&["web-1", "web-2"])));
        let three = &["web-1", "web-2", "web-3"];
        assert_eq!(of(busiest(2), None, three), Prospect::HeldBack(names(three)));
        let all = &["web-1", "web-2", "web-3", "web-4"];
        assert_eq!(of(target(Choice::Unhealthy, "webserver"), None, all), Prospect::HeldBack(names(all)));
        assert_eq!(of(target(Choice::Unhealthy, "webserver"), None, three), Prospect::Doubtful(names(three)));
        for never_drawn in [Choice::Random(1), Choice::Share(50.0)] {
            assert_eq!(of(target(never_drawn, "webserver"), None, three), Prospect::Free);
        }
    }
}
