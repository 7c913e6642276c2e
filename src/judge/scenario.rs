//! One history, judged.

use std::time::Duration;

use crate::checker::{self, Judgement};
use crate::history::{Event, History};
use crate::measure::downtime::Downtime;
use crate::measure::moments::watched;
use crate::measure::phases::{PHASES, phase_span, stays_span};
use crate::measure::quantile::{plain_us, quantiles_us};
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
use crate::verdict::Verdict;

use super::containers::containers;
use super::data::data_of;
use super::declared;
use super::headline::headline;
use super::healing::healing;
use super::leaks::leaks;
use super::milestones;
use super::modelled;
use super::nginx::nginx;
use super::strikes::strikes_of;
use super::unchecked::unchecked_data;

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
        probes_due: downtime.as_ref().map(|_| sample.due()),
        probes_failed: downtime.as_ref().map(|_| sample.due() - sample.good()),
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
        unchecked_data: unchecked_data(history),
        containers: containers(history, &timeline),
        nginx: nginx(history, &timeline),
        leaks: leaks(history),
        cloud_requests: cloud_requests(history),
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

/// Said when its servers are gone.
fn cloud_requests(history: &History) -> Option<u64> {
    history.events.iter().rev().find_map(|record| match record.event {
        Event::CloudRequests { count } => Some(count),
        _ => None,
    })
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
    format!("“{step}”: {observed}, expected {expected}{reason}")
}

fn record_of(hypothesis: &Hypothesis, history: &History) -> HypothesisRecord {
    let Judgement { verdict, expected, observed, value, low, high, unit, margin_pct, budget_used_pct, n, reason } =
        checker::of(&hypothesis.expectation).check(history);
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
        let [p50_ms, p95_ms, p99_ms, p999_ms] =
            quantiles_us(&sample, [0.5, 0.95, 0.99, 0.999]).map(|us| us.map(millis));
        let good = sample.good();
        let length_s = seconds(span.length_us());
        PhaseRecord {
            phase,
            start_at_s: since(span.from_us, zero),
            end_at_s: since(span.to_us, zero),
            due: sample.due(),
            good,
            availability_pct: sample.availability().map(share),
            p50_ms,
            p95_ms,
            p99_ms,
            p999_ms,
            max_ms: plain_us(&sample, Quantile::Maximum).map(millis),
            throughput_rps: if length_s > 0.0 { rounded(good as f64 / length_s) } else { 0.0 },
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
#[path = "scenario_tests.rs"]
mod tests;
