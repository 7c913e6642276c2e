//! Whether a run can be believed. Every reason found here makes a scenario `invalid`, whatever its hypotheses say.
//!
//! Client ports that run out are not told apart from a refusal by the site in what is recorded; on a machine where
//! that happens the baseline is not steady, which is one of the reasons here.

mod agents;
mod faults;
mod load;
mod pace;
mod virtual_ip;

use crate::history::{Event, History};

use super::moments::watched;
use super::timeline::Timeline;

/// Every reason not to believe a run, in the order of the parts that gave it.
pub fn reasons(history: &History, timeline: &Timeline) -> Vec<String> {
    let mut reasons = baseline(history, timeline);
    reasons.extend(agents::reasons(history));
    reasons.extend(faults::reasons(history, timeline));
    reasons.extend(load::reasons(history, timeline));
    reasons.extend(pace::reason(history, timeline));
    reasons.extend(virtual_ip::reasons(history, timeline));
    reasons.extend(recorder(history, timeline));
    reasons
}

/// Whether every strike that was asked for hit all of its targets, by its witness.
pub fn faults_confirmed(history: &History, timeline: &Timeline) -> bool {
    faults::reasons(history, timeline).is_empty()
}

/// How many events the recorder dropped.
pub fn recorder_drops(history: &History) -> u64 {
    let drops = watched(history).iter().map(|record| match record.event {
        Event::RecorderDropped { events } => events,
        _ => 0,
    });
    drops.sum()
}

fn baseline(history: &History, timeline: &Timeline) -> Vec<String> {
    let unsteady = watched(history).iter().find_map(|record| match &record.event {
        Event::BaselineUnsteady { reason } => Some(format!("the baseline was not steady: {reason}")),
        _ => None,
    });
    let missing = || timeline.moments.zero_us.is_none().then(|| "no steady baseline was recorded".to_string());
    unsteady.or_else(missing).into_iter().collect()
}

