//! `no node is booted twice`: for each outage of a server at most one instance was booted. Judged from what the
//! provider booted and how the instances were seen to end, and not from what the reconciler says of itself.

use std::collections::BTreeMap;

use crate::history::{Event, History, Record};
use crate::instance::PowerState;
use crate::measure::moments::watched;
use crate::measure::sight::{INSTANCES, unseen};
use crate::measure::{Moments, Span};

use super::{Checker, Judgement};
use crate::verdict::Verdict;

pub(super) struct NoDoubleBoot;

/// An instance: when its boot was over, and from when on it may have been gone.
pub(super) struct Life<'a> {
    instance: &'a str,
    booted_us: u64,
    gone_us: Option<u64>,
}

impl Checker for NoDoubleBoot {
    fn check(&self, history: &History) -> Judgement {
        let lives = lives(watched(history));
        let replacements: usize = lives.values().map(|lives| lives.len() - 1).sum();
        let expected = "0".to_string();
        if replacements == 0 {
            return Judgement::invalid(expected, "boots", 0, "nothing was booted after the site was up");
        }
        let moments = Moments::of(history);
        let watched = Span::new(moments.zero_us.unwrap_or(0), moments.end_us);
        if let Some(why) = unseen(history, &moments, watched, |observer, _| observer == INSTANCES) {
            return Judgement::invalid(expected, "boots", 0, why);
        }
        let twice: Vec<String> = lives.values().flat_map(|lives| lives.windows(2).filter_map(too_many)).collect();
        Judgement {
            observed: twice.len().to_string(),
            value: Some(twice.len() as f64),
            n: Some(replacements as u64),
            reason: (!twice.is_empty()).then(|| twice.join("; ")),
            ..Judgement::blank(Verdict::of(twice.is_empty()), expected, "boots")
        }
    }
}

/// The lives of each server's instances, in the order of their boots.
pub(super) fn lives(events: &[Record]) -> BTreeMap<&str, Vec<Life<'_>>> {
    let mut lives: BTreeMap<&str, Vec<Life<'_>>> = BTreeMap::new();
    for record in events {
        match &record.event {
            Event::InstanceBooted { server, instance, .. } => {
                let life = Life { instance, booted_us: record.at_us, gone_us: None };
                lives.entry(server).or_default().push(life);
            }
            Event::InstanceState { server, instance, state: PowerState::Terminated, .. } => {
                let of_it = lives.get_mut(server.as_str()).into_iter().flatten();
                for life in of_it.filter(|life| life.instance == instance && life.gone_us.is_none()) {
                    life.gone_us = Some(record.at_us.saturating_sub(record.resolution_us));
                }
            }
            _ => {}
        }
    }
    lives
}

/// The second of two that was booted though the first was still there.
fn too_many(pair: &[Life<'_>]) -> Option<String> {
    let [before, after] = pair else { return None };
    let was_gone = before.gone_us.is_some_and(|gone_us| gone_us <= after.booted_us);
    (!was_gone).then(|| format!("{} was booted while {} was there", after.instance, before.instance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;

    fn judged(script: &Script) -> Judgement {
        crate::checker::of(&Expectation::NoDoubleBoot).check(&script.history())
    }

    fn booted(generation: u32) -> Event {
        let (server, address) = ("web-1".to_string(), "198.18.0.4".to_string());
        Event::InstanceBooted { instance: format!("{server}.{generation}"), server, address }
    }

    fn replaced() -> Script {
        Script::website(4, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1")
    }

    #[test]
    fn one_boot_for_an_outage_is_right() {
        let judgement = judged(&replaced());
        assert_eq!((judgement.verdict, judgement.n), (Verdict::Pass, Some(1)), "{:?}", judgement.reason);
        let again = replaced().state(9000, "web-1", 2, PowerState::Terminated).event(9500, booted(3));
        assert_eq!((judged(&again).verdict, judged(&again).n), (Verdict::Pass, Some(2)), "two outages");
    }

    #[test]
    fn a_second_boot_for_the_same_outage_is_too_many() {
        let judgement = judged(&replaced().event(8500, booted(3)));
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert_eq!(judgement.reason.as_deref(), Some("web-1.3 was booted while web-1.2 was there"));
        let cleaned_up = replaced().event(8500, booted(3)).state(9000, "web-1", 2, PowerState::Terminated);
        assert_eq!(judged(&cleaned_up).verdict, Verdict::Fail, "also when it is gone soon after");
    }

    #[test]
    fn where_nothing_was_booted_it_cannot_be_told() {
        assert_eq!(judged(&Script::website(4, 2).dies(6000, "web-1")).verdict, Verdict::Invalid);
    }
}
