//! The moments that phases hang on: the scenario's zero, injection, t0, the watch's end, and each strike's own.

use std::collections::BTreeMap;

use crate::history::{Event, History, Onset, Record};
use crate::plan::{Act, Schedule};

use super::sample::Sample;
use super::span::Span;

/// A probe that was due so shortly before the last sign of life may have been under way when the victim died.
const UNDER_WAY_US: u64 = 100_000;

/// A scenario's moments, in microseconds on the run's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The begin of the steady baseline.
    pub zero_us: Option<u64>,
    /// When the baseline was found steady.
    pub steady_us: Option<u64>,
    /// When the nemesis began with the first strike.
    pub injection_us: Option<u64>,
    /// The last moment at which the first strike surely was not in force at any of its victims. Everything that is
    /// counted from a fault is counted from here. `None` until every victim is confirmed.
    pub t0_us: Option<u64>,
    /// The first moment at which it surely was in force at all of them.
    pub witnessed_us: Option<u64>,
    /// When the watch ended; of an unfinished history, the last thing that was recorded.
    pub end_us: u64,
    /// Whether the watch ended as it should.
    pub ended: bool,
    /// What was struck, in the order in which it came into force.
    pub strikes: Vec<StrikeTimes>,
}

/// One strike, as it happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StrikeTimes {
    /// Its number.
    pub strike: u32,
    /// The fault's name.
    pub fault: String,
    /// The step that asked for it.
    pub step: String,
    /// That step's line.
    pub line: usize,
    /// Why these targets.
    pub why: String,
    /// Whom it was to hit: servers, by name.
    pub targets: Vec<String>,
    /// When injecting began.
    pub injected_us: Option<u64>,
    /// When it came into force and by which evidence it was confirmed, by target.
    pub confirmed: BTreeMap<String, Confirmation>,
    /// What the witness saw where it did not confirm, by target.
    pub denied: BTreeMap<String, String>,
    /// Within which two moments it ended, by target.
    pub ended: BTreeMap<String, Onset>,
    /// When it had surely ended at the last of the victims that were confirmed or not yet denied; `None`: not at all yet.
    pub healed_us: Option<u64>,
    /// Whether the plan wants it healed after a while.
    pub lasts: bool,
}

/// What a witness said of one victim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// When the effect came into force there.
    pub onset: Onset,
    /// What the witness saw.
    pub evidence: String,
}

impl StrikeTimes {
    /// When it came into force: from the earliest of its victims' moments to the latest. `None` unless every one was
    /// confirmed.
    pub fn onset(&self) -> Option<Onset> {
        let of = |target: &String| self.confirmed.get(target).map(|confirmed| confirmed.onset);
        let all: Option<Vec<Onset>> = self.targets.iter().map(of).collect();
        all?.into_iter().reduce(|one, other| Onset {
            not_before_us: one.not_before_us.min(other.not_before_us),
            by_us: one.by_us.max(other.by_us),
        })
    }

    /// The earlier end of its onset.
    pub fn t0_us(&self) -> Option<u64> {
        self.onset().map(|onset| onset.not_before_us)
    }

    /// The later end of its onset.
    pub fn witnessed_us(&self) -> Option<u64> {
        self.onset().map(|onset| onset.by_us)
    }

    /// When the last of its victims was free of it.
    fn last_end_us(&self) -> Option<u64> {
        let struck = |target: &&String| !self.denied.contains_key(*target);
        let ends = self.targets.iter().filter(struck).map(|target| self.ended.get(target).map(|end| end.by_us));
        ends.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    /// When nothing more of it was to come: healed, if it is to be healed, else surely in force. `None`: not yet.
    pub fn over_us(&self) -> Option<u64> {
        if self.lasts { self.healed_us } else { self.healed_us.max(self.witnessed_us()) }
    }

    /// Where it stands in the order of strikes: when it came into force, else when injecting began.
    fn began_us(&self) -> u64 {
        self.t0_us().or(self.injected_us).unwrap_or(u64::MAX)
    }
}

impl Moments {
    /// Reads them off a history, finished or not.
    pub fn of(history: &History) -> Moments {
        let events = watched(history);
        let strikes = strikes(history, events);
        let steady = events.iter().find_map(|record| match record.event {
            Event::BaselineSteady { from_us } => Some((from_us, record.at_us)),
            _ => None,
        });
        let last_event = events.last();
        let ended = last_event.is_some_and(|record| record.event == Event::WatchEnded);
        let last_event_us = last_event.map_or(0, |record| record.at_us);
        let last_probe_us = history.probes.last().map_or(0, |probe| probe.due_us);
        Moments {
            zero_us: steady.map(|(from, _)| from),
            steady_us: steady.map(|(_, at)| at),
            injection_us: strikes.first().and_then(|strike| strike.injected_us),
            t0_us: strikes.first().and_then(StrikeTimes::t0_us),
            witnessed_us: strikes.first().and_then(StrikeTimes::witnessed_us),
            end_us: if ended { last_event_us } else { last_event_us.max(last_probe_us) },
            ended,
            strikes,
        }
    }

