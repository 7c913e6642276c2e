//! Whether a run can be believed: each reason with its limit, and one word for all of them.

use serde::Serialize;

use super::record::{ScenarioRecord, Validity};
use super::words::{NOTHING, grouped, percent, seconds};
use crate::verdict::Verdict;

/// From here on tasks waited so much for a CPU that figures of latency are to be read with care.
const HIGH_PRESSURE_PCT: f64 = 60.0;
/// Figures that are known no better than this are to be read with care.
const COARSE_MS: f64 = 50.0;

/// One reason to believe the run, or not to.
#[derive(Debug, Clone, Serialize)]
pub struct ValidityRow {
    pub name: &'static str,
    pub value: String,
    pub limit: String,
    /// False where it speaks against the run.
    pub good: bool,
}

/// The rows of the table.
pub fn rows(record: &ScenarioRecord) -> Vec<ValidityRow> {
    let validity = &record.validity;
    let row = |name, value, limit: &str, good| ValidityRow { name, value, limit: limit.into(), good };
    let yes = |flag| if flag { "yes" } else { "no" }.to_string();
    let millis = |value: Option<f64>| value.map_or(NOTHING.into(), |ms| seconds(ms / 1e3));
    let pressure = validity.cpu_pressure_pct.map_or("the kernel does not say".into(), |pct| percent(Some(pct)));
    let care = |ms: f64| format!("with care from {} on", seconds(ms / 1e3));
    vec![
        row(
            "hypotheses that could be judged",
            judged(record),
            "all",
            unjudged(record) == 0 && !record.hypotheses.is_empty(),
        ),
        row("steady before the fault", yes(validity.steady_before), "yes", validity.steady_before),
        row("every fault confirmed by its witness", yes(validity.faults_confirmed), "yes", validity.faults_confirmed),
        row("probes sent late, p99", millis(validity.lateness_p99_ms), &care(COARSE_MS), !late(validity)),
        row("resolution", millis(validity.resolution_ms), &care(COARSE_MS), !coarse(validity)),
        row("CPU pressure, highest", pressure, &format!("with care from {HIGH_PRESSURE_PCT} % on"), !starved(validity)),
        row("records dropped", grouped(validity.recorder_drops), "0", validity.recorder_drops == 0),
        row("requests of the users", grouped(validity.user_requests), "never judged", true),
    ]
}

/// `yes`, `with care` or `no`. It is never `yes` where the verdict itself says that nothing could be judged.
pub fn answer(record: &ScenarioRecord) -> &'static str {
    let validity = &record.validity;
    let certain = validity.reasons.is_empty() && validity.steady_before && validity.recorder_drops == 0;
    match certain && is_judged(record) && (validity.faults_confirmed || record.strikes.is_empty()) {
        false => "no",
        true if unjudged(record) > 0 || late(validity) || coarse(validity) || starved(validity) => "with care",
        true => "yes",
    }
}

/// `2 of 3`
fn judged(record: &ScenarioRecord) -> String {
    let all = record.hypotheses.len();
    format!("{} of {all}", all - unjudged(record))
}

fn not_all(record: &ScenarioRecord) -> String {
    match record.hypotheses.len() - unjudged(record) {
        0 => "no hypothesis could be judged".into(),
        _ => format!("only {} hypotheses could be judged", judged(record)),
    }
}

fn unjudged(record: &ScenarioRecord) -> usize {
    record.hypotheses.iter().filter(|hypothesis| !matches!(hypothesis.verdict, Verdict::Pass | Verdict::Fail)).count()
}

/// Whether there is a verdict on the site, and not on the run alone.
pub fn is_judged(record: &ScenarioRecord) -> bool {
    matches!(record.verdict, Verdict::Pass | Verdict::Fail)
}

/// What qualifies a verdict on the site, in one line for beside it: `to be read with care: probes were sent late, p99
/// 61 ms`. `None` where it can simply be believed, and where the verdict itself says why nothing was judged.
pub fn care(record: &ScenarioRecord) -> Option<String> {
    let probed = record.probes_due.is_some_and(|due| due > 0);
    let doubts = if probed && is_judged(record) { doubts(record) } else { Vec::new() };
    let caution = if answer(record) == "with care" { "to be read with care" } else { "not to be believed" };
    (!doubts.is_empty()).then(|| format!("{caution}: {}", doubts.join("; ")))
}

