//! What the page shows of one scenario: figures as text, plots as SVG.

use serde::Serialize;

use super::containers::{self, ContainerTable};
use super::data::{self, DataRow};
use super::drawn::{Drawn, Plots};
use super::healing::{self, HealingRow};
use super::judged::over;
use super::logs::ServerLogs;
use super::milestones;
use super::nginx::{self, NginxRow};
use super::origin::Origin;
use super::plot::waterfall;
use super::redundancy::{Redundancy, redundancy};
use super::settings::{Setting, in_force};
use crate::measure::phases::phase_name;
use crate::measure::worst::CountedFrom;
use crate::plan::{Phase, ScenarioPlan, StepText};
use crate::report::JudgedRun;
use crate::report::facts::{Fact, Facts, within_resolution};
use crate::report::figures::{KeyFigures, judged_on_latency, key_figures};
use crate::report::record::{HypothesisRecord, PhaseRecord, ScenarioRecord, StrikeOutcome};
use crate::report::validity::{self, ValidityRow};
use crate::report::words::{
    NOTHING, faster, grouped, latency as latency_words, notes, percent, samples, seconds, uptime, verdict_sign,
    verdict_word, why,
};
use crate::units::trimmed;
use crate::verdict::Verdict;

/// The table of strikes is no longer than this; `run.json` has them all.
const MOST_STRIKES: usize = 24;

/// One scenario's section of the page.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    pub index: u32,
    pub name: String,
    pub feature_name: String,
    pub place: String,
    pub verdict: &'static str,
    pub sign: &'static str,
    pub headline: String,
    /// Told large where there is nothing else to show.
    pub why: Option<String>,
    pub duration: String,
    pub seed: u64,
    /// Sent to the API of a cloud.
    pub cloud_requests: Option<String>,
    pub attempts: u32,
    /// In model time, and of earlier attempts.
    pub notes: Vec<String>,
    /// Said only where it is not 1.
    pub time_scale: Option<String>,
    pub tags: Vec<String>,
    pub steps: Vec<StepText>,
    pub figures: KeyFigures,
    /// Over which time the latency among them was judged, or that it is of the whole watch.
    pub latency_over: String,
    /// What users met; empty where nothing was probed.
    pub facts: Vec<Fact>,
    /// The hypothesis that came nearest to its bound; of a scenario that passed.
    pub tightest: Option<String>,
    /// Shown unfolded: it did not pass, or it is the only one.
    pub open: bool,
    /// The command that runs it again.
    pub reproduce: String,
    /// The recorded files lie beside the page.
    pub recorded: bool,
    pub hypotheses: Vec<HypothesisRow>,
    /// Whether one of them allows a share of failed requests.
    pub budgets: bool,
    pub strikes: Vec<StrikeRow>,
    /// How many strikes were left out of the table.
    pub more_strikes: usize,
    pub phases: Vec<PhaseRow>,
    /// In groups, by where they are seen.
    pub milestones: Vec<milestones::MilestoneGroup>,
    /// Whether anything was declared about them.
    pub declares: bool,
    /// Label and value.
    pub downtime: Vec<(&'static str, String)>,
    /// What was done to bring back what was declared.
    pub healing: Vec<HealingRow>,
    /// How much of it was left out of the table.
    pub more_healing: usize,
    /// What befell containers; without a row where servers are none.
    pub containers: ContainerTable,
    /// What each nginx counted; empty where none was asked.
    pub nginx: Vec<NginxRow>,
    /// Empty where users only browse.
    pub data: Vec<DataRow>,
    pub deadline: String,
    /// What all seconds of the section are counted from: `seconds since the onset (t0)`.
    pub clock: &'static str,
    /// `yes`, `with care` or `no`.
    pub believed: &'static str,
    /// Why not simply `yes`; told beside the verdict.
    pub doubts: Vec<String>,
    pub validity: Vec<ValidityRow>,
    pub invalid_because: Vec<String>,
    /// `None` where there is no plan of it, or no server in it.
    pub redundancy: Option<Redundancy>,
    pub settings: Vec<Setting>,
    pub settings_changed: usize,
    pub plots: Plots,
    /// The logs of servers that lie in the bundle.
    pub logs: Vec<ServerLogs>,
    /// The folder of the recorded files, in the bundle, with a slash; empty where that is the bundle itself.
    pub files: String,
}

/// A `Then` and its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct HypothesisRow {
    pub step: String,
    pub place: String,
    pub expected: String,
    pub observed: String,
    pub margin: String,
    /// What was used of the error budget.
    pub budget: String,
    pub n: String,
    pub verdict: &'static str,
    pub sign: &'static str,
    pub reason: Option<String>,
}

/// A strike as it happened.
#[derive(Debug, Clone, Serialize)]
pub struct StrikeRow {
    pub step: String,
    pub fault: String,
    pub target: String,
    pub why: String,
    pub injected: String,
    /// Between which two moments it came into force.
    pub onset: String,
    pub witness: String,
    pub confirmed: bool,
    pub healed: String,
    pub normal: String,
}

