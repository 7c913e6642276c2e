use proptest::prelude::*;

use super::*;
use crate::checker;
use crate::checker::Judgement;
use crate::history::Outcome;
use crate::history::synthetic::Script;
use crate::measure::milestones::Milestone;
use crate::plan::Expectation;
use crate::units::{Bound, DurationBound, HumanDuration};
use crate::verdict::Verdict;

/// A webserver dies; what is declared takes `scale` ms a second of the paper's: 60 s until the reconciler looks, of which
/// 40 s are left, 180 s of boot, 120 s until the config agent runs, of which 30 s are left, 120 s to configure. Beside
/// that: 300 ms to boot, 200 ms to start its services, 1,000 ms until it is in rotation.
fn paper(scale: u64, faster: u32) -> Script {
    let mut script = Script::website(4, 2).dies(6000, "web-1");
    script.settings.time.faster = faster;
    script.settings.config_agent.enabled = true;
    let found = 6000 + 40 * scale;
    let booted = found + 180 * scale + 300;
    let tick = booted + 30 * scale;
    let ready = tick + 120 * scale + 200;
    script
        .waits(found.saturating_sub(60 * scale), DeclaredDelay::Reconciler, "web-1", 60 * scale)
        .event(found, Event::ReconcilerMissing { server: "web-1".into(), found: "terminated".into() })
        .waits(found, DeclaredDelay::Boot, "web-1", 180 * scale)
        .event(
            booted,
            Event::InstanceBooted { server: "web-1".into(), instance: "web-1.2".into(), address: "a".into() },
        )
        .waits(tick.saturating_sub(120 * scale), DeclaredDelay::ConfigAgent, "web-1", 120 * scale)
        .waits(tick, DeclaredDelay::Configure, "web-1", 120 * scale)
        .event(ready, Event::ConfigAgentChanged { server: "web-1".into(), what: vec!["started nginx".into()] })
        .event(ready, Event::ServerReady { server: "web-1".into(), instance: "web-1.2".into() })
        .event(ready, Event::ReconcilerReplaced { server: "web-1".into(), instance: "web-1.2".into() })
        .view(6500, "lb-1", "web-1", "DOWN")
        .view(6500, "lb-2", "web-1", "DOWN")
        .view(ready + 1000, "lb-1", "web-1", "UP")
        .view(ready + 1000, "lb-2", "web-1", "UP")
        .until(ready + 12_000)
}

/// The paper's waits in seconds of real time.
const WAITED_S: u64 = 40 + 180 + 30 + 120;

fn model_ms(script: &Script, interval: Interval) -> u64 {
    let history = script.history();
    let timeline = Timeline::of(&history);
    let end = end_of(&history, &timeline, interval).unwrap();
    ModelTime::of(&history).interval_us(&history, &timeline, interval, end) / 1000
}

fn end_of(history: &History, timeline: &Timeline, interval: Interval) -> Option<Observed> {
    match crate::measure::milestones::interval_end(history, timeline, interval)?.milestone {
        Milestone::At { us, within_us } => Some(Observed::At { us, within_us }),
        Milestone::Never { us } => Some(Observed::NotBefore { us }),
        _ => None,
    }
}

fn ms(limit: u64) -> HumanDuration {
    HumanDuration(std::time::Duration::from_millis(limit))
}

fn longest(script: &Script, bound: DurationBound) -> Judgement {
    checker::of(&Expectation::LongestOutage { bound }).check(&script.history())
}

#[test]
fn twenty_times_faster_comes_to_what_real_time_takes() {
    let (real, faster) = (paper(1000, 1), paper(50, 20));
    for interval in [Interval::Detection, Interval::Replacement, Interval::Redundancy, Interval::Recovery] {
        assert_eq!(model_ms(&faster, interval), model_ms(&real, interval), "{interval:?}");
    }
    assert_eq!(model_ms(&real, Interval::Recovery), WAITED_S * 1000 + 300 + 200 + 1000);
}

#[test]
fn an_interval_is_judged_in_model_time_and_says_what_was_measured() {
    let bound = Bound::Between(ms(6 * 60_000), ms(7 * 60_000));
    let recovery = Expectation::Interval { interval: Interval::Recovery, bound };
    let judged = checker::of(&recovery).check(&paper(50, 20).history());
    assert_eq!((judged.verdict, judged.value), (Verdict::Pass, Some(371.5)));
    assert_eq!(judged.observed, "6 min 11.5 s in model time (20 s measured)");
    assert_eq!(checker::of(&recovery).check(&paper(1000, 1).history()).observed, "6 min 11.5 s");
}

