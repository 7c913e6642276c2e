//! `at least {int} connections stay open {phase}`: by HAProxy's own count of its current sessions, all balancers
//! together. A balancer that no longer runs holds none.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, History, Record};
use crate::measure::fleet::Fleet;
use crate::measure::moments::watched;
use crate::measure::phases::phase_span;
use crate::measure::sight::{BALANCER, unseen};
use crate::measure::{Span, Timeline};

use super::compare::margin_pct;
use super::{Checker, Judgement};
use crate::plan::Phase;
use crate::units::Bound;
use crate::verdict::Verdict;

pub(super) struct ConnectionsOpen {
    pub count: u64,
    pub phase: Phase,
}

impl Checker for ConnectionsOpen {
    fn check(&self, history: &History) -> Judgement {
        let expected = format!("≥ {}", self.count);
        let timeline = Timeline::of(history);
        let found = match phase_span(&timeline, self.phase) {
            Ok(found) => found,
            Err(why) => return Judgement::invalid(expected, "connections", 0, why),
        };
        let counts = counts(history, found.span);
        let Some(least) = counts.iter().min() else {
            let why = "no balancer reported how many sessions it held in this phase";
            return Judgement::invalid(expected, "connections", 0, why);
        };
        Judgement {
            observed: least.to_string(),
            value: Some(*least as f64),
            margin_pct: margin_pct(&Bound::AtLeast(self.count as f64), *least as f64),
            n: Some(counts.len() as u64),
            reason: None,
            ..Judgement::blank(Verdict::of(*least >= self.count), expected, "connections")
        }
        .unless_unseen(unseen(history, &timeline.moments, found.span, |observer, _| observer == BALANCER))
    }
}

/// All balancers' sessions together, once for every round in which each balancer that runs told its own, at the
/// moment the last of them did. (A count beside an older one would miss what moved from one to the other.)
fn counts(history: &History, span: Span) -> Vec<u64> {
    let events = watched(history);
    let balancers: BTreeSet<&str> = events.iter().filter_map(|record| told(record).map(|(name, _)| name)).collect();
    let mut fleet = Fleet::new(&history.plan.infrastructure);
    let mut round: BTreeMap<&str, u64> = BTreeMap::new();
    let mut counts = Vec::new();
    for record in events {
        fleet.apply(record);
        let Some((balancer, current)) = told(record) else { continue };
        round.insert(balancer, current);
        let mut running = balancers.iter().filter(|name| fleet.runs(name));
        if running.all(|name| round.contains_key(name)) {
            let sum: u64 = round.iter().filter(|(name, _)| fleet.runs(name)).map(|(_, current)| current).sum();
            counts.extend(span.contains(record.at_us).then_some(sum));
            round.clear();
        }
    }
    counts
}

fn told(record: &Record) -> Option<(&str, u64)> {
    match &record.event {
        Event::BalancerSessions { balancer, current } => Some((balancer, *current)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    fn judged(script: &Script, count: u64, phase: Phase) -> Judgement {
        crate::checker::of(&Expectation::ConnectionsOpen { count, phase }).check(&script.history())
    }

    fn tells(script: Script, at_ms: u64, balancer: &str, current: u64) -> Script {
        script.event(at_ms, Event::BalancerSessions { balancer: balancer.into(), current })
    }

    fn busy() -> Script {
        [(2000, 4000), (3000, 3900), (7000, 4100)]
            .iter()
            .fold(Script::website(2, 2), |script, (at, n)| tells(tells(script, *at, "lb-1", *n), *at + 1, "lb-2", 7))
    }

    #[test]
    fn the_least_of_all_balancers_together_counts() {
        let judgement = judged(&busy(), 3907, Phase::Throughout);
        assert_eq!((judgement.verdict, judgement.observed.as_str(), judgement.n), (Verdict::Pass, "3907", Some(3)));
        assert_eq!(judged(&busy(), 3908, Phase::Throughout).verdict, Verdict::Fail);
    }

    #[test]
    fn only_the_phase_counts() {
        let script = busy().dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        assert_eq!(judged(&script, 4000, Phase::Degraded).observed, "4107");
        assert_eq!(judged(&script, 1, Phase::After).verdict, Verdict::Invalid);
        assert_eq!(judged(&busy(), 1, Phase::After).verdict, Verdict::Invalid);
    }

    #[test]
    fn a_dead_balancer_holds_none() {
        let script = tells(busy().dies(8000, "lb-1"), 9000, "lb-2", 50);
        assert_eq!(judged(&script, 51, Phase::Throughout).observed, "50");
    }

    #[test]
    fn what_moves_from_one_balancer_to_another_is_not_lost() {
        let moved = tells(tells(busy(), 8000, "lb-1", 7), 8001, "lb-2", 4100);
        assert_eq!(judged(&moved, 3907, Phase::Throughout).verdict, Verdict::Pass);
    }
}