/// A phase, measured.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseRow {
    pub phase: &'static str,
    pub span: String,
    pub due: String,
    pub good: String,
    pub availability: String,
    /// p50, p95, p99, p99.9; `too few` where there are not enough requests for one.
    pub quantiles: [String; 4],
    pub maximum: String,
    pub throughput: String,
}

/// Everything that the template shows of a scenario.
pub fn section(run: &JudgedRun, record: &ScenarioRecord) -> Section {
    let plan = run.plan.scenarios.iter().find(|plan| plan.index == record.index);
    let drawn = run.drawn.get(&record.index);
    // Of what did not run every hypothesis could only say that it was not judged.
    let judged_at_all = !matches!(record.verdict, Verdict::Skipped | Verdict::Infra);
    let attached = plan.is_some_and(|plan| plan.infrastructure.is_attached());
    let probed = drawn.is_some_and(|drawn| drawn.probed);
    let settings = plan.map(|plan| in_force(&plan.settings, attached)).unwrap_or_default();
    let declared = plan.map(|plan| waterfall::declared(plan, record)).unwrap_or_default();
    Section {
        index: record.index,
        name: record.name.clone(),
        feature_name: record.feature_name.clone(),
        place: format!("{}:{}", record.feature, record.line),
        verdict: verdict_word(record.verdict),
        sign: verdict_sign(record.verdict),
        headline: record.headline.clone(),
        why: (record.verdict != Verdict::Pass).then(|| why(record)),
        duration: if record.verdict == Verdict::Skipped { NOTHING.into() } else { seconds(record.duration_s) },
        seed: record.seed,
        cloud_requests: record.cloud_requests.map(grouped),
        attempts: record.attempts,
        notes: notes(record),
        time_scale: faster(record.time_scale),
        tags: record.tags.clone(),
        steps: plan.map(|plan| plan.steps.clone()).unwrap_or_default(),
        figures: key_figures(record),
        latency_over: latency_over(plan, record),
        facts: Facts::of(record).known().cloned().collect(),
        tightest: tightest(record),
        open: record.verdict != Verdict::Pass || run.record.scenarios.len() == 1,
        reproduce: record.reproduce.clone().unwrap_or_else(|| run.provenance.command.clone()),
        recorded: run.recorded_beside,
        hypotheses: record.hypotheses.iter().filter(|_| judged_at_all).map(|h| hypothesis(record, h)).collect(),
        budgets: record.hypotheses.iter().any(|hypothesis| hypothesis.budget_used_pct.is_some()),
        strikes: record.strikes.iter().take(MOST_STRIKES).map(|row| strike(row, Origin::of(record))).collect(),
        more_strikes: record.strikes.len().saturating_sub(MOST_STRIKES),
        phases: record.phases.iter().filter(|_| probed).map(|measured| phase(measured, record)).collect(),
        milestones: milestones::groups(record, &declared, attached),
        declares: !declared.is_empty(),
        downtime: downtime(record),
        healing: healing::rows(record),
        more_healing: healing::left_out(record),
        nginx: nginx::rows(record),
        containers: containers::table(record),
        data: record.data.as_ref().map(data::rows).unwrap_or_default(),
        clock: Origin::of(record).caption(),
        deadline: seconds(record.deadline_ms / 1e3),
        believed: validity::answer(record),
        doubts: if probed { validity::doubts(record) } else { Vec::new() },
        validity: if probed { validity::rows(record) } else { Vec::new() },
        invalid_because: record.validity.reasons.clone(),
        redundancy: plan.and_then(|plan| graph(plan, record, drawn)),
        settings_changed: settings.iter().filter(|setting| setting.default.is_some()).count(),
        settings,
        plots: drawn.map(|drawn| drawn.plots.clone()).unwrap_or_default(),
        logs: drawn.map(|drawn| drawn.logs.clone()).unwrap_or_default(),
        files: drawn.map(|drawn| drawn.files.clone()).unwrap_or_default(),
    }
}

/// The infrastructure, where it has servers.
fn graph(plan: &ScenarioPlan, record: &ScenarioRecord, drawn: Option<&Drawn>) -> Option<Redundancy> {
    let holder = drawn.and_then(|drawn| drawn.entry_holder.as_deref());
    (!plan.infrastructure.servers.is_empty()).then(|| redundancy(plan, record, holder))
}

/// Over which time the latency beside the other figures was judged: `over 1 min from t0`.
fn latency_over(plan: Option<&ScenarioPlan>, record: &ScenarioRecord) -> String {
    let Some(judged) = judged_on_latency(record) else { return phase_name(Phase::Throughout).into() };
    let planned = plan.and_then(|plan| Some((plan.hypotheses.iter().find(|one| one.line == judged.line)?, plan)));
    planned.and_then(|(hypothesis, plan)| over(hypothesis, plan)).unwrap_or_else(|| "as judged".into())
}

