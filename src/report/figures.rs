//! The figures that every report shows beside a scenario's name.

use super::facts::within_resolution;
use super::record::{HypothesisRecord, Milestones, ScenarioRecord};
use super::validity::is_judged;
use super::words::{NOTHING, latency, maybe_seconds, percent};
use crate::plan::Phase;
use crate::verdict::Verdict;

/// The four figures that stand beside every scenario's name, as text. They are in brackets where they were measured but
/// no verdict on the site was reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct KeyFigures {
    /// Good ÷ due, while degraded.
    pub availability: String,
    /// Which latency: `p99`; `maximum` where there were too few requests for a quantile.
    pub latency_name: String,
    pub latency: String,
    /// The longest downtime window.
    pub outage: String,
    /// From t0 until service and redundancy are back and steady; `never` if they were not. Of a scenario that was not
    /// watched to its end nothing can say so.
    pub recovery: String,
}

/// The key figures of a scenario.
pub fn key_figures(scenario: &ScenarioRecord) -> KeyFigures {
    let phase = |wanted| scenario.phases.iter().find(|measured| measured.phase == wanted);
    let (latency_name, latency) = judged_latency(scenario).unwrap_or_else(|| latency_throughout(scenario));
    let shown = |figure: String| match is_judged(scenario) || figure == NOTHING {
        true => figure,
        false => format!("({figure})"),
    };
    KeyFigures {
        availability: shown(percent(phase(Phase::Degraded).and_then(|p| p.availability_pct))),
        latency_name,
        latency: shown(latency),
        outage: shown(outage(scenario.downtime_longest_s, scenario)),
        recovery: shown(recovery(scenario, &scenario.milestones)),
    }
}

/// Said where figures are in brackets.
pub fn not_judged(scenario: &ScenarioRecord) -> Option<String> {
    let KeyFigures { availability, latency, outage, recovery, .. } = key_figures(scenario);
    let bracketed = [availability, latency, outage, recovery].iter().any(|figure| figure.starts_with('('));
    bracketed.then(|| "figures in brackets were measured, but not judged".into())
}

/// The first hypothesis on latency that was judged.
pub fn judged_on_latency(scenario: &ScenarioRecord) -> Option<&HypothesisRecord> {
    let on_latency = |step: &str| step.contains(" stays ") || step.contains(" latency ");
    let mut judged = scenario.hypotheses.iter().filter(|one| one.unit == "ms" && on_latency(&one.step));
    judged.find(|one| one.verdict != Verdict::Invalid)
}

/// Its own figure, and none of another stretch of time.
fn judged_latency(scenario: &ScenarioRecord) -> Option<(String, String)> {
    let (name, value) = judged_on_latency(scenario)?.observed.split_once(' ')?;
    Some((name.into(), value.into()))
}

fn latency_throughout(scenario: &ScenarioRecord) -> (String, String) {
    let Some(throughout) = scenario.phases.iter().find(|measured| measured.phase == Phase::Throughout) else {
        return ("p99".into(), NOTHING.into());
    };
    match throughout.p99_ms {
        Some(p99_ms) => ("p99".into(), latency(Some(p99_ms), scenario.deadline_ms)),
        None => ("maximum".into(), latency(throughout.max_ms, scenario.deadline_ms)),
    }
}

/// The longest outage, as text: `84 ms`, `none`.
pub fn outage(longest_s: Option<f64>, scenario: &ScenarioRecord) -> String {
    match longest_s {
        Some(s) if s <= 0.0 => "none".into(),
        Some(s) => within_resolution(s, scenario),
        None => NOTHING.into(),
    }
}

/// The time to recover, measured or in model time.
pub fn recovery(scenario: &ScenarioRecord, milestones: &Milestones) -> String {
    let watched_to_its_end = matches!(scenario.verdict, Verdict::Pass | Verdict::Fail);
    match (milestones.normal_after_t0_s, milestones.t0_at_s) {
        (None, Some(_)) if watched_to_its_end => "never".into(),
        (normal, _) => maybe_seconds(normal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::words::notes;

    #[test]
    fn only_who_watched_to_the_end_can_say_never() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        scenario.milestones.normal_after_t0_s = None;
        assert_eq!(key_figures(&scenario).recovery, "never");
        scenario.verdict = Verdict::Invalid;
        assert_eq!(key_figures(&scenario).recovery, NOTHING);
    }

    #[test]
    fn the_latency_of_a_scenario_is_the_one_that_was_judged() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        scenario.hypotheses[0].observed = "p99 36 ms".into();
        let figures = key_figures(&scenario);
        assert_eq!((&*figures.latency_name, &*figures.latency), ("p99", "36 ms"));
        scenario.hypotheses.clear();
        let throughout = scenario.phases.iter_mut().find(|phase| phase.phase == Phase::Throughout).unwrap();
        (throughout.p99_ms, throughout.max_ms) = (None, Some(5000.0));
        let figures = key_figures(&scenario);
        assert_eq!((&*figures.latency_name, &*figures.latency), ("maximum", "≥ 5 s"));
    }

    #[test]
    fn figures_without_a_verdict_on_the_site_are_in_brackets() {
        let mut scenario = sample::run().record.scenarios.remove(0);
        let judged = key_figures(&scenario);
        for verdict in [Verdict::Invalid, Verdict::Aborted] {
            scenario.verdict = verdict;
            let figures = key_figures(&scenario);
            assert_eq!(figures.availability, format!("({})", judged.availability));
            assert_eq!(figures.outage, format!("({})", judged.outage));
            assert_eq!(notes(&scenario), ["figures in brackets were measured, but not judged"]);
        }
        let skipped = sample::run().record.scenarios.remove(4);
        assert_eq!(notes(&skipped), [""; 0], "it has no figures");
    }
}
