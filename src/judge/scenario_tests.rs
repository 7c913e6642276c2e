//! What a judged history says.

use super::*;
use crate::history::synthetic::Script;
use crate::history::{Outcome, Record};
use crate::plan::Hypothesis;
use crate::plan::expectation::{Expectation, Interval, Phase};
use crate::report::record::{MilestoneState, Milestones, Of};
use crate::units::{Bound, HumanDuration};

fn under(ms: u64) -> Bound<HumanDuration> {
    Bound::Under(HumanDuration(Duration::from_millis(ms)))
}

fn stays(ms: u64) -> Expectation {
    Expectation::LatencyStays { quantile: Quantile::At(0.99), bound: under(ms) }
}

fn recovery(ms: u64) -> Expectation {
    Expectation::Interval { interval: Interval::Recovery, bound: under(ms) }
}

/// lb-1 dies, an outage of 92 ms, a replacement after 2 s.
fn card() -> Script {
    let script = Script::website(4, 2).until(70_000).dies(6000, "lb-1").holders(6020, &[]).holders(6090, &["lb-2"]);
    script.bad(6002.0, 6094.0, Outcome::Timeout).replaced(6500, 7000, 8000, "lb-1")
}

fn verdict_of(script: &Script) -> (Verdict, Option<String>) {
    let record = judge(&script.history());
    (record.verdict, record.reason)
}

#[test]
fn it_passes_when_every_hypothesis_holds() {
    let record = judge(&card().expects(stays(500)).expects(recovery(8 * 60_000)).history());
    assert_eq!((record.verdict, record.reason.as_deref()), (Verdict::Pass, None));
    assert_eq!(
        record.headline,
        "p99 5 ms when a node dies (lb-1); 46 of 34,500 probes failed, 92 ms of downtime; for at most 200 ms, \
         seen in steps of 100 ms, more than half of the requests took over 500 ms; recovered after 2 s."
    );
    assert!(record.hypotheses.iter().all(|hypothesis| hypothesis.verdict == Verdict::Pass));
    assert_eq!((record.hypotheses[1].step.as_str(), record.hypotheses[1].line), ("hypothesis 21", 21));
}

#[test]
fn one_refuted_hypothesis_fails_it_also_beside_one_that_could_not_be_told() {
    let unobserved = Expectation::InRotation { count: 4, role: "load balancer".into() };
    let script = card().expects(unobserved).expects(recovery(1000)).expects(stays(500));
    let record = judge(&script.history());
    assert_eq!(record.verdict, Verdict::Fail);
    assert_eq!(record.reason.as_deref(), Some("“hypothesis 21”: 2 s, expected < 1 s"));
    assert!(record.headline.starts_with("“hypothesis 21”: 2 s when a node dies (lb-1); "));
}

#[test]
fn what_could_not_be_told_is_invalid() {
    let unobserved = Expectation::InRotation { count: 4, role: "load balancer".into() };
    let (verdict, reason) = verdict_of(&card().expects(stays(500)).expects(unobserved));
    assert_eq!(verdict, Verdict::Invalid);
    assert!(reason.expect("a reason").contains("no running balancer reported anything"));
    assert_eq!(verdict_of(&card()), (Verdict::Invalid, Some("nothing was asserted".into())));
}

#[test]
fn a_run_that_cannot_be_believed_neither_passes_nor_fails() {
    let dropped = Event::RecorderDropped { events: 1 };
    for expectation in [stays(500), recovery(1000)] {
        let (verdict, reason) = verdict_of(&card().expects(expectation).event(9000, dropped.clone()));
        assert_eq!((verdict, reason.as_deref()), (Verdict::Invalid, Some("the recorder dropped 1 events")));
    }
}