    /// The victims of the first strike: those that t0 is about.
    pub fn victims(&self) -> &[String] {
        self.strikes.first().map_or(&[], |strike| &strike.targets)
    }

    /// Whether a server was struck at all.
    pub fn was_struck(&self, server: &str) -> bool {
        self.strikes.iter().any(|strike| strike.targets.iter().any(|target| target == server))
    }

    /// When the last strike was over; `None` while one is still to be confirmed or healed, or without any.
    pub fn settled_us(&self) -> Option<u64> {
        let over: Option<Vec<u64>> = self.strikes.iter().map(StrikeTimes::over_us).collect();
        over?.into_iter().max()
    }
}

/// The events that count: those of the last attempt, until the watch ended.
pub fn watched(history: &History) -> &[Record] {
    let events = &history.events;
    let first = events.iter().rposition(|record| matches!(record.event, Event::ScenarioStarted { .. })).unwrap_or(0);
    let events = &events[first..];
    match events.iter().position(|record| record.event == Event::WatchEnded) {
        Some(last) => &events[..=last],
        None => events,
    }
}

/// The server an instance stands for: `web-1.2` is an instance of `web-1`; a server's name has no dot.
pub fn server_of(target: &str) -> &str {
    target.split('.').next().unwrap_or(target)
}

fn strikes(history: &History, events: &[Record]) -> Vec<StrikeTimes> {
    let mut strikes: BTreeMap<u32, StrikeTimes> = BTreeMap::new();
    for record in events {
        let Some(number) = strike_of(&record.event) else { continue };
        let times = strikes.entry(number).or_insert_with(|| StrikeTimes { strike: number, ..StrikeTimes::default() });
        note(times, record, history);
    }
    for times in strikes.values_mut() {
        times.healed_us = times.last_end_us();
    }
    let mut strikes: Vec<StrikeTimes> = strikes.into_values().collect();
    strikes.sort_by_key(|times| (times.began_us(), times.strike));
    strikes
}

fn strike_of(event: &Event) -> Option<u32> {
    match event {
        Event::StrikeResolved { strike, .. }
        | Event::InjectionStarted { strike }
        | Event::FaultConfirmed { strike, .. }
        | Event::FaultNotConfirmed { strike, .. }
        | Event::StrikeHealed { strike, .. } => Some(*strike),
        _ => None,
    }
}

fn note(times: &mut StrikeTimes, record: &Record, history: &History) {
    match &record.event {
        Event::StrikeResolved { fault, step, line, targets, why, .. } => {
            times.fault.clone_from(fault);
            times.step.clone_from(step);
            times.line = *line;
            times.why.clone_from(why);
            times.targets = targets.iter().map(|target| server_of(target).to_string()).collect();
            times.lasts = lasts(history, *line);
        }
        Event::InjectionStarted { .. } => times.injected_us = times.injected_us.or(Some(record.at_us)),
        Event::FaultConfirmed { target, onset, alive_us, evidence, .. } => {
            let onset = &Onset { not_before_us: unstruck_us(history, *onset, *alive_us), ..*onset };
            let confirmed = times.confirmed.entry(server_of(target).to_string());
            confirmed
                .and_modify(|earlier| earlier.onset = earlier.onset.narrowed(*onset))
                .or_insert_with(|| Confirmation { onset: *onset, evidence: evidence.clone() });
        }
        Event::FaultNotConfirmed { target, evidence, .. } => {
            times.denied.insert(server_of(target).to_string(), evidence.clone());
        }
        Event::StrikeHealed { target, .. } => {
            let within =
                Onset { not_before_us: record.at_us.saturating_sub(record.resolution_us), by_us: record.at_us };
            times.ended.insert(server_of(target).to_string(), within);
        }
        _ => {}
    }
}

/// The last moment at which a victim surely was not struck: that at which it was still alive after the call, unless probes had failed
/// by then. A server that is shut down in order ends its services first.
fn unstruck_us(history: &History, onset: Onset, alive_us: Option<u64>) -> u64 {
    let Some(alive_us) = alive_us else { return onset.not_before_us };
    let until_us = alive_us.saturating_sub(UNDER_WAY_US);
    let probes = Sample::of(history).within(Span::new(onset.not_before_us, until_us));
    if probes.good() == probes.due() { onset.not_before_us.max(alive_us) } else { onset.not_before_us }
}

/// Whether the step on this line strikes for a while only.
fn lasts(history: &History, line: usize) -> bool {
    history.plan.acts.iter().any(|act| match act {
        Act::Strike { schedule: Schedule::For(_) | Schedule::After { lasts: Some(_), .. }, order } => {
            order.step.line == line
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Outcome;
    use crate::history::synthetic::{Script, Stretch};

    #[test]
    fn t0_is_the_earlier_end_of_the_first_strikes_onset() {
        let script = Script::website(4, 2).strike(6000, "dies", &["web-1", "web-2"]).strike(9000, "dies", &["web-3"]);
        let (onset, evidence) = (Onset { not_before_us: 6_000_000, by_us: 6_200_000 }, "again".into());
        let again = Event::FaultConfirmed { strike: 0, target: "web-2".into(), onset, alive_us: None, evidence };
        let script = script.event(6200, again);
        let moments = Moments::of(&script.history());
        assert_eq!(moments.zero_us, Some(1_000_000));
        assert_eq!(moments.injection_us, Some(6_000_000));
        assert_eq!(moments.t0_us, Some(6_000_000));
        assert_eq!(moments.witnessed_us, Some(6_010_000), "a second confirmation that knows less changes nothing");
        assert_eq!(moments.end_us, 20_000_000);
        assert!(moments.ended);
        assert_eq!(moments.victims(), ["web-1", "web-2"]);
        assert_eq!(moments.settled_us(), Some(9_010_000));
        assert!(moments.was_struck("web-3") && !moments.was_struck("web-4"));
    }

    #[test]
    fn a_second_confirmation_that_knows_more_narrows_the_onset_and_one_that_contradicts_does_not() {
        let script = Script::website(4, 2).strike(6000, "loses-network", &["web-1"]);
        let again = |not_before_us, by_us| Event::FaultConfirmed {
            strike: 0,
            target: "web-1".into(),
            onset: Onset { not_before_us, by_us },
            alive_us: None,
            evidence: "stamped".into(),
        };
        let narrowed = script.event(9000, again(6_004_000, 6_006_000));
        assert_eq!(
            Moments::of(&narrowed.history()).strikes[0].onset(),
            Some(Onset { not_before_us: 6_004_000, by_us: 6_006_000 })
        );
        let contradicted = narrowed.event(9100, again(7_000_000, 7_100_000));
        assert_eq!(Moments::of(&contradicted.history()).t0_us, Some(6_004_000));
    }

    /// The power of web-1 was to be cut at 6 s; it was alive at 6.3 s, and was seen down at 6.4 s.
    fn alive_after_the_call(alive_ms: u64) -> Script {
        let event = Event::FaultConfirmed {
            strike: 0,
            target: "web-1".into(),
            onset: Onset { not_before_us: 6_000_000, by_us: 6_400_000 },
            alive_us: Some(alive_ms * 1000),
            evidence: "port 22 accepts no connection".into(),
        };
        Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1"], Schedule::Once).event(8400, event)
    }

    fn fails(script: Script, from_ms: f64, to_ms: f64) -> Option<u64> {
        let (outcome, latency_ms, late_ms) = (Some(Outcome::Timeout), 1000.0, 0.0);
        let stretch = Stretch { from_ms, to_ms, outcome, latency_ms, late_ms };
        Moments::of(&script.stretch(stretch).history()).t0_us
    }

    #[test]
    fn a_victim_that_was_alive_after_the_call_was_not_struck_before() {
        let moments = Moments::of(&alive_after_the_call(6300).history());
        assert_eq!((moments.t0_us, moments.witnessed_us), (Some(6_300_000), Some(6_400_000)));
        assert_eq!(Moments::of(&alive_after_the_call(5900).history()).t0_us, Some(6_000_000), "not before the call");
    }

    #[test]
    fn a_server_whose_services_end_before_it_is_struck_since_the_call() {
        assert_eq!(fails(alive_after_the_call(6300), 6100.0, 6400.0), Some(6_000_000));
        assert_eq!(fails(alive_after_the_call(6300), 6250.0, 6400.0), Some(6_300_000), "under way as it died");
        assert_eq!(fails(alive_after_the_call(6300), 5500.0, 5600.0), Some(6_300_000), "that was before");
    }

    #[test]
    fn without_every_victims_confirmation_there_is_no_t0() {
        let script = Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1", "web-2"], Schedule::Once);
        let moments = Moments::of(&script.confirm(6010, 0, &["web-1"]).history());
        assert_eq!((moments.t0_us, moments.settled_us()), (None, None));
        assert_eq!(moments.injection_us, Some(6_000_000));
    }

    #[test]
    fn strikes_are_told_in_the_order_in_which_they_came_into_force() {
        let script = Script::website(2, 1).strike(9000, "dies", &["web-1"]).strike(7000, "dies", &["web-2"]);
        let moments = Moments::of(&script.history());
        assert_eq!(moments.strikes.iter().map(|strike| strike.strike).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(moments.t0_us, Some(7_000_000));
        let late = Script::website(2, 1).strike_unconfirmed(6000, "loses network", &["web-1"], Schedule::Once);
        let late = late.came_into_force(11_000, 11_100, 0, &["web-1"]).strike(7000, "dies", &["web-2"]);
        let moments = Moments::of(&late.history());
        assert_eq!((moments.t0_us, moments.victims()), (Some(7_000_000), &["web-2".to_string()][..]));
    }

    #[test]
    fn a_strike_for_a_while_is_over_when_it_is_healed() {
        let for_a_while = Schedule::For(std::time::Duration::from_secs(2));
        let script = Script::website(2, 1).strike_unconfirmed(6000, "hangs", &["web-1"], for_a_while);
        let script = script.confirm(6010, 0, &["web-1"]);
        assert_eq!(Moments::of(&script.history()).settled_us(), None);
        let healed =
            script.event(8000, Event::StrikeHealed { strike: 0, target: "web-1".into(), evidence: "thawed".into() });
        assert_eq!(Moments::of(&healed.history()).settled_us(), Some(8_000_000));
    }

    #[test]
    fn a_strike_is_over_when_it_ended_at_its_last_victim_and_not_when_that_was_heard() {
        let for_a_while = Schedule::For(std::time::Duration::from_secs(2));
        let script = Script::website(2, 1).strike_unconfirmed(6000, "hangs", &["web-1", "web-2"], for_a_while);
        let ended = |target: &str| Event::StrikeHealed { strike: 0, target: target.into(), evidence: String::new() };
        let one = script.confirm(6010, 0, &["web-1", "web-2"]).event(8000, ended("web-1"));
        assert_eq!(Moments::of(&one.history()).settled_us(), None, "web-2 is still struck");
        let mut both = one.event(8300, ended("web-2")).history();
        let last = both.events.iter_mut().find(|record| record.at_us == 8_300_000).expect("it was recorded");
        last.resolution_us = 40_000;
        let strike = &Moments::of(&both).strikes[0];
        assert_eq!(strike.over_us(), Some(8_300_000));
        assert_eq!(strike.ended["web-2"], Onset { not_before_us: 8_260_000, by_us: 8_300_000 });
    }

    #[test]
    fn nothing_after_the_watch_counts_nor_before_the_last_attempt() {
        let script = Script::website(2, 1).until(10_000).event(11_000, Event::Recovered);
        assert_eq!(watched(&script.history()).last().map(|record| record.at_us), Some(10_000_000));
        let again = script.event(3000, Event::ScenarioStarted { attempt: 2 }).history();
        assert_eq!(watched(&again)[0].at_us, 3_000_000);
    }

    #[test]
    fn an_unfinished_history_ends_with_the_last_thing_recorded() {
        let mut script = Script::website(2, 1).event(9000, Event::Recovered);
        script.ends_ms = None;
        let mut history = script.history();
        assert_eq!(Moments::of(&history).end_us, 9_000_000);
        assert!(!Moments::of(&history).ended);
        history.probes.last_mut().expect("probes").due_us = 9_500_000;
        assert_eq!(Moments::of(&history).end_us, 9_500_000);
    }

    #[test]
    fn an_instance_is_named_after_its_server() {
        assert_eq!(server_of("web-1.2"), "web-1");
        assert_eq!(server_of("web-1"), "web-1");
    }

    #[test]
    fn an_onset_reaches_from_the_earliest_victim_to_the_slowest() {
        let script = Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1", "web-2"], Schedule::Once);
        let script = script.came_into_force(6005, 6010, 0, &["web-1"]).came_into_force(6200, 6300, 0, &["web-2"]);
        let moments = Moments::of(&script.history());
        assert_eq!((moments.t0_us, moments.witnessed_us), (Some(6_005_000), Some(6_300_000)));
    }
}