fn hypothesis(record: &ScenarioRecord, row: &HypothesisRecord) -> HypothesisRow {
    HypothesisRow {
        step: row.step.clone(),
        place: format!("{}:{}", record.feature, row.line),
        expected: row.expected.clone(),
        observed: row.observed.clone(),
        margin: margin(row),
        budget: budget(row),
        n: samples(row.n),
        verdict: verdict_word(row.verdict),
        sign: verdict_sign(row.verdict),
        reason: row.reason.clone(),
    }
}

/// How much room was left to its bound, as a share of the bound: `75 %`; negative where the bound was missed. A dash where an
/// error budget says more.
fn margin(hypothesis: &HypothesisRecord) -> String {
    match (hypothesis.budget_used_pct, hypothesis.margin_pct) {
        (None, Some(pct)) => format!("{} %", trimmed(pct, 1).replace('-', "−")),
        _ => NOTHING.into(),
    }
}

/// How much of the error budget an availability has used: `3,780 % used`.
fn budget(hypothesis: &HypothesisRecord) -> String {
    match hypothesis.budget_used_pct {
        Some(used) if used >= 1000.0 => format!("{} % used", grouped(used.round() as u64)),
        Some(used) => format!("{} % used", trimmed(used, 1)),
        None => NOTHING.into(),
    }
}

fn strike(row: &StrikeOutcome, origin: Origin) -> StrikeRow {
    let moment = |value: Option<f64>| value.map_or(NOTHING.into(), |s| format!("{} s", origin.show(s, 3)));
    StrikeRow {
        step: row.step.clone(),
        fault: row.fault.clone(),
        target: row.target.clone(),
        why: row.why.clone(),
        injected: moment(row.injected_at_s),
        onset: onset(row, origin),
        witness: row.witness.clone(),
        confirmed: row.onset_at_s.is_some(),
        healed: moment(row.healed_at_s),
        normal: if row.onset_at_s.is_none() {
            NOTHING.into()
        } else {
            row.normal_after_onset_s.map_or("never".into(), seconds)
        },
    }
}

/// `0.000 to +0.066 s`: where the effect came into force between.
fn onset(row: &StrikeOutcome, origin: Origin) -> String {
    match (row.onset_at_s, row.witnessed_at_s) {
        (Some(from_s), Some(by_s)) => format!("{} to {} s", origin.show(from_s, 3), origin.show(by_s, 3)),
        _ => "not confirmed".into(),
    }
}

/// The hypothesis with the least left of its bound: `recovery < 8 min: 1.04 s`.
fn tightest(record: &ScenarioRecord) -> Option<String> {
    if record.verdict != Verdict::Pass {
        return None;
    }
    let left = |one: &&HypothesisRecord| one.budget_used_pct.map(|used| 100.0 - used).or(one.margin_pct);
    let told = record.hypotheses.iter().filter(|one| left(one).is_some());
    let least = told.min_by(|one, other| left(one).unwrap_or(0.0).total_cmp(&left(other).unwrap_or(0.0)));
    least.map(|one| format!("tightest: {}: {}", one.step, one.observed))
}

fn phase(row: &PhaseRecord, record: &ScenarioRecord) -> PhaseRow {
    let (origin, deadline_ms) = (Origin::of(record), record.deadline_ms);
    PhaseRow {
        phase: phase_name(row.phase),
        span: format!("{} to {}", origin.show(row.start_at_s, 2), origin.show(row.end_at_s, 2)),
        due: grouped(row.due),
        good: grouped(row.good),
        availability: percent(row.availability_pct),
        quantiles: [row.p50_ms, row.p95_ms, row.p99_ms, row.p999_ms].map(|ms| match ms {
            None if row.due > 0 => "too few".into(),
            ms => latency_words(ms, deadline_ms),
        }),
        maximum: latency_words(row.max_ms, deadline_ms),
        throughput: trimmed(row.throughput_rps, 1),
    }
}

fn downtime(record: &ScenarioRecord) -> Vec<(&'static str, String)> {
    if record.downtime_total_s.is_none() {
        return Vec::new();
    }
    let worst = record.worst_second.as_ref().map_or(NOTHING.into(), |worst| {
        let p99 = latency_words(Some(worst.p99_ms), record.deadline_ms);
        let since = record.milestones.t0_at_s.map_or(CountedFrom::Baseline, |_| CountedFrom::Onset);
        since.worst_second(worst.start_at_s - Origin::of(record).at_s, worst.good, worst.due, &p99)
    });
    let total = record.downtime_total_s.map_or(NOTHING.into(), |total_s| within_resolution(total_s, record));
    let modelled = record.model.as_ref().and_then(|model| model.downtime_total_s);
    let modelled = modelled.map(|model| format!("{total} measured, {} in model time", seconds(model)));
    let mut facts = vec![
        ("total downtime", modelled.unwrap_or(total)),
        ("outages", record.outages.map_or(NOTHING.into(), |count| count.to_string())),
        ("availability throughout", percent(record.availability_pct)),
        ("worst second", worst),
    ];
    facts.extend(uptime(record).map(|uptime| ("uptime", uptime)));
    facts
}
