//! One history, judged.

use std::time::Duration;

use crate::checker::{Judgement, Verdict};
use crate::history::{Event, History};
use crate::measure::downtime::Downtime;
use crate::measure::moments::watched;
use crate::measure::phases::{PHASES, phase_span, stays_span};
use crate::measure::quantile::{plain_us, quantile_us};
use crate::measure::relapse::Relapse;
use crate::measure::resolution::{lateness_p99_us, resolution_us};
use crate::measure::slowness::{BIN_US, Slowness};
use crate::measure::uptime::Uptime;
use crate::measure::worst::worst_second;
use crate::measure::{Sample, Span, Timeline, validity};
use crate::plan::Hypothesis;
use crate::report::record::{
    HypothesisRecord, PhaseRecord, RelapseRecord, ScenarioRecord, SlownessRecord, UptimeRecord, Validity, WorstSecond,
};
use crate::units::{Percent, Quantile};

use super::data::data_of;
use super::declared;
use super::headline::headline;
use super::healing::healing;
use super::leaks::leaks;
use super::milestones;
use super::modelled;
use super::strikes::strikes_of;

/// Judges a scenario from what was recorded.
pub fn judge(history: &History) -> ScenarioRecord {
    let timeline = Timeline::of(history);
    let plan = &history.plan;
    let hypotheses: Vec<HypothesisRecord> =
        plan.hypotheses.iter().map(|hypothesis| record_of(hypothesis, history)).collect();
    let validity = validity_of(history, &timeline);
    let (verdict, reason) = verdict(history, &hypotheses, &validity.reasons);
    let whole = throughout(&timeline);
    let sample = Sample::of(history).within(whole);
    let downtime = (sample.due() > 0).then(|| Downtime::of(&sample, whole));
    let mut record = ScenarioRecord {
        verdict,
        reason,
        attempts: attempts(history),
        discarded: discarded(history),
        duration_s: seconds(timeline.moments.end_us.saturating_sub(began_us(history))),
        single_points_of_failure: declared::single_points(plan, Some(history)),
        hypotheses,
        strikes: strikes_of(history, &timeline),
        phases: phases_of(history, &timeline),
        milestones: milestones::measured(history, &timeline),
        relapses: relapses_of(&timeline),
        slowness: (sample.due() > 0).then(|| slowness_of(history, whole)),
        downtime_total_s: downtime.as_ref().map(|downtime| seconds(downtime.total_us())),
        downtime_longest_s: downtime.as_ref().map(|downtime| seconds(downtime.longest_us())),
        outages: downtime.as_ref().map(|downtime| downtime.windows.len() as u32),
        availability_pct: sample.availability().map(share),
        uptime: uptime_of(history, &timeline),
        deadline_ms: millis(Sample::of(history).deadline_us()),
        model: modelled::figures(history, &timeline, downtime.as_ref()),
        declared_waits: modelled::waits(history, &timeline),
        worst_second: worst_of(history, &timeline),
        data: data_of(history),
        leaks: leaks(history),
        healing: healing(history, &timeline),
        validity,
        ..declared::of_plan(plan)
    };
    for server in &mut record.servers {
        server.struck = timeline.moments.was_struck(&server.name);
    }
    record.headline = headline(&record);
    record
}

/// The verdict of a scenario, and why, unless it passed.
fn verdict(history: &History, hypotheses: &[HypothesisRecord], reasons: &[String]) -> (Verdict, Option<String>) {
    if let Some((verdict, why)) = watched(history).iter().find_map(|record| ended_early(&record.event)) {
        return (verdict, Some(why));
    }
    if !reasons.is_empty() {
        return (Verdict::Invalid, Some(reasons.join("; ")));
    }
    for verdict in [Verdict::Fail, Verdict::Invalid] {
        let found: Vec<String> = hypotheses.iter().filter(|found| found.verdict == verdict).map(why).collect();
        if !found.is_empty() {
            return (verdict, Some(found.join("; ")));
        }
    }
    if hypotheses.is_empty() {
        return (Verdict::Invalid, Some("nothing was asserted".into()));
    }
    (Verdict::Pass, None)
}

fn ended_early(event: &Event) -> Option<(Verdict, String)> {
    match event {
        Event::ScenarioSkipped { reason } => Some((Verdict::Skipped, reason.clone())),
        Event::HarnessFailed { stage, detail } => Some((Verdict::Infra, format!("{stage}: {detail}"))),
        Event::Aborted { reason } => Some((Verdict::Aborted, reason.clone())),
        Event::InjectionFailed { detail, .. } => Some((Verdict::Infra, format!("injecting failed: {detail}"))),
        Event::Interrupted { signal } => Some((Verdict::Invalid, format!("interrupted by {signal}"))),
        _ => None,
    }
}

