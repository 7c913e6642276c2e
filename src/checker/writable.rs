//! `exactly one {role} is writable {phase}`, as the databases told of themselves.
//!
//! What cannot take a write (frozen, without power, gone) is not writable whatever it told last, and what was fenced is
//! not; what can no longer be seen because it was struck is still what it told last. Two writable databases at once
//! always fail; none is judged as for a virtual IP.

use std::collections::BTreeMap;

use crate::history::{Event, History};
use crate::instance::PowerState;
use crate::measure::fleet::Fleet;
use crate::measure::moments::watched;
use crate::measure::phases::phase_name;
use crate::measure::sight::{DATABASE, blind};
use crate::measure::{Span, Timeline};

use super::held::{self, Holding};
use super::{Checker, Judgement};
use crate::plan::Phase;

/// The step that makes sure that a database can't be written to.
const FENCED: &str = "fence";

pub(super) struct OneWritable {
    pub role: String,
    pub phase: Phase,
}

impl Checker for OneWritable {
    fn check(&self, history: &History) -> Judgement {
        let invalid = |why: String| Judgement::invalid("1".into(), "databases", 0, why);
        let timeline = Timeline::of(history);
        let phase = match held::stretch(&timeline, self.phase) {
            Ok(span) => span,
            Err(why) => return invalid(why),
        };
        let called: Vec<String> =
            history.plan.infrastructure.servers_called(&self.role).iter().map(|server| server.name.clone()).collect();
        if called.is_empty() {
            return invalid(format!("there is no {}", self.role));
        }
        if let Some(silent) = called.iter().find(|server| !has_told(history, server, phase.from_us)) {
            return invalid(format!("{silent} did not report whether it is writable {}", phase_name(self.phase)));
        }
        let held = held(history, &called, phase, timeline.moments.end_us);
        let excused = held::excused(&timeline, &called);
        let mut blind = blind(history, &timeline.moments);
        blind.retain(|blind| blind.observer == DATABASE && called.iter().any(|server| server == blind.of));
        held::judge(&held, phase, &excused, &blind, "databases")
    }
}

fn has_told(history: &History, server: &str, before_us: u64) -> bool {
    let told = |event: &Event| matches!(event, Event::DatabaseView { server: of, .. } if of == server);
    watched(history).iter().any(|record| record.at_us <= before_us && told(&record.event))
}

/// Which of these were writable, over every stretch that meets the phase.
fn held(history: &History, called: &[String], phase: Span, end_us: u64) -> Vec<Holding> {
    let mut fleet = Fleet::new(&history.plan.infrastructure);
    let mut told: BTreeMap<&str, bool> = BTreeMap::new();
    let mut changes: Vec<(u64, Vec<String>)> = Vec::new();
    for record in watched(history) {
        fleet.apply(record);
        match &record.event {
            Event::DatabaseView { server, writable, .. } => {
                told.insert(server, *writable);
            }
            Event::DatabaseStep { server, step, .. } if step == FENCED => {
                told.insert(server, false);
            }
            // A new instance, or one that is started again, has told nothing yet.
            Event::InstanceBooted { server, .. }
            | Event::InstanceState { server, state: PowerState::Stopped | PowerState::Terminated, .. } => {
                told.remove(server.as_str());
            }
            _ => {}
        }
        let writable = |server: &&String| told.get(server.as_str()) == Some(&true) && fleet.runs(server);
        let now: Vec<String> = called.iter().filter(writable).cloned().collect();
        if changes.last().is_none_or(|(_, before)| *before != now) {
            changes.push((record.at_us, now));
        }
    }
    held::over(changes.into_iter(), phase, end_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::Script;
    use crate::plan::Expectation;
    use crate::verdict::Verdict;

    fn judged(script: &Script, phase: Phase) -> Judgement {
        crate::checker::of(&Expectation::OneWritable { role: "database".into(), phase }).check(&script.history())
    }

    fn site() -> Script {
        Script::website(2, 2).databases(2)
    }

    #[test]
    fn one_that_dies_may_be_followed_by_another() {
        let script = site().dies(6000, "db-1").database_view(7000, "db-2", true).replaced(6500, 7500, 8000, "db-1");
        let judgement = judged(&script, Phase::Throughout);
        assert_eq!((judgement.verdict, judgement.observed.as_str()), (Verdict::Pass, "1 (db-2)"));
    }

    #[test]
    fn two_at_once_are_never_fine() {
        let judgement =
            judged(&site().database_view(9000, "db-2", true).database_view(9400, "db-1", false), Phase::Throughout);
        assert_eq!(
            (judgement.verdict, judgement.observed.as_str()),
            (Verdict::Fail, "2 at once (db-1, db-2) for 400 ms")
        );
    }

    #[test]
    fn a_frozen_one_takes_no_writes_until_it_thaws() {
        let frozen = site().strike(6000, "hangs", &["db-1"]).state(6005, "db-1", 1, PowerState::Frozen);
        let promoted = frozen.database_view(7000, "db-2", true);
        assert_eq!(judged(&promoted, Phase::Throughout).verdict, Verdict::Pass);
        let thawed = promoted.state(9000, "db-1", 1, PowerState::Running);
        assert!(judged(&thawed, Phase::Throughout).observed.starts_with("2 at once"));
    }

    #[test]
    fn what_was_fenced_or_was_without_power_is_not_writable() {
        let fenced = Event::DatabaseStep { server: "db-1".into(), step: FENCED.into(), detail: "read-only".into() };
        let script = site().strike(6000, "loses-network", &["db-1"]).event(6900, fenced);
        assert_eq!(judged(&script.database_view(7000, "db-2", true), Phase::Throughout).verdict, Verdict::Pass);
        let off = site().strike(6000, "power-off", &["db-1"]).state(6005, "db-1", 1, PowerState::Stopped);
        let on = off.database_view(7000, "db-2", true).state(9000, "db-1", 1, PowerState::Running);
        assert_eq!(judged(&on, Phase::Throughout).verdict, Verdict::Pass);
        let unseen = site().strike(6000, "loses-network", &["db-1"]).database_view(7000, "db-2", true);
        assert!(judged(&unseen, Phase::Throughout).observed.starts_with("2 at once"));
    }

    #[test]
    fn none_is_not_fine_unless_one_of_them_was_struck() {
        let none = site().database_view(9000, "db-1", false).database_view(9500, "db-2", true);
        assert_eq!(judged(&none, Phase::Throughout).observed, "no holder for 500 ms");
        let never = site().dies(6000, "db-1");
        assert_eq!(judged(&never, Phase::Throughout).verdict, Verdict::Fail);
    }

    #[test]
    fn a_database_that_never_told_leaves_it_open() {
        let mut history = site().history();
        history
            .events
            .retain(|record| !matches!(&record.event, Event::DatabaseView { server, .. } if server == "db-2"));
        let judgement = OneWritable { role: "database".into(), phase: Phase::Throughout }.check(&history);
        assert_eq!(judgement.verdict, Verdict::Invalid);
    }
}