fn recorder(history: &History, timeline: &Timeline) -> Vec<String> {
    let drops = recorder_drops(history);
    let mut reasons = Vec::new();
    if drops > 0 {
        reasons.push(format!("the recorder dropped {drops} events"));
    }
    if !timeline.moments.ended {
        reasons.push("the watch did not come to its end: the record stops before it".into());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::synthetic::{Script, Stretch};
    use crate::history::{Outcome, Record, Request};
    use crate::plan::Schedule;
    use std::time::Duration;

    fn told(script: &Script) -> Vec<String> {
        let history = script.history();
        reasons(&history, &Timeline::of(&history))
    }

    #[track_caller]
    fn assert_one(script: &Script, expected: &str) {
        let told = told(script);
        assert!(told.len() == 1 && told[0].contains(expected), "{told:?} should be: {expected}");
    }

    fn healthy() -> Script {
        Script::website(4, 2).dies(6000, "lb-1").holders(6090, &["lb-2"]).replaced(6500, 7000, 8000, "lb-1")
    }

    fn probes(from_ms: f64, to_ms: f64, outcome: Option<Outcome>, late_ms: f64) -> Stretch {
        Stretch { from_ms, to_ms, outcome, latency_ms: 9.0, late_ms }
    }

    #[test]
    fn a_run_in_order_can_be_believed() {
        assert_eq!(told(&healthy()), [""; 0]);
        assert_eq!(told(&Script::website(1, 0)), [""; 0], "also one without any fault");
    }

    #[test]
    fn an_unsteady_baseline_cannot() {
        let unsteady = Event::BaselineUnsteady { reason: "97 % good".into() };
        assert_one(&Script::website(2, 1).event(6000, unsteady), "the baseline was not steady: 97 % good");
        let mut history = Script::website(2, 1).history();
        history.events.retain(|record| !matches!(record.event, Event::BaselineSteady { .. }));
        assert_eq!(reasons(&history, &Timeline::of(&history)), ["no steady baseline was recorded"]);
    }

    #[test]
    fn a_strike_that_did_nothing_cannot() {
        let denied = Event::FaultNotConfirmed { strike: 0, target: "web-1".into(), evidence: "pid 7 lives".into() };
        let script = Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1"], Schedule::Once);
        assert_one(&script.clone().event(6500, denied), "the fault was not confirmed at web-1: pid 7 lives");
        assert_one(&script, "its witness reported nothing");
    }

    #[test]
    fn a_strike_that_never_came_or_hit_nobody_cannot() {
        assert_one(&Script::website(2, 1).asks("dies", Schedule::Once), "“a node dies” never struck");
        assert_one(&healthy().asks("hangs", Schedule::Once), "“a node hangs” never struck");
        assert_one(&Script::website(2, 1).strike(6000, "dies", &[]), "“a node dies” hit no server");
    }

    #[test]
    fn a_fault_that_was_not_lifted_cannot() {
        let lasts = Schedule::For(Duration::from_secs(2));
        let script =
            Script::website(2, 1).strike_unconfirmed(6000, "hangs", &["web-1"], lasts).confirm(6010, 0, &["web-1"]);
        assert_one(&script, "“a node hangs” was not lifted");
        assert_eq!(
            told(
                &script.event(8000, Event::StrikeHealed { strike: 0, target: "web-1".into(), evidence: String::new() })
            ),
            [""; 0]
        );
        let failed = Event::HealFailed { strike: 0, detail: "no answer".into() };
        assert_one(&healthy().event(9000, failed), "a fault could not be lifted: no answer");
    }

    #[test]
    fn more_than_one_probe_in_a_hundred_missing_cannot() {
        let missing = |ms: f64| healthy().stretch(probes(10_000.0, 10_000.0 + ms, None, 0.0));
        assert_eq!(told(&missing(190.0)), [""; 0], "190 ms are 1 % of 19 s");
        assert_one(&missing(192.0), "only 9404 of 9500 intended probes");
    }

    #[test]
    fn a_phase_without_probes_cannot() {
        let told = told(&healthy().stretch(probes(6000.0, 8000.0, None, 0.0)));
        assert!(told.iter().any(|reason| reason == "no probe was recorded while degraded"), "{told:?}");
    }

    #[test]
    fn probes_that_were_not_sent_cannot() {
        let none = Script::website(2, 1).stretch(probes(0.0, 1e9, Some(Outcome::NotSent), 0.0));
        assert_one(&none, "9500 of 9500 probes were not sent");
        let some = |ms: f64| healthy().stretch(probes(6010.0, 6010.0 + ms, Some(Outcome::NotSent), 0.0));
        assert_eq!(told(&some(190.0)), [""; 0]);
        assert_one(&some(192.0), "96 of 9500 probes were not sent");
        let mostly_answered = some(192.0).bad(7000.0, 7192.0, Outcome::Refused);
        assert_eq!(told(&mostly_answered), [""; 0], "half of what was bad was the site's own doing");
    }

    #[test]
    fn a_starved_prober_cannot() {
        let late = |ms| healthy().stretch(probes(9000.0, 9500.0, Some(Outcome::Good), ms));
        assert_eq!(told(&late(100.0)), [""; 0]);
        assert_one(&late(101.0), "the prober was starved: p99 of its lateness was 101 ms, more than 100 ms");
    }

    #[test]
    fn users_who_were_asked_for_must_have_come() {
        let mut script = healthy();
        script.users_every_ms = 0;
        assert_one(&script, "20 users were asked for, but they sent only 0 requests");
        script.users_every_ms = 1000;
        assert_one(&script, "but they sent only 19 requests");
        script.users_every_ms = 900;
        assert_eq!(told(&script), [""; 0]);
        script.settings.load.users = 0;
        script.users_every_ms = 0;
        assert_eq!(told(&script), [""; 0], "nobody asked for any");
    }

    #[test]
    fn users_must_have_sent_before_and_while_degraded() {
        let reasons_with = |script: &Script, keep: fn(&Request) -> bool| {
            let mut history = script.history();
            history.users.retain(keep);
            reasons(&history, &Timeline::of(&history))
        };
        assert_eq!(
            reasons_with(&healthy(), |sent| sent.due_us > 6_000_000),
            ["the users sent nothing before the fault"]
        );
        let idle: fn(&Request) -> bool = |sent| sent.due_us < 6_000_000;
        assert_eq!(reasons_with(&healthy(), idle), [""; 0], "2 s are less than a user's turn");
        let slow = Script::website(2, 1).dies(6000, "web-1").replaced(6500, 7000, 12_000, "web-1");
        assert_eq!(reasons_with(&slow, idle), ["the users sent nothing while degraded"]);
    }

    #[test]
    fn users_who_got_lost_cannot() {
        assert_one(&healthy().event(9000, Event::UsersLost { detail: "status 101".into() }), "status 101");
    }

    #[test]
    fn a_virtual_ip_that_moved_unprovoked_cannot() {
        let moved = "moved unprovoked, from lb-1 to lb-2, 2.0 s after the baseline began";
        assert_one(&Script::website(2, 2).holders(3000, &["lb-2"]), moved);
        let unrelated = Script::website(2, 2).dies(6000, "web-1").replaced(6500, 7000, 8000, "web-1");
        assert_one(&unrelated.holders(7000, &["lb-2"]), "moved unprovoked");
        assert_eq!(told(&Script::website(2, 2).holders(900, &["lb-2"])), [""; 0], "it settles before the baseline");
        assert_eq!(told(&Script::website(2, 2).holders(3000, &["lb-1"])), [""; 0], "it did not move");
        assert_one(&healthy().holders(3000, &[]), "from lb-1 to nobody");
    }

    #[test]
    fn what_the_recorder_dropped_cannot() {
        let dropping = healthy().event(9000, Event::RecorderDropped { events: 3 });
        assert_one(&dropping.event(9500, Event::RecorderDropped { events: 4 }), "the recorder dropped 7 events");
    }

    #[test]
    fn a_watch_that_did_not_end_cannot() {
        let mut script = healthy().event(20_000, Event::Recovered);
        script.ends_ms = None;
        assert_one(&script, "the watch did not come to its end");
    }

    #[test]
    fn a_reconciler_that_was_to_be_killed_and_was_not_cannot() {
        let to_die = |step| {
            let mut history = healthy().history();
            history.plan.acts.push(crate::plan::Act::ReconcilerDies(step));
            history
        };
        let told = |history: &History| reasons(history, &Timeline::of(history));
        let mut history = to_die(crate::plan::reconciler_step::ReconcilerStep::Ask);
        let expected = "the reconciler was to be killed at its step “ask”, and never came to it";
        assert_eq!(told(&history), [expected]);
        let agent = crate::plan::Agent::Reconciler;
        let killed = Event::AgentKilled { agent, step: "ask".into() };
        history.events.insert(1, Record { event: killed, ..history.events[0].clone() });
        assert_eq!(told(&history), [""; 0]);
    }

    #[test]
    fn whether_faults_were_confirmed_is_told_apart() {
        let confirmed = |script: &Script| faults_confirmed(&script.history(), &Timeline::of(&script.history()));
        assert!(confirmed(&healthy()));
        assert!(!confirmed(&Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1"], Schedule::Once)));
    }

    #[test]
    fn a_strike_that_was_resolved_but_not_injected_cannot() {
        let mut history = healthy().history();
        history.events.retain(|record| !matches!(record.event, Event::InjectionStarted { .. }));
        assert!(reasons(&history, &Timeline::of(&history)).contains(&"“a node dies” never struck".to_string()));
    }
}