fn why(hypothesis: &HypothesisRecord) -> String {
    let HypothesisRecord { step, observed, expected, reason, .. } = hypothesis;
    let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("`{step}`: {observed}, expected {expected}{reason}")
}

fn record_of(hypothesis: &Hypothesis, history: &History) -> HypothesisRecord {
    let Judgement { verdict, expected, observed, value, low, high, unit, margin_pct, budget_used_pct, n, reason } =
        hypothesis.expectation.checker().check(history);
    let (step, line) = (hypothesis.step.clone(), hypothesis.line);
    let [value, low, high, margin_pct, budget_used_pct] =
        [value, low, high, margin_pct, budget_used_pct].map(|figure| figure.map(rounded));
    HypothesisRecord {
        step,
        line,
        expected,
        observed,
        value,
        unit,
        low,
        high,
        margin_pct,
        budget_used_pct,
        n,
        verdict,
        reason,
    }
}

fn uptime_of(history: &History, timeline: &Timeline) -> Option<UptimeRecord> {
    let Uptime { pct, low_pct, high_pct, blocks } = Uptime::of(history, timeline)?;
    let [availability_pct, low_pct, high_pct] = [pct, low_pct, high_pct].map(|pct| share(Percent(pct)));
    Some(UptimeRecord { availability_pct, low_pct, high_pct, blocks })
}

fn phases_of(history: &History, timeline: &Timeline) -> Vec<PhaseRecord> {
    let (zero, sample) = (origin_us(timeline), Sample::of(history));
    let found = PHASES.into_iter().filter_map(|phase| Some((phase, phase_span(timeline, phase).ok()?.span)));
    let record = |(phase, span): (_, Span)| {
        let sample = sample.within(span);
        let quantile_ms = |share| quantile_us(&sample, Quantile::At(share)).ok().map(millis);
        let length_s = seconds(span.length_us());
        PhaseRecord {
            phase,
            start_at_s: since(span.from_us, zero),
            end_at_s: since(span.to_us, zero),
            due: sample.due(),
            good: sample.good(),
            availability_pct: sample.availability().map(share),
            p50_ms: quantile_ms(0.5),
            p95_ms: quantile_ms(0.95),
            p99_ms: quantile_ms(0.99),
            p999_ms: quantile_ms(0.999),
            max_ms: plain_us(&sample, Quantile::Maximum).map(millis),
            throughput_rps: if length_s > 0.0 { rounded(sample.good() as f64 / length_s) } else { 0.0 },
        }
    };
    found.map(record).collect()
}

fn relapses_of(timeline: &Timeline) -> Vec<RelapseRecord> {
    let zero = origin_us(timeline);
    let record = |relapse: &Relapse| RelapseRecord {
        start_at_s: since(relapse.span.from_us, zero),
        end_at_s: since(relapse.span.to_us, zero),
        open: relapse.open,
        what: relapse.what.clone(),
    };
    timeline.relapses.iter().map(record).collect()
}

fn slowness_of(history: &History, whole: Span) -> SlownessRecord {
    let found = Slowness::of(history, whole);
    SlownessRecord {
        over_ms: millis(found.over_us),
        total_s: seconds(found.total().us),
        longest_s: seconds(found.longest().us),
        resolution_s: seconds(BIN_US),
    }
}

fn worst_of(history: &History, timeline: &Timeline) -> Option<WorstSecond> {
    let span = stays_span(history, &timeline.moments)?;
    let worst = worst_second(&Sample::of(history), span.meet(Span::new(0, timeline.moments.end_us)))?;
    let (start_at_s, p99_ms) = (since(worst.from_us, origin_us(timeline)), millis(worst.p99_us));
    Some(WorstSecond { start_at_s, due: worst.due, good: worst.good, p99_ms })
}

fn validity_of(history: &History, timeline: &Timeline) -> Validity {
    let pressure = watched(history).iter().filter_map(|record| match record.event {
        Event::Pressure { cpu_some_pct } => Some(cpu_some_pct),
        _ => None,
    });
    let whole = throughout(timeline);
    let probed = Sample::of(history).within(whole).due() > 0;
    Validity {
        steady_before: timeline.moments.zero_us.is_some(),
        lateness_p99_ms: lateness_p99_us(history).map(millis),
        cpu_pressure_pct: pressure.max_by(f64::total_cmp),
        faults_confirmed: validity::faults_confirmed(history, timeline),
        recorder_drops: validity::recorder_drops(history),
        resolution_ms: probed.then(|| millis(resolution_us(history))),
        user_requests: history.users.iter().filter(|request| whole.contains(request.due_us)).count() as u64,
        reasons: validity::reasons(history, timeline),
    }
}