#[test]
fn a_detection_that_waited_for_no_tick_is_as_measured() {
    let seen = paper(50, 20).view(6200, "lb-1", "web-1", "UP 2/3");
    assert_eq!(model_ms(&seen, Interval::Detection), 200);
    assert_eq!(model_ms(&seen, Interval::Removal), 500, "balancers wait for nothing declared");
}

#[test]
fn a_tick_that_would_have_come_later_detects_nothing_before_a_check_does() {
    let history = paper(50, 20).history();
    let timeline = Timeline::of(&history);
    let end = Observed::at(8_000_000);
    let model = ModelTime::of(&history).interval_us(&history, &timeline, Interval::Detection, end);
    assert_eq!(model, 500_000, "when a balancer had it down, not after 40 s");
}

#[test]
fn the_wait_for_a_tick_begins_with_the_fault() {
    let waits = ModelTime::of(&paper(50, 20).history());
    let first = waits.waits()[0];
    assert_eq!(first, ("web-1", Wait { part: DeclaredDelay::Reconciler, span: Span::new(6_000_000, 8_000_000) }));
    let agent = waits.waits().into_iter().find(|(_, wait)| wait.part == DeclaredDelay::ConfigAgent).unwrap().1;
    assert_eq!(agent.span.length_us(), 1_500_000, "since its boot");
}

/// Both balancers die; each boots for `boot_ms` and serves 200 ms later. Users' first good answer, of a request due
/// `early_ms` before, comes with the earlier one.
fn both_balancers(faster: u32, boots_ms: [u64; 2], early_ms: f64) -> Script {
    let mut script = Script::website(4, 2).strike(6000, "dies", &["lb-1", "lb-2"]);
    script.settings.time.faster = faster;
    for (name, boot) in ["lb-1", "lb-2"].into_iter().zip(boots_ms) {
        script =
            script.waits(6010, DeclaredDelay::Boot, name, boot).replaced(6010, 6010 + boot + 100, 6210 + boot, name);
    }
    let back = (6210 + boots_ms[0].min(boots_ms[1])) as f64;
    script = script.bad(6004.0, back - early_ms, Outcome::Timeout);
    script.slow(back - early_ms, back, early_ms + 20.0).until(6210 + boots_ms[0].max(boots_ms[1]) + 12_000)
}

#[test]
fn waits_of_two_servers_side_by_side_pass_side_by_side() {
    let together = both_balancers(20, [9000, 9000], 0.0);
    assert_eq!(model_ms(&together, Interval::Recovery), 19 * 9000 + 9210, "not twice");
    let apart = both_balancers(20, [9000, 6000], 0.0);
    assert_eq!(model_ms(&apart, Interval::Recovery), 19 * 9000 + 9210, "the longer one");
    let real = both_balancers(1, [180_000, 120_000], 0.0);
    assert_eq!(model_ms(&real, Interval::Recovery), model_ms(&apart, Interval::Recovery));
}

#[test]
fn waits_that_follow_each_other_add_up() {
    let mut ways = vec![(Span::new(0, 9), 9), (Span::new(10, 20), 8), (Span::new(5, 12), 3)];
    assert_eq!(longest_us(&mut ways), 17);
    assert_eq!(longest_us(&mut [(Span::new(0, 9), 9), (Span::new(5, 12), 7)]), 9);
    assert_eq!(longest_us(&mut []), 0);
}

#[test]
fn an_outage_lasts_as_long_as_the_wait_that_ended_it() {
    let judged = longest(&both_balancers(20, [9000, 9000], 0.0), Bound::Over(ms(180_000)));
    assert_eq!(
        (judged.verdict, judged.observed.as_str()),
        (Verdict::Pass, "3 min 0.2 s in model time (9.21 s measured)")
    );
    assert_eq!(judged.value, Some(180.206));
    let early = longest(&both_balancers(20, [9000, 9000], 2000.0), Bound::Over(ms(175_000)));
    assert_eq!(early.value, Some(178.206), "the request that ended it waited 2 s for it, at any speed");
}

#[test]
fn an_outage_ended_by_a_replacement_whose_readiness_was_recorded_late_was_waited_for() {
    let late_ms = |late: u64| {
        let mut script = both_balancers(20, [9000, 9000], 0.0).replaced(6010, 15_110, 15_210 + late, "lb-1");
        script
            .events
            .retain(|record| !matches!(&record.event, Event::ReconcilerReplaced { .. } if record.at_us == 15_210_000));
        longest(&script, Bound::Over(ms(180_000)))
    };
    assert_eq!(late_ms(500).value, Some(180.206), "a tenth of the 9 s is allowed");
    let late = late_ms(1000);
    assert_eq!(
        (late.verdict, late.low.is_some_and(|low| low < 9.3)),
        (Verdict::Invalid, true),
        "another may have answered"
    );
    assert_eq!(late.high.map(f64::floor), Some(180.0));
}