/// What speaks against the run, for beside its verdict; nothing where it can simply be believed.
pub fn doubts(record: &ScenarioRecord) -> Vec<String> {
    let validity = &record.validity;
    let millis = |ms: Option<f64>| seconds(ms.unwrap_or_default() / 1e3);
    let unconfirmed = !validity.faults_confirmed && !record.strikes.is_empty();
    let told = [
        (!validity.steady_before, "the site was not steady before the fault".to_string()),
        (unconfirmed, "a fault was not confirmed by its witness".to_string()),
        (unjudged(record) > 0 && validity.reasons.is_empty(), not_all(record)),
        (validity.recorder_drops > 0, format!("{} records were dropped", grouped(validity.recorder_drops))),
        (late(validity), format!("probes were sent late, p99 {}", millis(validity.lateness_p99_ms))),
        (coarse(validity), format!("times are known no better than {}", millis(validity.resolution_ms))),
        (
            starved(validity),
            format!(
                "the machine that probes was short of CPU, pressure {}, and may have been slow itself",
                percent(validity.cpu_pressure_pct)
            ),
        ),
    ];
    let doubts: Vec<String> = told.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text).collect();
    match doubts.is_empty() {
        false => doubts,
        true if validity.reasons.is_empty() && !is_judged(record) => vec!["it ended before it could be judged".into()],
        true => validity.reasons.clone(),
    }
}

fn late(validity: &Validity) -> bool {
    validity.lateness_p99_ms.is_some_and(|ms| ms >= COARSE_MS)
}

fn coarse(validity: &Validity) -> bool {
    validity.resolution_ms.is_some_and(|ms| ms >= COARSE_MS)
}

fn starved(validity: &Validity) -> bool {
    validity.cpu_pressure_pct.is_some_and(|pct| pct >= HIGH_PRESSURE_PCT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::record::HypothesisRecord;
    use crate::report::sample;

    #[test]
    fn one_word_says_whether_a_run_can_be_believed() {
        let scenarios = sample::run().record.scenarios;
        assert_eq!(answer(&scenarios[0]), "yes");
        assert_eq!(answer(&scenarios[2]), "no", "its fault was not confirmed");
        let mut starved = scenarios[0].clone();
        starved.validity.cpu_pressure_pct = Some(80.96);
        assert_eq!(answer(&starved), "with care");
        assert!(rows(&starved).iter().any(|row| row.value == "80.96 %" && !row.good));
    }

    #[test]
    fn what_could_not_be_judged_is_never_to_be_believed() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        for verdict in [Verdict::Invalid, Verdict::Infra, Verdict::Aborted, Verdict::Skipped] {
            scenario.verdict = verdict;
            assert_eq!(answer(&scenario), "no", "{verdict:?}");
            assert_eq!(doubts(&scenario).len(), 1, "it says why: {verdict:?}");
        }
        (scenario.verdict, scenario.hypotheses[1].verdict) = (Verdict::Invalid, Verdict::Invalid);
        assert_eq!(doubts(&scenario), ["only 2 of 3 hypotheses could be judged"]);
        let none = scenario
            .hypotheses
            .iter()
            .cloned()
            .map(|one| HypothesisRecord { verdict: Verdict::Invalid, ..one })
            .collect();
        assert_eq!(doubts(&ScenarioRecord { hypotheses: none, ..scenario.clone() }), ["no hypothesis could be judged"]);
        assert!(rows(&scenario).iter().any(|row| row.value == "2 of 3" && !row.good));
        scenario.verdict = Verdict::Fail;
        assert_eq!(answer(&scenario), "with care", "the refuted one can be believed");
    }

    #[test]
    fn a_doubt_has_its_figure_and_none_is_left_where_the_answer_is_yes() {
        let scenarios = sample::run().record.scenarios;
        assert_eq!(doubts(&scenarios[0]), [""; 0]);
        assert_eq!(doubts(&scenarios[2]), ["a fault was not confirmed by its witness"]);
        let mut coarse = scenarios[0].clone();
        (coarse.validity.lateness_p99_ms, coarse.validity.resolution_ms) = (Some(61.0), Some(61.0));
        assert_eq!(doubts(&coarse), ["probes were sent late, p99 61 ms", "times are known no better than 61 ms"]);
        assert_eq!(answer(&coarse), "with care");
    }

    #[test]
    fn what_qualifies_a_verdict_is_one_line_and_no_verdict_on_the_site_has_none() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        assert_eq!(care(&scenario), None);
        scenario.validity.lateness_p99_ms = Some(61.0);
        assert_eq!(care(&scenario).unwrap(), "to be read with care: probes were sent late, p99 61 ms");
        scenario.verdict = Verdict::Invalid;
        assert_eq!(care(&scenario), None, "its verdict gives the reason");
    }
}
