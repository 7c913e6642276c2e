//! The verdict in one sentence, with the numbers a person wants.

use std::time::Duration;

use super::{NOT_UP, NOT_USABLE};
use crate::report::facts::Facts;
use crate::report::record::{HypothesisRecord, ScenarioRecord};
use crate::units::show_duration;
use crate::verdict::Verdict;

/// "p99 11 ms when the highest-degree node dies (lb-1); 42 of 39,365 probes failed, 84 ms of downtime; recovered after
/// 2.3 s." The verdict is not in it: it stands beside.
pub fn headline(record: &ScenarioRecord) -> String {
    let reason = || record.reason.clone().unwrap_or_default();
    match record.verdict {
        Verdict::Pass => format!("{}.", sentence(record, passed(record))),
        Verdict::Fail => format!("{}.", sentence(record, of_verdict(record, Verdict::Fail))),
        Verdict::Invalid => format!("Could not be judged: {}.", reason()),
        Verdict::Infra => infra(&reason()),
        Verdict::Aborted => format!("A stop condition ended it: {}.", reason()),
        Verdict::Skipped => format!("Not run: {}.", reason()),
    }
}

/// A site whose own roles can't come up is no failure of the harness, and neither is an application that is not what its workload file says.
fn infra(reason: &str) -> String {
    match (reason.strip_prefix(NOT_UP), reason.strip_prefix(NOT_USABLE)) {
        (Some(detail), _) => format!("The site did not come up{detail}."),
        (None, Some(detail)) => format!("Users can't work with the application{detail}."),
        (None, None) => format!("The harness failed, not the site: {reason}."),
    }
}

fn sentence(record: &ScenarioRecord, first: String) -> String {
    let mut parts = vec![first + &struck(record)];
    parts.extend(Facts::of(record).told());
    parts.extend(recovered(record));
    parts.join("; ")
}

/// The first hypothesis speaks for all that held.
fn passed(record: &ScenarioRecord) -> String {
    record.hypotheses.first().map(told).unwrap_or_default()
}

fn of_verdict(record: &ScenarioRecord, verdict: Verdict) -> String {
    let found = record.hypotheses.iter().filter(|hypothesis| hypothesis.verdict == verdict);
    found.map(|failed| format!("“{}”: {}", failed.step, failed.observed)).collect::<Vec<_>>().join(", ")
}

/// A latency names itself ("p99 11 ms"); anything else is told with its step.
fn told(hypothesis: &HypothesisRecord) -> String {
    match hypothesis.unit.as_str() {
        "ms" => hypothesis.observed.clone(),
        _ => format!("“{}”: {}", hypothesis.step, hypothesis.observed),
    }
}

fn struck(record: &ScenarioRecord) -> String {
    let Some(first) = record.strikes.first() else { return String::new() };
    let same_step = record.strikes.iter().filter(|strike| strike.line == first.line);
    let mut targets: Vec<&str> = same_step.map(|strike| strike.target.as_str()).collect();
    targets.dedup();
    format!(" when {} ({})", first.step, targets.join(", "))
}

fn recovered(record: &ScenarioRecord) -> Option<String> {
    record.milestones.t0_at_s?;
    Some(match record.milestones.normal_after_t0_s {
        Some(after) => {
            let modelled = record.model.as_ref().and_then(|model| model.milestones.normal_after_t0_s);
            let (time, which) = timed(after, modelled);
            format!("recovered after {time}{which}")
        }
        None => "it did not recover while it was watched".into(),
    })
}

/// A time, and which one it is where the model's differs from the measured one.
fn timed(measured_s: f64, modelled_s: Option<f64>) -> (String, &'static str) {
    match modelled_s.filter(|modelled| *modelled != measured_s) {
        Some(modelled) => (show_s(modelled), " in model time"),
        None => (show_s(measured_s), ""),
    }
}

fn show_s(seconds: f64) -> String {
    show_duration(Duration::from_secs_f64(seconds.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::{NOT_UP, NOT_USABLE};
    use crate::history::synthetic::Script;
    use crate::history::{Event, Outcome};
    use crate::judge::judge;
    use crate::plan::expectation::{Expectation, Phase};
    use crate::units::{Bound, Percent};

    fn available(script: Script) -> Script {
        script.expects(Expectation::Availability { phase: Phase::Throughout, bound: Bound::AtLeast(Percent(99.0)) })
    }

    #[test]
    fn it_says_what_users_saw_and_whether_it_recovered() {
        let quiet = judge(&available(Script::website(2, 1)).history()).headline;
        assert_eq!(quiet, "“hypothesis 20”: 100 %; users saw no downtime.");
        let down = Script::website(2, 1).dies(6000, "lb-1").bad(6002.0, 20_000.0, Outcome::Refused);
        assert_eq!(
            judge(&available(down).history()).headline,
            "“hypothesis 20”: 26.3263 % when a node dies (lb-1); 6,999 of 9,500 probes failed, 14 s of downtime; \
             it did not recover while it was watched."
        );
    }

    #[test]
    fn every_victim_of_the_first_step_is_named() {
        let script = Script::website(3, 1).strike(6000, "dies", &["web-1", "web-2"]).dies(7000, "web-3");
        assert!(judge(&available(script).history()).headline.contains("when a node dies (web-1, web-2);"));
    }

    #[test]
    fn what_neither_passed_nor_failed_says_why() {
        let told = |event| judge(&available(Script::website(2, 1)).event(7000, event).history()).headline;
        assert_eq!(told(Event::ScenarioSkipped { reason: "not root".into() }), "Not run: not root.");
        assert_eq!(told(Event::RecorderDropped { events: 2 }), "Could not be judged: the recorder dropped 2 events.");
        let failed = Event::HarnessFailed { stage: "boot".into(), detail: "no space".into() };
        assert_eq!(told(failed), "The harness failed, not the site: boot: no space.");
        let failed = Event::HarnessFailed { stage: NOT_UP.into(), detail: "lb-1: a mistake".into() };
        assert_eq!(told(failed), "The site did not come up: lb-1: a mistake.");
        let failed = Event::HarnessFailed { stage: NOT_USABLE.into(), detail: "the set is not empty".into() };
        assert_eq!(told(failed), "Users can't work with the application: the set is not empty.");
    }
}