#[test]
fn what_ended_early_is_told_apart() {
    let told = |event| verdict_of(&card().expects(stays(500)).event(9000, event));
    let skipped = told(Event::ScenarioSkipped { reason: "not root".into() });
    assert_eq!(skipped, (Verdict::Skipped, Some("not root".into())));
    let failed = told(Event::HarnessFailed { stage: "boot".into(), detail: "no space".into() });
    assert_eq!(failed, (Verdict::Infra, Some("boot: no space".into())));
    let injecting = told(Event::InjectionFailed { strike: 0, detail: "ssh".into() });
    assert_eq!(injecting, (Verdict::Infra, Some("injecting failed: ssh".into())));
    let interrupted = told(Event::Interrupted { signal: "SIGINT".into() });
    assert_eq!(interrupted, (Verdict::Invalid, Some("interrupted by SIGINT".into())));
}

#[test]
fn nothing_recorded_is_no_pass() {
    let history =
        History { events: Vec::new(), probes: Vec::new(), users: Vec::new(), ..card().expects(stays(1)).history() };
    assert_eq!(judge(&history).verdict, Verdict::Invalid);
    let mut skipped = history;
    let reason = "r".to_string();
    skipped.events = Script::website(1, 1).event(0, Event::ScenarioSkipped { reason }).events;
    assert_eq!(judge(&skipped).verdict, Verdict::Skipped);
}

#[test]
fn the_record_says_what_was_struck_and_when() {
    let record = judge(&card().history());
    let strike = &record.strikes[0];
    assert_eq!(
        (strike.target.as_str(), strike.fault.as_str(), strike.witness.as_str()),
        ("lb-1", "dies", "first process gone")
    );
    assert_eq!((strike.injected_at_s, strike.onset_at_s, strike.healed_at_s), (Some(5.0), Some(5.0), None));
    let unconfirmed = Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1"], crate::plan::Schedule::Once);
    let denied = Event::FaultNotConfirmed { strike: 0, target: "web-1".into(), evidence: "lives".into() };
    assert_eq!(judge(&unconfirmed.event(7000, denied).history()).strikes[0].witness, "not confirmed: lives");
}

#[test]
fn the_record_has_the_milestones_from_t0() {
    let mut milestones = judge(&card().history()).milestones;
    let rows = std::mem::take(&mut milestones.rows);
    assert_eq!(
        milestones,
        Milestones {
            t0_at_s: Some(5.0),
            witnessed_after_t0_s: Some(0.01),
            first_error_after_t0_s: Some(0.002),
            detected_after_t0_s: Some(0.09),
            removed_after_t0_s: Some(0.09),
            service_after_t0_s: Some(0.094),
            booted_after_t0_s: Some(1.0),
            configured_after_t0_s: Some(2.0),
            redundant_after_t0_s: Some(2.0),
            normal_after_t0_s: Some(2.0),
            rows: Vec::new(),
        }
    );
    assert_eq!(rows.len(), 9);
    assert_eq!(rows[0].state, MilestoneState::At { after_t0_s: 0.002, within_s: 0.0 });
    assert_eq!((rows[5].name.as_str(), rows[5].of), ("booted", Some(Of { done: 1, total: 1 })));
    assert_eq!(judge(&Script::website(1, 1).history()).milestones, Milestones::default());
}

#[test]
fn the_record_has_downtime_phases_and_the_worst_second() {
    let record = judge(&card().history());
    assert_eq!(
        (record.downtime_total_s, record.downtime_longest_s, record.outages),
        (Some(0.092), Some(0.092), Some(1))
    );
    assert_eq!((record.deadline_ms, record.duration_s, record.attempts), (5000.0, 70.0, 1));
    assert!(record.availability_pct.is_some_and(|pct| (99.8..99.9).contains(&pct)));
    let degraded = record.phases.iter().find(|phase| phase.phase == Phase::Degraded).expect("degraded");
    assert_eq!((degraded.start_at_s, degraded.end_at_s, degraded.due, degraded.good), (5.0, 7.0, 1000, 954));
    assert_eq!((degraded.p999_ms, degraded.max_ms), (None, Some(5000.0)), "1,000 samples are too few");
    assert!((degraded.p50_ms.expect("enough") - 5.0).abs() < 0.01);
    assert!((degraded.throughput_rps - 954.0 / 2.0).abs() < 0.001);
    let worst = record.worst_second.expect("probes");
    assert_eq!((worst.start_at_s, worst.due, worst.good), (5.0, 500, 454));
    let failover = record.phases.iter().find(|phase| phase.phase == Phase::Failover).expect("failover");
    assert_eq!((failover.due, failover.good), (47, 1), "the one that was due at t0 was answered");
}

