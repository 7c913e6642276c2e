//! The stretches of time over which a `Then` judged latency, for the plots.

use crate::measure::phases::phase_name;
use crate::plan::Expectation;
use crate::plan::{Hypothesis, ScenarioPlan};
use crate::report::record::ScenarioRecord;
use crate::report::words::seconds;
use crate::units::{DurationBound, Quantile};

/// A bound, and the time that was judged by it, in seconds since zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub from_s: f64,
    pub to_s: f64,
    pub bound_ms: f64,
    pub label: String,
}

/// What was judged in a scenario; a hypothesis whose stretch never came is left out.
pub fn judged(plan: &ScenarioPlan, record: &ScenarioRecord) -> Vec<Judged> {
    plan.hypotheses.iter().filter_map(|hypothesis| one(hypothesis, plan, record)).collect()
}

fn one(hypothesis: &Hypothesis, plan: &ScenarioPlan, record: &ScenarioRecord) -> Option<Judged> {
    let over = over(hypothesis, plan)?;
    let judged = |(from_s, to_s), quantile: Quantile, bound: DurationBound| Judged {
        from_s,
        to_s,
        bound_ms: bound.largest().0.as_secs_f64() * 1e3,
        label: format!("judged: {quantile} {over} {bound}"),
    };
    match hypothesis.expectation {
        Expectation::LatencyStays { quantile, bound } => {
            let from_s = if plan.acts.is_empty() { 0.0 } else { record.milestones.t0_at_s? };
            Some(judged((from_s, from_s + plan.settings.steady.stays.as_secs_f64()), quantile, bound))
        }
        Expectation::Latency { quantile, phase, bound } => {
            let phase = record.phases.iter().find(|measured| measured.phase == phase)?;
            Some(judged((phase.start_at_s, phase.end_at_s), quantile, bound))
        }
        _ => None,
    }
}

/// Over which time latency was judged: `over 60 s from t0`, `while degraded`. `None` of what is no latency.
pub fn over(hypothesis: &Hypothesis, plan: &ScenarioPlan) -> Option<String> {
    match hypothesis.expectation {
        Expectation::LatencyStays { .. } => {
            let from = if plan.acts.is_empty() { "the start" } else { "t0" };
            Some(format!("over {} from {from}", seconds(plan.settings.steady.stays.as_secs_f64())))
        }
        Expectation::Latency { phase, .. } => Some(phase_name(phase).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn stays_is_judged_for_a_minute_from_the_onset() {
        let run = sample::run();
        let found = judged(&run.plan.scenarios[0], &run.record.scenarios[0]);
        let t0_s = run.record.scenarios[0].milestones.t0_at_s.unwrap();
        let label = "judged: p99 over 1 min from t0 < 500 ms".to_string();
        assert_eq!(found, [Judged { from_s: t0_s, to_s: t0_s + 60.0, bound_ms: 500.0, label }]);
        assert_eq!(judged(&run.plan.scenarios[2], &run.record.scenarios[2]), [], "no fault was confirmed");
    }
}