#[test]
fn an_outage_that_a_standby_ended_consists_of_no_wait() {
    let mut script = Script::website(4, 2).dies(6000, "lb-1");
    script.settings.time.faster = 20;
    let script = script
        .waits(6050 - 50, DeclaredDelay::Reconciler, "lb-1", 50)
        .replaced(6050, 6300, 6500, "lb-1")
        .holders(6090, &["lb-2"])
        .bad(6004.0, 6094.0, Outcome::Refused);
    assert_eq!(longest(&script, Bound::Under(ms(100))).value, Some(0.09));
    assert_eq!(model_ms(&script, Interval::Failover), 94);
    assert_eq!(model_ms(&script, Interval::Replacement), 500 + 19 * 50);
}

#[test]
fn what_never_ended_waited_for_as_much_as_passed() {
    let mut script =
        Script::website(4, 2).dies(6000, "web-1").waits(6010, DeclaredDelay::Boot, "web-1", 60_000).until(30_010);
    script.settings.time.faster = 20;
    let recovery = Expectation::Interval { interval: Interval::Recovery, bound: Bound::Under(ms(8 * 60_000)) };
    let judged = checker::of(&recovery).check(&script.history());
    assert_eq!((judged.verdict, judged.value), (Verdict::Fail, None));
    assert_eq!(judged.observed, "never (watched for 24.01 s): ≥ 8 min in model time");
}

#[test]
fn a_drift_that_the_agent_put_right_is_a_way_of_its_own() {
    let mut script = Script::website(4, 2).strike(6000, "process-dies", &["web-1"]);
    script.settings.time.faster = 20;
    let script = script
        .waits(5000, DeclaredDelay::ConfigAgent, "web-1", 3000)
        .event(8100, Event::ConfigAgentChanged { server: "web-1".into(), what: vec!["started nginx".into()] })
        .view(6500, "lb-1", "web-1", "DOWN")
        .view(9000, "lb-1", "web-1", "UP");
    assert_eq!(model_ms(&script, Interval::Redundancy), 3000 + 19 * 2000);
}

proptest! {
    #[test]
    fn in_real_time_the_model_is_what_was_measured(
        waits in proptest::collection::vec((6000_u64..15_000, 1_u64..9000, 0_usize..4), 0..6),
        ready in 7000_u64..16_000,
        bad in 6004_u64..12_000,
    ) {
        let mut script = Script::website(4, 2).dies(6000, "web-1").replaced(6500, ready - 100, ready, "web-1");
        script = script.bad(6004.0, bad as f64, Outcome::Refused);
        let parts = [DeclaredDelay::Reconciler, DeclaredDelay::Boot, DeclaredDelay::ConfigAgent, DeclaredDelay::Configure];
        for (at, length, part) in waits {
            script = script.waits(at, parts[part], "web-1", length);
        }
        let history = script.history();
        let (timeline, model) = (Timeline::of(&history), ModelTime::of(&history));
        for interval in [Interval::Detection, Interval::Failover, Interval::Replacement, Interval::Recovery] {
            if let Some(end) = end_of(&history, &timeline, interval) {
                let measured = end.known_us() - timeline.moments.t0_us.unwrap();
                prop_assert_eq!(model.interval_us(&history, &timeline, interval, end), measured);
            }
        }
        let outage = Span::new(6_004_000, bad * 1000);
        prop_assert_eq!(model.outage_us(&history, outage, false), outage.length_us());
    }

    /// Faster time never makes anything shorter in model time, nor longer than if all of it had been waited for.
    #[test]
    fn model_time_lies_between_measured_and_all_of_it(
        waits in proptest::collection::vec((6000_u64..15_000, 1_u64..9000), 0..6),
        faster in 2_u32..50,
    ) {
        let mut script = Script::website(4, 2).dies(6000, "web-1");
        script.settings.time.faster = faster;
        for (at, length) in waits {
            script = script.waits(at, DeclaredDelay::Boot, "web-1", length);
        }
        let span = Span::new(6_010_000, 20_000_000);
        let model = ModelTime::of(&script.history()).elapsed_us(span);
        prop_assert!(span.length_us() <= model);
    }
}