#[test]
fn the_record_says_whether_to_believe_it() {
    let script =
        card().event(9000, Event::Pressure { cpu_some_pct: 20.0 }).event(9500, Event::Pressure { cpu_some_pct: 7.0 });
    let validity = judge(&script.history()).validity;
    assert!(validity.steady_before && validity.faults_confirmed);
    assert_eq!(
        (validity.cpu_pressure_pct, validity.resolution_ms, validity.lateness_p99_ms),
        (Some(20.0), Some(2.0), Some(0.0))
    );
    assert_eq!((validity.user_requests, validity.recorder_drops, validity.reasons.len()), (6900, 0, 0));
}

#[test]
fn a_later_attempt_is_judged_alone() {
    let mut history = card().expects(stays(500)).history();
    let shift_us = 100_000_000;
    let first = history.clone();
    for record in &mut history.events {
        record.at_us += shift_us;
        if let Event::ScenarioStarted { attempt } = &mut record.event {
            *attempt = 2
        }
        if let Event::BaselineSteady { from_us } = &mut record.event {
            *from_us += shift_us
        }
        if let Event::FaultConfirmed { onset, .. } = &mut record.event {
            (onset.not_before_us, onset.by_us) = (onset.not_before_us + shift_us, onset.by_us + shift_us);
        }
    }
    let later =
        |request: &crate::history::Request| crate::history::Request { due_us: request.due_us + shift_us, ..*request };
    let mut failed = Script::website(4, 2).bad(0.0, 1e9, Outcome::Refused).history();
    failed.events.push(Record {
        event: Event::AttemptDiscarded { headline: "Could not be judged: 97 % good.".into() },
        ..failed.events.last().unwrap().clone()
    });
    failed.events.extend(history.events.clone());
    failed.probes.extend(first.probes.iter().map(later));
    failed.users.extend(first.users.iter().map(later));
    failed.plan = first.plan.clone();
    let (again, once) = (judge(&failed), judge(&first));
    assert_eq!((again.verdict, again.attempts), (Verdict::Pass, 2));
    assert_eq!((again.discarded, once.discarded.len()), (vec!["Could not be judged: 97 % good.".to_string()], 0));
    assert_eq!((again.milestones, again.downtime_total_s), (once.milestones, once.downtime_total_s));
}

#[test]
fn the_requests_to_a_cloud_are_those_of_the_last_attempt_also_after_the_watch() {
    assert_eq!(judge(&card().history()).cloud_requests, None);
    let counted = card().event(80_000, Event::CloudRequests { count: 412 });
    assert_eq!(judge(&counted.history()).cloud_requests, Some(412));
}

#[test]
fn a_store_that_was_replaced_without_a_step_that_asks_for_its_data_is_marked() {
    let replaced = |server: &str| {
        let script = Script::website(4, 2).databases(2);
        script.dies(6000, server).replaced(6500, 7000, 8000, server)
    };
    assert_eq!(judge(&replaced("db-2").history()).unchecked_data, ["db-2"]);
    assert_eq!(judge(&replaced("web-1").history()).unchecked_data, [""; 0], "it keeps nothing");
    let asks = |expectation| {
        let mut history = replaced("db-2").history();
        history.plan.hypotheses.push(Hypothesis { step: "…".into(), line: 7, expectation });
        judge(&history).unchecked_data
    };
    assert_eq!(asks(Expectation::NoOtherFails), ["db-2"]);
    assert_eq!(asks(Expectation::NoAcknowledgedWriteLost), [""; 0]);
    let of_another_crate = Expectation::Registered { name: "orders-are-there".into(), said: Vec::new() };
    assert_eq!(asks(of_another_crate), [""; 0]);
}
