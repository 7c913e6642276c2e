//! One history for each strike of `each R … in turn`, so that each has its own t0, failover and recovery.
//!
//! A turn's history holds what was recorded until the next strike began, but of strikes only its own; of the probes
//! the baseline's and its own, so that what an earlier turn spoilt is no part of the baseline.

use crate::history::{Event, History, Record, Request};
use crate::plan::Act;

use super::moments::{Moments, StrikeTimes, watched};

/// One strike of a series.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Whom it was to hit.
    pub servers: Vec<String>,
    /// What belongs to it.
    pub history: History,
}

/// The turns of a history, in their order; none where nothing strikes in turn. Each is made when it is asked for.
pub fn turns(history: &History) -> impl ExactSizeIterator<Item = Turn> {
    let moments = Moments::of(history);
    let in_turn = |times: &StrikeTimes| {
        history.plan.acts.iter().any(|act| matches!(act, Act::InTurn { order } if order.step.line == times.line))
    };
    let begun = |times: &StrikeTimes| times.injected_us.is_some() && in_turn(times);
    let indices: Vec<usize> = (0..moments.strikes.len()).filter(|index| begun(&moments.strikes[*index])).collect();
    indices.into_iter().map(move |index| turn(history, &moments, index))
}

fn turn(history: &History, moments: &Moments, index: usize) -> Turn {
    let times = &moments.strikes[index];
    let next_us = moments.strikes.get(index + 1).and_then(|next| next.injected_us);
    let end_us = next_us.unwrap_or(u64::MAX);
    let belongs =
        |record: &&Record| record.at_us < end_us && strike_of(&record.event).is_none_or(|own| own == times.strike);
    let mut events: Vec<Record> = watched(history).iter().filter(belongs).cloned().collect();
    events.extend(next_us.map(|at_us| Record {
        at_us,
        scenario: history.plan.index,
        resolution_us: 0,
        event: Event::WatchEnded,
    }));
    let (first_us, own_us) = (moments.injection_us.unwrap_or(0), times.injected_us.unwrap_or(0));
    let belongs = |due: u64| due < first_us || (own_us <= due && due < end_us);
    let own = |requests: &[Request]| requests.iter().filter(|request| belongs(request.due_us)).copied().collect();
    let own = History {
        plan: history.plan.clone(),
        events,
        probes: own(&history.probes),
        users: own(&history.users),
        works: history.works.clone(),
        final_state: history.final_state.clone(),
    };
    Turn { servers: times.targets.clone(), history: own }
}

fn strike_of(event: &Event) -> Option<u32> {
    match event {
        Event::StrikeResolved { strike, .. }
        | Event::InjectionStarted { strike }
        | Event::FaultConfirmed { strike, .. }
        | Event::FaultNotConfirmed { strike, .. }
        | Event::InjectionFailed { strike, .. }
        | Event::StrikeHealed { strike, .. }
        | Event::HealFailed { strike, .. } => Some(*strike),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::Script;
    use crate::measure::Timeline;

    /// Two balancers die, at 6 s and at 20 s; the first is back after 2 s, the second after 4 s.
    fn both() -> Script {
        let first = Script::website(4, 2).until(40_000).dies(6000, "lb-1").replaced(6500, 7000, 8000, "lb-1");
        first.dies(20_000, "lb-2").replaced(20_500, 21_000, 24_000, "lb-2").in_turn()
    }

    #[test]
    fn each_turn_has_its_own_t0_and_recovery() {
        let history = both().bad(6002.0, 6100.0, Outcome::Refused).history();
        let turns: Vec<Turn> = turns(&history).collect();
        assert_eq!(turns.iter().map(|turn| turn.servers.join(" ")).collect::<Vec<_>>(), ["lb-1", "lb-2"]);
        let told: Vec<_> = turns.iter().map(|turn| Timeline::of(&turn.history)).collect();
        assert_eq!(told[0].moments.t0_us, Some(6_000_000));
        assert_eq!(told[0].recovery.and_then(|at| at.us()), Some(8_000_000));
        assert_eq!((told[0].moments.end_us, told[0].moments.ended), (20_000_000, true));
        assert_eq!(told[1].moments.t0_us, Some(20_000_000));
        assert_eq!(told[1].recovery.and_then(|at| at.us()), Some(24_000_000));
        assert_eq!(told[1].moments.end_us, 40_000_000);
    }

    #[test]
    fn what_an_earlier_turn_spoilt_is_no_part_of_the_baseline() {
        let slow = both().slow(6000.0, 19_000.0, 900.0).history();
        let last = &turns(&slow).nth(1).expect("two turns").history;
        let p99 = crate::measure::steady::baseline_p99_us(last, &Moments::of(last)).unwrap();
        assert!(p99 < 10_000, "{p99}");
    }

    #[test]
    fn where_nothing_strikes_in_turn_there_are_none() {
        assert_eq!(turns(&Script::website(2, 1).dies(6000, "web-1").history()).len(), 0);
    }
}