fn attempts(history: &History) -> u32 {
    let tried = history.events.iter().filter_map(|record| match record.event {
        Event::ScenarioStarted { attempt } => Some(attempt),
        _ => None,
    });
    tried.max().unwrap_or(1).max(1)
}

fn discarded(history: &History) -> Vec<String> {
    let headlines = history.events.iter().filter_map(|record| match &record.event {
        Event::AttemptDiscarded { headline } => Some(headline.clone()),
        _ => None,
    });
    headlines.collect()
}

fn began_us(history: &History) -> u64 {
    watched(history).first().map_or(0, |record| record.at_us)
}

/// Where a scenario's seconds are counted from: its zero, else the run's epoch.
pub(super) fn origin_us(timeline: &Timeline) -> u64 {
    timeline.moments.zero_us.unwrap_or(0)
}

fn throughout(timeline: &Timeline) -> Span {
    Span::new(origin_us(timeline), timeline.moments.end_us)
}

pub(super) fn since(at_us: u64, from_us: u64) -> f64 {
    (at_us as f64 - from_us as f64) / 1e6
}

/// Without the noise of binary fractions: to the millionth.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A share in percent, never rounded up: one bad request among a billion still shows.
fn share(Percent(pct): Percent) -> f64 {
    (pct * 1e6 + 1e-3).floor() / 1e6
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

fn millis(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Expectation, Interval, Phase};
    use crate::history::synthetic::Script;
    use crate::history::{Outcome, Record};
    use crate::report::record::{LatencyFigure, MilestoneState, Milestones, Of};
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
            "Passed: p99 5 ms when a node dies (lb-1); users saw 92 ms of downtime; recovered after 2 s."
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
        assert_eq!(record.reason.as_deref(), Some("`hypothesis 21`: 2 s, expected < 1 s"));
        assert!(record.headline.starts_with("Failed: `hypothesis 21`: 2 s when a node dies (lb-1); "));
    }

    #[test]
    fn what_could_not_be_told_is_invalid() {
        let unobserved = Expectation::InRotation { count: 4, role: "load balancer".into() };
        let (verdict, reason) = verdict_of(&card().expects(stays(500)).expects(unobserved));
        assert_eq!(verdict, Verdict::Invalid);
        assert!(reason.expect("a reason").contains("no living balancer told anything"));
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
        let unconfirmed =
            Script::website(2, 1).strike_unconfirmed(6000, "dies", &["web-1"], crate::plan::Schedule::Once);
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
                witnessed_s: Some(0.01),
                first_error_s: Some(0.002),
                detected_s: Some(0.09),
                removed_s: Some(0.09),
                service_s: Some(0.094),
                booted_s: Some(1.0),
                configured_s: Some(2.0),
                redundant_s: Some(2.0),
                normal_s: Some(2.0),
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
        assert_eq!(degraded.figure(degraded.p999_ms), Some(LatencyFigure::MaxOf { n: 1000, ms: 5000.0 }));
        assert!((degraded.p50_ms.expect("enough") - 5.0).abs() < 0.01);
        assert!((degraded.throughput_rps - 954.0 / 2.0).abs() < 0.001);
        let worst = record.worst_second.expect("probes");
        assert_eq!((worst.start_at_s, worst.due, worst.good), (5.0, 500, 454));
        let failover = record.phases.iter().find(|phase| phase.phase == Phase::Failover).expect("failover");
        assert_eq!((failover.due, failover.good), (47, 1), "the one that was due at t0 was answered");
    }

    #[test]
    fn the_record_says_whether_to_believe_it() {
        let script = card()
            .event(9000, Event::Pressure { cpu_some_pct: 20.0 })
            .event(9500, Event::Pressure { cpu_some_pct: 7.0 });
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
        let later = |request: &crate::history::Request| crate::history::Request {
            due_us: request.due_us + shift_us,
            ..*request
        };
        let mut failed = Script::website(4, 2).bad(0.0, 1e9, Outcome::Refused).history();
        failed.events.push(Record {
            event: Event::AttemptDiscarded { headline: "Could not tell: 97 % good.".into() },
            ..failed.events.last().unwrap().clone()
        });
        failed.events.extend(history.events.clone());
        failed.probes.extend(first.probes.iter().map(later));
        failed.users.extend(first.users.iter().map(later));
        failed.plan = first.plan.clone();
        let (again, once) = (judge(&failed), judge(&first));
        assert_eq!((again.verdict, again.attempts), (Verdict::Pass, 2));
        assert_eq!((again.discarded, once.discarded.len()), (vec!["Could not tell: 97 % good.".to_string()], 0));
        assert_eq!((again.milestones, again.downtime_total_s), (once.milestones, once.downtime_total_s));
    }
}
